"""A person, or a photograph, taken out of all that a work folder holds."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from faceline.disk.cluster_table import read_clusters, write_clusters
from faceline.disk.corrections import corrections_path, forget_corrections, parsed
from faceline.disk.distinct_people import read_distinct, rename_distinct
from faceline.disk.embeddings import read_labels
from faceline.disk.folder_locks import locked
from faceline.disk.manifests import read_manifest
from faceline.disk.names import (
    ALIGNED_DIR,
    CLASSIFIER_FILE,
    CLUSTERS_FILE,
    DISTINCT_FILE,
    EMBEDDINGS_DIR,
    EMBEDDINGS_TABLE_FILE,
    LABELS_FILE,
    MANIFEST_FILE,
    MANIFEST_TABLE_FILE,
    MIGRATION_DIR,
    REVIEW_FILE,
    RUN_FILE,
    SUSPECTS_FILE,
    TRAINING_DIR,
)
from faceline.disk.paths import inside
from faceline.disk.people_paths import folder_of, person_of
from faceline.disk.placing import free_place, make_folder, move
from faceline.disk.remembered_encodings import FILE as ENCODINGS_FILE
from faceline.disk.rows import CropRow, PictureRow
from faceline.disk.run_records import read_record, refuse_unmerged
from faceline.disk.writing import remove, write_errors
from faceline.errors import FacelineError, LockedError, cure
from faceline.recognition.classifier_file import remove_classifier
from faceline.runs.journal import was_begun
from faceline.stages.map import PAGE_FILE, PICTURE_FILE
from faceline.wording import listed
from faceline.work_folder.learning import embed_again, with_classifier
from faceline.work_folder.migration_folder import discard, finish_migration, remove_old_results
from faceline.work_folder.people import rows_by_image
from faceline.work_folder.renaming import remove_empty
from faceline.work_folder.targets import ASIDE_DIR, Targets, files_like, with_what_came_since

# What is made of everybody's faces, and made again when it is wanted.
MADE_OF_ALL = (SUSPECTS_FILE, PICTURE_FILE, PAGE_FILE, MANIFEST_TABLE_FILE, EMBEDDINGS_TABLE_FILE)
EVALUATIONS_DIR = "evaluation-results"


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


@dataclass
class Done:
    """What has been removed so far, over all passes of a forgetting: fields as those of `Forgotten`."""

    removed: list[str] = field(default_factory=list)
    corrections: int = 0
    files: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    had_classifier: bool = False
    is_begun: bool = False

    def add(self, *, removed: Iterable[str] = (), files: Iterable[str] = ()) -> None:
        self.removed = sorted({*self.removed, *removed})
        self.files = sorted({*self.files, *files})


def forget(
    work_dir: Path,
    found: Targets,
    done: Done,
    note: Callable[[Targets], None],
    *,
    photographs: bool = False,
    jobs: int | None = None,
) -> Forgotten:
    """Take photographs, and all that was made of them, out of a work folder; then learn the others again.

    Killed at any moment and run again with what was noted last, it goes on.

    Parameters
    ----------
    work_dir : Path
    found : Targets
        What `person_targets` or `photograph_targets` found.
    done : Done
        What earlier passes have removed; it is kept up to date.
    note : callable
        Called with the targets as they are now, before and behind what is removed: they and `done` are kept for the
        next pass.
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
    check_readable(work_dir)
    training, embeddings = work_dir / TRAINING_DIR, work_dir / EMBEDDINGS_DIR
    found = with_what_came_since(work_dir, found)
    if not done.is_begun:
        found = as_they_are_now(work_dir, found)
        done.is_begun, done.had_classifier = True, (embeddings / CLASSIFIER_FILE).exists()
    note(found)
    with locked(training):
        there = [image for image in found.images if os.path.lexists(inside(training, image))]
        if photographs:
            copies = files_like(work_dir, found)
            done.add(removed=[*(f"{TRAINING_DIR}/{image}" for image in there), *copies])
            note(found)
            for name in done.removed:
                remove(work_dir / name)
        for image in () if photographs else there:
            place = free_place(work_dir / ASIDE_DIR / image)
            make_folder(place.parent)
            move(inside(training, image), place)
        folders = {folder_of(image) for image in found.images} | ({found.person} - {""})
        for folder in folders:
            remove_leftovers(inside(training, folder))
        done.left = sorted(name for folder in folders for name in what_is_left(training, folder, found.person))
        for folder in folders:
            remove_empty(inside(training, folder), training)
        done.add(files=gone(work_dir, [training / ENCODINGS_FILE]))
        note(found)
    with locked(work_dir):
        done.corrections += forget_corrections(
            corrections_path(embeddings), set(found.photographs), found.person or None
        )
        done.add(files=[f"{name}/" for name in remove_old_results(work_dir)])
        if os.path.lexists(work_dir / MIGRATION_DIR):
            discard(work_dir / MIGRATION_DIR)
            done.add(files=[f"{MIGRATION_DIR}/"])
        done.add(files=gone(work_dir, [work_dir / REVIEW_FILE, work_dir / ALIGNED_DIR / MANIFEST_TABLE_FILE]))
        note(found)
    if embeddings.is_dir():
        with locked(embeddings):
            if found.person:
                done.corrections += rename_distinct(embeddings, found.person, None)
            drop_clusters(embeddings, set(found.crops))
            done.add(files=gone(work_dir, [embeddings / name for name in MADE_OF_ALL]))
            if (embeddings / EVALUATIONS_DIR).is_dir():
                discard(embeddings / EVALUATIONS_DIR)
                done.add(files=[f"{EMBEDDINGS_DIR}/{EVALUATIONS_DIR}/"])
            note(found)
    classifier, notes = learnt_again(work_dir, done.had_classifier, jobs)
    if found.shared:
        notes = [f"These photographs showed others, too: {listed(found.shared)}.", *notes]
    aside = []
    if not photographs and (work_dir / ASIDE_DIR).is_dir():
        aside = [f"{ASIDE_DIR}/{name}" for name in files_like(work_dir / ASIDE_DIR, found)]
    sizes = (len(found.crops), found.embedded, done.corrections)
    gone_files = (done.removed, aside)
    return Forgotten(found.person, found.photographs, *gone_files, *sizes, done.files, classifier, done.left, notes)


