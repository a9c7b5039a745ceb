"""How well distances tell pairs of one person from pairs of two: rates, thresholds, areas. Arrays in, numbers out.

A pair is accepted, which is to say called one person, where its distance is at most the threshold. Genuine pairs show
one person, impostor pairs two. A threshold that is chosen lies midway between two neighbouring distances, so that none
lies on it.
"""

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, overload

import numpy as np


@dataclass(frozen=True)
class Distances:
    """The distances of pairs: `genuine` (g,) and `impostor` (i,), each sorted, of one kind of float.

    Rates of no pairs are NaN. All other methods need a pair of each kind. Nothing is computed for every impostor pair,
    of which there may be many millions.
    """

    genuine: np.ndarray
    impostor: np.ndarray

    @classmethod
    def of(cls, distances: np.ndarray, same: np.ndarray) -> Self:
        """From the distances of pairs, (n,), and whether each shows one person, (n,) bool."""
        return cls(np.sort(distances[same]), np.sort(distances[~same]))

    @overload
    def true_accept_rate(self, threshold: float) -> float: ...

    @overload
    def true_accept_rate(self, threshold: np.ndarray) -> np.ndarray: ...

    def true_accept_rate(self, threshold: float | np.ndarray) -> float | np.ndarray:
        """The share of genuine pairs that are accepted, for one threshold or each of an array."""
        return accepted(self.genuine, threshold) / (len(self.genuine) or math.nan)

    @overload
    def false_accept_rate(self, threshold: float) -> float: ...

    @overload
    def false_accept_rate(self, threshold: np.ndarray) -> np.ndarray: ...

    def false_accept_rate(self, threshold: float | np.ndarray) -> float | np.ndarray:
        """The share of impostor pairs that are accepted, for one threshold or each of an array."""
        return accepted(self.impostor, threshold) / (len(self.impostor) or math.nan)

    def accuracy(self, threshold: float) -> float:
        """The share of pairs that are judged rightly."""
        right = accepted(self.genuine, threshold) + len(self.impostor) - accepted(self.impostor, threshold)
        return right / (len(self.genuine) + len(self.impostor))

    @overload
    def f1(self, threshold: float) -> float: ...

    @overload
    def f1(self, threshold: np.ndarray) -> np.ndarray: ...

    def f1(self, threshold: float | np.ndarray) -> float | np.ndarray:
        """The harmonic mean of the true accept rate and of the share of genuine pairs among those accepted."""
        return self._f1(*(np.asarray(accepted(kind, threshold)) for kind in (self.genuine, self.impostor)))

    def _f1(self, true: np.ndarray, false: np.ndarray) -> np.ndarray:
        return 2 * true / (true + false + len(self.genuine))

    def area(self) -> float:
        """The area under the ROC curve: how often a genuine pair is nearer than an impostor pair, half for a tie."""
        nearer = self.impostor.searchsorted(self.genuine, "left").mean()
        as_near = self.impostor.searchsorted(self.genuine, "right").mean()
        return float(1 - (nearer + as_near) / 2 / len(self.impostor))

    def equal_error(self) -> tuple[float, float]:
        """The rate at which as many impostor pairs are accepted as genuine ones refused, and the threshold for it.

        Both lie on the straight line between the two neighbouring points of the ROC curve.
        """

        def errors(distance: float) -> tuple[float, float]:
            return float(self.false_accept_rate(distance)), 1 - float(self.true_accept_rate(distance))

        def has_crossed(distance: float) -> bool:
            false_accepts, false_refusals = errors(distance)
            return false_accepts >= false_refusals

        crossings = [
            kind[index]
            for kind in (self.genuine, self.impostor)
            if (index := bisect_left(kind, True, key=has_crossed)) < len(kind)
        ]
        after = min(crossings)
        before = self._before(after)
        (accepts, refusals), (more_accepts, fewer_refusals) = errors(before), errors(after)
        share = (refusals - accepts) / (more_accepts - accepts + refusals - fewer_refusals)
        start, stop = self._above(before), self._above(after)
        return accepts + share * (more_accepts - accepts), start + share * (stop - start)

    def best_accuracy(self) -> tuple[float, float]:
        """The largest accuracy of any threshold, and that threshold; of several the one in the middle."""
        threshold = self._best(lambda true, false: true - false)
        return self.accuracy(threshold), threshold

    def best_f1(self) -> tuple[float, float]:
        """The largest F1 of any threshold, and that threshold; of several the one in the middle."""
        threshold = self._best(self._f1)
        return float(self.f1(threshold)), threshold

    def _best(self, value: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> float:
        """The threshold at which `value` of the accepted genuine and impostor pairs is largest."""
        # Nothing is gained by accepting more impostor pairs only: a genuine pair, or none at all, is the last accepted.
        last = np.concatenate([[self._before(self.genuine[0])], np.unique(self.genuine)])
        values = value(accepted(self.genuine, last), accepted(self.impostor, last))
        best = np.flatnonzero(values == values.max())
        return self._above(last[best[(len(best) - 1) // 2]])

    def allowed(self, rate: float) -> int:
        """How many impostor pairs are at most this share of them."""
        return math.floor(rate * len(self.impostor) + 1e-9)

    def threshold_for(self, rate: float) -> float:
        """The threshold that accepts the most pairs without accepting more than this share of the impostor pairs."""
        allowed = self.allowed(rate)
        if allowed >= len(self.impostor):
            return float(max(self.genuine[-1], self.impostor[-1]))
        return self._above(self._before(self.impostor[allowed]))

    def thresholds(self) -> np.ndarray:
        """A threshold for each point of the ROC curve, from none accepted to all, float64."""
        distances = np.unique(np.concatenate([self.genuine, self.impostor]))
        return np.array([self._above(distance) for distance in [self._before(distances[0]), *distances]])

    def _above(self, distance: float) -> float:
        """The threshold between `distance` and the next larger one of a pair; `distance` where there is none."""
        kind = self.genuine.dtype.type
        distance = kind(distance)
        following = [
            pairs[index]
            for pairs in (self.genuine, self.impostor)
            if (index := pairs.searchsorted(distance, "right")) < len(pairs)
        ]
        middle = kind((float(distance) + float(min(following, default=distance))) / 2)
        # The middle of two numbers that are neighbours may be rounded to the upper one, which is not to be accepted.
        return float(distance if middle in following else middle)

    def _before(self, distance: float) -> float:
        """The next smaller distance of a pair; where there is none, the next smaller number."""
        smaller = [
            pairs[index - 1]
            for pairs in (self.genuine, self.impostor)
            if (index := pairs.searchsorted(distance, "left"))
        ]
        return max(smaller, default=np.nextafter(distance, -np.inf, dtype=self.genuine.dtype))


@overload
def accepted(distances: np.ndarray, threshold: float) -> int: ...


@overload
def accepted(distances: np.ndarray, threshold: np.ndarray) -> np.ndarray: ...


def accepted(distances: np.ndarray, threshold: float | np.ndarray) -> int | np.ndarray:
    """How many of the sorted distances are at most a threshold, or each of an array of them."""
    # NumPy would compare 80 million float32 with a float64 by copying them all.
    return distances.searchsorted(np.asarray(threshold, distances.dtype), "right")


def across_folds(distances: np.ndarray, same: np.ndarray, folds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Judge each fold of pairs by the threshold with the best accuracy on all others.

    Parameters
    ----------
    distances : ndarray of shape (n,), float
    same : ndarray of shape (n,), bool
        Whether each pair shows one person.
    folds : ndarray of shape (n,), int
        The fold of each, from 0.

    Returns
    -------
    accuracies, thresholds : ndarray of shape (number of folds,), float64
    """
    accuracies, thresholds = [], []
    for fold in range(folds.max() + 1):
        inside = folds == fold
        _, threshold = Distances.of(distances[~inside], same[~inside]).best_accuracy()
        accuracies.append(Distances.of(distances[inside], same[inside]).accuracy(threshold))
        thresholds.append(threshold)
    return np.array(accuracies), np.array(thresholds)


def standard_error(values: np.ndarray) -> float:
    """The standard error of the mean of `values`, (k,), k at least 2."""
    return float(values.std(ddof=1) / math.sqrt(len(values)))


def binomial_error(rate: float, count: int) -> float:
    """The standard error of a share of `count` cases."""
    return math.sqrt(rate * (1 - rate) / count)
