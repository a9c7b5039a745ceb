"""Pictures that tell no more than another one does: a burst, or one photograph saved several times."""

import itertools

import numpy as np

from faceline.people.scoring import unit

# So similar, in units of the network's threshold, are copies of one photograph that was made smaller, saved again with
# JPEG's quality of 20, or made grey; of two photographs of one person one pair in a hundred is (docs/accuracy.md).
NEAR_COPY = -0.15

# A person with more pictures than this is not looked through picture by picture at once, so that memory stays flat.
PICTURES_AT_ONCE = 2000


def near_copies(directions: np.ndarray, labels: np.ndarray, scale: float) -> np.ndarray:
    """Which pictures of a person are copies of another one.

    Parameters
    ----------
    directions : ndarray of shape (n, d), float32
        Embeddings scaled to length 1, person by person.
    labels : ndarray of shape (n,), int
        Whose each one is, in rising order.
    scale : float
        The cosine distance that stands for the network's threshold.

    Returns
    -------
    ndarray of shape (n,), int
        For each picture the row of the first one that it is a copy of; its own where it is none.
    """
    first = np.arange(len(directions))
    starts = np.append(np.flatnonzero(np.diff(labels, prepend=-1)), len(labels))
    least = 1 + scale * NEAR_COPY
    for start, stop in itertools.pairwise(starts):
        if stop - start == 1:
            continue
        own = directions[start:stop]
        if len(own) <= PICTURES_AT_ONCE and np.triu(own @ own.T, 1).max() < least:  # as in most folders
            continue
        # A copy of a copy is compared with the first of them, so that no chain of small steps joins different pictures.
        for begin in range(0, len(own), PICTURES_AT_ONCE):
            for row, similarities in enumerate(own[begin : begin + PICTURES_AT_ONCE] @ own.T, start=begin):
                if first[start + row] == start + row:
                    copies = start + row + 1 + np.flatnonzero(similarities[row + 1 :] >= least)
                    fresh = copies[first[copies] == copies]
                    first[fresh] = start + row
    return first


def merged(directions: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One direction, the mean, for each picture and its copies.

    Returns
    -------
    rows : ndarray of shape (m,), int
        The pictures that are no copies.
    means : ndarray of shape (m, d), float32
    """
    rows = np.flatnonzero(first == np.arange(len(first)))
    if len(rows) == len(first):
        return rows, directions
    sums = np.zeros((len(rows), directions.shape[1]), np.float32)
    np.add.at(sums, np.searchsorted(rows, first), directions)
    return rows, unit(sums)
