"""A CSV table that has each row as soon as it is known: what is written stays, whatever happens to its writer."""

import csv
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from faceline.disk.writing import write_errors
from faceline.errors import FacelineError
from faceline.wording import one_line


class GrowingTable:
    """A table in the place of that of an earlier run; to be used in a `with` statement.

    Parameters
    ----------
    path : Path
    columns : sequence of str
        What its first line says.

    Raises
    ------
    FacelineError
        If something else lies there, or it cannot be written.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        check_table(path, columns)
        self._path, self._columns = path, columns

    def __enter__(self) -> Self:
        with write_errors(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("w", newline="", encoding="utf-8", errors="surrogateescape")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self.add(self._columns)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, cells: Sequence[object]) -> None:
        """Add a row."""
        with write_errors(self._path):
            self._writer.writerow(cells)
            self._file.flush()


def check_table(path: Path, columns: Sequence[str]) -> None:
    """Raise FacelineError where something else lies than a table of an earlier run."""
    with write_errors(path):
        if not path.exists():
            return
        with path.open("rb") as file:
            is_ours = file.readline(1000).strip() in (b"", ",".join(columns).encode())
    if not is_ours:
        raise FacelineError(f"{one_line(path)}: holds something else than such a table; name another file")
