"""For each of very many people the most similar others, nearly all of them: by the lists that lie near their own."""

import math

import numpy as np

from faceline.people.classifiers.base import blocks
from faceline.people.many.lists import in_threads

# Each person is compared with the people of so many lists, those whose centres are the nearest to the own list's.
BESIDE = 64
PICTURES_AT_ONCE = 1 << 15
PRODUCTS_AT_ONCE = 1 << 24  # so that memory stays flat, however people spread over the lists


def nearest_others(
    means: np.ndarray, starts: np.ndarray, centres: np.ndarray, count: int, threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """The most similar others of each person.

    Parameters
    ----------
    means : ndarray of shape (k, d), float32
        Directions, list by list.
    starts : ndarray of shape (lists + 1,), int
        The rows of list i are starts[i] to starts[i + 1].
    centres : ndarray of shape (lists, d), float32
    count : int
        How many; fewer where there are not so many others.
    threads : int

    Returns
    -------
    people : ndarray of shape (k, count), int32
        Rows of `means`, the most similar one first; the own one where there are too few in the lists.
    cosines : ndarray of shape (k, count), float32
        -1 there.
    """
    count = min(count, len(means) - 1)
    people = np.repeat(np.arange(len(means), dtype=np.int32)[:, None], count, axis=1)
    cosines = np.full((len(means), count), -1, np.float32)

    def work(number: int) -> None:
        begin, end = starts[number], starts[number + 1]
        if begin == end:
            return
        near = np.sort(np.argsort(-(centres @ centres[number]), kind="stable")[:BESIDE])
        rows = np.concatenate([np.arange(starts[one], starts[one + 1]) for one in near])
        others = means[rows]
        for part in blocks(end - begin, max(1, PRODUCTS_AT_ONCE // len(rows))):
            own = np.arange(begin + part.start, begin + part.stop)
            products = means[own] @ others.T
            every = np.arange(len(own))
            products[every, np.searchsorted(rows, own)] = -np.inf
            for place in range(min(count, len(rows) - 1)):
                nearest = products.argmax(axis=1)
                people[own, place], cosines[own, place] = rows[nearest], products[every, nearest]
                products[every, nearest] = -np.inf

    for _ in in_threads(work, range(len(starts) - 1), threads):
        pass
    return people, cosines


def nearest_pictures(
    means: np.ndarray, directions: np.ndarray, starts: np.ndarray, others: np.ndarray, threads: int
) -> np.ndarray:
    """How near pictures of some others come to each person.

    Parameters
    ----------
    means : ndarray of shape (k, d), float32
        Directions of people.
    directions : ndarray of shape (n, d), float32
        Pictures, subject by subject.
    starts : ndarray of shape (s + 1,), int
        The pictures of subject i are rows starts[i] to starts[i + 1].
    others : ndarray of shape (k, c), int32
        Subjects.
    threads : int

    Returns
    -------
    ndarray of shape (k, c), float32
        For each of the others the cosine of the most similar picture, falling.
    """
    cosines = np.empty(others.shape, np.float32)
    counts = np.diff(starts)

    def work(part: slice) -> None:
        subjects = others[part].ravel()
        each = counts[subjects]
        begins = np.cumsum(each) - each
        rows = np.arange(each.sum()) + np.repeat(starts[subjects] - begins, each)
        whose = np.repeat(np.arange(part.start, part.stop), np.add.reduceat(each, np.arange(0, len(each), width)))
        found = np.maximum.reduceat(np.einsum("ij,ij->i", directions[rows], means[whose]), begins)
        cosines[part] = -np.sort(-found.reshape(-1, width), axis=1)

    width = others.shape[1]
    pictures = max(1, width * math.ceil(len(directions) / max(1, len(counts))))
    if width:
        for _ in in_threads(work, blocks(len(means), max(1, PICTURES_AT_ONCE // pictures)), threads):
            pass
    return cosines
