"""Who is in a work folder, and which photographs there are of each."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from faceline.disk.manifests import manifest_rows
from faceline.disk.names import EMBEDDINGS_DIR, MANIFEST_FILE, TRAINING_DIR
from faceline.disk.people_paths import person_of
from faceline.disk.rows import CropRow, PictureRow
from faceline.disk.scan import list_pictures
from faceline.errors import FacelineError
from faceline.stages.corrected import corrected
from faceline.work_folder.options import manifest_of


@dataclass(frozen=True)
class PersonPictures:
    """A person of a work folder: how many photographs lie in the folder, and how many faces count as the person's by
    the last run of the stages and what the user has said."""

    name: str
    photographs: int
    faces: int


@dataclass(frozen=True)
class PersonPicture:
    """A photograph of a person's: its path below `training-images`; and where the stages have looked at it, its
    SHA-256, status, reason, crop, and what stage 2 measured of the face."""

    image: str
    photograph: str = ""
    status: str = "new"
    reason: str = ""
    crop: str = ""
    quality: float | None = None
    unclear: str = ""
    pose: float | None = None


def read_people(work_dir: Path) -> list[PersonPictures]:
    """Everybody with a photograph or a face, by name; raises FacelineError if a table is damaged."""
    training = work_dir / TRAINING_DIR
    photographs: Counter[str] = Counter()
    if training.is_dir():
        photographs.update(map(person_of, list_pictures(training, may_be_empty=True).images))
    faces = Counter(name for name in whose(work_dir).values() if name)
    return [PersonPictures(name, photographs[name], faces[name]) for name in sorted(photographs | faces)]


def whose(work_dir: Path) -> dict[str, str]:
    """Crop -> the person whose it is, "" of what shall not count; of no crop where nothing has been embedded."""
    folder = work_dir / EMBEDDINGS_DIR
    try:
        rows = list(manifest_rows(folder / MANIFEST_FILE, CropRow))
        labels = corrected(folder, [row.crop for row in rows], [row.person for row in rows])
    except FacelineError:
        return {}
    names = zip(labels.people, labels.kept, strict=True)
    return {row.crop: name if is_kept else "" for row, (name, is_kept) in zip(rows, names, strict=True)}


def read_person(work_dir: Path, person: str) -> list[PersonPicture]:
    """The photographs of a person: those in the folder, and those elsewhere whose face the user has said is theirs."""
    training = work_dir / TRAINING_DIR
    images = set()
    if training.is_dir():
        images = {image for image in list_pictures(training, may_be_empty=True).images if person_of(image) == person}
    of_crop = whose(work_dir)
    rows = rows_by_image(work_dir)
    measured = {row.crop: row for row in crop_rows(work_dir)}
    found = []
    for image in sorted(
        images | {image for image, own in rows.items() if any(of_crop.get(r.crop) == person for r in own)}
    ):
        own = rows.get(image, [])
        row = next((row for row in own if of_crop.get(row.crop) == person), own[0] if own else None)
        if row is None:
            found.append(PersonPicture(image))
            continue
        crop = measured.get(row.crop)
        seen = () if crop is None else (crop.quality, crop.unclear, crop.pose)
        found.append(PersonPicture(image, row.image_sha256, row.status, row.reason, row.crop, *seen))
    return found


def rows_by_image(work_dir: Path) -> dict[str, list[PictureRow]]:
    """What stage 1 says of each photograph; nothing where it has not run."""
    found: dict[str, list[PictureRow]] = defaultdict(list)
    try:
        for row in manifest_rows(manifest_of(work_dir), PictureRow):
            found[row.image].append(row)
    except FacelineError:
        return {}
    return dict(found)


def crop_rows(work_dir: Path) -> list[CropRow]:
    try:
        return list(manifest_rows(work_dir / EMBEDDINGS_DIR / MANIFEST_FILE, CropRow))
    except FacelineError:
        return []
