"""Photographs that are added to a person, as `training-images` has them."""

import os
import unicodedata
from pathlib import Path

from faceline.disk.folder_locks import locked
from faceline.disk.names import TRAINING_DIR
from faceline.disk.paths import inside
from faceline.disk.people_paths import check_name, is_thumbnail_store, person_of
from faceline.disk.pictures.images import picture_ending
from faceline.disk.placing import put_bytes
from faceline.disk.reading import read_bytes, sha256
from faceline.disk.scan import RESERVED, list_pictures
from faceline.errors import FacelineError, UnreadableError
from faceline.wording import one_line

LONGEST = 100  # bytes of a folder's name


def check_person(name: str) -> None:
    """Raise FacelineError if nobody can be called that: a name is the path of a folder in `training-images`."""
    problem = ""
    try:
        check_name(name)
    except ValueError as error:
        problem = one_line(error)
    parts = name.split("/")
    if not problem and (any(map(is_thumbnail_store, parts)) or parts[0] in RESERVED):
        problem = f"{name!r:.40} is no name: photographs in such a folder are left aside"
    if not problem and "\ufffd" in name:
        problem = f"{name!r:.40} is no name: it stands for bytes that are no text"
    if not problem and not any(unicodedata.category(character)[0] in "LNSP" for character in name):
        problem = f"{name!r:.40} is no name: nothing of it can be seen"
    if not problem and any(len(os.fsencode(part)) > LONGEST for part in parts):
        problem = f"{name!r:.40} is too long"
    if not problem and person_of(f"{name}/picture.jpg") != name:
        problem = f"{name!r:.40} is no name: folders called by a number or a date are their parent's"
    if problem:
        raise FacelineError(problem)


def add_photograph(work_dir: Path, person: str, content: bytes) -> tuple[str, bool]:
    """Add a photograph to a person's; it is on disk when this returns.

    Parameters
    ----------
    work_dir : Path
    person : str
    content : bytes
        Of a picture's file, which becomes the photograph's as it is.

    Returns
    -------
    str
        Its path below `training-images`.
    bool
        Whether it is new: a person's photograph that is there already stays alone.

    Raises
    ------
    FacelineError
        If nobody can be called that, or it cannot be written.
    UnreadableError
        If it is no picture.
    """
    check_person(person)
    digest, ending = sha256(content), picture_ending(content)
    training = work_dir / TRAINING_DIR
    with locked(training):
        for image in pictures_of(training, person):
            path = inside(training, image)
            if os.path.getsize(path) == len(content) and sha256(read_bytes(path)) == digest:
                return image, False
        image = f"{person}/{digest[:20]}{ending}"
        put_bytes(content, inside(training, image))
    return image, True


def pictures_of(training: Path, person: str) -> list[str]:
    """A person's photographs, as paths below `training-images`, sorted."""
    folder = inside(training, person)
    if not folder.is_dir():
        return []
    found = [f"{person}/{image}" for image in list_pictures(folder, may_be_empty=True, every=True).images]
    return [image for image in found if person_of(image) == person and is_there(inside(training, image))]


def is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, UnreadableError):
        return False
