"""A person, or a photograph, taken out of all that a work folder holds."""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from faceline.disk.cluster_table import read_clusters, write_clusters
from faceline.disk.corrections import corrections_path, forget_corrections
from faceline.disk.distinct_people import rename_distinct
from faceline.disk.folder_locks import locked
from faceline.disk.names import (
    ALIGNED_DIR,
    CLASSIFIER_FILE,
    CLUSTERS_FILE,
    EMBEDDINGS_DIR,
    MIGRATION_DIR,
    REVIEW_FILE,
    SUSPECTS_FILE,
    TRAINING_DIR,
)
from faceline.disk.paths import inside
from faceline.disk.people_paths import folder_of, person_of
from faceline.disk.placing import free_place, make_folder, move
from faceline.disk.reading import file_sha256
from faceline.disk.remembered_encodings import FILE as ENCODINGS_FILE
from faceline.disk.scan import list_pictures
from faceline.disk.writing import remove, write_errors
from faceline.errors import FacelineError, UnreadableError, cure
from faceline.runs.journal import was_begun
from faceline.stages.map import PAGE_FILE, PICTURE_FILE
from faceline.stages.migration_folder import discard, finish_migration, remove_old_results
from faceline.wording import one_line
from faceline.work_folder.learning import learn
from faceline.work_folder.people import rows_by_image, whose
from faceline.work_folder.renaming import remove_empty

# Where photographs are kept that no stage shall see any more.
ASIDE_DIR = "forgotten-photographs"

