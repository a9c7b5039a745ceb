"""Embeddings of the same pictures, from several folders."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from faceline.disk.paths import named_path, real_path
from faceline.errors import FacelineError
from faceline.evaluation.comparison import Embedded, read_embedded
from faceline.wording import one_line


@dataclass(frozen=True)
class Shared:
    """Folders of embeddings, with the pictures that all of them have, in the same order.

    Attributes
    ----------
    labels : list of str
        What each folder is called.
    folders : list of Embedded
    left_aside : int
        Pictures that not all of them have.
    """

    labels: list[str]
    folders: list[Embedded]
    left_aside: int


def read_shared(embeddings_dirs: Sequence[str | Path]) -> Shared:
    """Read folders of embeddings; raises FacelineError if one cannot be used, or they have no picture in common."""
    paths = [named_path(folder) for folder in embeddings_dirs]
    labels = labels_of(paths)
    folders = [read_embedded([path]) for path in paths]
    every = [set(folder.crops) for folder in folders]
    for path, crops in zip(paths, every, strict=True):
        if not crops & every[0]:
            raise FacelineError(
                f"{one_line(path)}: holds other pictures than {one_line(paths[0])}; name folders of embeddings of the"
                " same pictures"
            )
    shared = set.intersection(*every)
    if not shared:
        raise FacelineError(
            f"no picture is in all {len(paths)} folders; name folders of embeddings of the same pictures"
        )
    return Shared(labels, [only(folder, shared) for folder in folders], len(set.union(*every)) - len(shared))


def only(folder: Embedded, crops: set[str]) -> Embedded:
    """The embeddings of some crops, sorted by these."""
    rows = sorted((row for row, crop in enumerate(folder.crops) if crop in crops), key=folder.crops.__getitem__)
    return replace(
        folder,
        embeddings=folder.embeddings[rows],
        crops=[folder.crops[row] for row in rows],
        people=[folder.people[row] for row in rows],
        fallbacks=np.asarray(folder.fallbacks)[rows],
    )


def labels_of(paths: Sequence[Path]) -> list[str]:
    """The names of folders, with as many of the folders around them as it takes to tell them apart."""
    every = [real_path(path).parts for path in paths]
    for number, parts in enumerate(every):
        if parts in every[:number]:
            raise FacelineError(f"{one_line(paths[number])}: named twice")
    depth = next(depth for depth in range(1, 1000) if len({parts[-depth:] for parts in every}) == len(every))
    return ["/".join(parts[-depth:]) for parts in every]
