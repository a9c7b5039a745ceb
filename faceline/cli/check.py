"""Mistakes in the folders, as a command."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from faceline.cli.parser import Parser
from faceline.disk.suspect_table import KINDS
from faceline.errors import FacelineError
from faceline.stages.check import Checked, check
from faceline.stages.setting_aside import PutBack, move_back

READS_AND_WRITES = """\
Reads   <dir>/reps.csv and the tables beside it, as batch_represent wrote them, and the crops
Writes  <dir>/suspects.csv (crop,person,kind,likely,probability), the worst first. Kinds: wrong-person (likely: whose it
        is), double (likely: the other folder), copy (likely: the other crop), poor, few
"""
DESCRIPTION = f"""\
Look for mistakes: pictures that are not their person's, one person in two folders, one photograph twice, people with
too few pictures, and pictures too poor to help.

{READS_AND_WRITES}
The status is 0 whatever was found. --move sets pictures aside that are very likely wrong, copies or too poor; nothing
is deleted, and --undo moves them back.
"""


def fill(parser: Parser, kinds: Sequence[str] = KINDS) -> None:
    """The options of `check`, of which the command tells what is of these kinds."""

    def check_or_undo(undo: bool, **options: Any) -> Checked | PutBack:
        if not undo:
            return replace(check(**options), kinds=kinds)
        if options["move"] is None:
            raise FacelineError("--undo moves back what --move has moved; name that folder with --move")
        return move_back(options["embeddings_dir"], options["move"])

    parser.add_argument("embeddings_dir", nargs="?", metavar="dir", help="folder of embeddings (default: %(default)s)")
    parser.add_argument("--worst", type=int, metavar="N", help="tell of the worst N (default: %(default)s)")
    parser.add_argument(
        "--few", type=int, metavar="N", help="people with fewer pictures than N have too few (default: %(default)s)"
    )
    parser.add_argument(
        "--move",
        metavar="DIR",
        help="move photographs that are wrong-person, copy or poor to the same paths below DIR (crops, where the"
        " photographs are not beside them); run the stages again to be without them",
    )
    parser.add_argument(
        "--sure", type=float, metavar="P", help="move those of at least this probability (default: %(default)s)"
    )
    parser.add_argument("--undo", action="store_true", help="move back what --move has moved, and look for nothing")
    parser.add_argument("--jobs", type=int, metavar="N", help="threads to use (default: one for each core)")
    parser.does(check_or_undo, check, summarises=True)
