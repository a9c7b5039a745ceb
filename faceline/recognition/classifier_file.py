"""`classifier.pkl`: all that it takes to name people, as `train` writes it and `infer` reads it."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faceline.disk.freshness import Learnt, check_learnt
from faceline.disk.names import CLASSIFIER_FILE, EMBEDDINGS_DIR, MIGRATION_DIR, REPS_FILE
from faceline.disk.run_records import versions
from faceline.disk.stored import StoredError, StoredMissingError, open_arrays, remove_arrays, write_arrays
from faceline.disk.writing import remove
from faceline.errors import FacelineError
from faceline.faces.options import AlignmentOptions
from faceline.faces.test_time_augmentation import Augmentation
from faceline.host.imports import load
from faceline.host.interruptions import pass_on
from faceline.networks.network import Network
from faceline.networks.table import network_of
from faceline.people.gallery import Gallery
from faceline.people.many.gallery import ManyPeople
from faceline.people.naming import Naming
from faceline.wording import one_line

# Raised when `classifier.pkl` gets other parts.
FORMAT = "faceline classifier 5"
# Of galleries of very many people, most of which lies in another file.
MANY_FORMAT = "faceline classifier 6, in two files"


@dataclass(frozen=True)
class Model:
    """Everything that `infer` needs to know: how faces are cropped and embedded, who people are, and from which files
    that was learnt."""

    alignment: AlignmentOptions
    network: Network
    augmentation: Augmentation
    gallery: Naming
    learnt: Learnt = field(default_factory=dict)


def classifier_at(path: Path) -> Path:
    """The classifier that a path means: the file itself, or the one in that folder of embeddings or work folder."""
    if not os.path.isdir(path):
        return path
    is_work = not os.path.lexists(path / CLASSIFIER_FILE) and is_work_folder(path)
    return (embeddings_of(path) if is_work else path) / CLASSIFIER_FILE


def embeddings_of(work_dir: Path) -> Path:
    """The folder of embeddings in a work folder; where `migrate` is just putting another one in its place, or was
    killed meanwhile, that other one, which is whole."""
    coming = work_dir / MIGRATION_DIR / EMBEDDINGS_DIR
    is_between = not os.path.lexists(work_dir / EMBEDDINGS_DIR) and os.path.isfile(coming / CLASSIFIER_FILE)
    return coming if is_between else work_dir / EMBEDDINGS_DIR


def holds_classifier(folder: Path) -> bool:
    """Whether a folder has a classifier in it, or would have one if `train` had run."""
    return any(os.path.isfile(folder / name) for name in (CLASSIFIER_FILE, REPS_FILE))


def is_work_folder(folder: Path) -> bool:
    """Whether a folder is one as `enrol` makes it, with the embeddings of somebody."""
    return holds_classifier(embeddings_of(folder))


def write_classifier(path: Path, model: Model) -> None:
    """Write `classifier.pkl`, and before it the file that belongs to it where there is one; raises FacelineError if
    they cannot be written.

    A kill leaves the files of before, or the new ones; what belongs to neither goes in the end.
    """
    load("faceline.disk.pickles")
    from faceline.disk import pickles

    gallery, many = model.gallery, isinstance(model.gallery, ManyPeople)
    content: dict[str, Any] = {
        "format": MANY_FORMAT if many else FORMAT,
        "alignment": model.alignment.record(),
        "versions": versions(),
    }
    content |= model.network.record() | model.augmentation.record() | {"gallery": gallery.record()}
    content["learnt_from"] = {name: list(digest) for name, digest in model.learnt.items()}
    if isinstance(gallery, ManyPeople):
        content["arrays"] = write_arrays(path.parent, gallery.arrays())
    pickles.dump(content, path)
    remove_arrays(path.parent, keep=content["arrays"]["file"] if many else None)


def remove_classifier(path: Path) -> None:
    """Remove `classifier.pkl` and what belongs to it, as far as it is there; raises FacelineError."""
    remove_arrays(path.parent)  # first, so that a kill leaves nothing that nobody knows of
    remove(path)


def read_classifier(path: Path, network: str | None = None) -> Model:
    """Read `classifier.pkl`, trusting nothing in it. `network` says where the network's file lies now, if it has moved.

    Raises
    ------
    FacelineError
        If the file is missing, no classifier, damaged, or of another version, network or geometry; or if the file that
        belongs to it is.
    """
    load("faceline.disk.pickles")
    from faceline.disk import pickles

    content = pickles.load(path)
    try:
        return model_of(path, content, network)
    except StoredMissingError:
        now = pickles.load(path)  # `train` may have put another one there meanwhile, and removed what belonged to this
        if now.get("arrays", {}).get("file") == content["arrays"]["file"]:
            raise
        return model_of(path, now, network)


def model_of(path: Path, content: Any, network: str | None) -> Model:
    """What `read_classifier` gives, of the content of the file."""
    advice = "run classifier.py train again"
    written = content.get("format") if type(content) is dict else None
    if type(written) is not str or written not in (FORMAT, MANY_FORMAT):
        raise FacelineError(f"{one_line(path)}: no classifier of this version; {advice}")
    try:
        found = network_of(content, network)
        alignment = AlignmentOptions.from_record(content["alignment"])
        augmentation = Augmentation.from_record(content)
        if written == MANY_FORMAT:
            arrays = open_arrays(path.parent, content["arrays"])
            gallery: Naming = ManyPeople.from_record(content["gallery"], arrays, found)
        else:
            gallery = Gallery.from_record(content["gallery"], found)
        learnt = check_learnt(content.get("learnt_from", {}))
    except StoredError:
        raise
    except FacelineError as error:
        raise FacelineError(f"{one_line(path)}: {one_line(error)}; {advice}") from None
    except Exception as error:  # values of a wrong kind raise nearly everything when they are compared or looked up
        pass_on(error)
        raise FacelineError(f"{one_line(path)}: damaged; {advice}") from None
    return Model(alignment, found, augmentation, gallery, learnt)
