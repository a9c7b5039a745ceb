"""Copies of photographs in which nobody can be recognised, as a command."""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from faceline.cli.answering import Tally, counting, said_of
from faceline.cli.options import add_answer_options
from faceline.cli.parser import Parser
from faceline.cli.program import complain
from faceline.disk.names import DEFAULT_CLASSIFIER
from faceline.disk.rows import Status
from faceline.errors import FacelineError
from faceline.faces.thorough import OTHERS
from faceline.report.covered_pictures import CoveredPicture
from faceline.report.covering import WAYS
from faceline.runs.progress import QUIET
from faceline.stages.blur import blur
from faceline.stages.classifier_paths import is_classifier, split_classifier
from faceline.stages.probes import list_probes
from faceline.wording import counted, listed, one_line

DESCRIPTION = """\
Write copies of photographs in which nobody can be recognised by the face, or some people cannot.

Reads   photographs, and with --keep or --only the classifier that knows these people
Writes  <save>/<folders below the one named>/<picture>-blurred.<ending>

Everybody is covered, unless --keep or --only name people. The copies hold pixels only: no thumbnail, place, date or
other metadata. A face that is not found stays visible: look at the copies before you show them.
"""


def fill(parser: Parser) -> None:
    parser.usage = f"{parser.prog} [options] [classifier.pkl] picture ... --save DIR"
    parser.add_argument(
        "pictures",
        nargs="*",
        metavar="picture",
        help="photographs, folders of them, and patterns ('photos/**/*.jpg'); with --keep or --only among them the"
        f" classifier, or the folder that holds it, if it is not {DEFAULT_CLASSIFIER}",
    )
    parser.add_argument(
        "--save", dest="save_dir", metavar="DIR", required=True, help="folder for the copies; holds no original"
    )
    parser.add_argument(
        "--keep", action="append", metavar="NAME", help="cover all but this person, and others given in the same way"
    )
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help="cover this person alone, and others given in the same way; unknown: all who are not in the classifier",
    )
    parser.add_argument("--how", choices=WAYS, help="what takes the place of a head (default: %(default)s)")
    parser.add_argument(
        "--detector",
        choices=OTHERS,
        help="let this one look, too, beside HOG, the CNN and those whose files are here",
    )
    parser.add_argument(
        "--upsample",
        type=int,
        metavar="N",
        help="double the picture N times before detection, to find smaller faces (default: %(default)s)",
    )
    add_answer_options(parser)
    parser.does(blurred_lines, blur)
    parser.take_rest("pictures")


@dataclass
class CoverTally(Tally[CoveredPicture]):
    covered: int = 0
    kept: int = 0
    bare: list[str] = field(default_factory=list)

    def add(self, answer: CoveredPicture) -> None:
        super().add(answer)
        self.covered += answer.covered
        self.kept += answer.kept
        if answer.status == Status.NO_FACE:
            self.bare.append(answer.copy)

    def found(self) -> str:
        return f"{counted(self.covered, 'face')} covered, {self.kept} kept"


def blurred_lines(
    pictures: list[str], as_json: bool, save_dir: str, classifier_path: str, **options: Any
) -> Generator[str, None, int]:
    """What became of each picture, as text to print; parameters as those of `blur`, and the exit status, as `infer`'s.

    Raises
    ------
    FacelineError
        At once for a mistake that concerns all; in the end, when all others are covered, for what was named but is no
        photograph: a path where nothing is, a URL, a video.
    KeyboardInterrupt
        With words on how far it came.
    """
    tally = CoverTally()
    with counting(tally):
        classifier, named = chosen(pictures, bool(options["keep"] or options["only"]))
        probes = list_probes(named, save_dir)
        answers = blur(named, save_dir, classifier or classifier_path, **options)
        try:
            yield from said_of("blur", answers, probes, named, tally, as_json)
        finally:
            if tally.bare and not QUIET.get():
                complain(f"No face found in {counted(len(tally.bare), 'picture')}, look at them: {listed(tally.bare)}")
    return tally.exit_status


def chosen(pictures: list[str], names_people: bool) -> tuple[str | None, list[str]]:
    """The classifier, None where the user named none, and the photographs; raises FacelineError."""
    classifier, named = split_classifier(pictures) if names_people else (None, pictures)
    if not named:
        raise FacelineError("no picture named; faceline blur photo.jpg --save published")
    for path in named:
        if is_classifier(path):
            raise FacelineError(f"{one_line(path)}: a classifier, and nobody is named; say whom with --keep or --only")
    return classifier, named
