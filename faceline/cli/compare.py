"""Which faces are one person's, as a command."""

from collections.abc import Generator
from typing import Any

from faceline.cli.answering import NO_PICTURE, refuse_misfits
from faceline.cli.options import add_cohort_option, add_detection_options, add_network_option, add_runtime_options
from faceline.cli.parser import Parser
from faceline.disk.rows import Status
from faceline.faces.detectors import DETECTORS
from faceline.faces.test_time_augmentation import PASSES
from faceline.stages.compare import compare

DESCRIPTION = """\
Say of every two faces of different photographs how probable it is that they are one person's.

The faces of a photograph that is named alone are compared with each other. It is calibrated on photographs of Labeled
Faces in the Wild, with as many pairs of one person as of two; people whom the network confuses come out too alike. A
cohort mends that: embeddings of people like yours, without names, a few hundred or at least 40.
"""


def fill(parser: Parser) -> None:
    parser.usage = f"{parser.prog} [options] picture ..."
    parser.add_argument(
        "pictures", nargs="*", metavar="picture", help="photographs, folders of them, and patterns ('photos/**/*.jpg')"
    )
    add_network_option(parser, "embedding network")
    parser.add_argument(
        "--passes",
        type=int,
        choices=PASSES,
        help="average over N copies of each face, turned and mirrored: slower, more accurate (default: %(default)s)",
    )
    add_cohort_option(parser)
    parser.add_argument("--detector", choices=DETECTORS, help="face detector (default: %(default)s)")
    add_detection_options(parser, "as for align", "and look nowhere closer")
    add_runtime_options(parser)
    parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")
    parser.add_argument(
        "--save", metavar="FILE", help="save a picture (.jpg, .png) of the faces and what was found of each pair"
    )
    parser.does(compared_text, compare)
    parser.take_rest("pictures")


def compared_text(pictures: list[str], as_json: bool, **options: Any) -> Generator[str, None, int]:
    """What `compare` says, as text to print; returns the exit status: 0 if faces were compared, and 1 if none were.

    Raises
    ------
    FacelineError
        At once for a mistake that concerns all; in the end for what was named but is no photograph.
    """
    compared = compare(pictures, **options)
    yield compared.to_json() if as_json else str(compared)
    failed = (Status.MISSING, Status.UNREADABLE)
    refuse_misfits(one for one in compared.pictures if one.status in failed and one.image in pictures)
    return 0 if compared.pairs else NO_PICTURE
