"""Tables as text."""

from collections.abc import Sequence


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """A line for each row: the first cells start below each other, the others end so."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]


def number(value: float | None) -> str:
    """A number in a cell; `-` where it is not known."""
    if value is None:
        return "-"
    if isinstance(value, int):
        return str(value)
    return f"{value:.4f}" if value == 0 or value >= 0.001 else f"{value:.1e}"


def ends(interval: tuple[float | None, float | None] | None) -> str:
    """Where a number lies in most draws; nothing where that is not known."""
    low, high = interval or (None, None)
    return "" if low is None or high is None else f"{number(low)}-{number(high)}"
