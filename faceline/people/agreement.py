"""Which face of a picture is its person's, where it shows several: the one that the person's other pictures show."""

from collections.abc import Sequence

import numpy as np

# Similarities are cosine distances with a minus, in units of the network's threshold. A face that is less similar to
# the person's others than the first is looked at closer: of LFW's pictures, one in thirty. Another one takes its place
# if it is as similar as the second, and by the third more similar.
DOUBTFUL, AGREEING, GAIN = -0.8, -0.75, 0.25
# The most other pictures of a person that a face is compared with: more would tell no more, and take long.
MOST_COMPARED = 200
# More pictures of which no two main faces are alike show no one person: a heap of strangers, not worth a second look.
MOST_UNLIKE = 4
# Beyond the network's threshold: two people, for all it tells.
UNLIKE = -1.0


def disagreeing(mains: np.ndarray, scale: float) -> np.ndarray:
    """Which pictures' main faces are not like those of the person's others.

    Parameters
    ----------
    mains : ndarray of shape (n, d), float32
        Of length 1.
    scale : float
        The cosine distance that stands for the network's threshold.

    Returns
    -------
    ndarray of shape (n,), bool
    """
    compared = compared_pictures(len(mains))
    table = similarities(mains, np.arange(len(mains)), mains[compared], compared, scale)
    if len(mains) > MOST_UNLIKE and (table < DOUBTFUL).all():
        return np.zeros(len(mains), bool)
    return supports(table) < DOUBTFUL


def compared_pictures(count: int) -> np.ndarray:
    """The pictures of `count` that the others are compared with: all, or some throughout."""
    return np.unique(np.linspace(0, count - 1, MOST_COMPARED).round().astype(int))


def choose_faces(faces: Sequence[np.ndarray], scale: float) -> tuple[list[int], np.ndarray]:
    """Choose a face of each picture so that they are one person's.

    Parameters
    ----------
    faces : sequence of n ndarray of shape (f, d), float32
        For each picture of a person the embeddings, of length 1, of its faces, the main one first.
    scale : float
        The cosine distance that stands for the network's threshold.

    Returns
    -------
    chosen : list of n int
        The face to take of each picture; the main one, 0, where no other one agrees clearly better.
    support : ndarray of shape (n,)
        How similar each is to those of the other pictures.
    """
    every = np.concatenate(faces)
    counts = np.array([len(own) for own in faces])
    owners, starts = np.repeat(np.arange(len(faces)), counts), np.cumsum(counts) - counts
    compared = compared_pictures(len(faces))
    chosen = np.zeros(len(faces), int)
    several = np.flatnonzero(counts[owners] > 1)
    table = similarities(every[several], owners[several], every[starts[compared]], compared, scale)
    support = supports(table)
    for _ in faces:
        gains = support - support[np.searchsorted(several, (starts + chosen)[owners[several]])]
        gains[(support < AGREEING) | (gains < GAIN)] = 0
        if not gains.any():
            break
        best = int(gains.argmax())
        picture = owners[several[best]]
        chosen[picture] = several[best] - starts[picture]
        place = np.flatnonzero(compared == picture)
        if len(place):
            face = every[several[best], None]
            table[:, place] = similarities(every[several], owners[several], face, compared[place], scale)
            support = supports(table)
    taken = every[starts + chosen]
    table = similarities(taken, np.arange(len(faces)), taken[compared], compared, scale)
    return chosen.tolist(), supports(table)


def similarities(
    faces: np.ndarray, owners: np.ndarray, others: np.ndarray, pictures: np.ndarray, scale: float
) -> np.ndarray:
    """How similar faces, (f, d) of the pictures `owners`, are to others, (o, d) of `pictures`: (f, o).

    A face is not compared with one of its own picture: minus infinity.
    """
    table = (faces @ others.T - 1) / scale
    table[owners[:, None] == pictures] = -np.inf
    return table


def supports(table: np.ndarray) -> np.ndarray:
    """How similar each face is to those chosen of the other pictures, given its `similarities`, (f, o): (f,).

    The mean over the more similar half of them, so that wrong ones among the others do not count.
    """
    ordered = np.sort(table, axis=1)
    return ordered[:, (table.shape[1] + 1) // 2 :].mean(axis=1)
