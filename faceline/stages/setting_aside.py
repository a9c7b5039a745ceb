"""Pictures that `check` finds faults with, moved out of the stages' way; and moved back."""

import csv
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from faceline.disk.folder_locks import locked
from faceline.disk.names import MOVED_FILE
from faceline.disk.paths import check_folder, inside, named_path
from faceline.disk.photographs import folders_of, photographs_of
from faceline.disk.placing import free_place, make_folder, move
from faceline.disk.reading import file_sha256, opened_text
from faceline.disk.tables import write_csv
from faceline.disk.writing import remove, write_errors
from faceline.errors import FacelineError, UnreadableError, cure
from faceline.wording import counted, listed, one_line

# Which folder a picture comes from: that which stage 1 read, or that of the crops.
PHOTOGRAPHS, CROPS = "photographs", "crops"
HEADER = ["picture", "was", "folder"]


@dataclass(frozen=True)
class Moved:
    """A picture that was moved: where it lies below the folder for it, and where it lay below which folder."""

    picture: str
    was: str
    folder: str


@dataclass(frozen=True)
class Aside:
    """What became of pictures that were to be moved: those that were, that are gone, that have changed, and the crops
    of photographs that show others, too."""

    place: str
    sure: float
    moved: Sequence[Moved]
    gone: int = 0
    changed: Sequence[str] = ()
    shared: Sequence[str] = ()

    def __str__(self) -> str:
        lines = [f"Moved to {one_line(self.place)}, as of a probability of {self.sure:g}: {self.what()}."]
        if self.moved:
            lines.append("Run align-dlib.py and batch_represent again; --undo moves them back.")
        if self.moved and self.moved[0].folder == CROPS:
            lines[-1] = (
                "They are crops, as the photographs are not beside them: run batch_represent again, not align-dlib.py,"
                " which would make them anew; --undo moves them back."
            )
        if self.gone:
            lines.append(f"Not there any more: {self.gone}.")
        if self.changed:
            lines.append(f"Left, as they have changed since (run align-dlib.py first): {listed(self.changed)}.")
        if self.shared:
            lines.append(f"Left, as the photograph has crops of other faces (faceline correct): {listed(self.shared)}.")
        return "\n".join(lines)

    def what(self) -> str:
        if not self.moved:
            return "nothing"
        thing = "photograph" if self.moved[0].folder == PHOTOGRAPHS else "crop"
        return f"{counted(len(self.moved), thing)}: {listed([moved.picture for moved in self.moved])}"


@dataclass(frozen=True)
class PutBack:
    """What became of pictures that were to be moved back: how many were, and which were left, as their place is
    taken."""

    place: str
    back: int
    left: Sequence[str]

    def __str__(self) -> str:
        lines = [f"Moved back from {one_line(self.place)}: {counted(self.back, 'picture')}."]
        if self.left:
            lines.append(f"Left, as something lies in their place: {listed(self.left)}.")
        if self.back:
            lines.append("Run align-dlib.py and batch_represent again.")
        return "\n".join(lines)


def set_aside(place: Path, embeddings: Path, crops: Iterable[str], sure: float) -> Aside:
    """Move the photographs of crops, or the crops where the photographs are not beside them, to the same paths below
    `place`. Nothing there is overwritten, and wherever a run is killed, each picture is whole in one of both places."""
    aligned, _ = folders_of(embeddings)
    with cure("run batch_represent again where the crops are"):
        photographs = photographs_of(aligned)
    gone, changed, shared = 0, [], []
    chosen: list[tuple[Path, Moved]] = []
    with locked(place):
        before = [moved for moved in read_moved(place) if os.path.lexists(inside(place, moved.picture))]
        taken: set[Path] = set()
        for crop in crops:
            photograph = photographs.get(crop)
            source, was = (inside(aligned, crop), crop) if photograph is None else (photograph.path, photograph.name)
            if not os.path.lexists(source) or (photographs and photograph is None):
                gone += 1
            elif photograph is not None and photograph.crops > 1:
                shared.append(crop)
            elif photograph is not None and not has_digest(source, photograph.sha256):
                changed.append(was)
            else:
                path = free_place(inside(place, was), taken)
                taken.add(path)
                name = path.relative_to(place).as_posix()
                chosen.append((source, Moved(name, was, CROPS if photograph is None else PHOTOGRAPHS)))
        # Written down first: what a killed run has noted and not moved is not there, and does not count.
        if chosen:
            write_moved(place, [*before, *(moved for _, moved in chosen)])
        for source, moved in chosen:
            bring(source, inside(place, moved.picture))
    return Aside(str(place), sure, [moved for _, moved in chosen], gone, changed, shared)


def bring(source: Path, path: Path) -> None:
    """Move a file to a place where nothing is, in a folder that need not be there."""
    make_folder(path.parent)
    move(source, path)


def move_back(embeddings_dir: str | Path, place: str | Path) -> PutBack:
    """Move pictures back from `place` to where `check` of these embeddings found them, as far as nothing lies there.

    Raises
    ------
    FacelineError
        If nothing was moved to `place`, the folders of photographs and crops are not known, or a file cannot be moved.
    """
    embeddings, place = named_path(embeddings_dir), named_path(place)
    check_folder(embeddings, "run batch_represent first")
    if not (place / MOVED_FILE).is_file():
        raise FacelineError(f"{one_line(place)}: nothing was moved here; name the folder that --move was given")
    with locked(embeddings):
        return put_back(place, embeddings)


def put_back(place: Path, embeddings: Path) -> PutBack:
    """What `move_back` does."""
    aligned, photographs = folders_of(embeddings)
    back, left = 0, []
    with locked(place):
        for moved in read_moved(place):
            folder = photographs if moved.folder == PHOTOGRAPHS else aligned
            source = inside(place, moved.picture)
            if not os.path.lexists(source):
                continue
            if folder is None or os.path.lexists(inside(folder, moved.was)):
                left.append(moved)
                continue
            bring(source, inside(folder, moved.was))
            remove_empty(source.parent, place)
            back += 1
        if left:
            write_moved(place, left)
        else:
            remove(place / MOVED_FILE)
    return PutBack(str(place), back, [moved.picture for moved in left])


def has_digest(path: Path, digest: str) -> bool:
    try:
        return file_sha256(path) == digest
    except UnreadableError:
        return False


def remove_empty(folder: Path, top: Path) -> None:
    """Remove the folders below `top` that hold nothing any more, from `folder` upwards."""
    while folder != top and not os.listdir(folder):
        with write_errors(folder):
            folder.rmdir()
        folder = folder.parent


def write_moved(place: Path, moved: Iterable[Moved]) -> None:
    write_csv(place / MOVED_FILE, [HEADER, *((each.picture, each.was, each.folder) for each in moved)])


def read_moved(place: Path) -> list[Moved]:
    """What has been moved to a folder, nothing if it has no such table; raises FacelineError if that is damaged."""
    path = place / MOVED_FILE
    if not path.exists():
        return []
    with opened_text(path) as file:
        reader = csv.reader(file, strict=True)
        try:
            if next(reader, None) != HEADER:
                raise ValueError(f"the columns are not {', '.join(HEADER)}")
            found = [Moved(picture, was, folder) for picture, was, folder in reader]
            if not {moved.folder for moved in found} <= {PHOTOGRAPHS, CROPS}:
                raise ValueError(f"folder is neither {PHOTOGRAPHS} nor {CROPS}")
            return found
        except (ValueError, csv.Error) as error:
            advice = "correct or remove the file"
            raise FacelineError(f"{one_line(path)}: line {reader.line_num}: {one_line(error)}; {advice}") from None
