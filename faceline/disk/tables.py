"""Tables that are written as CSV."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from faceline.disk.writing import replacing

if TYPE_CHECKING:
    pass


def write_csv(path: Path, lines: Iterable[Sequence]) -> None:
    with (
        replacing(path) as scratch,
        scratch.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        plain = csv.writer(file, lineterminator="\n")
        # Python before 3.13 leaves a carriage return unquoted, and then reads it as the end of the line.
        quoted = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        for line in lines:
            writer = quoted if any("\r" in str(cell) for cell in line) else plain
            writer.writerow(line)
