"""A person under another name, or several people as one."""

import os
from collections.abc import Sequence
from pathlib import Path

from faceline.disk.corrections import Correction, add_corrections, corrections_path, read_corrections
from faceline.disk.distinct_people import rename_distinct
from faceline.disk.folder_locks import locked
from faceline.disk.names import EMBEDDINGS_DIR, TRAINING_DIR
from faceline.disk.paths import inside
from faceline.disk.placing import free_place, has_same_content, make_folder, move
from faceline.disk.writing import remove, write_errors
from faceline.errors import FacelineError
from faceline.wording import one_line
from faceline.work_folder.adding import check_person, pictures_of
from faceline.work_folder.people import read_people


def check_known(work_dir: Path, person: str) -> None:
    """Raise FacelineError if nobody is called so: no photograph lies in that folder, and no face was said to be
    theirs. The scripts may have learnt people by names that `check_person` refuses."""
    if person not in {known.name for known in read_people(work_dir)}:
        raise FacelineError(f"nobody is called {one_line(person)}")


def rename(work_dir: Path, person: str, name: str) -> list[str]:
    """Give a person's photographs, and what the user has said of them, another name; whose it is already gets more.

    The classifier learns it with the next run of the stages. Killed and run again, it goes on.

    Returns
    -------
    list of str
        Where the photographs are now, below `training-images`.

    Raises
    ------
    FacelineError
        If nobody can be called that, or a photograph cannot be moved.
    """
    check_person(name)
    if person == name:
        return pictures_of(work_dir / TRAINING_DIR, name)
    training, embeddings = work_dir / TRAINING_DIR, work_dir / EMBEDDINGS_DIR
    # What was said first: killed before the photographs move, these have their old name, and it is said again.
    with locked(work_dir):
        path = corrections_path(embeddings)
        add_corrections(path, said_again(read_corrections(path), person, name))
    if embeddings.is_dir():
        with locked(embeddings):
            rename_distinct(embeddings, person, name)
    moved = []
    with locked(training):
        for image in pictures_of(training, person):
            source, place = inside(training, image), inside(training, name + image.removeprefix(person))
            make_folder(place.parent)
            if os.path.lexists(place) and has_same_content(source, place):
                remove(source)
            else:
                place = free_place(place)
                move(source, place)
            moved.append(place.relative_to(training).as_posix())
        remove_empty(inside(training, person), training)
    return moved


def said_again(held: Sequence[Correction], person: str, name: str) -> list[Correction]:
    """What has to be said so that all that was said of a person holds of the new name."""
    found = []
    for correction in held:
        if correction.name != person and person not in correction.people:
            continue
        people = tuple(dict.fromkeys(name if one == person else one for one in correction.people))
        if correction.id:
            found.append(Correction("undo", of=correction.id))
        if correction.people and len(people) < 2:
            continue  # they are one by their name now
        found.append(Correction(correction.what, correction.groups, name if correction.name else "", people))
    return found


def remove_empty(folder: Path, top: Path) -> None:
    """Remove a folder and those in it and above it, below `top`, as far as they hold nothing."""
    if not folder.is_dir() or folder.is_symlink():
        return
    with write_errors(folder):
        for inner, _, _ in os.walk(folder, topdown=False):
            if not os.listdir(inner):
                os.rmdir(inner)
        folder = folder.parent
        while folder != top and folder.is_dir() and not os.listdir(folder):
            os.rmdir(folder)
            folder = folder.parent
