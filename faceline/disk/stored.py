"""Arrays and texts that are too large for a pickle: in one file beside it, of which only what is asked for is read.

They are read by position, not mapped into memory: whoever cuts a mapped file short kills every process that looks at
it, and what has been looked at counts as the process's memory. The system keeps what is read often.

    classifier-3f2a81c04d5e6b79.people     the arrays, one behind the other; named by its SHA-256

The pickle holds where each array begins, and a checksum of every block, with which a block is compared when it is read
for the first time. So a file that is damaged, or another one's, is found out before it is believed.
"""

import contextlib
import hashlib
import math
import os
import re
import threading
import weakref
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceline.disk.reading import opened
from faceline.disk.writing import remove, scratch_path, write_errors
from faceline.errors import FacelineError, MissingError, UnreadableError
from faceline.wording import one_line

BLOCK = 1 << 16
NAME = re.compile(r"classifier-[0-9a-f]{16}\.people")
SCRATCH = "classifier.people"  # beside which the file is written, before its name is known
KINDS = ("int8", "uint8", "int32", "int64", "float32")
ADVICE = "run classifier.py train again"


class StoredError(FacelineError):
    """A file of arrays cannot be used; the text names it."""


class StoredMissingError(StoredError):
    """It is not there."""


def unsound() -> StoredError:
    """What is raised where a file is as it was written, and tells nonsense."""
    return StoredError(f"the file of people beside classifier.pkl is damaged; {ADVICE}")


