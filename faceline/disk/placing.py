"""Bringing files to places where nothing is: linked, copied or moved, whole or not at all."""

import hashlib
import itertools
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from faceline.disk.paths import fitting
from faceline.disk.reading import opened
from faceline.disk.writing import replacing, write_errors
from faceline.errors import UnreadableError
from faceline.host.interruptions import ignoring, pass_on
from faceline.wording import one_line

CHUNK_BYTES = 1 << 20


def make_folder(folder: Path) -> None:
    """Make a folder and those that it lies in, the outermost first."""
    with write_errors(folder):
        os.makedirs(folder, exist_ok=True)


def has_same_content(source: Path, path: Path) -> bool:
    """Whether two files have the same content; raises UnreadableError if `source` cannot be read."""
    with opened(source) as file:
        try:
            with opened(path) as other:
                if os.path.sameopenfile(file.fileno(), other.fileno()):
                    return True
                if os.fstat(file.fileno()).st_size != os.fstat(other.fileno()).st_size:
                    return False
                content = hashlib.file_digest(other, "sha256").digest()
        except UnreadableError:
            return False
        return hashlib.file_digest(file, "sha256").digest() == content


def put(source: Path, path: Path, link: bool) -> None:
    """Link or copy a file to a place where nothing is, whole or not at all."""
    with opened(source) as file, replacing(path) as scratch:
        if link:
            with ignoring(OSError):  # another file system, or one without links, or somebody else's file
                os.link(os.path.realpath(source), scratch)
                return
        with scratch.open("xb") as copy:
            copy.writelines(chunks(file, source))
        status = os.fstat(file.fileno())
        os.utime(scratch, ns=(status.st_atime_ns, status.st_mtime_ns))


def put_bytes(content: bytes, path: Path) -> None:
    """Write a new file that is there when this returns, whatever happens to the machine then; whole or not at all."""
    make_folder(path.parent)
    with replacing(path) as scratch, scratch.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    with write_errors(path.parent):
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            with ignoring(OSError):  # a file system on which folders cannot be synchronised
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


def chunks(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """The content of a file; raises UnreadableError, so that it is not taken for a mistake of what is written."""
    try:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
    except OSError as error:
        pass_on(error)
        raise UnreadableError(error.strerror or str(error), one_line(path)) from error


def free_place(path: Path, taken: Collection[Path] = ()) -> Path:
    """`path`, or where something is there already, or it is `taken`, the first of `name-2.jpg`, `name-3.jpg`, … that
    nothing has."""
    stem, ending = os.path.splitext(path.name)
    for number in itertools.count(2):
        if path not in taken and not os.path.lexists(path):
            return path
        path = path.with_name(fitting(stem, f"-{number}{ending}"))
    raise AssertionError("numbers end")


def move(source: Path, path: Path) -> None:
    """Move a file or a link to a place where nothing is, in another file system too.

    A link leads where it did, but for one to something beside or below it, which is taken to move along.

    Raises
    ------
    FacelineError
        If it cannot be written there, or taken away here.
    """
    with write_errors(path):
        if source.is_symlink():
            target = os.readlink(source)
            if ".." in Path(target).parts:
                target = os.path.normpath(os.path.join(os.path.realpath(source.parent), target))
            path.symlink_to(target)
        else:
            with ignoring(OSError):  # another file system
                os.rename(source, path)
                return
            put(source, path, link=False)
    with write_errors(source):
        source.unlink()
