"""Writing files that are whole or absent, and the small formats that every stage uses."""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from faceline.errors import FacelineError, UnreadableError

RUN_FILE = "run.json"
MANIFEST_FILE = "manifest.csv"

# A file name has at most 255 bytes on the usual file systems; the scratch name of `replacing` needs some of them.
NAME_BYTES = 255 - len("..part")


# Line breaks, terminal escapes, and the marks that turn the direction of the text.
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def one_line(text: object) -> str:
    """`text` with its control characters escaped, so that a hostile file name cannot forge or hide output."""
    return CONTROLS.sub(lambda match: ascii(match[0])[1:-1], str(text))


@contextlib.contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn a refusal of the operating system to write at `path` into a FacelineError."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        cure = "make room and run the same command again" if full else "make it writable or name another place"
        reason = one_line(error.strerror or str(error))
        raise FacelineError(f"{one_line(path)}: cannot be written: {reason}; {cure}") from error


def scratch_path(path: Path) -> Path:
    """Where `path` is written before it is renamed: known in advance, so a killed run's leftover can be removed."""
    return path.with_name(f".{path.name}.part")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a scratch path beside `path`; on success it becomes `path`, on failure it vanishes.

    One process at a time may write below a folder: see `locked`.

    Raises
    ------
    FacelineError
        If the file cannot be written.
    """
    scratch = scratch_path(path)
    with write_errors(path):
        try:
            yield scratch
            os.replace(scratch, path)
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    with replacing(path) as scratch:
        scratch.write_bytes(data)


def remove(path: Path) -> None:
    """Remove `path` and what a killed run left of it; neither needs to exist."""
    with write_errors(path):
        path.unlink(missing_ok=True)
        scratch_path(path).unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON."""
    write_bytes(path, (json.dumps(value, indent=2, sort_keys=True) + "\n").encode())


def read_json(path: Path) -> dict:
    """Read a JSON object.

    Raises
    ------
    FacelineError
        If the file cannot be read or does not hold a JSON object.
    """
    try:
        value = json.loads(read_bytes(path))
    except ValueError as error:
        raise FacelineError(f"{one_line(path)}: damaged: {error}") from None
    if not isinstance(value, dict):
        raise FacelineError(f"{one_line(path)}: not a JSON object")
    return value


def read_record(folder: Path) -> dict:
    """The `run.json` of a finished stage, whose `options` are an object; raises FacelineError."""
    record = read_json(folder / RUN_FILE)
    if not isinstance(record.get("options"), dict):
        raise FacelineError(f"{one_line(folder / RUN_FILE)}: tells of no options")
    return record


def read_bytes(path: Path, limit: int | None = None) -> bytes:
    """The content of a regular file of at most `limit` bytes; anything else (a pipe, a device) might never end.

    Raises
    ------
    UnreadableError
        If there is no such file, or it is not regular, too large or not permitted.
    """
    try:
        # Without O_NONBLOCK, opening a pipe waits for somebody to write into it.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableError("not a regular file", one_line(path))
            if limit is not None and status.st_size > limit:
                raise UnreadableError(f"{status.st_size:,} bytes, the limit is {limit:,}", one_line(path))
            return file.read()
    except OSError as error:
        raise UnreadableError(error.strerror or str(error), one_line(path)) from error


def sha256(data: bytes) -> str:
    """The SHA-256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def inside(folder: Path, relative: str) -> Path:
    """The path of `relative` below `folder`, which neither `..` nor a symbolic link may leave.

    Raises
    ------
    FacelineError
        If `relative` leads out of `folder`.
    """
    path = folder / relative
    pure = PurePosixPath(relative)
    # The last part may be a link: it is replaced or removed itself, never followed.
    if pure.is_absolute() or ".." in pure.parts or not path.parent.resolve().is_relative_to(folder.resolve()):
        raise FacelineError(f"{one_line(folder)}: {one_line(relative)!r} leads out of this folder")
    return path


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Create `folder` if need be and keep other runs from writing there; the lock dies with the process.

    Raises
    ------
    FacelineError
        If the folder cannot be made or written to, or another run is at work in it.
    """
    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FacelineError(f"{one_line(folder)}: another run is writing here; wait for it to end") from None
        except OSError:
            pass  # some network file systems have no locks; a single run needs none
        yield
    finally:
        os.close(descriptor)
