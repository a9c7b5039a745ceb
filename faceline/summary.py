"""What a stage reports when it ends: the line on the screen, and the record in `run.json`."""

import functools
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from faceline.counts import counted, listed
from faceline.files import one_line

# Distributions whose versions can change the results; dlib comes as either of two.
RECORDED = (
    "faceline",
    "dlib",
    "dlib-bin",
    "numpy",
    "onnxruntime",
    "opencv-python-headless",
    "pillow",
    "pillow_heif",
    "scikit-learn",
)


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
    """

    result: str
    what: str
    people: int
    counts: Counter
    done: int
    kept: int
    removed: int
    seconds: float
    left_out: int = 0
    ignored: Counter = field(default_factory=Counter)
    without: Sequence[str] = ()
    notes: Sequence[str] = ()

    def __str__(self) -> str:
        total = sum(self.counts.values())
        outcomes = ", ".join(f"{count} {status}" for status, count in sorted(self.counts.items())) or "none is left"
        left_out = f"{self.left_out} left out, " if self.left_out else ""
        lines = [
            f"{counted(total, self.what)} of {counted(self.people, 'person')}: {outcomes}.",
            f"{self.done} computed, {self.kept} as before, {left_out}{self.removed} removed, in {self.seconds:.1f} s.",
        ]
        if self.without:
            lines.append(without_text(self.without))
        lines += self.notes
        if self.ignored:
            lines.append(ignored_text(self.ignored))
        lines.append(f"Written to {one_line(self.result)}")
        return "\n".join(lines)


def without_text(people: Sequence[str]) -> str:
    """Who has no usable picture."""
    return f"No usable picture of {counted(len(people), 'person')}: {listed(people)}."


def ignored_text(ignored: Counter) -> str:
    """Which files were no pictures by their names: how many of each ending."""
    endings = ", ".join(f"{count} {one_line(suffix) or 'without ending'}" for suffix, count in ignored.items())
    return f"Left aside, no pictures by their names: {endings}."


def run_record(stage: str, options: dict, counts: Counter, seconds: float, **more: object) -> dict:
    """The content of a stage's `run.json`."""
    return {
        "stage": stage,
        "options": options,
        "counts": dict(counts),
        "versions": versions(),
        "seconds": round(seconds, 3),
        **more,
    }


@functools.cache  # to look them up takes as long as aligning five pictures
def versions() -> dict[str, str]:
    """Python's version and those of the installed packages that the results depend on."""
    import importlib.metadata  # slow to import, which worker processes need not

    found = {"python": platform.python_version()}
    for name in RECORDED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
