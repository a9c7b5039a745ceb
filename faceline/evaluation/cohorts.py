"""A folder of embeddings as cohort: distances are normalised by how near faces lie to it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from faceline.disk.paths import named_path, real_path
from faceline.errors import FacelineError, cure
from faceline.evaluation.comparison import Embedded, embeds_otherwise, read_embedded
from faceline.people.cohort import Cohort, CohortMetric, check_cohort
from faceline.wording import one_line


def refuse_itself(cohort_dir: str | Path, folders: Sequence[str | Path]) -> None:
    """Raise FacelineError if a cohort is one of the folders that are compared."""
    for folder in folders:
        if real_path(named_path(cohort_dir)) == real_path(named_path(folder)):
            raise FacelineError(f"{one_line(cohort_dir)}: is compared itself; name embeddings of others as --cohort")


def is_made_alike(embedded: Embedded, cohort: Embedded) -> bool:
    return not embeds_otherwise(embedded.network, cohort.network) and embedded.passes == cohort.passes


def read_cohort(cohort_dir: str | Path, embedded: Embedded, folders: Sequence[str | Path]) -> Embedded:
    """The faces of a cohort for embeddings of some folders; raises FacelineError if it is one of these, or made
    otherwise."""
    refuse_itself(cohort_dir, folders)
    cohort = read_embedded([cohort_dir])
    if not is_made_alike(embedded, cohort):
        raise FacelineError(
            f"{one_line(cohort_dir)}: made with another network or other passes than what is compared; name a cohort"
            " that was made alike"
        )
    return cohort


def normalised(embedded: Embedded, cohort: Embedded, cohort_dir: str | Path) -> Embedded:
    """Embeddings whose distances are normalised by a cohort; raises FacelineError if that has too few faces, or shows
    a picture that is compared. Pictures without a face that was found do not count in a cohort."""
    network = embedded.network
    with cure(f"look at {one_line(cohort_dir)}"):
        found = Cohort.of(cohort.embeddings[~cohort.fallbacks], network.metric)
        weighed = found.weighed(embedded.embeddings, network.threshold)
    return replace(embedded, embeddings=weighed, metric=CohortMetric(network.metric), cohort=len(found.embeddings))


def faces_of_cohort(embedded: Embedded, cohort_dir: str | Path | None, folder: str | Path) -> np.ndarray | None:
    """The embeddings, (c, d) float32, of a cohort for `train`; None where none is named."""
    if cohort_dir is None:
        return None
    cohort = read_cohort(cohort_dir, embedded, [folder])
    faces = cohort.embeddings[~cohort.fallbacks]
    with cure(f"look at {one_line(cohort_dir)}"):
        check_cohort(len(faces))
    return faces


def with_cohort(embedded: Embedded, cohort_dir: str | Path | None, folders: Sequence[str | Path]) -> Embedded:
    """Embeddings of some folders, normalised by a cohort where one is named."""
    if cohort_dir is None:
        return embedded
    return normalised(embedded, read_cohort(cohort_dir, embedded, folders), cohort_dir)


def with_cohorts(
    every: Sequence[Embedded], cohort_dirs: Sequence[str | Path], folders: Sequence[str | Path]
) -> list[Embedded]:
    """Embeddings of several networks, each normalised by the cohort that was made alike.

    Raises FacelineError if one has no cohort, or several, where any are named.
    """
    if not cohort_dirs:
        return list(every)
    for cohort_dir in cohort_dirs:
        refuse_itself(cohort_dir, folders)
    cohorts = [read_embedded([cohort_dir]) for cohort_dir in cohort_dirs]
    found, used = [], set()
    for folder, embedded in zip(folders, every, strict=True):
        fitting = [number for number, cohort in enumerate(cohorts) if is_made_alike(embedded, cohort)]
        if len(fitting) != 1:
            many = "no" if not fitting else "more than one"
            raise FacelineError(
                f"{one_line(folder)}: {many} cohort was made with its network and passes; name one --cohort for each"
            )
        used.add(fitting[0])
        found.append(normalised(embedded, cohorts[fitting[0]], cohort_dirs[fitting[0]]))
    for number, cohort_dir in enumerate(cohort_dirs):
        if number not in used:
            raise FacelineError(f"{one_line(cohort_dir)}: made like none of the folders; leave it out")
    return found
