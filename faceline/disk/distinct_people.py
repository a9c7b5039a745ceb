"""`distinct.csv`: people who look like one person and are two, as the user has said; kept beside the embeddings."""

import csv
from collections.abc import Iterable
from pathlib import Path

from faceline.disk.names import DISTINCT_FILE
from faceline.disk.reading import opened_text
from faceline.disk.tables import write_csv
from faceline.errors import FacelineError
from faceline.wording import one_line


def remember_distinct(folder: Path, pairs: Iterable[tuple[str, str]], people: set[str]) -> list[tuple[str, str]]:
    """Add pairs of names to those of before, and give all whose people are there.

    Raises
    ------
    FacelineError
        If nobody of such a name is there, both are the same name, or the file is damaged or cannot be written.
    """
    path = folder / DISTINCT_FILE
    known = read_distinct(path) if path.exists() else []
    added: list[tuple[str, str]] = []
    for pair in pairs:
        one, other = sorted(pair)
        for name in pair:
            if name not in people:
                raise FacelineError(f"--distinct: nobody is called {one_line(name)!r}; name two folders of pictures")
        if one == other:
            raise FacelineError(f"--distinct: {one_line(one)!r} is one person; name two folders of pictures")
        if (one, other) not in known + added:
            added.append((one, other))
    if added:
        write_csv(path, sorted(known + added))
    return [pair for pair in known + added if set(pair) <= people]


def read_distinct(path: Path) -> list[tuple[str, str]]:
    """The pairs of names that the file holds; raises FacelineError."""
    with opened_text(path) as file:
        reader = csv.reader(file, strict=True)
        try:
            return [(one, other) for one, other in reader]
        except (ValueError, csv.Error) as error:
            advice = "a line is two names with a comma between; correct or remove the file"
            raise FacelineError(f"{one_line(path)}: line {reader.line_num}: {one_line(error)}; {advice}") from None


def rename_distinct(folder: Path, person: str, name: str | None) -> int:
    """Call a person otherwise in the file, or with None take every pair out that they stand in; gives how many pairs
    that was of. Raises FacelineError."""
    path = folder / DISTINCT_FILE
    if not path.exists():
        return 0
    known = read_distinct(path)
    theirs = [pair for pair in known if person in pair]
    others = {pair for pair in known if person not in pair}
    if name is not None:
        renamed = [tuple(sorted(name if one == person else one for one in pair)) for pair in theirs]
        others |= {(one, other) for one, other in renamed if one != other}
    if theirs:
        write_csv(path, sorted(others))
    return len(theirs)
