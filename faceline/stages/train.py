"""Stage 3, first half: learn people from their embeddings."""

import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from faceline.disk.corrections import corrections_path
from faceline.disk.distinct_people import remember_distinct
from faceline.disk.embeddings import read_people
from faceline.disk.folder_locks import locked
from faceline.disk.freshness import changed_crops, digests_learnt
from faceline.disk.manifests import read_manifest
from faceline.disk.names import CLASSIFIER_FILE, DEFAULT_EMBEDDINGS_DIR, MANIFEST_FILE
from faceline.disk.paths import check_folder, named_path
from faceline.disk.people_paths import person_of
from faceline.disk.rows import CropRow, Status
from faceline.disk.run_records import read_record
from faceline.errors import FacelineError, cure
from faceline.faces.options import AlignmentOptions
from faceline.faces.test_time_augmentation import Augmentation
from faceline.networks.table import network_of
from faceline.people.calibration import DEFAULT_FPIR, Calibration, check_fpir
from faceline.people.classifiers.table import DEFAULT_CLASSIFIER_NAME, check_classifier
from faceline.people.cohort import LEAST_FACES
from faceline.people.galleries import enrol
from faceline.people.many.gallery import ManyPeople
from faceline.people.part_weights import weighed
from faceline.recognition.classifier_file import Model, remove_classifier, write_classifier
from faceline.recognition.other_people import read_cohort, read_others
from faceline.report.findings import cohort_line, findings_of, many_lines, stranger_lines, weights_line
from faceline.runs.keeping import keep_workers
from faceline.runs.parallel import process_count
from faceline.runs.summary import without_text
from faceline.stages.corrected import corrected
from faceline.wording import counted, one_line

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """What `train` made."""

    path: str
    people: int
    embeddings: int
    calibration: Calibration
    left_out: int = 0
    without: Sequence[str] = ()
    findings: Sequence[str] = ()
    notes: Sequence[str] = ()

    def __str__(self) -> str:
        held_out = self.calibration.people
        source = (
            f"{counted(held_out, 'person')} held out" if held_out else "a background, as there are too few to hold out"
        )
        left_out = f"Left out: {self.left_out} of pictures without a face (fallback).\n" if self.left_out else ""
        left_out += f"{without_text(self.without)}\n" if self.without else ""
        doubtful = (
            f"Of those held out, {percent(self.calibration.doubtful)} look like people who are enrolled, and do not"
            " count as strangers.\n"
            if round(100 * self.calibration.doubtful) > 0
            else ""
        )
        findings = "".join(f"Look at: {finding}\n" for finding in self.findings)
        left_out += "".join(f"{note}\n" for note in self.notes)
        return (
            f"Learned {counted(self.people, 'person')} from {counted(self.embeddings, 'embedding')}.\n{left_out}"
            f"Expects to name {percent(self.calibration.fpir)} of strangers"
            f" and to find {percent(self.calibration.tpir)} of known people (from {source}).\n{doubtful}{findings}"
            f"Written to {one_line(self.path)}"
        )


def refuse_empty(folder: Path, counts: dict) -> None:
    """Raise FacelineError if there is nobody to learn, and remove the classifier, which would still name them."""
    if counts.get(Status.OK):
        return
    found = f"no crop shows a face that was found; see {MANIFEST_FILE} there"
    if not counts:
        found = "nobody is left to learn; add pictures and run all stages again"
    refuse(folder, found)


def refuse(folder: Path, found: str) -> NoReturn:
    """Raise FacelineError on what was found, as there is nobody to learn, and remove the classifier."""
    if (folder / CLASSIFIER_FILE).is_file():
        remove_classifier(folder / CLASSIFIER_FILE)
        found += f"; {CLASSIFIER_FILE}, which knew people of before, has been removed"
    raise FacelineError(f"{one_line(folder)}: {found}")


def percent(rate: float) -> str:
    return f"{100 * rate:.3g} %"


