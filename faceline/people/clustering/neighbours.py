"""Which faces of a heap lie near each other: exactly, and in blocks, so that no table of all pairs is ever whole."""

import numpy as np

from faceline.people.classifiers.base import blocks
from faceline.runs.progress import bar

# Distances of so many faces to so many others at a time: 32 MB, most of which stays in the processor's cache.
ROWS, COLUMNS = 1024, 8192


def near_pairs(points: np.ndarray, bound: float, most: int) -> np.ndarray:
    """The pairs of points whose squared distance is below `bound`.

    Parameters
    ----------
    points : ndarray of shape (n, d), float32
    bound : float
    most : int
        Of a point with more neighbours, the pairs with the nearest `most`; a pair is there if it is one of either.

    Returns
    -------
    ndarray of shape (m, 2), int64
        Sorted; the first of a pair is the smaller number.
    """
    count = len(points)
    halves = np.einsum("ij,ij->i", points, points) / 2
    keys = [np.empty(0, np.int64)]
    with bar("neighbours", count, leave=False) as progress:
        for start in range(0, count, ROWS):
            rows, columns = nearest(points, halves, slice(start, start + ROWS), bound, most)
            keys.append(np.minimum(rows, columns) * count + np.maximum(rows, columns))
            progress.update(min(ROWS, count - start))
    return pairs_of_keys(keys, count)


def pairs_of_keys(keys: list[np.ndarray], count: int) -> np.ndarray:
    """Each pair once, (m, 2) int64 and sorted, of the numbers that pairs have: the smaller one times `count`, and the
    other."""
    found = np.unique(np.concatenate(keys))
    return np.stack([found // max(count, 1), found % max(count, 1)], axis=1)


def nearest(
    points: np.ndarray, halves: np.ndarray, part: slice, bound: float, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of the points of `part` with all others below the bound, the nearest `most` of each.

    `halves` are half the squares of all points' lengths.
    """
    own = points[part]
    # |a - b|² < bound where a·b - |b|²/2 > (|a|² - bound) / 2: one product and one comparison for each pair.
    limits = halves[part] - np.float32(bound / 2)
    rows, columns, scores = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    for block in blocks(len(points), COLUMNS):
        table = own @ points[block].T
        table -= halves[block]
        cells = np.flatnonzero(table > limits[:, None])
        row, column = np.divmod(cells, table.shape[1])
        is_other = row + part.start != column + block.start
        row, column, cells = row[is_other], column[is_other], cells[is_other]
        rows, columns = np.append(rows, row), np.append(columns, column + block.start)
        scores = np.append(scores, table.ravel()[cells])
        if len(rows) > 2 * most * len(own):
            rows, columns, scores, limits = nearest_of(rows, columns, scores, limits, most)
    rows, columns, _, _ = nearest_of(rows, columns, scores, limits, most)
    return rows + part.start, columns


def nearest_of(
    rows: np.ndarray, columns: np.ndarray, scores: np.ndarray, limits: np.ndarray, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The highest `most` scores of each row, and the limits that later ones have to pass to be among these."""
    order = np.lexsort((columns, -scores, rows))
    rows, columns, scores = rows[order], columns[order], scores[order]
    places = np.arange(len(rows)) - np.searchsorted(rows, rows)
    last = places == most - 1
    limits = limits.copy()
    limits[rows[last]] = np.maximum(limits[rows[last]], scores[last])
    kept = places < most
    return rows[kept], columns[kept], scores[kept], limits
