"""The embeddings of a folder from its files and into them, some at a time, where there may be more than the memory
holds."""

import contextlib
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Self, TextIO

import numpy as np

from faceline.disk.embeddings import bad_line, is_as_recorded, npy_header, reps_line
from faceline.disk.names import LABELS_FILE, REPS_COPY_FILE, REPS_FILE
from faceline.disk.numbers import are_reckonable
from faceline.disk.reading import opened, opened_text
from faceline.disk.writing import write_errors, write_lines
from faceline.errors import EditedError, FacelineError, UnreadableError
from faceline.wording import one_line

# How many embeddings are looked at together.
BLOCK_ROWS = 8192


class EmbeddingStream:
    """The embeddings of a folder one after the other, from `reps.npy` if it is as recorded, else from `reps.csv`.

    Parameters
    ----------
    folder : Path
    dimensions : int
    digests : dict
        What `reps_digests` says of the folder.
    """

    def __init__(self, folder: Path, dimensions: int, digests: dict[str, str]) -> None:
        self._folder, self._dimensions, self._digests = folder, dimensions, digests
        self._copy: BinaryIO | None = None
        self._text: TextIO | None = None

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            if is_as_recorded(self._folder, self._digests):
                self._copy = stack.enter_context(opened(self._folder / REPS_COPY_FILE))
                if not is_copy_of(self._copy, self._dimensions):
                    self._copy = None
            if self._copy is None:
                self._text = stack.enter_context(opened_text(self._folder / REPS_FILE, newline="\n"))
            self._resources = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._resources.close()

    def take(self, count: int) -> np.ndarray:
        """The next `count` embeddings, (count, d), float32; raises FacelineError if there are fewer, or no numbers."""
        if self._copy is not None:
            data = self._copy.read(4 * count * self._dimensions)
            found = np.frombuffer(data[: len(data) // (4 * self._dimensions) * 4 * self._dimensions], np.float32)
            found = found.reshape(-1, self._dimensions)
        else:
            found = self._parsed(count)
        if len(found) < count:
            raise EditedError(f"{one_line(self._folder)}: fewer embeddings than labels in {LABELS_FILE}")
        if not are_reckonable(found):
            path = self._folder / REPS_FILE
            raise FacelineError(f"{one_line(path)}: {bad_line(path, self._dimensions)}")
        return found

    def check_end(self) -> None:
        """Raise FacelineError if there are more embeddings than were taken."""
        rest: bytes | str = self._copy.read(1) if self._copy is not None else self._text.read(1) if self._text else ""
        if rest:
            raise EditedError(f"{one_line(self._folder)}: more embeddings than labels in {LABELS_FILE}")

    def _parsed(self, count: int) -> np.ndarray:
        path = self._folder / REPS_FILE
        lines = list(itertools.islice(self._text or (), count))
        if not lines:
            return np.empty((0, self._dimensions), np.float32)
        try:
            found = np.loadtxt(lines, np.float32, comments=None, delimiter=",", ndmin=2)
        except ValueError:
            found = np.empty((0, 0), np.float32)
        if found.shape[1] != self._dimensions:
            raise FacelineError(f"{one_line(path)}: {bad_line(path, self._dimensions)}")
        return found


def is_copy_of(file: BinaryIO, dimensions: int) -> bool:
    """Whether an open `reps.npy` holds embeddings of so many numbers; what is read next are the numbers."""
    try:
        if np.lib.format.read_magic(file) != (1, 0):
            return False
        shape, is_fortran, kind = np.lib.format.read_array_header_1_0(file)
    except ValueError:
        return False
    return kind == np.float32 and not is_fortran and len(shape) == 2 and shape[1] == dimensions


def write_scattered(path: Path, blocks: Iterable[np.ndarray], places: np.ndarray, dimensions: int) -> None:
    """Write embeddings as `reps.npy`, at `path` itself, which may be a scratch file.

    Parameters
    ----------
    path : Path
    blocks : iterable of ndarray of shape (k, d), float32
        All embeddings, in any order.
    places : ndarray of shape (n,), int
        In which row each goes.
    dimensions : int
    """
    header = npy_header((len(places), dimensions))
    done = 0
    with write_errors(path), path.open("wb") as file:
        file.write(header)
        for block in blocks:
            rows = places[done : done + len(block)]
            # Runs of embeddings that stay side by side go together.
            bounds = [0, *(np.flatnonzero(np.diff(rows) != 1) + 1).tolist(), len(rows)]
            for start, end in itertools.pairwise(bounds):
                file.seek(len(header) + 4 * dimensions * int(rows[start]))
                file.write(block[start:end].tobytes())
            done += len(block)
    if done != len(places):
        raise UnreadableError(f"has {done} embeddings instead of {len(places)}", one_line(path))


def write_as_text(folder: Path, copy: Path, count: int, dimensions: int) -> None:
    """Write `reps.csv` of a folder from `reps.npy`, which lies at `copy` and was written by `write_scattered`."""

    def lines() -> Iterator[bytes]:
        line = reps_line(dimensions)
        with opened(copy) as file:
            file.seek(len(npy_header((count, dimensions))))
            while data := file.read(4 * dimensions * BLOCK_ROWS):
                for row in np.frombuffer(data, np.float32).reshape(-1, dimensions).tolist():
                    yield (line % tuple(row)).encode()

    write_lines(folder / REPS_FILE, lines())
