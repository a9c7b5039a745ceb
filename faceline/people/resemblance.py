"""How similar a face is to pictures of its own person, and to the most similar one of the others.

Similarities are cosine distances with a minus, in units of the network's threshold, as in `scoring`. What two pictures
of one person have in common is learnt from the gallery, beside a prior; what a person and the most similar one of the
others have in common follows from how similar the next ones are, their crowding: so the same rules serve people whom
the network tells apart well and others.
"""

import math
from dataclasses import dataclass
from typing import overload

import numpy as np

from faceline.people.scoring import CROWD, NOBODY_S_SIMILARITY, unit

# A face and the mean of m pictures of its person: mean GENUINE[0] - GENUINE[1] / m, deviation GENUINE_SD likewise (+).
# The first number comes from the gallery, where this counts as `PRIOR_PEOPLE` people. LFW and East Asian people.
GENUINE, GENUINE_SD = (-0.28, 0.24), (0.08, 0.09)
PRIOR_PEOPLE = 6
# The most similar one of the others, minus CROWDING_WEIGHT x the crowding by the next ones: mean and deviation.
NEIGHBOUR, NEIGHBOUR_SD = -0.1, 0.12
# Similarities scatter about all this with more outliers than a normal distribution: Student's t of this many degrees.
FREEDOM = 5.0

ROWS_AT_ONCE = 1024
PRODUCTS_AT_ONCE = 1 << 26  # fewer rows at once where there are very many people


@dataclass(frozen=True)
class People:
    """Pictures and whose they are said to be: what the suspicions are computed from.

    Attributes
    ----------
    directions : ndarray of shape (n, d), float32
        Of length 1, person by person.
    labels : ndarray of shape (n,), int
        0 to k - 1, in rising order.
    scale : float
        The cosine distance that stands for the network's threshold.
    """

    directions: np.ndarray
    labels: np.ndarray
    scale: float

    @property
    def counts(self) -> np.ndarray:
        return np.bincount(self.labels)

    def sums(self) -> np.ndarray:
        """The sum of each person's directions: (k, d)."""
        starts = np.flatnonzero(np.diff(self.labels, prepend=-1))
        return np.add.reduceat(self.directions, starts)

    def own(self) -> np.ndarray:
        """Each picture's similarity to the mean of its person's others, (n,); NaN where there are none."""
        return self.similarity_to_others(self.directions, self.labels, np.ones(len(self.labels), bool))

    def similarity_to_others(self, directions: np.ndarray, labels: np.ndarray, is_counted: np.ndarray) -> np.ndarray:
        """The similarity of faces, (m, d), to the mean of the other pictures of the people `labels`, (m,); NaN where
        there are none. `is_counted`, (m,), says which of them are among these people's pictures."""
        sums, others = self.sums(), self.counts[labels] - is_counted
        found = np.full(len(labels), np.nan)
        for start in range(0, len(found), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            rest = unit(sums[labels[rows]] - directions[rows] * is_counted[rows, None])
            found[rows] = (np.einsum("ij,ij->i", rest, directions[rows]) - 1) / self.scale
        found[others == 0] = np.nan
        return found


@dataclass(frozen=True)
class Genuine:
    """How similar a face is to the mean of some pictures of the same person, in a gallery."""

    level: float

    @classmethod
    def of(cls, people: People, own: np.ndarray) -> "Genuine":
        """From the median picture, which a few wrong ones do not move, each person weighing the same; NaN is none."""
        others = people.counts[people.labels] - 1
        known = ~np.isnan(own)
        levels = own[known] + GENUINE[1] / others[known]
        weights = 1 / people.counts[people.labels][known]
        levels, weights = np.append(levels, GENUINE[0]), np.append(weights, PRIOR_PEOPLE)
        order = np.argsort(levels)
        middle = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
        return cls(float(levels[order[middle]]))

    def expected(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation where the person has `pictures` pictures."""
        return self.level - GENUINE[1] / pictures, GENUINE_SD[0] + GENUINE_SD[1] / pictures


@dataclass(frozen=True)
class Neighbourhood:
    """For each of m faces or people the most similar ones of the people: `people` and `similarities`, (m, c), falling.

    `middle`, (m,), is the mean similarity to everybody.
    """

    people: np.ndarray
    similarities: np.ndarray
    middle: np.ndarray

    @classmethod
    def of(cls, directions: np.ndarray, means: np.ndarray, scale: float, own: np.ndarray | None) -> "Neighbourhood":
        """Of `directions`, (m, d), among `means`, (k, d); `own`, (m,), names a person for each who does not count."""
        count = min(CROWD + 1, len(means) - (own is not None))
        found, best = np.zeros((len(directions), count), int), np.zeros((len(directions), count))
        at_once = max(1, min(ROWS_AT_ONCE, PRODUCTS_AT_ONCE // len(means)))
        for start in range(0, len(directions), at_once):
            rows = slice(start, start + at_once)
            cosines = directions[rows] @ means.T
            every = np.arange(len(cosines))
            if own is not None:
                cosines[every, own[rows]] = -np.inf
            for place in range(count):  # a tenth of the time of sorting, as few are wanted of many
                nearest = cosines.argmax(axis=1)
                found[rows, place], best[rows, place] = nearest, cosines[every, nearest]
                cosines[every, nearest] = -np.inf
        return cls(found, (best - 1) / scale, (directions @ means.mean(axis=0) - 1) / scale)

    def crowding(self) -> np.ndarray:
        """Mean similarity of those behind the most similar one, and of nobody in particular: (m,)."""
        rest = self.similarities[:, 1:]
        return (rest.sum(axis=1) + NOBODY_S_SIMILARITY) / (rest.shape[1] + 1)


@dataclass(frozen=True)
class Neighbour:
    """How much above its crowding the most similar one of the others lies, where that is somebody else."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, excess: np.ndarray, weights: np.ndarray) -> "Neighbour":
        """From the excess of each face or person, by median and quartiles, which mistakes do not move far."""
        total = float(weights.sum())
        if total == 0:
            return cls(NEIGHBOUR, NEIGHBOUR_SD)
        order = np.argsort(excess)
        shares = (np.cumsum(weights[order]) - weights[order] / 2) / total
        low, middle = np.interp([0.25, 0.5], shares, excess[order])
        trust = total / (total + PRIOR_PEOPLE)
        deviation = (middle - low) / 0.7267  # the quartile of Student's distribution
        mean = trust * middle + (1 - trust) * NEIGHBOUR
        return cls(float(mean), math.sqrt(trust * deviation**2 + (1 - trust) * NEIGHBOUR_SD**2))

    def log_density(self, excess: np.ndarray) -> np.ndarray:
        return log_density(excess, self.mean, self.deviation)


@overload
def log_density(values: float, mean: float, deviation: float) -> float: ...


@overload
def log_density(values: np.ndarray, mean: np.ndarray | float, deviation: np.ndarray | float) -> np.ndarray: ...


def log_density(
    values: np.ndarray | float, mean: np.ndarray | float, deviation: np.ndarray | float
) -> np.ndarray | float:
    """The logarithm of Student's density with FREEDOM degrees, but for a constant that all of them have."""
    return -np.log(deviation) - (FREEDOM + 1) / 2 * np.log1p(((values - mean) / deviation) ** 2 / FREEDOM)
