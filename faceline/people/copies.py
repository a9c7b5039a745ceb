"""One photograph that is there several times: byte for byte, or made smaller, saved again, or made lighter.

Embeddings say which crops may be copies, and their pixels which are: two photographs of a burst have nearly the same
embeddings. Measured on LFW and East Asian people: 775 copies (half and 1.6 times the size, JPEG's quality of 25, grey,
cut, lighter) and 902 pairs of different photographs of one person.
"""

from collections.abc import Sequence

import numpy as np

from faceline.people.clustering.neighbours import near_pairs

# Copies are at least so similar, in units of the network's threshold, as in `scoring`; and the most that are looked at
# of a picture, so that a film of somebody does not make millions of pairs.
CANDIDATE, MOST = -0.25, 10
# Faces are compared at this edge, without a margin in which the background is.
EDGE, MARGIN = 24, 3
# The logarithm of the odds of a copy rises by STEEPNESS for each e-fold that the correlation r of the pixels comes
# nearer to 1, and is 0 at r = 0.961; where there are no pixels, by LIKENESS for each threshold from LIKELY on.
STEEPNESS, CENTRE = 6.0, 3.25
LIKENESS, LIKELY = 60.0, -0.1
NEAREST = 1e-4


def candidates(directions: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of pictures that may be copies of one photograph, whoever's they are said to be.

    Parameters
    ----------
    directions : ndarray of shape (n, d), float32
        Of length 1.
    scale : float
        The cosine distance that stands for the network's threshold.

    Returns
    -------
    pairs : ndarray of shape (m, 2), int64
        The smaller row first.
    similarities : ndarray of shape (m,), float32
    """
    pairs = near_pairs(directions, -2 * CANDIDATE * scale, MOST)
    found = np.empty(len(pairs), np.float32)
    for start in range(0, len(pairs), 4096):
        one, other = pairs[start : start + 4096].T
        found[start : start + 4096] = (np.einsum("ij,ij->i", directions[one], directions[other]) - 1) / scale
    return pairs, found


def patch(crop: np.ndarray) -> np.ndarray:
    """What is compared of a crop, (size, size, 3) uint8: (p,) float32, of mean 0 and length 1."""
    import cv2

    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    face = cv2.resize(grey, (EDGE, EDGE), interpolation=cv2.INTER_AREA)[MARGIN:-MARGIN, MARGIN:-MARGIN]
    values = face.astype(np.float32).ravel()
    values -= values.mean()
    return values / max(float(np.linalg.norm(values)), 1.0)


def probabilities(similarities: np.ndarray, correlations: np.ndarray) -> np.ndarray:
    """How likely pairs of pictures are copies, (m,), by the similarity of their embeddings and the correlation of
    their patches, NaN where there are no pixels."""
    by_pixels = STEEPNESS * (-np.log(np.maximum(1 - correlations, NEAREST)) - CENTRE)
    odds = np.where(np.isnan(correlations), LIKENESS * (similarities - LIKELY), by_pixels)
    return 1 / (1 + np.exp(-np.clip(odds, -30, 30)))


def same_content(digests: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of pictures with the same digest: the first of each, and every further one."""
    first: dict[str, int] = {}
    pairs = []
    for row, digest in enumerate(digests):
        if digest and first.setdefault(digest, row) != row:
            pairs.append((first[digest], row))
    return pairs


def copied(
    pairs: np.ndarray, probabilities: np.ndarray, people: np.ndarray, ranks: np.ndarray
) -> dict[int, tuple[int, float]]:
    """Which pictures are copies, of which one, and how likely that is.

    Of one person's, the picture of the highest rank is none, and stays; of two people's, each is the other's, as nobody
    knows whose it is.

    Parameters
    ----------
    pairs : ndarray of shape (m, 2), int
    probabilities : ndarray of shape (m,)
    people : ndarray of shape (n,), int
        Whose each picture is said to be.
    ranks : ndarray of shape (n,), int
        All different; the best picture has the highest.
    """
    found: dict[int, tuple[int, float]] = {}
    for (one, other), probability in zip(pairs.tolist(), probabilities.tolist(), strict=True):
        worse, better = sorted((one, other), key=lambda row: ranks[row])
        for row, kept in ((worse, better), (better, worse)):
            is_told = row == worse or people[row] != people[kept]
            before = found.get(row, (-1, -1.0))
            is_better = (probability, people[kept] == people[row]) > (before[1], people[before[0]] == people[row])
            if is_told and is_better:
                found[row] = (kept, probability)
    return found
