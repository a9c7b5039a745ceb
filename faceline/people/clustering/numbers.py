"""What clusters are called: a number each, which stays when photographs are added."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np


def numbered(clusters: np.ndarray, crops: Sequence[str], before: Mapping[str, int]) -> np.ndarray:
    """Number clusters from 1 on, the largest first; but one keeps the number of the old one it shares most crops with.

    Where two share as many with an old one, it is that whose first crop comes first. Numbers of before that nobody has
    any more are not given again.

    Parameters
    ----------
    clusters : ndarray of shape (n,), int
        The cluster of each crop, from 0 on.
    crops : sequence of n str
    before : mapping of str to int
        Crop -> the number of its cluster in the run before.

    Returns
    -------
    ndarray of shape (n,), int
        The number of each crop's cluster.
    """
    sizes = np.bincount(clusters)
    firsts = np.zeros(len(sizes), np.int64)
    firsts[clusters[::-1]] = np.arange(len(clusters))[::-1]
    shared = Counter(
        (cluster, before[crop]) for cluster, crop in zip(clusters.tolist(), crops, strict=True) if crop in before
    )
    numbers = np.zeros(len(sizes), np.int64)
    taken: set[int] = set()
    for cluster, old in sorted(shared, key=lambda pair: (-shared[pair], firsts[pair[0]], pair[1])):
        if not numbers[cluster] and old not in taken:
            numbers[cluster] = old
            taken.add(old)
    new = np.flatnonzero(numbers == 0)
    new = new[np.lexsort((firsts[new], -sizes[new]))]
    numbers[new] = np.arange(len(new)) + 1 + max(before.values(), default=0)
    return numbers[clusters]
