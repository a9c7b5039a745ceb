"""Up to what distance two clusters are one person: chosen from the heap itself.

Distances are squared, in units of the square of the network's threshold. How near strangers come differs from heap to
heap, above all by where their people come from; how far a person's own pictures lie apart hardly does.
"""

from dataclasses import dataclass

import numpy as np

from faceline.people.clustering.linkage import Tree

# The highest limit, the lowest, and where the search begins.
HIGHEST, LOWEST, START = 1.0, 0.5, 0.7
STEP = 0.01
# Too few pairs of strangers to learn from: the limit is this then.
LEAST_PAIRS, WITHOUT_STRANGERS = 20, 0.8
ROUNDS = 3

# Two pictures of a person: normal, with this mean and deviation, in lfw-dev and in east-asian-dev, with any network.
OWN_MEAN, OWN_DEVIATION = 0.55, 0.2

# The nearest strangers show how the distance, not squared, of still nearer ones is spread: the part of a normal curve
# that goes through these two shares of all pairs of strangers.
SHARES = 0.02, 0.2

# As many pairs of strangers, for each pair of one person, may lie below the limit; average linkage leaves most of them
# apart. It counts where people are few and alike.
STRANGERS_ALLOWED = 0.5


@dataclass(frozen=True)
class Strangers:
    """The lower tail of the distances between different people, as a normal curve."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, squares: np.ndarray) -> "Strangers":
        """From the squared distances of pairs."""
        from scipy.special import ndtri

        low, high = np.sqrt(np.quantile(squares, SHARES))
        below, above = ndtri(SHARES)
        deviation = max((high - low) / (above - below), 1e-3)
        return cls(float(low - below * deviation), float(deviation))

    def below(self, limits: np.ndarray) -> np.ndarray:
        """The share of pairs below squared distances."""
        from scipy.special import ndtr

        return ndtr((np.sqrt(limits) - self.mean) / self.deviation)

    def density(self, limits: np.ndarray) -> np.ndarray:
        """How many pairs there are at squared distances, for each unit of these, as a share of all."""
        roots = np.sqrt(limits)
        return normal_density((roots - self.mean) / self.deviation) / self.deviation / (2 * roots)


@dataclass(frozen=True)
class Sample:
    """Faces drawn from the heap: their numbers, (s,), and the squared distances of all pairs of them, (s, s)."""

    faces: np.ndarray
    squares: np.ndarray

    def strangers(self, clusters: np.ndarray) -> list[Strangers]:
        """How far people lie apart, if each of the clusters, (n,), of all faces is one; nothing if there are too few.

        Once by all faces, and once without those that are alone: among these are poor pictures of people who have a
        cluster, which are no strangers to it. But where most people have one picture, they are what there is.
        """
        own = clusters[self.faces]
        apart = np.triu(own[:, None] != own, 1)
        has_others = np.bincount(clusters)[own] > 1
        both = apart & has_others & has_others[:, None]
        return [Strangers.of(self.squares[pairs]) for pairs in (apart, both) if np.count_nonzero(pairs) >= LEAST_PAIRS]

    def pairs_below(self, limits: np.ndarray) -> np.ndarray:
        """How many pairs lie below each limit."""
        near = self.squares[np.triu(self.squares < limits[-1], 1)]
        return np.searchsorted(np.sort(near), limits)


def normal_density(scores: np.ndarray) -> np.ndarray:
    return np.exp(-(scores**2) / 2) / np.sqrt(2 * np.pi)


def choose_limit(tree: Tree, sample: Sample, near: np.ndarray, bound: float) -> float:
    """The limit for the clusters of a tree.

    It is the lower one of two: the distance from which on a merge is likelier one of two people than of one, and that
    up to which the pairs of strangers are few beside those of one person.

    Parameters
    ----------
    tree : Tree
    sample : Sample
        Of the faces of the tree.
    near : ndarray of shape (m,), float
        The squared distances of near pairs of faces, sorted.
    bound : float
        Up to which the tree reaches.
    """
    faces = tree.faces
    limits = limits_up_to(bound)
    all_pairs = faces * (faces - 1) / 2
    drawn = len(sample.faces) * (len(sample.faces) - 1) / 2
    # Of faces with many neighbours not all pairs are near ones; then the sample tells more of them.
    found = np.maximum(np.searchsorted(near, limits), sample.pairs_below(limits) * (all_pairs / max(drawn, 1)))
    limit = START
    for _ in range(ROUNDS):
        clusters = tree.clusters(limit)
        own = max(faces - clusters, 1) / own_below(limit) * own_density(limits)
        candidates = []
        for strangers in sample.strangers(tree.cut(limit)):
            expected = all_pairs * strangers.below(limits)
            few = expected <= STRANGERS_ALLOWED * np.maximum(found - expected, 0)
            likely = clusters * (clusters - 1) / 2 * strangers.density(limits) <= own
            candidates.append(min(last_of(limits, few), first_without(limits, likely)))
        if not candidates:
            return WITHOUT_STRANGERS
        limit = max(candidates)
    return limit


def limits_up_to(bound: float) -> np.ndarray:
    """The limits that there may be."""
    return np.round(np.arange(LOWEST, min(bound, HIGHEST) + STEP / 2, STEP), 2)


def own_below(limit: float) -> float:
    """The share of a person's own pairs below a squared distance."""
    from scipy.special import ndtr

    return float(ndtr((limit - OWN_MEAN) / OWN_DEVIATION))


def own_density(limits: np.ndarray) -> np.ndarray:
    return normal_density((limits - OWN_MEAN) / OWN_DEVIATION) / OWN_DEVIATION


def last_of(limits: np.ndarray, is_allowed: np.ndarray) -> float:
    """The highest limit that is allowed; the lowest of all if none is."""
    allowed = np.flatnonzero(is_allowed)
    return float(limits[allowed[-1] if len(allowed) else 0])


def first_without(limits: np.ndarray, is_likely: np.ndarray) -> float:
    """The highest limit before the first that is not likely; the highest of all if all are."""
    unlikely = np.flatnonzero(~is_likely)
    return float(limits[max(unlikely[0] - 1, 0) if len(unlikely) else -1])
