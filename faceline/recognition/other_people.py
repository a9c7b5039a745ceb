"""Embeddings of faces without names: strangers, and people of the same population."""

from pathlib import Path

import numpy as np

from faceline.disk.embeddings import read_people
from faceline.disk.paths import check_folder, named_path, real_path
from faceline.disk.rows import Status
from faceline.disk.run_records import read_record
from faceline.errors import FacelineError, cure
from faceline.faces.test_time_augmentation import Augmentation
from faceline.networks.network import Network
from faceline.networks.table import network_of
from faceline.people.cohort import check_cohort
from faceline.wording import one_line


def read_others(
    others_dir: str | Path,
    network: Network,
    augmentation: Augmentation,
    what: str,
    like: str = "the gallery",
    gallery: Path | None = None,
) -> tuple[np.ndarray, list[str]]:
    """The embeddings of faces of nobody in particular, (m, d) float32, and their crops.

    Parameters
    ----------
    others_dir : path
        As `represent_folder` wrote it.
    network : Network
    augmentation : Augmentation
        How the embeddings must have been made.
    what, like : str
        In words, what they are, and what they must be made like.
    gallery : path or None
        The folder that they must not be.

    Raises
    ------
    FacelineError
        If the folder is no finished one of stage 2, the gallery's own, or made otherwise.
    """
    folder = named_path(others_dir)
    option = f"--{what.removeprefix('the ')}"
    check_folder(folder, f"run both stages on the pictures of {what} first")
    if gallery is not None and real_path(folder) == real_path(gallery):
        raise FacelineError(f"{one_line(folder)}: is the gallery itself; name another folder with {option}")
    with cure(f"run batch_represent on the crops of {what}, to its end"):
        record = read_record(folder, "represent")
        found = network_of(record["options"])
        if found != network or Augmentation.from_record(record["options"]) != augmentation:
            raise FacelineError(f"{one_line(folder)}: made with another network or other passes than {like}")
        embeddings, crops, _ = read_people(folder, network.dimensions, record["counts"], frozenset({Status.OK}))
    return embeddings, crops


def read_cohort(
    cohort_dir: str | Path,
    network: Network,
    augmentation: Augmentation,
    like: str = "the gallery",
    gallery: Path | None = None,
) -> np.ndarray:
    """The embeddings, (c, d) float32, of a cohort; raises FacelineError as `read_others` does, and if they are few."""
    faces, _ = read_others(cohort_dir, network, augmentation, "the cohort", like, gallery)
    with cure("name another folder with --cohort"):
        check_cohort(len(faces))
    return faces
