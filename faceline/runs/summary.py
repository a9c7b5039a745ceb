"""What a stage reports when it ends."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from faceline.disk.rows import USABLE
from faceline.wording import counted, listed, one_line


@dataclass(frozen=True)
class Summary:
    """The outcome of a stage.

    Attributes
    ----------
    result : str
        The file or folder that was written.
    what : str
        What the items are, in the singular.
    people : int
        How many people the usable ones are of.
    counts : Counter
        How many items ended in each status; together they are all items.
    done, kept, removed : int
        Items that were computed in this run, that were as before, and whose input has disappeared.
    left_out : int
        Items that were not even looked at; `done`, `kept` and `left_out` together are all items.
    seconds : float
        What this run took.
    ignored : Counter
        How many files of each ending were no pictures by their names.
    without : sequence of str
        The people of whom no item is usable.
    notes : sequence of str
        Lines on items that the user should look at.
    pictures : int or None
        Where the items are the faces of pictures, and pictures without a face: how many pictures there are.
    closing : str
        The last line, where the result is not complete yet, or was there already.
    merged : int
        How many shards the result was put together from; 0 where it was not.
    """

    result: str
    what: str
    people: int
    counts: Counter[str]
    done: int
    kept: int
    removed: int
    seconds: float
    left_out: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    without: Sequence[str] = ()
    notes: Sequence[str] = ()
    pictures: int | None = None
    closing: str = ""
    merged: int = 0

    def __str__(self) -> str:
        outcomes = ", ".join(f"{count} {status}" for status, count in sorted(self.counts.items())) or "none is left"
        lines = [f"{self.items()}: {outcomes}.", self.work()]
        if self.without:
            lines.append(without_text(self.without))
        lines += self.notes
        if self.ignored:
            lines.append(ignored_text(self.ignored))
        lines.append(self.closing or f"Written to {one_line(self.result)}")
        return "\n".join(lines)

    def work(self) -> str:
        """What was done in this run."""
        if self.merged:
            return f"{counted(self.merged, 'shard')} merged in {self.seconds:.1f} s."
        left_out = f"{self.left_out} left out, " if self.left_out else ""
        done = f"{self.done} computed, {self.kept} as before, {left_out}{self.removed} removed"
        return f"{done}, in {self.seconds:.1f} s."

    def items(self) -> str:
        """How many items there are, and of how many people, unless all are of nobody in particular."""
        total, usable = sum(self.counts.values()), sum(self.counts[status] for status in USABLE)
        if self.pictures is not None:
            return f"{counted(usable, self.what)} in {counted(self.pictures, 'picture')}"
        people = f" of {counted(self.people, 'person')}" if self.people or not usable else ""
        return f"{counted(total, self.what)}{people}"


def without_text(people: Sequence[str]) -> str:
    """Who has no usable picture."""
    return f"No usable picture of {counted(len(people), 'person')}: {listed(people)}."


def ignored_text(ignored: Counter[str]) -> str:
    """Which files were no pictures by their names: how many of each ending."""
    endings = ", ".join(f"{count} {one_line(suffix) or 'without ending'}" for suffix, count in ignored.items())
    return f"Left aside, no pictures by their names: {endings}."
