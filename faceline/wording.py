"""Words and names in one printed line: numbers of things, lists of names, text from outside."""

import re
from collections.abc import Sequence

# Line breaks, terminal escapes, and the marks that turn the direction of the text.
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def one_line(text: object) -> str:
    """`text` with its control characters escaped, so that a hostile file name cannot forge or hide output."""
    return CONTROLS.sub(lambda match: ascii(match[0])[1:-1], str(text))


IRREGULAR = {"person": "people", "pass": "passes"}

# The most names that are listed; a line with hundreds helps nobody.
MOST_NAMES = 10


def counted(count: object, thing: str) -> str:
    """`count`, a number or what is written as one, and `thing`, given in the singular, in the plural for several."""
    return f"{count} {thing if count == 1 else IRREGULAR.get(thing, thing + 's')}"


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - MOST_NAMES
    return ", ".join(map(one_line, names[:MOST_NAMES])) + (f" and {more} more" if more > 0 else "")


def duration(seconds: float) -> str:
    """About how long that is, in words."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
