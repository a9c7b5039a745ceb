"""The crops on disk: stage 1 writes them, and removes those that no picture has any more."""

import os
from pathlib import Path

from faceline.disk.paths import inside, real_path
from faceline.disk.people_paths import folder_of
from faceline.disk.rows import PictureRow, crop_path
from faceline.disk.scan import Listing
from faceline.disk.writing import remove, write_bytes, write_errors
from faceline.errors import FacelineError
from faceline.runs.folder_run import FolderRun
from faceline.wording import one_line


def crop_folders(output_dir: Path, crops: list[str]) -> set[Path]:
    """The folders of crops that may lead out of the output folder; none in one that is not there yet."""
    return {output_dir / folder_of(crop) for crop in crops} if os.path.lexists(output_dir) else set()


def refuse_within(input_dir: Path, folders: set[Path]) -> None:
    """Raise FacelineError if crops in `folders` would lie among the pictures, where the next run would find them."""
    pictures = real_path(input_dir)
    for folder in sorted(folders):
        if real_path(folder).is_relative_to(pictures):
            raise FacelineError(f"{one_line(folder)}: lies in the input folder; name a folder outside it for the crops")


def clear(run: FolderRun, listing: Listing) -> tuple[list[PictureRow], int]:
    """Remove the crops that no picture has any more, before others may need their places.

    Returns the rows that are certain already, and how many pictures have disappeared. Certain are pictures that are
    refused, and those of an earlier run in a folder that cannot be read for now: they keep their crops.
    """
    known = run.known
    waiting = [row for row in known.values() if row.image.startswith(listing.closed) and row.image_sha256]
    rows = [*listing.refused, *waiting]
    for row in listing.refused:
        if row.key in known and known[row.key].crop:
            remove_crop(run, known[row.key])
            run.put(row)
    missed = known.keys() - {row.key for row in rows} - set(listing.images)
    gone = [key for key in missed if not key.endswith("/")]  # a folder that had been refused has no crop
    for key in gone:
        remove_crop(run, known[key])
    return rows, len(gone)


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
        path = inside(run.folder, row.crop)
        with write_errors(path):
            # One by one: `parents=True` calls itself for each of them, which fails where there are a thousand.
            folder = run.folder
            for part in row.crop.split("/")[:-1]:
                folder /= part
                folder.mkdir(exist_ok=True)
        write_bytes(path, png)


def remove_crop(run: FolderRun, row: PictureRow) -> None:
    """Remove the crop that `row` tells of, and the folders that this leaves empty.

    A row that leads out of the folder, or to another file than a crop, is none of ours: it removes nothing.
    """
    run.begin_changes()
    if row.crop != crop_path(row.image):
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
        except OSError:
            break  # not empty
