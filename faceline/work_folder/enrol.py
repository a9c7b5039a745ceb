"""All of the way from photographs to a classifier: stages 1 to 3 in a work folder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceline.disk.names import ALIGNED_DIR, EMBEDDINGS_DIR, TRAINING_DIR
from faceline.disk.paths import named_path
from faceline.faces.detectors import DEFAULT_DETECTOR
from faceline.faces.options import DEFAULT_DETECTION_SIZE, DEFAULT_UPSAMPLE, AlignmentOptions
from faceline.faces.test_time_augmentation import DEFAULT_PASSES, Augmentation
from faceline.networks.frames import DEFAULT_LANDMARKS
from faceline.networks.inference import check_network
from faceline.networks.network import FLOAT32
from faceline.networks.runtime import DEFAULT_DEVICE, DEFAULT_ENGINE, Runtime
from faceline.networks.table import DEFAULT_NETWORK, network_named
from faceline.people.calibration import DEFAULT_FPIR, check_fpir
from faceline.people.classifiers.table import DEFAULT_CLASSIFIER_NAME, check_classifier
from faceline.runs.keeping import keep_workers
from faceline.runs.parallel import process_count

if TYPE_CHECKING:
    from faceline.runs.summary import Summary
    from faceline.stages.train import Trained
    from faceline.work_folder.gathering import Gathered


@dataclass(frozen=True)
class Enrolled:
    """What `enrol` did: what each stage reports, and `gathered`, None where the photographs were in the work folder."""

    gathered: "Gathered | None"
    aligned: "Summary"
    represented: "Summary"
    trained: "Trained"

    @property
    def classifier_path(self) -> str:
        """What `infer` wants."""
        return self.trained.path

    def __str__(self) -> str:
        parts = (self.gathered, self.aligned, self.represented, self.trained)
        return "\n".join(str(part) for part in parts if part is not None)


@keep_workers()
def enrol(
    photos: str | Path,
    work_dir: str | Path,
    *,
    network: str = DEFAULT_NETWORK,
    size: int | None = None,
    detector: str = DEFAULT_DETECTOR,
    upsample: int = DEFAULT_UPSAMPLE,
    detection_size: int = DEFAULT_DETECTION_SIZE,
    skip_multi: bool = False,
    passes: int = DEFAULT_PASSES,
    jitters: int = 0,
    precision: str = FLOAT32,
    engine: str = DEFAULT_ENGINE,
    device: str = DEFAULT_DEVICE,
    fpir: float = DEFAULT_FPIR,
    classifier: str = DEFAULT_CLASSIFIER_NAME,
    lda_dim: int | None = None,
    distinct: Sequence[tuple[str, str]] | None = None,
    strangers: str | Path | None = None,
    cohort: str | Path | None = None,
    link: bool = False,
    jobs: int | None = None,
    overwrite: bool = False,
    report: Callable[[object], None] | None = None,
) -> Enrolled:
    """Enrol the people of `<photos>/<person>/…` in a work folder, beside those who are there.

    The photographs are brought to `<work_dir>/training-images`, none of them changed and none that is there replaced;
    then the stages run: `align_folder` into `aligned-images`, `represent_folder` into `generated-embeddings`, and
    `train`, which writes `classifier.pkl` there. Only what is new is computed, also after the run before was killed.

    Parameters
    ----------
    photos : path
        The folder that holds a folder of photographs for each person. `<work_dir>/training-images` itself enrols what
        is there, say after somebody was removed.
    work_dir : path
        Made if need be.
    network, size, detector, upsample, detection_size, skip_multi
        As those of `align_folder`.
    passes, jitters, precision, engine, device
        As those of `represent_folder`.
    fpir, classifier, lda_dim, distinct, strangers, cohort
        As those of `train`.
    link : bool
        Bring hard links of the photographs where both folders lie in one file system, not copies: they take no room,
        but whoever edits one file edits the other.
    jobs, overwrite
        As those of the stages.
    report : callable or None
        Gets the report of each step as soon as that is done.

    Raises
    ------
    FacelineError
        As the stages do, or if one of the two folders lies in the other.

    Examples
    --------
    >>> from faceline import enrol, infer
    >>> enrolled = enrol("training-images", "my-people")
    >>> enrolled.trained.people, enrolled.classifier_path
    (2, 'my-people/generated-embeddings/classifier.pkl')
    >>> [face.name for answer in infer("demo-photos/obama3.jpg", "my-people") for face in answer.faces]
    ['obama']
    """
    # Late, so that the help of the command comes at once.
    from faceline.stages.align import align_folder
    from faceline.stages.represent import represent_folder
    from faceline.stages.train import train
    from faceline.work_folder.gathering import gather
    from faceline.work_folder.migration_folder import finish_migration

    photos, work_dir = named_path(photos), named_path(work_dir)
    process_count(jobs)
    # Mistakes that the last stage would find when the first ones have worked for hours.
    chosen_network, runtime = network_named(network, precision), Runtime(engine, device)
    frame, edge = chosen_network.frame, chosen_network.crop_size if size is None else size
    AlignmentOptions(DEFAULT_LANDMARKS, edge, None, detector, upsample, detection_size, frame)
    Augmentation(passes, jitters)
    check_network(chosen_network, runtime)
    check_fpir(fpir)
    check_classifier(classifier, lda_dim)
    if strangers is not None:
        strangers = named_path(strangers)
    if cohort is not None:
        cohort = named_path(cohort)
    tell = report or (lambda step: None)
    training, aligned_dir, embeddings_dir = (work_dir / name for name in (TRAINING_DIR, ALIGNED_DIR, EMBEDDINGS_DIR))
    finish_migration(work_dir)
    gathered = gather(photos, work_dir, link)
    if gathered is not None:
        tell(gathered)
    runs_on: dict[str, Any] = {
        "network": network,
        "engine": engine,
        "device": device,
        "jobs": jobs,
        "overwrite": overwrite,
    }
    aligned = align_folder(
        *(training, aligned_dir),
        size=size,
        detector=detector,
        upsample=upsample,
        detection_size=detection_size,
        skip_multi=skip_multi,
        **runs_on,
    )
    tell(aligned)
    represented = represent_folder(
        aligned_dir, embeddings_dir, passes=passes, jitters=jitters, precision=precision, **runs_on
    )
    tell(represented)
    trained = train(
        embeddings_dir,
        fpir=fpir,
        classifier=classifier,
        lda_dim=lda_dim,
        jobs=jobs,
        distinct=distinct,
        strangers=strangers,
        cohort=cohort,
    )
    tell(trained)
    return Enrolled(gathered, aligned, represented, trained)
