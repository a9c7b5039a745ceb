"""Numbers of things in what is printed: `1 crop`, `2 crops`."""

from collections.abc import Sequence

from faceline.files import one_line

IRREGULAR = {"person": "people"}

# So many names are listed; a line with hundreds helps nobody.
MOST_NAMES = 10


def counted(count: int, thing: str) -> str:
    """`count` and the word for so many of `thing`, which is in the singular."""
    return f"{count} {thing if count == 1 else IRREGULAR.get(thing, thing + 's')}"


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - MOST_NAMES
    return ", ".join(map(one_line, names[:MOST_NAMES])) + (f" and {more} more" if more > 0 else "")
