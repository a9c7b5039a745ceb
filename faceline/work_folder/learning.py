"""The stages once more, with the options of before: after photographs or corrections came, or people went."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from faceline.disk.names import ALIGNED_DIR, CLASSIFIER_FILE, EMBEDDINGS_DIR, TRAINING_DIR
from faceline.disk.placing import make_folder
from faceline.errors import FacelineError, LockedError
from faceline.networks.runtime import DEFAULT_DEVICE
from faceline.runs.journal import was_begun
from faceline.runs.keeping import keep_workers
from faceline.stages.align import align_folder
from faceline.stages.represent import represent_folder
from faceline.stages.train import Trained, train
from faceline.work_folder.migration_folder import finish_migration
from faceline.work_folder.options import check_photographs, has_photographs, read_options


@dataclass(frozen=True)
class Learnt:
    """What became of a work folder.

    Attributes
    ----------
    photographs : int
        How many were looked at.
    statuses : dict of str to int
        How many of them ended in each status of stage 1.
    trained : Trained or None
        What `train` says; None where there is nobody to learn, so that there is no classifier.
    notes : list of str
        What the user should look at.
    """

    photographs: int
    statuses: dict[str, int]
    trained: Trained | None
    notes: list[str] = field(default_factory=list)

    def record(self) -> dict:
        """As JSON."""
        found: dict = {"photographs": self.photographs, "statuses": self.statuses, "notes": self.notes, "people": 0}
        if self.trained is not None:
            calibration = self.trained.calibration
            rates = {"strangers_named": calibration.fpir, "known_found": calibration.tpir}
            found |= {"people": self.trained.people, "embeddings": self.trained.embeddings} | rates
            found["look_at"] = list(self.trained.findings)
        return found


@keep_workers()
def learn(work_dir: Path, jobs: int | None = None) -> Learnt:
    """Bring crops, embeddings and classifier of a work folder up to its photographs and corrections.

    Where nobody is left to learn, there is no classifier any more. Killed at any moment and run again, it goes on.

    Raises
    ------
    FacelineError
        If people are not learnt from `training-images`, or a stage refuses.
    """
    return with_classifier(work_dir, embed_again(work_dir, jobs), jobs)


def embed_again(work_dir: Path, jobs: int | None = None) -> Learnt:
    """The first two stages of `learn`: crops and embeddings. Raises what that does."""
    finish_migration(work_dir)
    check_photographs(work_dir)
    training, aligned_dir, embeddings_dir = (work_dir / name for name in (TRAINING_DIR, ALIGNED_DIR, EMBEDDINGS_DIR))
    make_folder(training)
    if not has_photographs(work_dir) and not was_begun(aligned_dir):
        raise FacelineError("there are no photographs yet: add some first")
    options = read_options(work_dir)
    network = options.name
    on = {name: options.represent[name] for name in ("engine", "device")}
    if on["device"] != DEFAULT_DEVICE:
        jobs = None  # cores do not tell how many processes a GPU bears
    aligned = align_folder(training, aligned_dir, network=network, jobs=jobs, **options.align, **on)
    notes = [*options.notes, *aligned.notes]
    statuses = dict(aligned.counts)
    if not aligned.counts.get("ok") and not was_begun(embeddings_dir):
        raise FacelineError("no face was found in any photograph: add others")
    represent_folder(aligned_dir, embeddings_dir, network=network, jobs=jobs, **options.represent)
    return Learnt(sum(statuses.values()), statuses, None, notes)


def with_classifier(work_dir: Path, found: Learnt, jobs: int | None = None) -> Learnt:
    """The last stage of `learn`; raises what that does."""
    embeddings_dir = work_dir / EMBEDDINGS_DIR
    try:
        trained = train(embeddings_dir, jobs=jobs, **read_options(work_dir).train)
    except LockedError:
        raise
    except FacelineError as error:
        if (embeddings_dir / CLASSIFIER_FILE).exists():
            raise
        return replace(found, notes=[*found.notes, f"There is no classifier: {error}"])
    return replace(found, trained=trained)
