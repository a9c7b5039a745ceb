"""How a work folder was made, so that what is added to it is made likewise."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faceline.disk.names import ALIGNED_DIR, CLASSIFIER_FILE, EMBEDDINGS_DIR, MANIFEST_FILE, TRAINING_DIR
from faceline.disk.scan import list_pictures
from faceline.errors import FacelineError
from faceline.faces.options import AlignmentOptions
from faceline.faces.test_time_augmentation import ALONE, Augmentation
from faceline.networks.frames import serves
from faceline.networks.network import FLOAT32, Network
from faceline.networks.runtime import DEFAULT_DEVICE, DEFAULT_ENGINE
from faceline.networks.table import DEFAULT_NETWORK, name_of, network_named
from faceline.recognition.classifier_file import Model, read_classifier
from faceline.runs.journal import earlier_run
from faceline.wording import one_line
from faceline.work_folder.migrate import options_of

# Of stage 1's options those that are no part of `AlignmentOptions`.
FURTHER = ("skip_multi", "every", "fallback")


@dataclass(frozen=True)
class FolderOptions:
    """How the stages made a work folder, or would make an empty one.

    Attributes
    ----------
    network : Network
    alignment : AlignmentOptions
    augmentation : Augmentation
    align, represent, train : dict
        What the stages take beside the folders, `network` and `jobs`.
    notes : list of str
        What is not known of how it was made.
    name : str
        What the stages take for the network.
    """

    network: Network
    alignment: AlignmentOptions
    augmentation: Augmentation
    align: dict[str, Any] = field(default_factory=dict)
    represent: dict[str, Any] = field(default_factory=dict)
    train: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    name: str = DEFAULT_NETWORK


def read_options(work_dir: Path) -> FolderOptions:
    """How a work folder was made; raises FacelineError if that cannot be told, or its network is gone."""
    represented, aligned = earlier_run(work_dir / EMBEDDINGS_DIR), earlier_run(work_dir / ALIGNED_DIR)
    name = DEFAULT_NETWORK if represented is None else name_of(represented["options"])
    represent: dict[str, Any] = {"precision": FLOAT32, "engine": DEFAULT_ENGINE, "device": DEFAULT_DEVICE}
    if represented is not None:
        represent = {option: represented["options"].get(option, value) for option, value in represent.items()}
    network = network_named(name, represent["precision"])
    alignment, augmentation = AlignmentOptions(frame=network.frame, size=network.crop_size), ALONE
    align: dict[str, Any] = {}
    if aligned is not None:
        alignment = AlignmentOptions.from_record(aligned["options"])
        if not serves(alignment.frame, network.frame):
            problem = f"holds crops in the frame {alignment.frame}, and nothing tells for which network"
            raise FacelineError(f"{one_line(work_dir / ALIGNED_DIR)}: {problem}; run batch_represent")
        kept = ("landmarks", "landmark_model", "detector", "upsample", "detection_size")
        align = {option: getattr(alignment, option) for option in kept}
        align |= {option: aligned["options"][option] for option in FURTHER if option in aligned["options"]}
        align["size"] = alignment.size if alignment.frame == network.frame else None
    if represented is not None:
        augmentation = Augmentation.from_record(represented["options"])
    represent |= augmentation.record()
    model = model_of(work_dir)
    notes = []
    if model is not None and model.gallery.calibration.people > model.gallery.scorer.count:
        notes.append("The classifier of before knew strangers, and nothing tells which: train again with --strangers.")
    return FolderOptions(network, alignment, augmentation, align, represent, options_of(model), notes, name)


def model_of(work_dir: Path) -> Model | None:
    """The classifier of before; None where there is none, or it cannot be read."""
    path = work_dir / EMBEDDINGS_DIR / CLASSIFIER_FILE
    try:
        return read_classifier(path) if path.exists() else None
    except FacelineError:
        return None


def check_photographs(work_dir: Path) -> None:
    """Raise FacelineError where the stages have read photographs that are not in `training-images`.

    Stage 1 removes the crops of photographs that are not there: a single one that is added here would cost all others.
    """
    training, aligned = work_dir / TRAINING_DIR, earlier_run(work_dir / ALIGNED_DIR)
    if aligned is None:
        if earlier_run(work_dir / EMBEDDINGS_DIR) is not None:
            raise FacelineError(
                f"{one_line(work_dir)}: has embeddings without their photographs; bring these to"
                f" {TRAINING_DIR} with faceline enrol, into another work folder"
            )
    elif aligned.get("input", TRAINING_DIR) != TRAINING_DIR or not training.is_dir():
        raise FacelineError(
            f"{one_line(work_dir / ALIGNED_DIR)}: its photographs are not in {TRAINING_DIR}; bring them there first:"
            f" faceline enrol PHOTOS {one_line(work_dir)}"
        )


def check_named_by_folders(work_dir: Path) -> None:
    """Raise FacelineError where folders do not say whose photographs are."""
    aligned = earlier_run(work_dir / ALIGNED_DIR)
    if aligned is not None and aligned["options"].get("every"):
        raise FacelineError(
            f"{one_line(work_dir)}: holds photographs without names (align --every); say whose faces they are on the"
            " page of faceline review"
        )


def has_photographs(work_dir: Path) -> bool:
    """Whether there are any of people."""
    training = work_dir / TRAINING_DIR
    return training.is_dir() and bool(list_pictures(training, may_be_empty=True).images)


def manifest_of(work_dir: Path) -> Path:
    return work_dir / ALIGNED_DIR / MANIFEST_FILE
