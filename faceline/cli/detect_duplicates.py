"""`check`, telling of one person in two folders, and one photograph twice."""

from faceline.cli import check
from faceline.cli.parser import Parser
from faceline.disk.suspect_table import COPY, DOUBLE

DESCRIPTION = f"""\
Look for one person in two folders, and for one photograph that is there twice: faceline check, whose table has
pictures of the wrong person, poor ones and people with too few, too.

{check.READS_AND_WRITES}
The status is 0 whatever was found.
"""


def fill(parser: Parser) -> None:
    check.fill(parser, (DOUBLE, COPY))
