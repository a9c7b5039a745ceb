"""Writing files that are whole or absent."""

import contextlib
import errno
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from faceline.errors import FacelineError
from faceline.host.interruptions import pass_on
from faceline.wording import one_line

# What the system says where there is no room for a file; Windows has no quotas in this sense.
FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


# What the system says where no such file can be.
ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)


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
