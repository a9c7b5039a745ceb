"""Faces of one photograph are seldom one person's, but for mirrors and collages: that counts, and does not decide."""

import numpy as np

# By how much further two clusters lie apart that have faces of one photograph, as a squared distance. A face and its
# mirrored copy are near enough to go together all the same.
PENALTY = 0.2


def without_collages(photographs: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """The photographs, (n,) int, but the faces of a collage are each of a photograph of their own.

    A collage is a photograph of which more than half of the faces would be further ones of the same people, by the
    `clusters`, (n,) int, that they have where photographs do not count.
    """
    _, of_photograph, faces = np.unique(photographs, return_inverse=True, return_counts=True)
    shown = np.unique(np.stack([of_photograph, clusters], axis=1), axis=0)[:, 0]
    people = np.bincount(shown, minlength=len(faces))
    is_collage = (2 * (faces - people) > faces)[of_photograph]
    return np.where(is_collage, len(faces) + np.arange(len(photographs)), of_photograph)


def pairs_of_photographs(photographs: np.ndarray) -> np.ndarray:
    """The pairs of faces, (m, 2) int64, whose photographs, (n,) int, are the same."""
    order = np.argsort(photographs, kind="stable")
    ordered = photographs[order]
    found, step = [np.empty((0, 2), np.int64)], 1
    while len(same := np.flatnonzero(ordered[step:] == ordered[: len(ordered) - step])):
        found.append(np.stack([order[same], order[same + step]], axis=1))
        step += 1
    return np.concatenate(found)


class SharedPhotographs:
    """Which clusters have faces of one photograph; in the beginning, each face is a cluster.

    Parameters
    ----------
    count : int
        How many faces there are.
    pairs : ndarray of shape (m, 2), int64
        As `pairs_of_photographs` gives them.
    """

    def __init__(self, count: int, pairs: np.ndarray) -> None:
        self._count = count
        self._keys = self._keys_of(pairs[:, 0], pairs[:, 1])

    def _keys_of(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        apart = first != second
        return np.unique(pair_keys(first[apart], second[apart], self._count))

    def merge(self, first: np.ndarray, second: np.ndarray) -> None:
        """Put the clusters `second` into the clusters `first`, pair by pair; none stands there twice."""
        if len(self._keys):
            place = np.arange(self._count)
            place[second] = first
            one, other = np.divmod(self._keys, self._count)
            self._keys = self._keys_of(place[one], place[other])

    def penalties(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """How much further clusters lie apart, pair by pair."""
        return PENALTY * are_among(pair_keys(first, second, self._count), self._keys)


def pair_keys(first: np.ndarray, second: np.ndarray, count: int) -> np.ndarray:
    """A number for each pair, whichever of the two comes first."""
    return np.minimum(first, second) * count + np.maximum(first, second)


def are_among(keys: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Whether each of some numbers is among others, which are sorted."""
    if not len(found):
        return np.zeros(len(keys), bool)
    places = np.minimum(np.searchsorted(found, keys), len(found) - 1)
    return found[places] == keys
