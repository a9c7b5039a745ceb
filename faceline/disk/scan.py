"""Finding the pictures below a folder."""

import os
import stat
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from faceline.disk.names import CROP_EMBEDDINGS_FILE, JOURNAL_FILE, MANIFEST_FILE, RUN_FILE
from faceline.disk.paths import check_folder
from faceline.disk.people_paths import UNKNOWN, folder_of, is_nobody, is_thumbnail_store, person_of
from faceline.disk.pictures.images import picture_suffixes
from faceline.disk.rows import (
    FACE_NUMBER,
    PictureRow,
    Status,
    crop_path,
)
from faceline.errors import FacelineError
from faceline.wording import counted, one_line

# What stage 1 writes beside the people's folders.
RESERVED = (MANIFEST_FILE, RUN_FILE, JOURNAL_FILE, CROP_EMBEDDINGS_FILE)


# A folder: its path with a slash at its end, and its `identity`.
Found = tuple[str, tuple[int, int]]


@dataclass
class Listing:
    """What lies below an input folder.

    Attributes
    ----------
    images : list of str
        Paths of the pictures that belong to a person, relative to the folder, with forward slashes, sorted. Where
        every face is wanted, those that lie in nobody's folder, too.
    sizes : dict
        The size in bytes of each of them.
    refused : list of PictureRow
        Pictures and folders that are not looked into, with the reason.
    folders : list of str
        The folders that were looked into, each with a slash at its end.
    closed : tuple of str
        Those of them that are folders which cannot be read now, each with a slash at its end.
    ignored : Counter
        How many files of each ending are no pictures by their names, and how many folders of each name, with a slash
        behind it, hold copies that a server made.
    """

    images: list[str] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    refused: list[PictureRow] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    closed: tuple[str, ...] = ()
    ignored: Counter = field(default_factory=Counter)

    def part(self, holds: Callable[[str], bool]) -> "Listing":
        """The listing with only those pictures, and refused ones, whose path `holds` is true of."""
        images = [image for image in self.images if holds(image)]
        sizes = {image: self.sizes[image] for image in images}
        return replace(self, images=images, sizes=sizes, refused=[row for row in self.refused if holds(row.image)])

    def without_pictures(self) -> set[str]:
        """The people in whose folders no picture lies; a folder within theirs, or another person's, is nobody."""
        held: set[str] = set()
        bare: set[str] = set()
        for path in [*self.images, *(row.image for row in self.refused)]:
            held.update(folders_above(path))
        owners = {folder_of(image) for image in self.images}
        for folder in sorted(path.rstrip("/") for path in self.folders):
            if folder and folder not in held and folder_of(folder) not in owners | bare:
                bare.add(folder)
        return {person_of(folder + "/") for folder in bare}

    def refuse(self, path: str, reason: str) -> None:
        """Note a picture, or a folder whose path ends with a slash and would have been a person's."""
        person = path.rstrip("/") if path.endswith("/") else person_of(path)
        self.refused.append(PictureRow(path, person, Status.UNREADABLE, reason))


def list_pictures(folder: Path, may_be_empty: bool = False, every: bool = False) -> Listing:
    """List the pictures of `folder/<person>/…`. Symbolic links are followed, hidden files are not looked at.

    `may_be_empty` says that there were people before, who may all have been removed. `every` says that a picture may
    have several crops, and may lie in `folder` itself, as it need not be anybody's.

    Raises
    ------
    FacelineError
        If the folder is missing or cannot be read, or holds no pictures, or none in a person's folder, and may not.
    """
    check_folder(folder, f"name the folder that holds {'the pictures' if every else 'a folder for each person'}")
    listing = Listing()
    walk(folder, listing, every)
    refuse_collisions(listing, every)
    listing.images.sort()
    if not listing.images and listing.closed:
        reason = next(row.reason for row in listing.refused if row.image == listing.closed[0])
        raise FacelineError(f"{one_line(folder / listing.closed[0])}: {reason}; make it readable")
    if not listing.images and not may_be_empty and every:
        raise FacelineError(f"{one_line(folder)}: no pictures; put them there, or in folders below it")
    if not listing.images and not may_be_empty:
        layout = f"put each person's pictures in a folder of their own: {one_line(folder / '<person>' / '<picture>')}"
        stray = sum(row.status == Status.NO_PERSON for row in listing.refused)
        found = f"{counted(stray, 'picture')} but no folder of a person" if stray else "no pictures"
        layout += "; align --every takes photographs without names" if stray else ""
        raise FacelineError(f"{one_line(folder)}: {found}; {layout}")
    refuse_nobody(folder, listing)
    return listing


