"""What copies of pictures are called, and where they go: onto no original, and no two of them to one place."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from faceline.disk.paths import fitting, inside
from faceline.disk.writing import write_errors
from faceline.errors import FacelineError
from faceline.wording import one_line


def copy_paths(
    pictures: Sequence[str | Path],
    folder: Path,
    mark: str,
    written: Collection[str],
    places: Sequence[str] | None = None,
) -> list[Path]:
    """Where the copy of each picture goes: below `folder`, under the picture's own name with `mark` behind it.

    So it replaces the copy that an earlier run made of the picture, but no photograph that the folder holds. A second
    picture of the same name gets a number, and one with another ending than those `written` becomes JPEG. `places` says
    in which folder below `folder` each one is to lie; they are made.

    Raises
    ------
    FacelineError
        If a folder cannot be made, or a copy would take an original's place.
    """
    places = places or [""] * len(pictures)
    for place in sorted({"", *places}):
        path = inside(folder, place)
        with write_errors(path):
            path.mkdir(parents=True, exist_ok=True)
    originals = {os.path.realpath(picture) for picture in pictures}
    paths, taken = [], set()
    for picture, place in zip(pictures, places, strict=True):
        stem, suffix = copy_name(picture, written)
        path, number = folder / place / fitting(stem, f"{mark}{suffix}"), 1
        # Without its ending, which may yet change where a picture is too large for a format.
        while path.with_suffix("") in taken:
            number += 1
            path = folder / place / fitting(stem, f"{mark}-{number}{suffix}")
        taken.add(path.with_suffix(""))
        if {os.path.realpath(path), os.path.realpath(path.with_suffix(".png"))} & originals:
            raise FacelineError(f"{one_line(path)}: the copy would replace an original; name another folder")
        paths.append(path)
    return paths


def copy_name(picture: str | Path, written: Collection[str]) -> tuple[str, str]:
    """What the name of a picture's copy begins with, and its ending, one of those `written`."""
    name = Path(picture).name
    stem, suffix = os.path.splitext(name)
    return (stem, suffix) if suffix.lower() in written else (name, ".jpg")
