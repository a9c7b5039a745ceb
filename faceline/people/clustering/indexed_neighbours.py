"""Which faces of a very large heap lie near each other: nearly all such pairs, by an index of faiss.

The index divides the faces into lists, each of those that are nearest to one of some centres, and looks through the
lists of the nearest centres only (inverted file; Jégou, Douze and Schmid, IEEE PAMI 33(1), 2011).
"""

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from faceline.errors import FacelineError
from faceline.people.classifiers.base import blocks
from faceline.people.clustering.neighbours import ROWS, pairs_of_keys
from faceline.runs.progress import bar

if TYPE_CHECKING:
    import faiss

# Up to so many faces, all are compared with each other.
MOST_COMPARED = 200_000

# The lists are 4 √n; of those that are looked through, `benchmarks/clusters.py --drawn` tells what is missed.
LISTS, PROBES = 4, 128
ROUNDS, LEARNT_FROM = 10, 64  # of k-means, and faces for each list


def check_faiss() -> None:
    """Raise FacelineError if faiss is not installed."""
    if importlib.util.find_spec("faiss") is None:
        raise FacelineError(
            f"faiss is missing, which compares more than {MOST_COMPARED} faces; pip install 'faceline[cluster]'"
        )


def indexed_pairs(points: np.ndarray, bound: float, most: int, threads: int) -> np.ndarray:
    """Nearly all pairs of points whose squared distance is below `bound`: what `near_pairs` gives, but for a few.

    Parameters
    ----------
    points : ndarray of shape (n, d), float32
    bound : float
    most : int
        Of a point with more neighbours, the pairs with the nearest `most`; a pair is there if it is one of either.
    threads : int
        Which do not change the result.

    Returns
    -------
    ndarray of shape (m, 2), int64
        Sorted; the first of a pair is the smaller number.
    """
    from threadpoolctl import threadpool_limits

    check_faiss()
    import faiss

    keys = [np.empty(0, np.int64)]
    # A product's last bits depend on how many threads share it, and with them in which list a face is: so each piece
    # of work has one.
    with (
        threadpool_limits(1),
        ThreadPoolExecutor(threads, initializer=faiss.omp_set_num_threads, initargs=(1,)) as workers,
        bar("neighbours", len(points), leave=False) as progress,
    ):
        index = workers.submit(index_of, points).result()
        parts = list(blocks(len(points), ROWS))
        found = workers.map(lambda part: nearest_keys(index, points, part, bound, most), parts)
        for part, some in zip(parts, found, strict=True):
            keys.append(some)
            progress.update(len(points[part]))
    return pairs_of_keys(keys, len(points))


def index_of(points: np.ndarray) -> "faiss.IndexIVFFlat":
    import faiss

    lists = min(int(LISTS * len(points) ** 0.5), len(points))
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(points.shape[1]), points.shape[1], lists)
    index.cp.niter, index.cp.seed = ROUNDS, 0
    index.cp.min_points_per_centroid, index.cp.max_points_per_centroid = 1, LEARNT_FROM
    index.train(points)
    index.add(points)
    index.nprobe = PROBES
    return index


def nearest_keys(index: "faiss.IndexIVFFlat", points: np.ndarray, part: slice, bound: float, most: int) -> np.ndarray:
    """A number for each pair, as `pairs_of_keys` takes them, of the points of a block with their nearest `most`."""
    squares, others = index.search(points[part], most + 1)  # a point is among its own neighbours
    own = np.arange(part.start, part.start + len(others))[:, None]
    is_pair = (others >= 0) & (squares < bound) & (others != own)
    # Where the point itself is not among them, as more than `most` others are copies of it, one is too many.
    is_pair &= np.cumsum(is_pair, axis=1) <= most
    return (np.minimum(own, others) * len(points) + np.maximum(own, others))[is_pair]