def refuse_nobody(folder: Path, listing: Listing) -> None:
    """Raise FacelineError if a folder of people is called as strangers are: its faces would be learnt as one person."""
    nobody = next((image for image in listing.images if is_nobody(person_of(image))), None)
    if nobody is not None:
        advice = (
            f"nobody may be called {UNKNOWN}, which stands for strangers; take that folder out, rename it"
            " and run stages 1 and 2 on it apart, then name its embeddings in classifier.py train --strangers DIR"
        )
        raise FacelineError(f"{one_line(folder / person_of(nobody))}: {advice}")


def walk(folder: Path, listing: Listing, every: bool) -> None:
    """List all of `folder`, each folder once: under its own path, or that of the first link to it from elsewhere.

    `every` as that of `list_pictures`.
    """
    suffixes = picture_suffixes()
    first_paths: dict[tuple[int, int], str] = {}
    waiting = [("", identity(os.stat(folder)))]
    while waiting:
        links: list[Found] = []
        for start in waiting:
            stack = [start]
            while stack:
                path, number = stack.pop()
                first = first_paths.setdefault(number, path)
                if first != path:
                    listing.refuse(path, f"the same folder as {one_line(first) or 'the input'}, which is listed")
                    continue
                folders, more_links = look_into(folder, path, suffixes, listing, every)
                stack += reversed(folders)
                links += more_links
        # Links come last, so that no folder is listed under the name of a link when it has a path of its own.
        waiting = sorted(links)


def identity(status: os.stat_result) -> tuple[int, int]:
    """What a folder has in common with all links to it."""
    return status.st_dev, status.st_ino


def look_into(
    folder: Path, prefix: str, suffixes: frozenset[str], listing: Listing, every: bool
) -> tuple[list[Found], list[Found]]:
    """List the files of the folder `prefix` of `folder`; give its folders, and its links to folders."""
    folders: list[Found] = []
    links: list[Found] = []
    try:
        with os.scandir(os.path.join(folder, prefix)) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
        os.stat(os.path.join(folder, prefix, "."))  # fails where a folder may be listed, but not entered
    except OSError as error:
        listing.refuse(prefix, error.strerror or str(error))
        listing.closed += (prefix,)
        return folders, links
    listing.folders.append(prefix)
    for name in names:
        path = prefix + name
        try:
            status = os.stat(os.path.join(folder, path))  # as a Path it takes three times as long
        except OSError:
            status = None  # a link that leads nowhere: if it has a picture's name, the reader says so
        if status and stat.S_ISDIR(status.st_mode) and is_thumbnail_store(name):
            listing.ignored[name + "/"] += 1
        elif status and stat.S_ISDIR(status.st_mode):
            (links if os.path.islink(folder / path) else folders).append((path + "/", identity(status)))
        elif (suffix := os.path.splitext(name)[1].lower()) not in suffixes:
            listing.ignored[suffix] += 1
        elif not prefix and not every:
            listing.refused.append(PictureRow(path, "", Status.NO_PERSON, "lies outside any person's folder"))
        else:
            listing.images.append(path)
            listing.sizes[path] = status.st_size if status else 0
    return folders, links


def folders_above(path: str) -> list[str]:
    """The folders that a path lies in, the innermost first."""
    parts = path.rstrip("/").split("/")
    return ["/".join(parts[:depth]) for depth in range(len(parts) - 1, 0, -1)]


def refuse_collisions(listing: Listing, every: bool) -> None:
    """Refuse the pictures whose crop would take the place of a file of ours, or of the folder of other crops."""
    folders = {folder for image in listing.images for folder in folders_above(image)}
    numbers = {int(found[1]) for folder in folders if every and (found := FACE_NUMBER.search(folder))}
    images, listing.images = listing.images, []
    for image in images:
        top, crops = image.split("/", 1)[0], [crop_path(image, face) for face in (1, *sorted(numbers))]
        crop = next((crop for crop in crops if crop in folders), None)
        if top in RESERVED:
            listing.refuse(image, f"its crop would need a folder where {top} is written; rename the folder")
        elif crop is not None:
            listing.refuse(image, f"its crop would lie where the crops of the folder {one_line(crop)} go; rename it")
        else:
            listing.images.append(image)
