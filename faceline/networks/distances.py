"""How two embeddings compare."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from faceline.disk.numbers import LARGEST
from faceline.errors import FacelineError

KINDS = ("euclidean", "half-normalized", "cosine")


@dataclass(frozen=True)
class Metric:
    """A way to compare embeddings.

    Attributes
    ----------
    kind : str
        One of KINDS. "cosine" is 1 minus the cosine of their angle. "half-normalized" is the Euclidean distance of the
        embeddings, each divided by the root of its own length: half-way between embeddings as they are, of which the
        short ones of two people come too near, and their angles alone, which leave out what the length does tell.
    typical_length : float or None
        For "half-normalized" alone: embeddings of this length stay as they are, which keeps the meaning of a threshold.
    """

    kind: str
    typical_length: float | None = None

    def __post_init__(self) -> None:
        """Raises ValueError with what is wrong; the values may come from a file."""
        if type(self.kind) is not str or self.kind not in KINDS:
            raise ValueError(f"distance is {self.kind!r}; choose from {', '.join(KINDS)}")
        length = self.typical_length
        if self.kind != "half-normalized":
            if length is not None:
                raise ValueError("typical_length goes with the distance half-normalized only")
        elif length is None or type(length) not in (int, float) or not 1 / LARGEST < length < LARGEST:
            raise ValueError("the distance half-normalized takes a number more than 0 as typical_length")

    @classmethod
    def from_record(cls, record: object) -> Self:
        """The metric that `asdict` told of, which comes from a file; raises FacelineError if it is none."""
        try:
            if not isinstance(record, dict):
                raise TypeError
            return cls(**record)
        except (TypeError, ValueError):
            raise FacelineError("the distance is not described as this version does") from None

    def vectors(self, embeddings: np.ndarray) -> np.ndarray:
        """Embeddings, (n, d), as what is compared: (n, d), of the same kind of float. One of zeros stays."""
        if self.kind == "euclidean":
            return embeddings
        lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
        lengths[lengths == 0] = 1
        return embeddings / lengths if self.kind == "cosine" else embeddings * np.sqrt(self.typical_length / lengths)

    def pairs(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """The distances of embeddings, (n, d), to others, (n, d) or (1, d), pair by pair: (n,)."""
        first, second = self.vectors(first), self.vectors(second)
        if self.kind == "cosine":
            return np.maximum(1 - np.einsum("ij,ij->i", first, second), 0)
        return np.linalg.norm(first - second, axis=1)

    def table(self, embeddings: np.ndarray, others: np.ndarray) -> np.ndarray:
        """The distances of embeddings, (m, d), to all others, (n, d): (m, n)."""
        embeddings, others = self.vectors(embeddings), self.vectors(others)
        if self.kind == "cosine":
            return np.maximum(1 - embeddings @ others.T, 0)
        return np.sqrt(squared_distances(embeddings, others))

    def as_cosine(self, threshold: float, embeddings: np.ndarray) -> float:
        """The cosine distance that stands for a threshold, between embeddings as long as these, (n, d), are."""
        if self.kind == "cosine":
            return threshold
        # Without `vectors`: a copy of a large gallery takes 400 MB.
        squares = np.einsum("ij,ij->i", embeddings, embeddings)
        if self.kind == "half-normalized":
            squares = self.typical_length * np.sqrt(squares)
        return float(threshold**2 / 2 / np.mean(squares))


def squared_distances(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The squares of the Euclidean distances between every two points, (m, d) and (n, d): (m, n)."""
    squares = (points**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * points @ others.T
    return np.maximum(squares, 0)
