"""Closing the folder of shards, as a command."""

from faceline.cli.parser import Parser
from faceline.stages.merge import merge

DESCRIPTION = """\
Close the folder that all shards of align or represent wrote to: it is as if one run had made it.

Reads   <folder>/.shards/
Writes  what the stage writes in the end

Where shards are missing or unfinished, it says which, changes nothing, and exits with status 1.
"""


def fill(parser: Parser) -> None:
    parser.add_argument("folder", help="the output folder of the shards")
    parser.does(merge, merge, resumes=True, summarises=True)