def write_arrays(folder: Path, arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Write arrays into a file of `folder`, whole or not at all.

    Returns
    -------
    dict
        What `open_arrays` wants to know, as plain values and an array.

    Raises
    ------
    FacelineError
        If the file cannot be written.
    """
    scratch = scratch_path(folder / SCRATCH)
    digest, writer, parts = hashlib.sha256(), Checksums(), {}
    with write_errors(folder / SCRATCH):
        scratch.unlink(missing_ok=True)
        try:
            with scratch.open("xb") as file:
                for name, array in arrays.items():
                    parts[name] = {"offset": writer.size, "kind": array.dtype.name, "shape": list(array.shape)}
                    for data in pieces(array):
                        digest.update(data)
                        writer.update(data)
                        file.write(data)
            name = f"classifier-{digest.hexdigest()[:16]}.people"
            os.replace(scratch, folder / name)
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise
    return {"file": name, "size": writer.size, "checks": writer.found(), "parts": parts}


def pieces(array: np.ndarray) -> Iterator[bytes]:
    """The bytes of an array, little-endian, some rows at a time."""
    rows = max(1, (16 << 20) // max(1, math.prod(array.shape[1:]) * array.dtype.itemsize))
    for start in range(0, len(array), rows):
        part = np.ascontiguousarray(array[start : start + rows])
        yield part.astype(part.dtype.newbyteorder("<"), copy=False).tobytes()


class Checksums:
    """The checksum of each block of what is written."""

    def __init__(self) -> None:
        self.size, self.rest = 0, b""
        self.checks: list[int] = []

    def update(self, data: bytes) -> None:
        self.size += len(data)
        data = self.rest + data
        whole = len(data) - len(data) % BLOCK
        self.checks += [zlib.crc32(data[start : start + BLOCK]) for start in range(0, whole, BLOCK)]
        self.rest = data[whole:]

    def found(self) -> np.ndarray:
        """Those of all blocks, the last of which may be shorter: (b,) uint32."""
        return np.array(self.checks + ([zlib.crc32(self.rest)] if self.rest else []), np.uint32)


def remove_arrays(folder: Path, keep: str | None = None) -> None:
    """Remove the files that `write_arrays` has left in a folder, but the one that is called `keep`."""
    for name in sorted(os.listdir(folder)) if folder.is_dir() else ():
        if name != keep and NAME.fullmatch(name):
            remove(folder / name)
    remove(folder / SCRATCH)


def is_stored(name: str) -> bool:
    """Whether a file has such a name as `write_arrays` gives."""
    return NAME.fullmatch(name) is not None


def open_arrays(folder: Path, record: Any) -> dict[str, "StoredArray"]:
    """The arrays of a file that `write_arrays` told of; the record comes from a file that may hold anything.

    Raises
    ------
    StoredError
        If the file is not there, which StoredMissingError says, or of another size.
    ValueError, TypeError, KeyError, …
        If the record is none.
    """
    name, size, checks = record["file"], record["size"], record["checks"]
    if type(name) is not str or not is_stored(name) or type(size) is not int or size < 0:
        raise ValueError("no file of arrays")
    if type(checks) is not np.ndarray or checks.dtype != np.uint32 or checks.shape != (-(-size // BLOCK),):
        raise ValueError("no checksums")
    found = {}
    file = StoredFile(folder / name, size, checks)
    for part, where in record["parts"].items():
        offset, kind, shape = where["offset"], where["kind"], tuple(where["shape"])
        if type(offset) is not int or kind not in KINDS or not 1 <= len(shape) <= 2:
            raise ValueError("no array")
        if any(type(extent) is not int or extent < 0 for extent in shape) or offset < 0:
            raise ValueError("an array of no known shape")
        if offset + math.prod(shape) * np.dtype(kind).itemsize > size:
            raise ValueError("an array that ends behind its file")
        found[part] = StoredArray(file, offset, kind, shape)
    return found


class StoredFile:
    """A file of which parts are read, each block of which is compared with its checksum when it is first read.

    Any number of threads may read. The file stays readable when its name is removed or given to another one.
    """

    def __init__(self, path: Path, size: int, checks: np.ndarray) -> None:
        self.path, self.size, self.checks = path, size, checks
        self.seen = np.zeros(len(checks), bool)
        self.lock = threading.Lock()  # for systems that cannot read at a position
        try:
            with opened(path) as file:
                found = os.fstat(file.fileno()).st_size
                self.file = os.dup(file.fileno())
            weakref.finalize(self, os.close, self.file)
        except MissingError:
            raise StoredMissingError(
                f"{self.name}: no such file, which belongs to classifier.pkl; put it back beside that, or {ADVICE}"
            ) from None
        except UnreadableError as error:
            raise StoredError(f"{one_line(error)}; {ADVICE}") from None
        if found != size:
            raise self.damaged()

    @property
    def name(self) -> str:
        return one_line(self.path)

    def damaged(self) -> StoredError:
        return StoredError(f"{self.name}: damaged, or not the one that classifier.pkl was written with; {ADVICE}")

    def read(self, offset: int, count: int) -> memoryview:
        """`count` bytes from `offset` on; raises FacelineError if they are not those that were written."""
        if not count:
            return memoryview(b"")
        if not 0 <= offset <= offset + count <= self.size:
            raise self.damaged()
        first, last = offset // BLOCK, (offset + count - 1) // BLOCK + 1
        if self.seen[first:last].all():
            return memoryview(self.at(offset, count))
        begin = first * BLOCK
        data = memoryview(self.at(begin, min(last * BLOCK, self.size) - begin))
        for block in range(first, last):
            start = block * BLOCK - begin
            if zlib.crc32(data[start : start + BLOCK]) != self.checks[block]:
                raise self.damaged()
        self.seen[first:last] = True
        return data[offset - begin : offset - begin + count]

    def at(self, offset: int, count: int) -> bytes:
        """The bytes as they are; a system gives 2 GB at most at once."""
        data = b""
        try:
            with contextlib.nullcontext() if hasattr(os, "pread") else self.lock:
                while len(data) < count and (more := self.some_at(offset + len(data), count - len(data))):
                    data = data + more if data else more
        except OSError as error:
            raise StoredError(f"{self.name}: cannot be read: {one_line(error.strerror or error)}") from None
        if len(data) != count:
            raise self.damaged()
        return data

    def some_at(self, offset: int, count: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self.file, count, offset)
        os.lseek(self.file, offset, os.SEEK_SET)
        return os.read(self.file, count)


class StoredArray:
    """An array in a file: its rows are read when they are asked for, by a slice, a number, or an array of numbers."""

    def __init__(self, file: StoredFile, offset: int, kind: str, shape: tuple[int, ...]) -> None:
        self.file, self.offset, self.dtype, self.shape = file, offset, np.dtype(kind).newbyteorder("<"), shape
        self.row_bytes = math.prod(shape[1:]) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> np.ndarray:
        if isinstance(key, slice):
            start, stop, step = key.indices(len(self))
            if step != 1:
                raise IndexError("rows of a file are read one after the other")
            return self.between(start, max(start, stop))
        rows = np.asarray(key)
        if rows.ndim == 0:
            return self.between(int(rows), int(rows) + 1)[0]
        found = np.empty((len(rows), *self.shape[1:]), self.dtype)
        for place, row in enumerate(rows.tolist()):
            found[place] = self.between(row, row + 1)[0]
        return found

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self[:].astype(dtype or self.dtype)

    def between(self, start: int, stop: int) -> np.ndarray:
        if not 0 <= start <= stop <= len(self):
            raise self.file.damaged()
        data = self.file.read(self.offset + start * self.row_bytes, (stop - start) * self.row_bytes)
        return np.frombuffer(data, self.dtype).reshape(stop - start, *self.shape[1:])
