"""People in lists of those who lie near each other: the centres of the lists, and in which one each person is.

An inverted file: Jégou, Douze and Schmid, "Product quantization for nearest neighbor search", IEEE PAMI 33(1), 2011.
Made with NumPy alone, so that a gallery is the same whether or not faiss is installed, and nothing is read from a file
but plain arrays.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self, TypeVar

import numpy as np

from faceline.people.classifiers.base import blocks
from faceline.people.scoring import unit

# There are LISTS √n lists for n people; their centres are found by k-means on so many people for each list.
LISTS, LEARNT_FROM, ROUNDS = 4, 32, 8
# Fewer people for each list than this are not worth one.
LEAST_IN_LIST = 8
ROWS_AT_ONCE = 2048

Part = TypeVar("Part")
Found = TypeVar("Found")


def in_threads(work: Callable[[Part], Found], parts: Iterable[Part], threads: int) -> Iterator[Found]:
    """What `work` gives for each part, in their order, the same bits with any number of threads: a product's last bits
    depend on how many of the library's own threads share it, so each part has one."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), ThreadPoolExecutor(threads) as workers:
        yield from workers.map(work, parts)


def centres_of(means: np.ndarray, threads: int) -> np.ndarray:
    """The centres of lists for people, (k, d) directions: (lists, d) float32, of length 1.

    Lloyd's algorithm on some of the people, drawn with a fixed seed; a list that has lost everybody keeps its centre.
    """
    people = len(means)
    lists = max(1, min(int(LISTS * people**0.5), people // LEAST_IN_LIST))
    generator = np.random.default_rng(0)
    points = means[np.sort(generator.permutation(people)[: lists * LEARNT_FROM])]
    centres = points[np.sort(generator.permutation(len(points))[:lists])]
    for _ in range(ROUNDS if lists > 1 else 0):
        lists_of = nearest_centres(points, centres, threads)
        order = np.argsort(lists_of, kind="stable")
        starts = np.flatnonzero(np.diff(lists_of[order], prepend=-1))
        centres = centres.copy()
        centres[lists_of[order][starts]] = unit(np.add.reduceat(points[order], starts))
    return centres


def nearest_centres(points: np.ndarray, centres: np.ndarray, threads: int) -> np.ndarray:
    """The list of each point, (n, d) directions: (n,) int32."""
    found = np.empty(len(points), np.int32)

    def work(rows: slice) -> None:
        found[rows] = (np.asarray(points[rows]) @ centres.T).argmax(axis=1)

    for _ in in_threads(work, blocks(len(points), ROWS_AT_ONCE), threads):
        pass
    return found


@dataclass(frozen=True)
class Listed:
    """Lists of people: their centres, (lists, d), where each begins, (lists + 1,), and who is in them, (k,) int32."""

    centres: np.ndarray
    starts: np.ndarray
    subjects: np.ndarray

    @classmethod
    def of(cls, means: np.ndarray, centres: np.ndarray, threads: int) -> Self:
        """People, (k, d) directions, in the lists that have these centres."""
        lists_of = nearest_centres(means, centres, threads)
        order = np.argsort(lists_of, kind="stable").astype(np.int32)
        starts = np.searchsorted(lists_of[order], np.arange(len(centres) + 1)).astype(np.int64)
        return cls(centres, starts, order)
