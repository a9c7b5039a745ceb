"""`check`, telling of one person in two folders, and one photograph twice."""

from dataclasses import replace
from typing import Any

from faceline.cli.check import READS_AND_WRITES, fill_for
from faceline.cli.parser import Parser
from faceline.disk.suspect_table import COPY, DOUBLE
from faceline.stages.check import Checked, check
from faceline.stages.setting_aside import PutBack

DESCRIPTION = f"""\
Look for one person in two folders, and for one photograph that is there twice: faceline check, whose table has
pictures of the wrong person, poor ones and people with too few, too.

{READS_AND_WRITES}
The status is 0 whatever was found.
"""


def fill(parser: Parser) -> None:
    fill_for(parser, duplicates)


def duplicates(**options: Any) -> Checked | PutBack:
    """What `check` found, telling of duplicates alone."""
    found = check(**options)
    return replace(found, kinds=(DOUBLE, COPY)) if isinstance(found, Checked) else found
