"""Average linkage of many faces: the two clusters go together first whose faces are nearest to each other on average.

The mean squared distance between the faces of two clusters follows from their means and mean squares, so that the faces
themselves need not be compared again. Two clusters that are each other's nearest go together whatever the others do;
all such pairs go together at once, and the result is that of one merge at a time (Bruynooghe 1977).
"""

from dataclasses import dataclass

import numpy as np

from faceline.people.clustering.constraints import Barriers, Constraints, rounds
from faceline.people.clustering.photographs import SharedPhotographs, pair_keys

PAIRS = 50_000  # whose distances are computed at once

NONE = np.empty((0, 2), np.int64)  # no pair


@dataclass(frozen=True)
class Tree:
    """Which clusters went together, and at what mean squared distance: `pairs` is (m, 2), a face of each; (m,)."""

    faces: int
    pairs: np.ndarray
    heights: np.ndarray

    def cut(self, limit: float) -> np.ndarray:
        """The cluster of each face, (n,) int, where all merges up to the limit are done; counted from 0."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        first, second = self.pairs[self.heights <= limit].T
        graph = coo_array((np.ones(len(first), np.int8), (first, second)), (self.faces, self.faces))
        return connected_components(graph, directed=False)[1]

    def clusters(self, limit: float) -> int:
        """How many clusters there are then."""
        return self.faces - int(np.count_nonzero(self.heights <= limit))


@dataclass
class Forest:
    """Clusters: the means of their faces, (n, d) float32, the means of these faces' squares, (n,), and their sizes: the
    sums of their faces' weights, (n,)."""

    means: np.ndarray
    squares: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, points: np.ndarray, weights: np.ndarray | None = None) -> "Forest":
        """Each face on its own; it counts as much as its weight, (n,), in the means and sizes of its cluster."""
        squares = np.einsum("ij,ij->i", points, points).astype(np.float64)
        sizes = np.ones(len(points)) if weights is None else weights.astype(np.float64)
        return cls(points, squares, sizes)

    def distances(self, first: np.ndarray, second: np.ndarray, others: "Forest | None" = None) -> np.ndarray:
        """Mean squared distances between the faces of clusters, pair by pair; `second` are of `others`, if any."""
        others = others or self
        products = np.empty(len(first))
        for start in range(0, len(first), PAIRS):
            part = slice(start, start + PAIRS)
            products[part] = np.einsum("ij,ij->i", self.means[first[part]], others.means[second[part]])
        return np.maximum(self.squares[first] + others.squares[second] - 2 * products, 0)

    def merge(self, first: np.ndarray, second: np.ndarray) -> None:
        """Put the clusters `second` into the clusters `first`, pair by pair; none stands there twice."""
        share = self.sizes[second] / (self.sizes[first] + self.sizes[second])
        weight = share.astype(np.float32)[:, None]
        self.means[first] += weight * (self.means[second] - self.means[first])
        self.squares[first] += share * (self.squares[second] - self.squares[first])
        self.sizes[first] += self.sizes[second]


@dataclass(frozen=True)
class State:
    """The clusters, and what else than the faces says how far they lie apart."""

    forest: Forest
    shared: SharedPhotographs
    barriers: Barriers | None

    def merge(self, first: np.ndarray, second: np.ndarray) -> None:
        """Put the clusters `second` into the clusters `first`, pair by pair; none stands there twice."""
        self.forest.merge(first, second)
        self.shared.merge(first, second)
        if self.barriers is not None:
            self.barriers.merge(first, second)

    def distances(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """How far clusters lie apart, pair by pair: infinitely where something stands between them."""
        found = self.forest.distances(first, second) + self.shared.penalties(first, second)
        return found if self.barriers is None else np.where(self.barriers.between(first, second), np.inf, found)


def average_linkage(
    points: np.ndarray,
    pairs: np.ndarray,
    bound: float,
    together: np.ndarray = NONE,
    weights: np.ndarray | None = None,
    constraints: Constraints | None = None,
) -> Tree:
    """Merge clusters up to a mean squared distance of `bound`, of which some faces are among the near pairs.

    Parameters
    ----------
    points : ndarray of shape (n, d), float32
    pairs : ndarray of shape (m, 2), int64
        As `near_pairs` gives them: clusters with no such pair between them never go together.
    bound : float
    together : ndarray of shape (k, 2), int64
        The pairs of faces of one photograph: clusters with such a pair between them lie further apart.
    weights : ndarray of shape (n,), float, or None
        How much each face counts; None for all the same.
    constraints : Constraints or None
        What is joined, at height 0, and what never goes together.
    """
    forest, count = Forest.of(points.copy(), weights), len(points)
    first, second = pairs.T.copy()
    state = State(forest, SharedPhotographs(count, together), None if constraints is None else Barriers(constraints))
    distances = state.distances(first, second)
    tops = np.zeros(count)
    merged, heights = [np.empty((0, 2), np.int64)], [np.empty(0)]
    for one, other in rounds([] if constraints is None else constraints.joined):
        merged.append(np.stack([one, other], axis=1))
        heights.append(np.zeros(len(one)))
        state.merge(one, other)
        first, second, distances = moved(first, second, distances, one, other, state)
    while len(chosen := mutually_nearest(first, second, distances, count, bound)):
        one, other = first[chosen], second[chosen]
        # Never lower than the merges before: a pair that is missing among the near ones could make it so.
        tops[one] = np.maximum.reduce([distances[chosen], tops[one], tops[other]])
        merged.append(np.stack([one, other], axis=1))
        heights.append(tops[one])
        state.merge(one, other)
        first, second, distances = moved(first, second, distances, one, other, state)
    return Tree(count, np.concatenate(merged), np.concatenate(heights))


def mutually_nearest(
    first: np.ndarray, second: np.ndarray, distances: np.ndarray, count: int, bound: float
) -> np.ndarray:
    """The numbers of pairs up to the bound, each of whose clusters has no nearer one; of equals the first."""
    numbers = np.flatnonzero(distances <= bound)
    for rank in (distances, np.arange(len(distances))):
        best = np.full(count, np.inf)
        np.minimum.at(best, first[numbers], rank[numbers])
        np.minimum.at(best, second[numbers], rank[numbers])
        is_best = (rank[numbers] == best[first[numbers]]) & (rank[numbers] == best[second[numbers]])
        numbers = numbers[is_best]
    return numbers


def moved(
    first: np.ndarray,
    second: np.ndarray,
    distances: np.ndarray,
    one: np.ndarray,
    other: np.ndarray,
    state: State,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs after clusters `other` went into clusters `one`: each once, with its distance now."""
    count = len(state.forest.sizes)
    place = np.arange(count)
    place[other] = one
    has_changed = np.zeros(count, bool)
    has_changed[one] = has_changed[other] = True
    touched = has_changed[first] | has_changed[second]
    a, b = place[first[touched]], place[second[touched]]
    keys = np.unique(pair_keys(a, b, count)[a != b])
    a, b = np.divmod(keys, count)
    kept = ~touched
    return (
        np.concatenate([first[kept], a]),
        np.concatenate([second[kept], b]),
        np.concatenate([distances[kept], state.distances(a, b)]),
    )
