"""`check`, telling of pictures that are not their person's or too poor, as OpenFace's script of this name."""

from dataclasses import replace
from typing import Any

from faceline.cli.check import READS_AND_WRITES, fill_for
from faceline.cli.parser import Parser
from faceline.disk.suspect_table import COPY, DOUBLE, KINDS
from faceline.stages.check import Checked, check
from faceline.stages.setting_aside import PutBack

DESCRIPTION = f"""\
Look for pictures that are not their person's, or too poor to help, and for people with too few: faceline check, whose
table has doubles and copies, too.

{READS_AND_WRITES}
The status is 0 whatever was found.
"""


def fill(parser: Parser) -> None:
    fill_for(parser, outliers)


def outliers(**options: Any) -> Checked | PutBack:
    """What `check` found, telling of all that is no duplicate."""
    found = check(**options)
    kinds = [kind for kind in KINDS if kind not in (DOUBLE, COPY)]
    return replace(found, kinds=kinds) if isinstance(found, Checked) else found
