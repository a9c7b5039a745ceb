"""The networks and detectors, and their files, as a command."""

from faceline.cli.parser import Parser
from faceline.errors import FacelineError
from faceline.faces.catalogue import KINDS, Entry, entries, get
from faceline.wording import one_line

DESCRIPTION = """\
List the networks that --network takes and the detectors that --detector takes, and where their files are.

What is to be fetched is fetched when it is first used, or by --get. Nothing else goes to the network. What is marked
untested was not here when this version was made: only what its authors say is known of it.
"""


def fill(parser: Parser) -> None:
    parser.add_argument("--get", dest="get_name", metavar="NAME", help="get the file of a network or detector")
    parser.add_argument(
        "--from", dest="source", metavar="FILE", help="with --get: take this file instead of fetching it"
    )
    parser.does(networks, networks)


def networks(get_name: str | None = None, source: str | None = None) -> str:
    """What is printed: the list, or where the file that was got lies."""
    if get_name is None and source is not None:
        raise FacelineError("--from goes with --get NAME, which says what the file is")
    if get_name is None:
        return listed_entries(entries())
    return f"{one_line(get_name)} is at {one_line(get(get_name, source))}"


def listed_entries(found: list[Entry]) -> str:
    width = max(len(entry.name) for entry in found)
    lines = []
    for entry in sorted(found, key=lambda entry: KINDS.index(entry.kind)):
        lines.append(f"{entry.kind:8}  {entry.name:{width}}  {entry.state()}")
        facts = [entry.facts] * bool(entry.facts) + ["untested"] * (not entry.is_tested)
        if facts:
            lines.append(" " * (12 + width) + "; ".join(facts))
    return "\n".join(lines)
