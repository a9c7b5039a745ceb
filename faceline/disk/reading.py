"""Reading files that may be anything: regular ones only, up to a limit, and what is said of the others."""

import contextlib
import hashlib
import io
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from faceline.errors import FacelineError, MissingError, UnreadableError
from faceline.host.interruptions import pass_on
from faceline.wording import one_line

# How a file is opened that may be anything. Without O_NONBLOCK, opening a pipe waits for somebody to write into it;
# Windows has neither this nor O_CLOEXEC, but would take line feeds for something else without O_BINARY.
READING = os.O_RDONLY


for flag in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT"):
    READING |= getattr(os, flag, 0)


def read_json(path: Path) -> dict:
    """Read a JSON object.

    Raises
    ------
    FacelineError
        If the file cannot be read or does not hold a JSON object.
    """
    value = parse_json(read_bytes(path), path)
    if not isinstance(value, dict):
        raise FacelineError(f"{one_line(path)}: not a JSON object")
    return value


def parse_json(data: bytes, path: Path) -> object:
    """The JSON value that stands in the file `path`; raises FacelineError."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FacelineError(f"{one_line(path)}: damaged: {one_line(error)}") from None


@contextlib.contextmanager
def opened(path: Path, limit: int | None = None) -> Iterator[io.BufferedReader]:
    """Open a regular file of at most `limit` bytes for reading; anything else (a pipe, a device) might never end.

    Raises
    ------
    UnreadableError
        If it is not regular, too large, not permitted or, as MissingError, not there; or if reading it fails.
    """
    try:
        with open(os.open(path, READING), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableError("not a regular file", one_line(path))
            if limit is not None and status.st_size > limit:
                raise UnreadableError(f"{status.st_size:,} bytes, the limit is {limit:,}", one_line(path))
            yield file
    except OSError as error:
        pass_on(error)
        is_missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        kind = MissingError if is_missing else UnreadableError
        raise kind(error.strerror or str(error), one_line(path)) from error


def read_bytes(path: Path, limit: int | None = None) -> bytes:
    """The content of a file that `opened` opens; raises what that does."""
    with opened(path, limit) as file:
        return file.read()


@contextlib.contextmanager
def opened_text(path: Path, newline: str = "") -> Iterator[TextIO]:
    """Open a file whose last line must be whole: a write that was cut off rarely ends in a line feed."""
    with opened(path) as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":
                raise FacelineError(f"{one_line(path)}: cut off in its last line")
            file.seek(0)
        yield io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline=newline)


def sha256(data: bytes) -> str:
    """The SHA-256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, which may be larger than the memory."""
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
