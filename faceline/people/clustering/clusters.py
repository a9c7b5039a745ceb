"""Who is the same in a heap of faces, without knowing who."""

from dataclasses import dataclass

import numpy as np

from faceline.networks.distances import squared_distances
from faceline.networks.network import Network
from faceline.people.clustering.constraints import Constraints
from faceline.people.clustering.indexed_neighbours import MOST_COMPARED, indexed_pairs
from faceline.people.clustering.limit import HIGHEST, START, Sample, choose_limit, limits_up_to
from faceline.people.clustering.linkage import NONE, Forest, average_linkage
from faceline.people.clustering.neighbours import near_pairs
from faceline.people.clustering.photographs import PENALTY, are_among, pairs_of_photographs, without_collages

SAMPLE = 3000  # faces, whose distances show how near strangers come
NEIGHBOURS = 32  # of a face, at most
# Beyond the distance at which a face has so many strangers for neighbours, the limit cannot lie.
STRANGERS_NEAR = 4

# Pictures count by the squares of their qualities, none for nothing.
LEAST_QUALITY = 0.1

# By how much of a squared distance the certainty changes: from 0.5 to 0.73 for each.
CERTAINTY_UNIT = 0.1


@dataclass(frozen=True)
class Clusters:
    """Who is the same.

    Attributes
    ----------
    numbers : ndarray of shape (n,), int
        The cluster of each face, counted from 0 in no order that means anything.
    certainty : ndarray of shape (n,), float
        How sure it is that each face is where it belongs, from 0 to 1.
    limit : float
        The mean squared distance up to which clusters went together, in squares of the network's threshold.
    """

    numbers: np.ndarray
    certainty: np.ndarray
    limit: float


def find_clusters(
    embeddings: np.ndarray,
    network: Network,
    photographs: np.ndarray | None = None,
    limit: float | None = None,
    qualities: np.ndarray | None = None,
    constraints: Constraints | None = None,
    threads: int = 1,
) -> Clusters:
    """Put faces together that are one person's.

    Parameters
    ----------
    embeddings : ndarray of shape (n, d), float32
    network : Network
        That they come from.
    photographs : ndarray of shape (n,), int, or None
        Which photograph each face is of, so that two faces of one count against being one person; None where that is
        not known.
    limit : float or None
        Instead of the one that is chosen from the embeddings, to see what another one does.
    qualities : ndarray of shape (n,), float, or None
        From 0 to 1: the better pictures of a cluster say more of where it lies. None where they are not known.
    constraints : Constraints or None
        What the user has said of faces.
    threads : int
        That look for neighbours among very many faces.

    Raises
    ------
    FacelineError
        If there are very many faces, and faiss is not installed.
    """
    weights = None if qualities is None else np.maximum(qualities, LEAST_QUALITY) ** 2
    points = scaled(embeddings, network)
    sample = drawn(points)
    bound = reach(points, sample) if limit is None else limit
    if len(points) > MOST_COMPARED:
        pairs = indexed_pairs(points, bound, NEIGHBOURS, threads)
    else:
        pairs = near_pairs(points, bound, NEIGHBOURS)
    tree = average_linkage(points, pairs, bound, weights=weights)
    if limit is None:
        near = np.sort(Forest.of(points).distances(*pairs.T))
        limit = choose_limit(tree, sample, near, bound)
    numbers, together = tree.cut(limit), NONE
    if photographs is not None:
        together = pairs_of_photographs(without_collages(photographs, numbers))
    is_told = constraints is not None and not constraints.is_empty
    if is_told or np.any(numbers[together[:, 0]] == numbers[together[:, 1]]):  # else nothing would be otherwise
        numbers = average_linkage(points, pairs, limit, together, weights, constraints).cut(limit)
    sure = certainty(points, numbers, pairs, limit, together)
    if constraints is not None:
        sure[constraints.known] = 1
    return Clusters(numbers, sure, limit)


def scaled(embeddings: np.ndarray, network: Network) -> np.ndarray:
    """Embeddings as points, (n, d) float32, whose squared distance is 1 where the network's threshold lies."""
    unit = np.sqrt(2 * network.threshold) if network.distance == "cosine" else network.threshold
    return np.ascontiguousarray(network.metric.vectors(embeddings) / np.float32(unit), np.float32)


def drawn(points: np.ndarray) -> Sample:
    """The same faces each time: all, or some of many."""
    faces = np.arange(len(points))
    if len(points) > SAMPLE:
        faces = np.sort(np.random.default_rng(0).choice(len(points), SAMPLE, replace=False))
    chosen = points[faces]
    return Sample(faces, squared_distances(chosen, chosen))


def reach(points: np.ndarray, sample: Sample) -> float:
    """How far neighbours have to be looked for: as far as the limit may lie."""
    some = points[sample.faces]
    tree = average_linkage(some, near_pairs(some, START, NEIGHBOURS), START)
    strangers = Sample(np.arange(len(some)), sample.squares).strangers(tree.cut(START))
    if not strangers:
        return HIGHEST
    limits = limits_up_to(HIGHEST)
    near = len(points) * np.min([found.below(limits) for found in strangers], axis=0)
    within = int(np.count_nonzero(near <= STRANGERS_NEAR))
    return float(limits[max(within - 1, 0)])


def certainty(
    points: np.ndarray, numbers: np.ndarray, pairs: np.ndarray, limit: float, together: np.ndarray
) -> np.ndarray:
    """How sure it is that each face is where it belongs: 0.5 where another place would be as good.

    The mean squared distance to the other faces of its cluster is compared with that to the nearest other cluster, and
    with the limit, at which a face could as well stay alone. Faces of one photograph count as in `average_linkage`.
    """
    count, companions = len(numbers), np.concatenate([together, together[:, ::-1]])
    shared = np.unique(companions[:, 0] * count + numbers[companions[:, 1]])  # faces, with clusters
    clusters = gathered(points, numbers)
    faces = Forest.of(points)
    sizes = clusters.sizes[numbers]
    own = faces.distances(np.arange(len(points)), numbers, clusters)
    own = own * sizes / np.maximum(sizes - 1, 1)  # without the face itself, at distance 0
    own = np.where(sizes > 1, own + PENALTY * are_among(np.arange(count) * count + numbers, shared), limit)
    elsewhere = np.where(sizes > 1, limit, np.inf)
    for one, other in (pairs.T, pairs.T[::-1]):
        apart = numbers[one] != numbers[other]
        face, cluster = one[apart], numbers[other[apart]]
        distances = faces.distances(face, cluster, clusters) + PENALTY * are_among(face * count + cluster, shared)
        np.minimum.at(elsewhere, face, distances)
    return 1 / (1 + np.exp(-(elsewhere - own) / CERTAINTY_UNIT))


def gathered(points: np.ndarray, numbers: np.ndarray) -> Forest:
    """The clusters with their means, mean squares and sizes."""
    order = np.argsort(numbers, kind="stable")
    starts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    sizes = np.bincount(numbers)
    means = np.add.reduceat(points[order], starts, axis=0) / sizes[:, None].astype(np.float32)
    squares = np.bincount(numbers, np.einsum("ij,ij->i", points, points)) / sizes
    return Forest(means, squares, sizes)
