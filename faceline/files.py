"""Writing files that are whole or absent, and the small formats that every stage uses."""

import contextlib
import errno
import hashlib
import io
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TextIO

from faceline.errors import FacelineError, MissingError, UnreadableError
from faceline.interruptions import pass_on
from faceline.locks import locking

RUN_FILE = "run.json"
MANIFEST_FILE = "manifest.csv"

# A file name has at most 255 bytes on the usual file systems; the scratch name of `replacing` needs some of them.
NAME_BYTES = 255 - len("..part")

# What the system says where there is no room for a file; Windows has no quotas in this sense.
FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))

# What the system says where no such file can be.
ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)

# How a file is opened that may be anything. Without O_NONBLOCK, opening a pipe waits for somebody to write into it;
# Windows has neither this nor O_CLOEXEC, but would take line feeds for something else without O_BINARY.
READING = os.O_RDONLY
for flag in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT"):
    READING |= getattr(os, flag, 0)

# Line breaks, terminal escapes, and the marks that turn the direction of the text.
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def one_line(text: object) -> str:
    """`text` with its control characters escaped, so that a hostile file name cannot forge or hide output."""
    return CONTROLS.sub(lambda match: ascii(match[0])[1:-1], str(text))


def named_path(path: str | Path) -> Path:
    """A path that the user named; raises FacelineError for an empty one, which would mean the current folder."""
    if not os.fspath(path):
        raise FacelineError("an empty path names nothing; name a file or a folder")
    return Path(path)


def real_path(path: Path) -> Path:
    """`path` without symbolic links as far as they lead somewhere; `Path.resolve` raises where they form a loop."""
    return Path(os.path.realpath(path))


def check_folder(folder: Path, advice: str) -> None:
    """Raise FacelineError, which ends with `advice`, unless `folder` is one that can be listed."""
    try:
        os.listdir(folder)
    except OSError as error:
        raise FacelineError(f"{one_line(folder)}: {error.strerror}; {advice}") from None


@contextlib.contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn a refusal of the operating system to write at `path` into a FacelineError."""
    try:
        yield
    except OSError as error:
        pass_on(error)
        full = error.errno in FULL
        cure = "make room and run the same command again" if full else "make it writable or name another place"
        reason = one_line(error.strerror or str(error))
        raise FacelineError(f"{one_line(path)}: cannot be written: {reason}; {cure}") from error


def scratch_path(path: Path) -> Path:
    """Where `path` is written before it is renamed: known in advance, so a killed run's leftover can be removed."""
    return path.with_name(f".{path.name}.part")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a scratch path beside `path`; on success it becomes `path`, on failure it vanishes.

    One process at a time may write below a folder: see `locked`. What lies at the scratch path already is the leftover
    of a killed run, or a link that somebody planted there: it goes, and is never followed.

    Raises
    ------
    FacelineError
        If the file cannot be written.
    """
    scratch = scratch_path(path)
    with write_errors(path):
        scratch.unlink(missing_ok=True)
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


def write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Write `lines` to `path` as they come, for what is too much to be put together in memory; whole or not at all."""
    with replacing(path) as scratch, scratch.open("wb") as file:
        file.writelines(lines)


def remove(path: Path) -> None:
    """Remove `path` and what a killed run left of it; neither needs to exist."""
    with write_errors(path):
        for file in (path, scratch_path(path)):
            try:
                file.unlink()
            except OSError as error:
                if error.errno not in ABSENT:
                    raise


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


def check_record(record: object, path: Path, parts: dict[str, type]) -> dict:
    """Give `record`, which stands in the file `path`, if it has these parts; raises FacelineError if not."""
    for name, kind in parts.items():
        if not isinstance(record, dict) or not isinstance(record.get(name), kind):
            raise FacelineError(f"{one_line(path)}: damaged: lacks its {name}")
    return record


def read_record(folder: Path, stage: str | None = None) -> dict:
    """The `run.json` of a finished stage; raises FacelineError, also if it is another stage than asked for."""
    path = folder / RUN_FILE
    record = check_record(read_json(path), path, {"stage": str, "options": dict, "counts": dict})
    if stage not in (None, record["stage"]):
        raise FacelineError(f"{one_line(folder)}: holds what the stage {one_line(record['stage'])} wrote, not {stage}")
    return record


@contextlib.contextmanager
def opened(path: Path, limit: int | None = None) -> Iterator[BinaryIO]:
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


def fitting(stem: str, ending: str) -> str:
    """The file name `stem` + `ending`; if it is too long for a file system, a digest stands for the end of the stem."""
    name = stem + ending
    if len(os.fsencode(name)) <= NAME_BYTES:
        return name
    ending = f"~{sha256(os.fsencode(name))[:16]}{ending}"
    while len(os.fsencode(stem + ending)) > NAME_BYTES:
        stem = stem[:-1]
    return stem + ending


def inside(folder: Path, relative: str) -> Path:
    """The path of `relative` below `folder`, which neither `..` nor a symbolic link may leave.

    Raises
    ------
    FacelineError
        If `relative` leads out of `folder`.
    """
    path = folder / relative
    pure = PurePosixPath(relative)
    escapes = pure.is_absolute() or ".." in pure.parts or "\0" in relative
    # The last part may be a link: it is replaced or removed itself, never followed.
    if not escapes and any(os.path.islink(folder / part) for part in pure.parents[:-1]):
        escapes = not real_path(path.parent).is_relative_to(real_path(folder))
    if escapes:
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
        lock = contextlib.ExitStack()
        try:
            lock.enter_context(locking(folder))
        except BlockingIOError:
            raise FacelineError(f"{one_line(folder)}: another run is writing here; wait for it to end") from None
    with lock:
        yield
