"""face_recognition's other command: the boxes of faces."""

import sys
from collections.abc import Generator
from typing import Any

from faceline.cli.parser import Parser
from faceline.cli.program import run_script
from faceline.cli.recognition import add_cpus, lines_of
from faceline.compat import DETECTORS
from faceline.stages.known_faces import detect

DESCRIPTION = """\
Find the faces of pictures as the command face_detection does.

Reads   a picture, or a folder of them
Prints  a line for each face: picture,top,right,bottom,left
"""


def fill(parser: Parser) -> None:
    parser.add_argument("image_to_check", help="a picture, or a folder of them")
    add_cpus(parser)
    parser.add_argument("--model", choices=DETECTORS, help="face detector (default: %(default)s)")
    parser.add_argument(
        "--upsample",
        type=int,
        metavar="N",
        help="double pictures N times before (default: %(default)s)",
    )
    parser.does(detected, detect)


def detected(image_to_check: str, **options: Any) -> Generator[str, None, int]:
    """The lines to print."""
    return lines_of(detect(image_to_check, **options))


def main() -> int:
    """The command faceline-detection."""
    return run_script(sys.modules[__name__], "faceline-detection")
