"""The crops on disk: stage 1 writes them, and removes those that no picture has any more."""

import itertools
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from faceline.disk.paths import inside, real_path
from faceline.disk.people_paths import folder_of
from faceline.disk.rows import FACE_NUMBER, PictureRow, crop_path
from faceline.disk.scan import Listing
from faceline.disk.writing import remove, write_bytes, write_errors
from faceline.errors import FacelineError
from faceline.runs.folder_run import FolderRun
from faceline.stages.picture_rows import by_picture
from faceline.wording import one_line

# How often it is tried to write a crop whose folder disappears.
ATTEMPTS = 100


def crop_folders(output_dir: Path, crops: list[str]) -> set[Path]:
    """The folders of crops that may lead out of the output folder; none in one that is not there yet."""
    return {output_dir / folder_of(crop) for crop in crops} if os.path.lexists(output_dir) else set()


def further_crops(output_dir: Path, images: Sequence[str]) -> Iterator[str]:
    """What lies in the output folder under a name that the crop of a further face of the pictures may need.

    How many faces there are is not known before the pictures are looked at.
    """
    of_folder: dict[str, list[str]] = defaultdict(list)
    for image in images:
        of_folder[folder_of(image)].append(image)
    for folder, own in of_folder.items():
        path = output_dir / folder
        names = sorted(os.listdir(path)) if path.is_dir() else []
        found = {f"{folder}/{name}".lstrip("/"): FACE_NUMBER.search(name) for name in names}
        for name, number in found.items():
            if number and name in {crop_path(image, int(number[1])) for image in own}:
                yield name


def refuse_within(input_dir: Path, folders: set[Path]) -> None:
    """Raise FacelineError if crops in `folders` would lie among the pictures, where the next run would find them."""
    pictures = real_path(input_dir)
    for folder in sorted(folders):
        if real_path(folder).is_relative_to(pictures):
            raise FacelineError(f"{one_line(folder)}: lies in the input folder; name a folder outside it for the crops")


def clear(run: FolderRun, listing: Listing) -> tuple[list[PictureRow], int]:
    """Remove the crops that no picture has any more, before others may need their places.

    Returns the rows that are certain already, and how many have disappeared with their pictures. Certain are pictures
    that are refused, and those of an earlier run in a folder that cannot be read for now: they keep their crops.
    """
    known = by_picture(run.known.values())
    waiting = [row for row in run.known.values() if row.image.startswith(listing.closed) and row.image_sha256]
    rows = [*listing.refused, *waiting]
    for row in listing.refused:
        for before in known.get(row.image, ()):
            if before.crop:
                remove_crop(run, before)
                run.put(row)
    missed = known.keys() - {row.image for row in rows} - set(listing.images)
    gone = [row for image in missed if not image.endswith("/") for row in known[image]]  # a refused folder has no crop
    for row in gone:
        remove_crop(run, row)
    return rows, len(gone)


def put_crops(run: FolderRun, found: Iterable[tuple[PictureRow, bytes | None]], before: Sequence[PictureRow]) -> int:
    """Put the rows and crops of a picture on disk, as far as they are news.

    Removes the crops of faces that it had before and has no more, and gives how many these are.
    """
    keys = set()
    for row, png in found:
        keys.add(row.key)
        if png is not None or row != run.known.get(row.key):
            put_crop(run, row, png)
    gone = [row for row in before if row.key not in keys]
    for row in gone:
        remove_crop(run, row)
    return len(gone)


def put_crop(run: FolderRun, row: PictureRow, png: bytes | None) -> None:
    """Put a picture's outcome on disk, its crop where `png` is given. The journal lists all crops at every moment."""
    before = run.rows.get(row.key)
    if png is None:
        # The row of a crop that stays may say something else of it.
        if before is not None and before.crop and before.crop_sha256 != row.crop_sha256:
            remove_crop(run, before)
        run.note(row)
    else:
        run.note(row)
        write_crop(run.folder, row.crop, png)


def write_crop(output_dir: Path, crop: str, png: bytes) -> None:
    """Write a crop, and the folders that it lies in."""
    path = inside(output_dir, crop)
    for attempt in itertools.count(1):
        try:
            with write_errors(path):
                # One by one: `parents=True` calls itself for each of them, which fails where there are a thousand.
                folder = output_dir
                for part in crop.split("/")[:-1]:
                    folder /= part
                    folder.mkdir(exist_ok=True)
            write_bytes(path, png)
            return
        except FacelineError as error:
            # Another shard has removed the last crop of another person's from a folder that both lie in.
            if not isinstance(error.__cause__, FileNotFoundError) or attempt == ATTEMPTS:
                raise


def remove_crop(run: FolderRun, row: PictureRow) -> None:
    """Remove the crop that `row` tells of, and the folders that this leaves empty.

    A row that leads out of the folder, or to another file than a crop, is none of ours: it removes nothing.
    """
    run.begin_changes()
    if row.crop != crop_path(row.image, row.face):
        return
    try:
        path = inside(run.folder, row.crop)
    except FacelineError:
        return
    remove(path)
    for folder in path.parents:
        if folder == run.folder:
            break
        try:
            folder.rmdir()
        except FileNotFoundError:
            continue  # a killed run has come as far as this
        except OSError:
            break  # not empty
