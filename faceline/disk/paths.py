"""Paths that users and tables name: they stay inside their folder, and fit a file system."""

import os
from pathlib import Path, PurePosixPath

from faceline.disk.reading import sha256
from faceline.errors import FacelineError
from faceline.wording import one_line

# A file name has at most 255 bytes on the usual file systems; the scratch name of `replacing` needs some of them.
NAME_BYTES = 255 - len("..part")


def named_path(path: str | Path) -> Path:
    """A path that the user named; raises FacelineError for an empty one, which would mean the current folder,
    and for one that no system has."""
    if not os.fspath(path):
        raise FacelineError("an empty path names nothing; name a file or a folder")
    if "\0" in os.fspath(path):
        raise FacelineError(f"{one_line(path)}: a path holds no NUL character; correct it")
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
