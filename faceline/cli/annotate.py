"""Faces, landmarks and names drawn on photographs, as a command."""

import os
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from faceline.cli.answering import Tally, counting, said_of
from faceline.cli.options import add_answer_options, add_detection_options
from faceline.cli.parser import Parser
from faceline.errors import FacelineError
from faceline.faces.detectors import DETECTORS
from faceline.networks.frames import LANDMARK_SETS
from faceline.report.annotated_pictures import AnnotatedPicture
from faceline.stages.annotate import annotate
from faceline.stages.classifier_paths import split_classifier
from faceline.stages.probes import list_probes
from faceline.wording import counted

DESCRIPTION = """\
Draw the box, the 68 landmarks and the name of every face on copies of photographs.

Reads   photographs, and the classifier if one is named
Writes  <save>/<picture>-annotated.<ending>

Without a classifier, each face has the name of its detector, and how sure that is (0 is its limit). Of people whom the
classifier does not know, the box is dashed. A word for a landmark set, such as outerEyesAndNose, makes the points stand
out that faces are aligned by.
"""


def fill(parser: Parser) -> None:
    parser.usage = f"{parser.prog} [options] [classifier.pkl] picture ... [landmarks]"
    parser.add_argument(
        "pictures",
        nargs="*",
        metavar="picture",
        help="photographs, folders of them, and patterns ('photos/**/*.jpg'); among them the classifier, or the folder"
        f" that holds it; and a landmark set, one of {', '.join(LANDMARK_SETS)}",
    )
    parser.add_argument("--save", dest="save_dir", metavar="DIR", help="folder for the copies (default: %(default)s)")
    parser.add_argument(
        "--detector", choices=DETECTORS, help="face detector (default: the classifier's; without one auto)"
    )
    add_detection_options(parser, "the classifier's", "and look nowhere closer")
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="D",
        help="largest distance at which a face is named (default: the classifier's own limit; inf: name every face)",
    )
    add_answer_options(parser)
    parser.does(annotated_lines, annotate)
    parser.take_rest("pictures")


@dataclass
class FaceTally(Tally[AnnotatedPicture]):
    faces: int = 0

    def add(self, answer: AnnotatedPicture) -> None:
        super().add(answer)
        self.faces += len(answer.faces)

    def found(self) -> str:
        return counted(self.faces, "face")


def annotated_lines(pictures: list[str], as_json: bool, save_dir: str, **options: Any) -> Generator[str, None, int]:
    """What became of each picture, as text to print; parameters as those of `annotate`, and the exit status, as
    `infer`'s; raises what printing `infer`'s answers does."""
    tally = FaceTally()
    with counting(tally):
        words = [word for word in pictures if word in LANDMARK_SETS and not os.path.lexists(word)]
        options["landmarks"] = words[-1] if words else None
        options["classifier_path"], named = split_classifier([word for word in pictures if word not in words])
        if not named:
            raise FacelineError("no picture named; faceline annotate photo.jpg")
        probes = list_probes(named, save_dir)
        answers = annotate(named, save_dir, **options)
        yield from said_of("annotate", answers, probes, named, tally, as_json)
    return tally.exit_status
