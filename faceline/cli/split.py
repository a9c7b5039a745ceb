"""Photographs in two parts, as a command."""

from faceline.cli.parser import Parser
from faceline.stages.split import split

DESCRIPTION = """\
Divide each person's photographs into a part to train on and a part to validate by. The originals stay as they are.

Reads   <input>/<person>/<picture>
Writes  <output>/train/<person>/<picture> and <output>/val/<person>/<picture>

Everybody with two photographs or more has at least one on each side. Copies of one photograph of a person, saved again
or made smaller, stay together. The same photographs and seed give the same parts; run again, only what is missing is
brought there, and nothing is replaced.
"""


def fill(parser: Parser) -> None:
    parser.add_argument(
        "image_dir", metavar="input", help="the folder that holds a folder of photographs for each person"
    )
    parser.add_argument(
        "output_dir", nargs="?", metavar="output", help="folder for both parts (default: the input with -split behind)"
    )
    parser.add_argument(
        "--valRatio",
        "--val-ratio",
        dest="val_ratio",
        type=float,
        metavar="RATIO",
        help="the part of each person's photographs that goes to val (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="what is drawn (default: %(default)s)")
    parser.add_argument("--link", action="store_true", help="make hard links where that can be, instead of copies")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes to use (default: one for each core)")
    parser.does(split, split, summarises=True)