# What is made of everybody's faces, and made again when it is wanted.
MADE_OF_ALL = (SUSPECTS_FILE, PICTURE_FILE, PAGE_FILE)
EVALUATIONS_DIR = "evaluation-results"


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
    """

    person: str = ""
    images: list[str] = field(default_factory=list)
    photographs: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    crops: list[str] = field(default_factory=list)
    embedded: int = 0

    def joined(self, later: Self) -> Self:
        """With what came since."""
        return replace(
            self,
            images=sorted({*self.images, *later.images}),
            photographs=sorted({*self.photographs, *later.photographs}),
            sizes=sorted({*self.sizes, *later.sizes}),
            crops=sorted({*self.crops, *later.crops}),
            embedded=max(self.embedded, later.embedded),
        )


@dataclass(frozen=True)
class Forgotten:
    """The receipt: what was removed.

    Attributes
    ----------
    person : str
        "" where only a photograph was forgotten.
    photographs : list of str
        SHA-256 of the photographs' files.
    removed, set_aside : list of str
        Files of photographs that are gone, or that lie where no stage sees them now; below the work folder.
    crops, embeddings : int
        How many are gone.
    corrections : int
        How many lines of `corrections.jsonl` are gone or shorter, and of `distinct.csv`.
    files : list of str
        What had been made of everybody's faces and is gone, below the work folder.
    classifier : str
        "learnt again", "removed" as nobody is left or it could not be learnt, or "none" as there was none.
    left : list of str
        Other files in the person's folder, which are no photographs by their names and stay.
    notes : list of str
    """

    person: str
    photographs: list[str]
    removed: list[str]
    set_aside: list[str]
    crops: int
    embeddings: int
    corrections: int
    files: list[str]
    classifier: str
    left: list[str]
    notes: list[str]


def person_targets(work_dir: Path, person: str) -> Targets:
    """What there is of a person: the photographs in the folder, and others whose face the user has said is theirs;
    raises FacelineError if that is nothing."""
    of_crop, rows = whose(work_dir), rows_by_image(work_dir)
    images = {image for image in photographs_there(work_dir) if person_of(image) == person}
    images |= {image for image, own in rows.items() if any(of_crop.get(row.crop) == person for row in own)}
    if not images:
        raise FacelineError(f"nobody is called {one_line(person)}")
    return targets(work_dir, images, person)


def photograph_targets(work_dir: Path, digest: str) -> Targets:
    """What there is of a photograph, by the SHA-256 of its file, in all places; raises FacelineError if nothing."""
    rows = rows_by_image(work_dir)
    images = {image for image, own in rows.items() if own[0].image_sha256 == digest}
    training = work_dir / TRAINING_DIR
    images |= {image for image in photographs_there(work_dir) if digest_of(inside(training, image)) == digest}
    if not images:
        raise FacelineError(f"no photograph has the SHA-256 {one_line(digest)}")
    return targets(work_dir, images)


def targets(work_dir: Path, images: Collection[str], person: str = "") -> Targets:
    rows, of_crop = rows_by_image(work_dir), whose(work_dir)
    digests = {row.image_sha256 for image in images for row in rows.get(image, ()) if row.image_sha256}
    digests |= {digest for image in images if (digest := digest_of(inside(work_dir / TRAINING_DIR, image)))}
    paths = [inside(work_dir / TRAINING_DIR, image) for image in images]
    sizes = {os.path.getsize(path) for path in paths if path.is_file()}
    crops = sorted(row.crop for image in images for row in rows.get(image, ()) if row.crop)
    embedded = sum(crop in of_crop for crop in crops)
    return Targets(person, sorted(images), sorted(digests), sorted(sizes), crops, embedded)


def photographs_there(work_dir: Path) -> list[str]:
    training = work_dir / TRAINING_DIR
    return list_pictures(training, may_be_empty=True).images if training.is_dir() else []


def digest_of(path: Path) -> str:
    try:
        return file_sha256(path)
    except UnreadableError:
        return ""


def forget(
    work_dir: Path,
    found: Targets,
    *,
    photographs: bool = False,
    jobs: int | None = None,
) -> Forgotten:
    """Take photographs, and all that was made of them, out of a work folder; then learn the others again.

    Killed at any moment and run again with the same targets, it goes on.

    Parameters
    ----------
    work_dir : Path
    found : Targets
        What `person_targets` or `photograph_targets` found.
    photographs : bool
        Remove the files of the photographs, too, wherever in the work folder they lie; else they are moved to
        `forgotten-photographs`.
    jobs : int or None
        As that of the stages.

    Raises
    ------
    FacelineError
        If something cannot be removed, or another run is at work there.
    """
    finish_migration(work_dir)
    training, embeddings = work_dir / TRAINING_DIR, work_dir / EMBEDDINGS_DIR
    had_classifier = (embeddings / CLASSIFIER_FILE).exists()
    with locked(training):
        for image in found.images:
            path = inside(training, image)
            remove_leftover(path)
            if os.path.lexists(path) and photographs:
                remove(path)
            elif os.path.lexists(path):
                place = free_place(work_dir / ASIDE_DIR / image)
                make_folder(place.parent)
                move(path, place)
        folders = {folder_of(image) for image in found.images}
        left = sorted(name for folder in folders for name in what_is_left(training, folder, found.person))
        for folder in folders:
            remove_empty(inside(training, folder), training)
        files = gone(work_dir, [training / ENCODINGS_FILE])
    # As a run that was killed may have moved or removed some of them, they are looked for.
    removed, aside = [f"{TRAINING_DIR}/{image}" for image in found.images] if photographs else [], []
    if photographs:
        copies = files_like(work_dir, found)
        for name in copies:
            remove(work_dir / name)
        removed += copies
    elif (work_dir / ASIDE_DIR).is_dir():
        aside = [f"{ASIDE_DIR}/{name}" for name in files_like(work_dir / ASIDE_DIR, found)]
    with locked(work_dir):
        lines = forget_corrections(corrections_path(embeddings), set(found.photographs), found.person or None)
        files += [f"{name}/" for name in remove_old_results(work_dir)]
        if os.path.lexists(work_dir / MIGRATION_DIR):
            discard(work_dir / MIGRATION_DIR)
            files.append(f"{MIGRATION_DIR}/")
        files += gone(work_dir, [work_dir / REVIEW_FILE])
    if embeddings.is_dir():
        with locked(embeddings):
            if found.person:
                lines += rename_distinct(embeddings, found.person, None)
            drop_clusters(embeddings, set(found.crops))
            files += gone(work_dir, [embeddings / name for name in MADE_OF_ALL])
            if (embeddings / EVALUATIONS_DIR).is_dir():
                discard(embeddings / EVALUATIONS_DIR)
                files.append(f"{EMBEDDINGS_DIR}/{EVALUATIONS_DIR}/")
    classifier, notes = learnt_again(work_dir, had_classifier, jobs)
    sizes = (len(found.crops), found.embedded, lines)
    return Forgotten(found.person, found.photographs, removed, aside, *sizes, files, classifier, left, notes)


def learnt_again(work_dir: Path, had_classifier: bool, jobs: int | None) -> tuple[str, list[str]]:
    """What became of the classifier, and what there is to say: in no case does it know who was forgotten."""
    path = work_dir / EMBEDDINGS_DIR / CLASSIFIER_FILE
    if not was_begun(work_dir / ALIGNED_DIR):
        return "none", []
    try:
        learnt = learn(work_dir, jobs)
    except FacelineError as error:
        with locked(path.parent):
            remove(path)
        return ("removed" if had_classifier else "none"), [f"The others could not be learnt again: {error}"]
    if learnt.trained is not None:
        return "learnt again", learnt.notes
    return ("removed" if had_classifier else "none"), learnt.notes


def what_is_left(training: Path, folder: str, person: str) -> Iterator[str]:
    """The files that stay in a person's folder, below the work folder."""
    if not person or (folder != person and not folder.startswith(person + "/")):
        return
    top = inside(training, folder)
    if top.is_dir():
        with os.scandir(top) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False) and person_of(f"{folder}/{entry.name}") == person:
                    yield f"{TRAINING_DIR}/{folder}/{entry.name}"


def remove_leftover(path: Path) -> None:
    """Remove what a killed run left beside a file."""
    scratch = path.with_name(f".{path.name}.part")
    with write_errors(scratch):
        scratch.unlink(missing_ok=True)


def files_like(folder: Path, found: Targets) -> list[str]:
    """The files below a folder with the content of one of the photographs, sorted."""
    names = []
    for inner, _, files in os.walk(folder):
        for name in files:
            path = Path(inner) / name
            if not path.is_symlink() and os.path.getsize(path) in found.sizes and digest_of(path) in found.photographs:
                names.append(path.relative_to(folder).as_posix())
    return sorted(names)


def gone(work_dir: Path, paths: list[Path]) -> list[str]:
    """Remove files that are there; gives their names below the work folder."""
    found = []
    for path in paths:
        if os.path.lexists(path):
            remove(path)
            found.append(path.relative_to(work_dir).as_posix())
    return found


def drop_clusters(embeddings: Path, crops: Collection[str]) -> None:
    """Take crops out of `clusters.csv`; the others keep their numbers."""
    path = embeddings / CLUSTERS_FILE
    if not path.exists():
        return
    with cure("remove the file, and cluster makes it again"):
        known = read_clusters(path)
    write_clusters(path, ((number, crop, sure) for crop, (number, sure) in known.items() if crop not in crops))
