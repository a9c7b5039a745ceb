"""The pairs of a list, compared and judged."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from faceline.evaluation.comparison import Embedded
from faceline.evaluation.groups.groups import Comparison
from faceline.evaluation.pairs.lists import Pairs
from faceline.evaluation.pairs.report import AREA, EQUAL_ERROR, Verification, true_accepts
from faceline.evaluation.rates import Distances, across_folds, binomial_error, standard_error
from faceline.evaluation.resampling import PeoplePairs, Redrawn, interval

# The false accept rates at which the true accept rate is given.
RATES = (0.01, 0.001)


@dataclass(frozen=True)
class ComparedPairs:
    """Pairs with their distances and how they are judged.

    Attributes
    ----------
    listed : Pairs
        n of them.
    rows : ndarray of shape (n, 2), int
        The pictures of each pair in `embedded`.
    embedded : Embedded
    distances : ndarray of shape (n,), float64
    same : ndarray of shape (n,), bool
    folds : ndarray of shape (n,), int
    accuracies, thresholds : ndarray of shape (number of folds,), float64
    """

    listed: Pairs
    rows: np.ndarray
    embedded: Embedded
    distances: np.ndarray
    same: np.ndarray
    folds: np.ndarray
    accuracies: np.ndarray
    thresholds: np.ndarray

    @classmethod
    def of(cls, listed: Pairs, rows: list[tuple[int, int]], embedded: Embedded) -> "ComparedPairs":
        chosen = np.array(rows)
        first, second = embedded.embeddings[chosen.T].astype(np.float64)
        distances = embedded.metric.pairs(first, second)
        same, folds = (np.array([getattr(pair, name) for pair in listed.pairs]) for name in ("same", "fold"))
        return cls(listed, chosen, embedded, distances, same, folds, *across_folds(distances, same, folds))

    @cached_property
    def found(self) -> Distances:
        return Distances.of(self.distances, self.same)

    @cached_property
    def redrawn(self) -> Redrawn:
        """The rates among people drawn again."""
        names = np.array([(pair.first.name, pair.second.name) for pair in self.listed.pairs])
        people = np.unique(names, return_inverse=True)[1].reshape(names.shape)
        return PeoplePairs.of_list(people, self.distances).draw()

    @property
    def threshold(self) -> float:
        return float(self.thresholds.mean())

    @property
    def margins(self) -> np.ndarray:
        """How far each pair lies on the right side of its fold's threshold, (n,) float64; wrong ones are negative."""
        apart = self.distances - self.thresholds[self.folds]
        return np.where(self.same, -apart, apart)

    @property
    def is_right(self) -> np.ndarray:
        """Whether each pair is judged rightly by the threshold of the other folds, (n,) bool."""
        return (self.distances <= self.thresholds[self.folds]) == self.same

    @property
    def has_fallback(self) -> np.ndarray:
        """Whether each pair has a picture without a face that was found, (n,) bool."""
        return self.embedded.fallbacks[self.rows].any(axis=1)

    def report(self, output: str, groups: Comparison | None) -> Verification:
        found, pictures = self.found, np.unique(self.rows)
        best, best_threshold = found.best_accuracy()
        equal, equal_threshold = found.equal_error()
        return Verification(
            pairs=len(self.same),
            same=int(self.same.sum()),
            pictures=len(pictures),
            fallback_pairs=int(self.has_fallback.sum()),
            fallback_pictures=int(self.embedded.fallbacks[pictures].sum()),
            network=self.embedded.network.title,
            distance=self.embedded.network.distance,
            has_folds=self.listed.has_folds,
            fold_accuracies=tuple(self.accuracies.tolist()),
            fold_thresholds=tuple(self.thresholds.tolist()),
            accuracy=float(self.accuracies.mean()),
            accuracy_error=standard_error(self.accuracies),
            threshold=self.threshold,
            best_accuracy=best,
            best_accuracy_error=binomial_error(best, len(self.same)),
            best_threshold=best_threshold,
            area=found.area(),
            equal_error_rate=equal,
            equal_error_threshold=equal_threshold,
            true_accept_rates=tuple(
                (rate, found.allowed(rate), float(found.true_accept_rate(found.threshold_for(rate)))) for rate in RATES
            ),
            wrong=int((~self.is_right).sum()),
            output=output,
            groups=groups,
            cohort=self.embedded.cohort,
            intervals={
                AREA: interval(self.redrawn.areas()),
                EQUAL_ERROR: interval(self.redrawn.equal_errors()),
                **{true_accepts(rate): interval(self.redrawn.true_accepts(rate)) for rate in RATES},
            },
        )