@keep_workers()  # SVMs are fitted for every part that is held out
def train(
    embeddings_dir: str | Path = DEFAULT_EMBEDDINGS_DIR,
    *,
    fpir: float = DEFAULT_FPIR,
    classifier: str = DEFAULT_CLASSIFIER_NAME,
    lda_dim: int | None = None,
    jobs: int | None = None,
    distinct: Sequence[tuple[str, str]] | None = None,
    strangers: str | Path | None = None,
    cohort: str | Path | None = None,
) -> Trained:
    """Learn people from the embeddings that `represent_folder` wrote, and write `classifier.pkl` beside them.

    Crops of the middle of a picture, `align_folder`'s fallback, may show anything: nobody is learned from them. What
    the user says in `corrections.jsonl` beside the folder holds before the names of folders.

    Parameters
    ----------
    embeddings_dir : path
    fpir : float
        How often a stranger may get a name: the false positive identification rate, between 0 and 1.
    classifier : str
        One of `classifiers.table.CLASSIFIER_NAMES`.
    lda_dim : int or None
        Show the classifier that many linear discriminant components of the embeddings, instead of the embeddings.
    jobs : int or None
        Processes, with a thread each; None for as many as there are cores.
    distinct : sequence of pairs of str, or None
        People who look like one person and are two. Remembered in `distinct.csv` beside the embeddings.
    strangers : path or None
        Another folder of embeddings, of faces that are nobody in the gallery: they count with the people who are held
        out where the limit for strangers is found.
    cohort : path or None
        Another folder of embeddings, of faces of people like those in the gallery, a few hundred or more, who need no
        names: where a network finds people alike, they say so, as others in the gallery do, and a name takes more.
        None for the strangers, if there are enough.

    Raises
    ------
    FacelineError
        If the embeddings are missing, unfinished or damaged, an option is wrong, or the classifier cannot be written.

    Examples
    --------
    >>> from faceline import train
    >>> trained = train("generated-embeddings")
    >>> trained.people, trained.embeddings, trained.path
    (2, 3, 'generated-embeddings/classifier.pkl')
    """
    check_fpir(fpir)
    check_classifier(classifier, lda_dim)
    jobs = process_count(jobs)
    folder = named_path(embeddings_dir)
    check_folder(folder, "run batch_represent first")
    with locked(folder):
        with cure("run batch_represent, which writes it, to its end"):
            record = read_record(folder, "represent")
        refuse_empty(folder, record["counts"])
        with cure("run batch_represent again with --overwrite"):
            network = network_of(record["options"])
            alignment = AlignmentOptions.from_record(record.get("alignment"))
            augmentation = Augmentation.from_record(record["options"])
            found = read_people(folder, network.dimensions, record["counts"], frozenset({Status.OK}))
        embeddings, crops, names = found
        learnt = digests_learnt(folder)  # first, as corrections may be added meanwhile
        labels = corrected(folder, crops, names)
        is_somebody = np.array([bool(person) for person in labels.people], bool)
        kept = labels.kept & is_somebody
        of_nobody = int(np.count_nonzero(labels.kept & ~is_somebody))
        if not kept.all():
            embeddings, crops, names = embeddings[kept], *only(kept, crops, labels.people)
        else:
            names = labels.people
        refuse_nobody(folder, names, of_nobody)
        aligned = changed_crops(folder)
        if aligned is not None:
            logger.warning(
                f"{one_line(folder)}: older than the crops in {one_line(aligned)}; run batch_represent first"
            )
        logger.info("train: %s of %s", counted(len(names), "embedding"), counted(len(set(names)), "person"))
        apart = remember_distinct(folder, distinct or (), set(names)) + labels.distinct
        others: np.ndarray | None = None
        others_crops: list[str] = []
        if strangers is not None:
            others, others_crops = read_others(strangers, network, augmentation, "strangers", gallery=folder)
        # Strangers whom the user has are of the gallery's population too, and no fewer of them get names for it.
        crowd = others if others is not None and len(others) >= LEAST_FACES else None
        if cohort is not None:
            crowd = read_cohort(cohort, network, augmentation, gallery=folder)
        gallery, enrolment = enrol(
            names,
            embeddings,
            crops,
            network,
            fpir=fpir,
            classifier=classifier,
            lda_dim=lda_dim,
            jobs=jobs,
            distinct=apart,
            sure=labels.sure[kept],
            strangers=others,
            cohort=crowd,
        )
        write_classifier(folder / CLASSIFIER_FILE, Model(alignment, network, augmentation, gallery, learnt))
        without = without_faces(folder, record["counts"])
    findings = findings_of(enrolment, gallery.people, crops, names)
    if others is not None:
        findings += stranger_lines(enrolment, gallery.people, weighed(others, gallery.factors), others_crops)
    notes = [*labels.notes, *([weights_line(network, gallery.factors)] if network.parts else [])]
    if isinstance(gallery, ManyPeople):
        notes += many_lines(gallery)
    if of_nobody:
        notes.append(f"Left out: {counted(of_nobody, 'face')} without a name.")
    if crowd is not None and enrolment.cohort is not None:
        notes.append(cohort_line(len(enrolment.cohort), len(crowd)))
    left_out = record["counts"].get(Status.FALLBACK, 0)
    path = str(folder / CLASSIFIER_FILE)
    return Trained(path, len(gallery.people), len(embeddings), gallery.calibration, left_out, without, findings, notes)


def only(kept: np.ndarray, *columns: Sequence[str]) -> list[list[str]]:
    """What is kept of columns of text, each of n."""
    return [list(itertools.compress(column, kept)) for column in columns]


def refuse_nobody(folder: Path, names: Sequence[str], of_nobody: int) -> None:
    """Raise FacelineError if no name is left; where `of_nobody` faces have none, remove the classifier."""
    if names:
        return
    if of_nobody:
        refuse(folder, "no face has a name; find out who is the same with cluster, and say who they are with review")
    raise FacelineError(
        f"{one_line(folder)}: nobody is left to learn, by {one_line(corrections_path(folder))}; undo some of it"
    )


def without_faces(folder: Path, counts: dict) -> list[str]:
    """The people of whom no crop shows a face that was found, or none can be read."""
    if counts.keys() == {Status.OK}:
        return []  # a manifest of a large gallery takes a second to read
    rows = read_manifest(folder / MANIFEST_FILE, CropRow, counts)
    usable = {person_of(row.crop) for row in rows if row.status == Status.OK}
    return sorted({person_of(row.crop) for row in rows} - usable - {""})