def as_they_are_now(work_dir: Path, found: Targets) -> Targets:
    """The targets without photographs and crops that have been renamed since they were found."""
    rows = rows_by_image(work_dir)
    crops = {row.crop for own in rows.values() for row in own}
    training = work_dir / TRAINING_DIR
    images = [image for image in found.images if image in rows or os.path.lexists(inside(training, image))]
    return replace(found, images=images, crops=[crop for crop in found.crops if crop in crops])


def check_readable(work_dir: Path) -> None:
    """Raise FacelineError where a table is damaged, or not there yet, that has to be rewritten, before anything is
    removed."""
    embeddings, aligned = work_dir / EMBEDDINGS_DIR, work_dir / ALIGNED_DIR
    for folder in (aligned, embeddings):
        refuse_unmerged(folder)
    parsed(corrections_path(embeddings))
    if (aligned / RUN_FILE).exists():
        with cure("run align-dlib.py again with --overwrite"):
            read_manifest(aligned / MANIFEST_FILE, PictureRow, read_record(aligned, "align")["counts"])
    if (embeddings / RUN_FILE).exists():
        with cure("run batch_represent again with --overwrite"):
            read_manifest(embeddings / MANIFEST_FILE, CropRow, read_record(embeddings, "represent")["counts"])
            read_labels(embeddings / LABELS_FILE)
    if (embeddings / DISTINCT_FILE).exists():
        read_distinct(embeddings / DISTINCT_FILE)
    if (embeddings / CLUSTERS_FILE).exists():
        with cure("remove the file, and cluster makes it again"):
            read_clusters(embeddings / CLUSTERS_FILE)


def learnt_again(work_dir: Path, had_classifier: bool, jobs: int | None) -> tuple[str, list[str]]:
    """What became of the classifier, and what there is to say: in no case does it know who was forgotten.

    Raises FacelineError if crops or embeddings cannot be brought up to date: then nothing is forgotten yet.
    """
    path = work_dir / EMBEDDINGS_DIR / CLASSIFIER_FILE
    if not was_begun(work_dir / ALIGNED_DIR):
        return "none", []
    learnt = embed_again(work_dir, jobs)
    try:
        learnt = with_classifier(work_dir, learnt, jobs)
    except LockedError:
        raise
    except FacelineError as error:
        with locked(path.parent):
            remove_classifier(path)
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


def remove_leftovers(folder: Path) -> None:
    """Remove what killed runs left of files in a folder and those in it; nobody else may write there."""
    for inner, _, names in os.walk(folder):
        for name in names:
            if name.startswith(".") and name.endswith(".part"):
                with write_errors(folder):
                    (Path(inner) / name).unlink(missing_ok=True)


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
