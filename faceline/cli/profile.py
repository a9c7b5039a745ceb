"""Where the time goes, as a command."""

from typing import Any

from faceline.cli.options import add_augmentation_options, add_detection_options, add_runtime_options
from faceline.cli.parser import Parser
from faceline.errors import FacelineError
from faceline.stages.classifier_paths import split_classifier
from faceline.stages.profile import profile

DESCRIPTION = """\
Say where the time goes between a photograph and its names: read, detect, landmarks, crop, embed, name.

The times are milliseconds by the clock, all faces of a picture together, one picture after the other in one process.
The first look at each picture, which loads the models, does not count. Without a classifier, nobody is named.
"""


def fill(parser: Parser) -> None:
    parser.usage = f"{parser.prog} [options] [classifier.pkl] picture ..."
    parser.add_argument(
        "pictures",
        nargs="*",
        metavar="picture",
        help="photographs, folders of them, and patterns ('photos/**/*.jpg'); among them the classifier, or the folder"
        " that holds it",
    )
    parser.add_argument("--multi", action="store_true", help="all faces of a photograph, instead of the main one")
    parser.add_argument(
        "--numIters",
        "--num-iters",
        dest="num_iters",
        type=int,
        metavar="N",
        help="look at each photograph N times (default: as often as makes 30 measurements)",
    )
    parser.add_argument(
        "--network", metavar="NAME|FILE.onnx", help="network (default: the gallery's; without a classifier dlib)"
    )
    add_augmentation_options(parser, "the gallery's")
    add_detection_options(parser, "the gallery's", "and look nowhere closer")
    parser.add_argument("--threads", type=int, metavar="N", help="threads to use (default: one for each core)")
    add_runtime_options(parser)
    parser.add_argument("--json", action="store_true", dest="as_json", help="print the report as one JSON object")
    parser.does(profiled, profile)
    parser.take_rest("pictures")


def profiled(pictures: list[str], as_json: bool, **options: Any) -> object:
    """What is printed."""
    options["classifier_path"], named = split_classifier(pictures)
    if not named:
        raise FacelineError("no picture named; faceline profile photo.jpg")
    result = profile(named, **options)
    return result.to_json() if as_json else result
