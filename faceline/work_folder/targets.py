"""What there is of a person or a photograph in a work folder: what has to go when they are forgotten."""

import contextlib
import os
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from faceline.disk.corrections import corrections_path, parsed
from faceline.disk.distinct_people import read_distinct
from faceline.disk.names import DISTINCT_FILE, EMBEDDINGS_DIR, TRAINING_DIR
from faceline.disk.paths import inside
from faceline.disk.people_paths import person_of
from faceline.disk.reading import file_sha256
from faceline.disk.scan import list_pictures
from faceline.errors import FacelineError, UnreadableError
from faceline.wording import one_line
from faceline.work_folder.people import rows_by_image, whose

# Where photographs are kept that no stage shall see any more.
ASIDE_DIR = "forgotten-photographs"


@dataclass(frozen=True)
class Targets:
    """What is to be forgotten, as it was before anything was removed.

    Attributes
    ----------
    person : str
        "" where only a photograph is.
    images : list of str
        Photographs, as paths below `training-images`.
    photographs : list of str
        SHA-256 of their files.
    sizes : list of int
        Of these, in bytes.
    crops : list of str
        What stage 1 cut out of them.
    embedded : int
        How many of these have an embedding.
    shared : list of str
        Those of the photographs that show others, too.
    """

    person: str = ""
    images: list[str] = field(default_factory=list)
    photographs: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    crops: list[str] = field(default_factory=list)
    embedded: int = 0
    shared: list[str] = field(default_factory=list)

    def joined(self, later: Self) -> Self:
        """With what came since."""
        return replace(
            self,
            images=sorted({*self.images, *later.images}),
            photographs=sorted({*self.photographs, *later.photographs}),
            sizes=sorted({*self.sizes, *later.sizes}),
            crops=sorted({*self.crops, *later.crops}),
            embedded=max(self.embedded, later.embedded),
            shared=sorted({*self.shared, *later.shared}),
        )


def person_targets(work_dir: Path, person: str) -> Targets:
    """What there is of a person: the photographs in the folder, and others whose face the user has said is theirs, or
    what was said alone; raises FacelineError if that is nothing."""
    of_crop, rows = whose(work_dir), rows_by_image(work_dir)
    images = {image for image in photographs_there(work_dir) if person_of(image) == person}
    images |= {image for image, own in rows.items() if any(of_crop.get(row.crop) == person for row in own)}
    aside = [image for image in set_aside(work_dir) if person_of(image) == person]
    if not images and not aside and not is_mentioned(work_dir, person):
        raise FacelineError(f"nobody is called {one_line(person)}")
    return targets(work_dir, images, aside, person)


def is_mentioned(work_dir: Path, person: str) -> bool:
    """Whether the user has said anything of somebody of that name."""
    path = work_dir / EMBEDDINGS_DIR / DISTINCT_FILE
    said = {name for one in parsed(corrections_path(path.parent)) for name in (one.name, *one.people)}
    return person in said or (path.exists() and any(person in pair for pair in read_distinct(path)))


def photograph_targets(work_dir: Path, digest: str) -> Targets:
    """What there is of a photograph, by the SHA-256 of its file, in all places; raises FacelineError if nothing."""
    found = of_digests(work_dir, {digest})
    if found is None:
        raise FacelineError(f"no photograph has the SHA-256 {one_line(digest)}")
    return found


def of_digests(work_dir: Path, digests: Collection[str]) -> Targets | None:
    """What there is of photographs; None where that is nothing."""
    digests = set(digests) - {""}  # which stands for files that cannot be read
    rows, training = rows_by_image(work_dir), work_dir / TRAINING_DIR
    images = {image for image, own in rows.items() if own[0].image_sha256 in digests}
    # Those that no stage has looked at yet.
    new = [image for image in photographs_there(work_dir) if image not in rows]
    images |= {image for image in new if digest_of(inside(training, image)) in digests}
    aside = [image for image in set_aside(work_dir) if digest_of(inside(work_dir / ASIDE_DIR, image)) in digests]
    return targets(work_dir, images, aside) if images or aside else None


def targets(work_dir: Path, images: Collection[str], aside: Collection[str], person: str = "") -> Targets:
    rows, of_crop = rows_by_image(work_dir), whose(work_dir)
    paths = [inside(work_dir / TRAINING_DIR, image) for image in images]
    paths += [inside(work_dir / ASIDE_DIR, image) for image in aside]
    digests = {row.image_sha256 for image in images for row in rows.get(image, ()) if row.image_sha256}
    digests |= {digest for path in paths if (digest := digest_of(path))}
    sizes = {size for path in paths if (size := size_of(path)) is not None}
    crops = sorted(row.crop for image in images for row in rows.get(image, ()) if row.crop)
    embedded = sum(crop in of_crop for crop in crops)
    shared = sorted(image for image in images if any((row.faces or 0) > 1 for row in rows.get(image, ())))
    return Targets(person, sorted(images), sorted(digests), sorted(sizes), crops, embedded, shared)


def with_what_came_since(work_dir: Path, found: Targets) -> Targets:
    """The same, with what has been added, or moved by a rename, since they were found."""
    with contextlib.suppress(FacelineError):  # nothing is left of them where a killed run has come so far
        if found.person:
            found = found.joined(person_targets(work_dir, found.person))
    moved = of_digests(work_dir, found.photographs)
    return found if moved is None else found.joined(moved)


def set_aside(work_dir: Path) -> list[str]:
    """The photographs that were forgotten and kept, below their folder."""
    folder = work_dir / ASIDE_DIR
    return list_pictures(folder, may_be_empty=True).images if folder.is_dir() else []


def photographs_there(work_dir: Path) -> list[str]:
    training = work_dir / TRAINING_DIR
    return list_pictures(training, may_be_empty=True).images if training.is_dir() else []


def digest_of(path: Path) -> str:
    try:
        return file_sha256(path)
    except UnreadableError:
        return ""


def files_like(folder: Path, found: Targets) -> list[str]:
    """The files below a folder with the content of one of the photographs, sorted."""
    names = []
    for inner, _, files in os.walk(folder):
        for name in files:
            path = Path(inner) / name
            if not path.is_symlink() and size_of(path) in found.sizes and digest_of(path) in found.photographs:
                names.append(path.relative_to(folder).as_posix())
    return sorted(names)


def size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
