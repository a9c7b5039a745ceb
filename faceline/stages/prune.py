"""People with too few pictures, set aside."""

import os
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from faceline.disk.folder_locks import locked
from faceline.disk.paths import inside
from faceline.disk.people_paths import folder_of, person_of
from faceline.disk.placing import free_place, make_folder, move
from faceline.disk.scan import Listing, list_pictures
from faceline.disk.writing import write_errors
from faceline.errors import FacelineError
from faceline.host.interruptions import ignoring
from faceline.runs.progress import bar
from faceline.stages.photograph_folders import photographs_in, place_outside
from faceline.wording import counted, listed, one_line

DEFAULT_THRESHOLD = 10  # OpenFace's


@dataclass(frozen=True)
class Pruned:
    """Who has too few pictures, and what became of them.

    Attributes
    ----------
    threshold : int
        How many are enough.
    few : sequence of (str, int)
        People with fewer, and how many they have, the fewest first.
    people, pictures : int
        How many there were of each, with those.
    moved_to : str or None
        Where they are now.
    deleted : bool
        Whether they were deleted.
    left : sequence of str
        People who stay although they may have fewer: of whom a folder cannot be read, or lies behind a link elsewhere.
    """

    threshold: int
    few: Sequence[tuple[str, int]]
    people: int
    pictures: int
    moved_to: str | None = None
    deleted: bool = False
    left: Sequence[str] = ()

    def __str__(self) -> str:
        lines = [f"{count:4}  {one_line(person)}" for person, count in self.few]
        gone = sum(count for _, count in self.few)
        lines.append(
            f"{len(self.few)} of {counted(self.people, 'person')} with fewer than {counted(self.threshold, 'picture')}:"
            f" {gone} of {counted(self.pictures, 'picture')}."
        )
        if self.left:
            lines.append(f"Left as they are, behind links or in folders that cannot be read: {listed(self.left)}.")
        if self.deleted:
            lines.append("They are deleted.")
        elif self.moved_to is not None:
            lines.append(f"Moved to {one_line(self.moved_to)}")
        elif self.few:
            lines.append("Nothing was changed: --move DIR sets them aside, --yes deletes them.")
        return "\n".join(lines)


def prune(
    input_dir: str | Path,
    *,
    num_images_threshold: int = DEFAULT_THRESHOLD,
    move_dir: str | Path | None = None,
    yes: bool = False,
) -> Pruned:
    """Find people with few pictures in a folder of people; set them aside, or delete them, if that is asked for.

    With a person's folder goes everything in it that is not another person's. Pictures are counted by their names,
    damaged ones too.

    Parameters
    ----------
    input_dir : path
        Holds a folder of pictures for each person.
    num_images_threshold : int
        People with fewer pictures are meant.
    move_dir : path or None
        Where to move them. What is there already stays; a file of the same name gets a number.
    yes : bool
        Without `move_dir`: delete them for good.

    Raises
    ------
    FacelineError
        If there are no people, a stage wrote the folder, `move_dir` lies in it, or something cannot be written.

    Examples
    --------
    >>> from faceline import prune
    >>> prune("training-images", num_images_threshold=2).few
    [('biden', 1)]
    """
    if num_images_threshold < 1:
        raise FacelineError(f"threshold {num_images_threshold} is out of range; choose 1 or more")
    folder = photographs_in(input_dir)
    place = None if move_dir is None else place_outside(move_dir, folder)
    listing = list_pictures(folder)
    counts = pictures_of_people(listing)
    found = sorted((count, person) for person, count in counts.items() if count < num_images_threshold)
    left = {person_of(path) for path in listing.closed}
    left |= {person for _, person in found if any(map(os.path.islink, (folder / person).parents[: person.count("/")]))}
    few = [(person, count) for count, person in found if person not in left]
    stay = folders_of(listing, counts.keys() - {person for person, _ in few}) | left
    if place is not None:
        with locked(place):
            take(folder, few, stay, lambda path: move_to(place, folder, path))
    elif yes:
        take(folder, few, stay, lambda path: delete(inside(folder, path)))
    moved_to = None if place is None or not few else str(place)
    deleted = yes and place is None and bool(few)
    return Pruned(num_images_threshold, few, len(counts), counts.total(), moved_to, deleted, sorted(left))


def pictures_of_people(listing: Listing) -> Counter[str]:
    """How many pictures each person has, also such as cannot be used, and those who have none."""
    counts = Counter(person_of(image) for image in listing.images)
    counts.update(row.person for row in listing.refused if row.person and not row.image.endswith("/"))
    counts.update(dict.fromkeys(listing.without_pictures(), 0))
    return counts


def folders_of(listing: Listing, people: Collection[str]) -> set[str]:
    """The folders of some people, relative to the folder of all."""
    pictures = [*listing.images, *(row.image for row in listing.refused if row.person)]
    return {*people} | {folder_of(image) for image in pictures if person_of(image) in people}


def take(folder: Path, few: Sequence[tuple[str, int]], stay: Collection[str], do: Callable[[str], None]) -> None:
    """Call `do` with each file of some people, relative to the folder of all, and remove the folders that are empty."""
    with bar("people", len(few)) as progress:
        for person, _ in few:
            files, folders = belongings(folder, person, stay)
            for path in files:
                do(path)
            for path in folders:
                with ignoring(OSError):  # something has come into it meanwhile, or somebody else's folder lies there
                    inside(folder, path).rmdir()
            progress.update()


def belongings(folder: Path, person: str, stay: Collection[str]) -> tuple[list[str], list[str]]:
    """The files and links in a person's folder, and its folders, the innermost first; without folders that stay."""
    if (folder / person).is_symlink():
        return [person], []
    files, folders = [], []
    for parent, names, here in os.walk(folder / person):
        path = os.path.relpath(parent, folder)
        folders.append(path)
        links = [name for name in names if os.path.islink(os.path.join(parent, name))]
        names[:] = [name for name in names if name not in links and f"{path}/{name}" not in stay]
        files += [f"{path}/{name}" for name in sorted([*here, *links])]
    return files, folders[::-1]


def move_to(place: Path, folder: Path, path: str) -> None:
    """Move a file of the folder to the same place below another one."""
    target = inside(place, path)
    make_folder(target.parent)
    move(inside(folder, path), free_place(target))


def delete(path: Path) -> None:
    with write_errors(path):
        path.unlink(missing_ok=True)
