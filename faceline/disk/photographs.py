"""Where the crops and the photographs lie that embeddings come from."""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from faceline.disk.manifests import manifest_rows
from faceline.disk.names import MANIFEST_FILE, RUN_FILE
from faceline.disk.paths import inside, real_path
from faceline.disk.reading import read_json
from faceline.disk.rows import USABLE, PictureRow
from faceline.disk.run_records import check_record, read_record
from faceline.errors import FacelineError, cure
from faceline.wording import one_line


@dataclass(frozen=True)
class Photograph:
    """Where a photograph lies, its path below the folder that stage 1 read, its SHA-256 then, and of how many faces
    there are crops."""

    path: Path
    name: str
    sha256: str
    crops: int


def is_imported(folder: Path) -> bool:
    """Whether the embeddings in `folder` come from another program's table, or an export; raises FacelineError."""
    return "imported_from" in read_json(folder / RUN_FILE)


def aligned_folder(folder: Path) -> Path:
    """Where the crops of the embeddings in `folder` lay when these were made; raises FacelineError."""
    if is_imported(folder):
        raise FacelineError(f"{one_line(folder)}: imported from a table, which tells nothing of crops and photographs")
    record = check_record(read_json(folder / RUN_FILE).get("aligned"), folder / RUN_FILE, {"folder": str})
    return Path(os.path.normpath(real_path(folder) / record["folder"]))


def photographs_folder(aligned: Path) -> Path | None:
    """The folder that stage 1 read, if it lies beside that of its crops; raises FacelineError."""
    name = read_record(aligned, "align").get("input")
    if not isinstance(name, str) or not name or os.path.basename(name) != name or name in (".", ".."):
        return None
    folder = aligned.parent / name
    return folder if folder.is_dir() else None


def photographs_of(aligned: Path) -> dict[str, Photograph]:
    """Crop -> its photograph, whether it is still there or not; nothing if their folder is not known."""
    folder = photographs_folder(aligned)
    if folder is None:
        return {}
    rows = [row for row in manifest_rows(aligned / MANIFEST_FILE, PictureRow) if row.status in USABLE]
    crops = Counter(row.image for row in rows)
    return {
        row.crop: Photograph(inside(folder, row.image), row.image, row.image_sha256, crops[row.image]) for row in rows
    }


def check_apart(place: Path, embeddings: Path) -> None:
    """Raise FacelineError if pictures in `place` would lie where a stage reads or writes, or if it is no folder."""
    if place.exists() and not place.is_dir():
        raise FacelineError(f"{one_line(place)}: is no folder; name another place")
    aligned, photographs = folders_of(embeddings)
    for folder, what in ((embeddings, "embeddings"), (aligned, "crops"), (photographs, "photographs")):
        if folder is not None and real_path(place).is_relative_to(real_path(folder)):
            raise FacelineError(f"{one_line(place)}: lies in the folder of {what}; name a folder of its own")


def folders_of(embeddings: Path) -> tuple[Path, Path | None]:
    """The folders of crops and of photographs; None where these are not beside the crops; raises FacelineError."""
    with cure("run batch_represent again where the crops are"):
        aligned = aligned_folder(embeddings)
        return aligned, photographs_folder(aligned)
