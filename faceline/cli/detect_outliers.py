"""`check`, telling of pictures that are not their person's or too poor, as OpenFace's script of this name."""

from faceline.cli import check
from faceline.cli.parser import Parser
from faceline.disk.suspect_table import FEW, POOR, WRONG_PERSON

DESCRIPTION = f"""\
Look for pictures that are not their person's, or too poor to help, and for people with too few: faceline check, whose
table has doubles and copies, too.

{check.READS_AND_WRITES}
The status is 0 whatever was found.
"""


def fill(parser: Parser) -> None:
    check.fill(parser, (WRONG_PERSON, POOR, FEW))
