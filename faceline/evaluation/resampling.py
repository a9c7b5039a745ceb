"""How sure rates of pairs are: what they would be among other people, by drawing the people again.

Pairs that share a person are alike: of someone who looks like others, all pairs are near ones. So people are drawn,
not pairs, with replacement, as many as there are, and each brings all their pairs along. Where persons i and j were
drawn m_i and m_j times, a pair of pictures of i counts m_i times, one of i and j m_i * m_j times, and two copies of one
person are no pair of two: the bootstrap of Efron (1979), with people as its units as Bolle, Ratha and Pankanti ask for
("Error analysis of pattern recognition systems - the subsets bootstrap", Computer Vision and Image Understanding 93,
2004), drawn at both ends of a pair as Snijders and Borgatti do for networks ("Non-parametric standard errors and tests
for network statistics", Connections 22, 1999). It errs on the wide side: as far as pairs of two do not depend on who is
in them, the interval is up to sqrt(3) times too wide (Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1,
2007). It knows nothing of errors that nobody in the sample makes: where none was seen, it has no width.

No pair is copied. Pairs are counted between thresholds. Of the nearest pairs of two, the rare ones that low rates hang
on, each is weighed by its own two people. Of the others it is enough to know how many each person has, a_i: N of them
together weigh (sum m_i a_i)^2 / 4N, which is right in each person's share, and leaves out only which of two many pairs
they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faceline.evaluation.comparison import labelled_pairs
from faceline.evaluation.rates import Distances
from faceline.people.cohort import Compares

DRAWS = 1000

# The share of draws that lie within an interval.
LEVEL = 0.95

# The false match rates at which true accepts are given.
RATES = (0.01, 0.001, 0.0001)

# Pairs of two that are weighed one by one, the nearest ones.
WEIGHED = 200_000

# Thresholds, at false match rates that rise by steps of the same factor.
POINTS = 400


def thresholds_of(found: Distances, also: Sequence[float]) -> np.ndarray:
    """Where pairs are counted: below some impostor pairs, from the nearest one on, at last above all, and `also`."""
    count = len(found.impostor)
    allowed = [found.allowed(rate) for rate in RATES]
    ranks = np.unique(np.concatenate([[0, count], allowed, np.geomspace(1, count, POINTS).round()]).astype(int))
    below = np.nextafter(found.impostor[ranks[:-1]], -np.inf, dtype=found.impostor.dtype)
    last = max(found.genuine[-1], found.impostor[-1])
    more = np.array([*also, last], below.dtype)
    return np.unique(np.concatenate([below, more[more <= last]]))


@dataclass(frozen=True)
class PeoplePairs:
    """Pairs, counted by their people and by the first threshold that accepts them.

    Attributes
    ----------
    thresholds : ndarray of shape (k,), float, rising
    genuine : ndarray of shape (people, k), int
        Pairs of each person.
    near : ndarray of shape (3, pairs), int
        Of each of the nearest pairs of two both people, and the threshold.
    far : ndarray of shape (people, k), int
        Of each person the other pairs with somebody else.
    """

    thresholds: np.ndarray
    genuine: np.ndarray
    near: np.ndarray
    far: np.ndarray

    @classmethod
    def of_list(cls, people: np.ndarray, distances: np.ndarray, also: Sequence[float] = ()) -> "PeoplePairs":
        """From pairs: the numbers of both people, (n, 2), and the distance, (n,); counted `also` at thresholds."""
        same = people[:, 0] == people[:, 1]
        thresholds = thresholds_of(Distances.of(distances, same), also)
        places = thresholds.searchsorted(distances, "left")
        count = int(people.max()) + 1
        genuine = counted_by_person(people[same, 0], places[same], count, len(thresholds))
        near = np.array([people[~same, 0], people[~same, 1], places[~same]])
        return cls(thresholds, genuine, near, np.zeros_like(genuine))

    @classmethod
    def of_all(
        cls,
        embeddings: np.ndarray,
        labels: np.ndarray,
        metric: Compares,
        found: Distances,
        also: Sequence[float] = (),
    ) -> "PeoplePairs":
        """Likewise from all pairs of embeddings, (n, d), of people, (n,) from 0; `found` are their distances."""
        thresholds = thresholds_of(found, also)
        count, k = int(labels.max()) + 1, len(thresholds)
        last = int((found.impostor.searchsorted(thresholds, "right") <= WEIGHED).sum())
        genuine, far, near = np.zeros((count, k), int), np.zeros((count, k), int), []
        for first, second, distances in labelled_pairs(embeddings, labels, metric):
            places = np.minimum(thresholds.searchsorted(distances, "left"), k - 1)
            same = first == second
            genuine += counted_by_person(first[same], places[same], count, k)
            is_near = ~same & (places < last)
            near.append(np.array([first[is_near], second[is_near], places[is_near]]))
            others = ~same & (places >= last)
            for whose in (first, second):
                far += counted_by_person(whose[others], places[others], count, k)
        return cls(thresholds, genuine, np.concatenate(near, axis=1), far)

    def draw(self) -> "Redrawn":
        """The rates at all thresholds among people drawn again, DRAWS times; the same people each time."""
        people = len(self.genuine)
        generator = np.random.default_rng(0)
        drawn = generator.multinomial(people, np.full(people, 1 / people), size=DRAWS).astype(np.float64)
        genuine = np.cumsum(drawn @ self.genuine, axis=1)
        impostor = np.cumsum(self._weigh_near(drawn) + self._weigh_far(drawn), axis=1)
        with np.errstate(invalid="ignore"):  # of no pairs
            return Redrawn(self.thresholds, impostor / impostor[:, -1:], 1 - genuine / genuine[:, -1:])

    def _weigh_near(self, drawn: np.ndarray) -> np.ndarray:
        """What the nearest pairs of two weigh at each threshold, (DRAWS, k)."""
        first, second, places = self.near[:, self.near[2].argsort(kind="stable")]
        weighed = np.zeros((self.genuine.shape[1], DRAWS))
        times = np.ascontiguousarray(drawn.T, np.float32)
        at_once = 1000
        for start in range(0, len(places), at_once):
            part = slice(start, start + at_once)
            weights = times[first[part]] * times[second[part]]
            found, starts = np.unique(places[part], return_index=True)
            weighed[found] += np.add.reduceat(weights, starts, axis=0)
        return weighed.T

    def _weigh_far(self, drawn: np.ndarray) -> np.ndarray:
        """Likewise the others."""
        return (drawn @ self.far) ** 2 / np.maximum(2 * self.far.sum(axis=0), 1)


def counted_by_person(whose: np.ndarray, places: np.ndarray, people: int, k: int) -> np.ndarray:
    """How many of the pairs lie at each person and threshold, (people, k) int."""
    return np.bincount(whose * k + places, minlength=people * k).reshape(people, k)


@dataclass(frozen=True)
class Redrawn:
    """Rates at thresholds, (k,), among people drawn again: each (draws, k), NaN where nobody makes such a pair."""

    thresholds: np.ndarray
    false_match: np.ndarray
    false_non_match: np.ndarray

    def at(self, threshold: float) -> tuple[np.ndarray, np.ndarray]:
        """The false match and false non-match rates at the last threshold that is no larger, (draws,) each."""
        rounded = np.asarray(threshold, self.thresholds.dtype)
        place = max(int(self.thresholds.searchsorted(rounded, "right")) - 1, 0)
        return self.false_match[:, place], self.false_non_match[:, place]

    def places_for(self, rate: float) -> np.ndarray:
        """The last threshold of each draw that accepts no more than a share of its impostor pairs, (draws,) int."""
        return np.maximum((self.false_match <= rate + 1e-9).sum(axis=1) - 1, 0)

    def true_accepts(self, rate: float) -> np.ndarray:
        """The genuine pairs that are accepted there, (draws,)."""
        return 1 - np.take_along_axis(self.false_non_match, self.places_for(rate)[:, None], axis=1)[:, 0]

    def false_matches_at(self, other: "Redrawn", rate: float) -> np.ndarray:
        """The false match rate of each draw at the threshold that gives others the rate `rate`, (draws,)."""
        limits = other.thresholds[other.places_for(rate)]
        places = np.maximum(self.thresholds.searchsorted(limits, "right") - 1, 0)
        return np.take_along_axis(self.false_match, places[:, None], axis=1)[:, 0]

    def equal_errors(self) -> np.ndarray:
        """The equal error rate of each draw, (draws,), on the straight line between neighbouring thresholds."""
        difference = self.false_match - self.false_non_match
        after = np.maximum((difference < 0).sum(axis=1), 1)[:, None]
        after = np.minimum(after, difference.shape[1] - 1)
        low, high = (np.take_along_axis(difference, place, axis=1)[:, 0] for place in (after - 1, after))
        start, stop = (np.take_along_axis(self.false_match, place, axis=1)[:, 0] for place in (after - 1, after))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(high > low, start - low / (high - low) * (stop - start), start)

    def areas(self) -> np.ndarray:
        """The area under the ROC curve of each draw, (draws,)."""
        return np.trapezoid(1 - self.false_non_match, self.false_match, axis=1)

    def det_band(self, rates: np.ndarray) -> np.ndarray:
        """Between which false non-match rates the draws lie at false match rates, (r,): (2, r)."""
        return np.array([interval(1 - self.true_accepts(rate)) or (np.nan, np.nan) for rate in rates]).T


def interval(values: np.ndarray) -> tuple[float, float] | None:
    """Between which ends the middle LEVEL of draws lies; None where there are none."""
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
