"""How well faces can be recognised by their crops, as stage 2's manifest tells it."""

from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np

from faceline.disk.embeddings import embedding_of
from faceline.disk.rows import CropRow, PictureRow
from faceline.faces.test_time_augmentation import Augmentation
from faceline.networks.combination import cosine_threshold
from faceline.networks.network import Network
from faceline.networks.runtime import DEFAULT_ENGINE, Runtime
from faceline.people.quality import USUAL_LIKENESS, judge, measure_features, measures_of


def measured(
    rows: Sequence[CropRow],
    pictures: Sequence[PictureRow],
    crops: np.ndarray,
    network: Network,
    runtime: Runtime,
    augmentation: Augmentation,
    frame: str,
) -> list[CropRow]:
    """Rows that have an embedding, with the quality of their crops, (m, size, size, 3) uint8, and what was measured."""
    # The same numbers from any engine: so the quick one, for the embedding of the mirrored crop.
    quick = replace(runtime, engine=DEFAULT_ENGINE)
    edges = [edge_of(picture, crops.shape[1]) for picture in pictures]
    embeddings = np.array([embedding_of(row) for row in rows])
    seen = crops, edges, [USUAL_LIKENESS] * len(rows), embeddings
    found = measure_features(*seen, augmentation, network, quick, cosine_threshold(network), frame)
    return [with_quality(row, features) for row, features in zip(rows, found, strict=True)]


def with_quality(row: CropRow, features: np.ndarray) -> CropRow:
    quality = judge(features)
    measures = {name: round(value, 2) for name, value in asdict(measures_of(features)).items()}
    return replace(row, quality=round(quality.score, 3), unclear=quality.reason, **measures)


def edge_of(picture: PictureRow, size: int) -> int:
    """How large a face is in its picture, in pixels; where no box is told of, as large as its crop."""
    return size if picture.left is None or picture.right is None else picture.right - picture.left
