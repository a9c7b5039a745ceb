"""Finding the pictures below a folder."""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from faceline.errors import FacelineError
from faceline.files import one_line
from faceline.formats import PictureRow, Status
from faceline.images import picture_suffixes


@dataclass
class Listing:
    """What lies below an input folder.

    Attributes
    ----------
    images : list of str
        Paths of the pictures that belong to a person, relative to the folder, with forward slashes, sorted.
    refused : list of PictureRow
        Pictures and folders that are not looked into, with the reason.
    ignored : Counter
        How many files of each ending are no pictures by their names.
    """

    images: list[str] = field(default_factory=list)
    refused: list[PictureRow] = field(default_factory=list)
    ignored: Counter = field(default_factory=Counter)


def list_pictures(folder: Path) -> Listing:
    """List the pictures of `folder/<person>/…`. Symbolic links are followed, hidden files are not looked at.

    Raises
    ------
    FacelineError
        If the folder is missing or cannot be read, holds no pictures, or none in a person's folder.
    """
    try:
        status = os.stat(folder)
        os.listdir(folder)
    except OSError as error:
        advice = "name the folder that holds a folder for each person"
        raise FacelineError(f"{one_line(folder)}: {error.strerror}; {advice}") from None
    listing = Listing()
    walk(folder, "", ((status.st_dev, status.st_ino),), picture_suffixes(), listing)
    listing.images.sort()
    if not listing.images:
        layout = f"put each person's pictures in a folder of their own: {one_line(folder / '<person>' / '<picture>')}"
        stray = sum(row.status == Status.NO_PERSON for row in listing.refused)
        found = f"{stray} pictures but no folder of a person" if stray else "no pictures"
        raise FacelineError(f"{one_line(folder)}: {found}; {layout}")
    return listing


def walk(folder: Path, prefix: str, ancestors: tuple, suffixes: frozenset[str], listing: Listing) -> None:
    """List the folder `prefix` of `folder`; `ancestors` holds device and inode of it and the folders above it."""
    try:
        with os.scandir(folder / prefix) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    except OSError as error:
        refuse(listing, prefix, error.strerror)
        return
    for name in names:
        path = prefix + name
        try:
            status = os.stat(folder / path)
            is_folder = os.path.isdir(folder / path)
        except OSError:
            is_folder = False  # a link that leads nowhere: the reader says so
        if is_folder:
            identity = (status.st_dev, status.st_ino)
            if identity in ancestors:
                refuse(listing, path + "/", "a link to a folder above it")
            else:
                walk(folder, path + "/", (*ancestors, identity), suffixes, listing)
        elif (suffix := os.path.splitext(name)[1].lower()) not in suffixes:
            listing.ignored[suffix] += 1
        elif not prefix:
            listing.refused.append(PictureRow(path, "", Status.NO_PERSON, "lies outside any person's folder"))
        else:
            listing.images.append(path)


def refuse(listing: Listing, path: str, reason: str) -> None:
    """Note a folder that is not looked into, as the person it would have been."""
    listing.refused.append(PictureRow(path, path.rstrip("/"), Status.UNREADABLE, reason))
