"""Stage 3, first half: learn people from their embeddings."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faceline.averaging import Averaging
from faceline.calibration import DEFAULT_FPIR, Calibration, check_fpir
from faceline.classifier_file import Model, write_classifier
from faceline.classifiers import DEFAULT_CLASSIFIER_NAME, check_classifier
from faceline.counts import counted
from faceline.errors import FacelineError, cure
from faceline.faces import AlignmentOptions
from faceline.files import MANIFEST_FILE, check_folder, locked, named_path, one_line, read_record, remove
from faceline.formats import CLASSIFIER_FILE, DEFAULT_EMBEDDINGS_DIR, CropRow, Status, read_manifest, read_people
from faceline.freshness import changed_crops, digests_learnt
from faceline.gallery import Gallery
from faceline.networks import network_of
from faceline.parallel import process_count
from faceline.people_paths import person_of
from faceline.summary import without_text

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

    def __str__(self) -> str:
        held_out = self.calibration.people
        source = (
            f"{counted(held_out, 'person')} held out" if held_out else "a background, as there are too few to hold out"
        )
        left_out = f"Left out: {self.left_out} of pictures without a face (fallback).\n" if self.left_out else ""
        left_out += f"{without_text(self.without)}\n" if self.without else ""
        return (
            f"Learned {counted(self.people, 'person')} from {counted(self.embeddings, 'embedding')}.\n{left_out}"
            f"Expects to name {percent(self.calibration.fpir)} of strangers"
            f" and to find {percent(self.calibration.tpir)} of known people (from {source}).\n"
            f"Written to {one_line(self.path)}"
        )


def refuse_nobody(folder: Path, counts: dict) -> None:
    """Raise FacelineError if there is nobody to learn, and remove the classifier, which would still name them."""
    if counts.get(Status.OK):
        return
    found = f"no crop shows a face that was found; see {MANIFEST_FILE} there"
    if not counts:
        found = "nobody is left to learn; add pictures and run all stages again"
    if (folder / CLASSIFIER_FILE).is_file():
        remove(folder / CLASSIFIER_FILE)
        found += f"; {CLASSIFIER_FILE}, which knew people of before, has been removed"
    raise FacelineError(f"{one_line(folder)}: {found}")


def percent(rate: float) -> str:
    return f"{100 * rate:.3g} %"


def train(
    embeddings_dir: str | Path = DEFAULT_EMBEDDINGS_DIR,
    *,
    fpir: float = DEFAULT_FPIR,
    classifier: str = DEFAULT_CLASSIFIER_NAME,
    lda_dim: int | None = None,
    jobs: int | None = None,
) -> Trained:
    """Learn people from the embeddings that `represent_folder` wrote, and write `classifier.pkl` beside them.

    Crops of the middle of a picture, `align_folder`'s fallback, may show anything: nobody is learned from them.

    Parameters
    ----------
    embeddings_dir : path
    fpir : float
        How often a stranger may get a name: the false positive identification rate, between 0 and 1.
    classifier : str
        A key of `classifiers.CLASSIFIERS`.
    lda_dim : int or None
        Show the classifier that many linear discriminant components of the embeddings, instead of the embeddings.
    jobs : int or None
        Processes, with a thread each; None for as many as there are cores.

    Raises
    ------
    FacelineError
        If the embeddings are missing, unfinished or damaged, an option is wrong, or the classifier cannot be written.
    """
    check_fpir(fpir)
    check_classifier(classifier, lda_dim)
    jobs = process_count(jobs)
    folder = named_path(embeddings_dir)
    check_folder(folder, "run batch_represent first")
    with locked(folder):
        with cure("run batch_represent, which writes it, to its end"):
            record = read_record(folder, "represent")
        refuse_nobody(folder, record["counts"])
        with cure("run batch_represent again with --overwrite"):
            network = network_of(record["options"])
            alignment = AlignmentOptions.from_record(record.get("alignment"))
            averaging = Averaging.from_record(record["options"])
            found = read_people(folder, network.dimensions, record["counts"], frozenset({Status.OK}))
        embeddings, crops, names = found
        aligned = changed_crops(folder)
        if aligned is not None:
            logger.warning(
                f"{one_line(folder)}: older than the crops in {one_line(aligned)}; run batch_represent first"
            )
        gallery = Gallery.fit(
            names, embeddings, crops, network, fpir=fpir, classifier=classifier, lda_dim=lda_dim, jobs=jobs
        )
        write_classifier(
            folder / CLASSIFIER_FILE, Model(alignment, network, averaging, gallery, digests_learnt(folder))
        )
        without = without_faces(folder, record["counts"])
    left_out = record["counts"].get(Status.FALLBACK, 0)
    path = str(folder / CLASSIFIER_FILE)
    return Trained(path, len(gallery.people), len(embeddings), gallery.calibration, left_out, without)


def without_faces(folder: Path, counts: dict) -> list[str]:
    """The people of whom no crop shows a face that was found, or none can be read."""
    if counts.keys() == {Status.OK}:
        return []  # a manifest of a large gallery takes a second to read
    rows = read_manifest(folder / MANIFEST_FILE, CropRow, counts)
    return sorted(
        {person_of(row.crop) for row in rows} - {person_of(row.crop) for row in rows if row.status == Status.OK}
    )
