"""face_recognition's command: names by the nearest pictures of a folder."""

import csv
import io
import sys
from collections.abc import Generator, Iterator
from typing import Any

from faceline.cli.answering import NO_PICTURE
from faceline.cli.parser import Parser
from faceline.cli.program import run_script
from faceline.stages.known_faces import Row, recognize

DESCRIPTION = """\
Name the faces of pictures as the command face_recognition does: by the pictures of a folder that are near enough.

Reads   <known_people_folder>/<name>.jpg, one picture of each person, and a picture or a folder of them
Prints  a line for each face and name: picture,name; unknown_person, and no_persons_found where there is no face

Whom a picture of the folder shows is remembered there, in .faceline-encodings.json, by the picture's content.
faceline enrol and faceline infer know strangers better.
"""
YES, NO = ("true", "t", "yes", "y", "on", "1"), ("false", "f", "no", "n", "off", "0")


def fill(parser: Parser) -> None:
    parser.add_argument("known_people_folder", help="a picture of each known person, called by the name")
    parser.add_argument("image_to_check", help="a picture, or a folder of them")
    add_cpus(parser)
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="D",
        help="largest distance at which a face is somebody's (default: %(default)s)",
    )
    parser.add_argument(
        "--show-distance", type=truth, metavar="BOOLEAN", help="print the distance, too (default: false)"
    )
    parser.does(recognized, recognize)


def add_cpus(parser: Parser) -> None:
    parser.add_argument("--cpus", type=int, metavar="N", help="cores to use, -1 for all (default: %(default)s)")


def truth(text: str) -> bool:
    """What a word for yes or no means; raises ValueError."""
    if text.lower() not in YES + NO:
        raise ValueError(f"{text} is neither true nor false")
    return text.lower() in YES


def recognized(known_people_folder: str, image_to_check: str, **options: Any) -> Generator[str, None, int]:
    """The lines to print."""
    return lines_of(recognize(known_people_folder, image_to_check, **options))


def lines_of(pictures: Iterator[list[Row] | None]) -> Generator[str, None, int]:
    """The rows of pictures as lines of CSV; the exit status is 0 if a picture was read or there was none, 1 if none
    could be read."""
    read = broken = 0
    for rows in pictures:
        read, broken = read + (rows is not None), broken + (rows is None)
        if rows:
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows([[row.picture, *map(str, row.values)] for row in rows])
            yield text.getvalue().removesuffix("\n")
    return NO_PICTURE if broken and not read else 0


def main() -> int:
    """The command faceline-recognition."""
    return run_script(sys.modules[__name__], "faceline-recognition")
