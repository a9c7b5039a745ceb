"""How people whom a gallery does not know score, and those whom it does: people and pictures are held out in turn."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from faceline.people.enrolment import Enrolment
from faceline.people.label_noise import enrolled_after_all
from faceline.people.many.scorer import ListedScorer
from faceline.people.near_copies import merged, near_copies
from faceline.people.prior import MEAN_PEOPLE, SCORE_PRIOR_PEOPLE
from faceline.people.resemblance import People
from faceline.people.scoring import CROWDING_WEIGHT, Scorer, Training, are_many

# In how many parts people are held out, one after the other: one person at a time where that is cheap, since strangers
# who meet fewer people score lower; all parts together train on about this many people. A large gallery has seen enough
# strangers before all its people had their turn.
PARTS = 5
PEOPLE_TO_TRAIN_ON = 600
LEAST_TO_HOLD_OUT = 4
ENOUGH_STRANGERS = 500
# Of very many people so many are held out at once: a fifth would be more than it takes, and than can be compared.
MOST_HELD_OUT = 2000
PROBES = 5  # pictures at most that one person contributes


@dataclass(frozen=True)
class Sample:
    """Best scores of faces that were held out, `scores` (n,), and of the prior.

    `right` (n,) bool says whether the best score was the right person's. `weights` (n,) sum to `people`: those count
    less who may be in a wrong folder or in two. `mean` and `deviation` are those of faces and prior together.
    """

    scores: np.ndarray
    right: np.ndarray
    weights: np.ndarray
    people: float
    mean: float = 0.0
    deviation: float = 0.0

    def with_prior(self, mean: float, deviation: float) -> Self:
        """The same, with the mean and the deviation that come out if the prior counts as several people.

        Those that a normal-inverse-gamma prior leads to: Murphy, "Conjugate Bayesian analysis of the Gaussian
        distribution", 2007. The deviation is that of a new face from the mean, which few people do not tell exactly.
        """
        total = self.people + MEAN_PEOPLE
        own = float(self.weights @ self.scores) / max(self.people, 1e-9)
        squares = float(self.weights @ (self.scores - own) ** 2) + SCORE_PRIOR_PEOPLE * deviation**2
        squares += self.people * MEAN_PEOPLE / total * (own - mean) ** 2
        variance = squares / (self.people + SCORE_PRIOR_PEOPLE) * (1 + self.people / total**2)
        return replace(self, mean=(self.people * own + MEAN_PEOPLE * mean) / total, deviation=math.sqrt(variance))


@dataclass(frozen=True)
class Strangers:
    """Faces of people who were held out whole, and who may be enrolled once more all the same.

    Attributes
    ----------
    scores, behind : ndarrays of shape (n,)
        Of the most similar person, and of the next one; NaN where there is no other.
    weights : ndarray of shape (n,)
        How many people a face counts for, as far as it is in no wrong folder.
    doubles : ndarray of shape (n,)
        The probability that the most similar person is the face's own.
    seen : int
        How many people the faces belong to.
    """

    scores: np.ndarray
    behind: np.ndarray
    weights: np.ndarray
    doubles: np.ndarray
    seen: int

    def joined(self, other: Self) -> Self:
        """Both as one."""
        return type(self)(
            np.concatenate([self.scores, other.scores]),
            np.concatenate([self.behind, other.behind]),
            np.concatenate([self.weights, other.weights]),
            np.concatenate([self.doubles, other.doubles]),
            self.seen + other.seen,
        )


def hold_out(
    enrolment: Enrolment, scorer: Scorer | ListedScorer, training: Training
) -> Iterator[tuple[np.ndarray, ...]]:
    """Train without some people, and compare them with the others, in several rounds.

    Yields, for each round, of the faces held out: their rows, whether that person was held out whole (a stranger), the
    best score, whether it was the right person's, and the score of the next person. The known people's best scores are
    corrected for the pictures that they lack in their round.
    """
    directions, labels = enrolment.directions, enrolment.labels
    pictures = np.bincount(labels)
    people = len(pictures)
    if people < LEAST_TO_HOLD_OUT:
        return
    generator = np.random.default_rng(0)
    parts = min(people, max(PARTS, PEOPLE_TO_TRAIN_ON // people))
    if are_many(people):
        parts = max(parts, people // MOST_HELD_OUT)
    rounds = min(parts, math.ceil(ENOUGH_STRANGERS * parts / people))
    part = np.empty(people, int)
    part[generator.permutation(people)] = np.arange(people) % parts
    for number in range(rounds):
        probes = np.zeros(len(labels), bool)
        for person in np.flatnonzero(part == number).tolist():
            probes[pick(generator, labels, person, PROBES)] = True
        # The next part stays enrolled and lends a picture in four: so each person does once, and strangers meet people
        # of whom most have all their pictures.
        for person in np.flatnonzero((part == (number + 1) % parts) & (pictures > 1)).tolist():
            probes[pick(generator, labels, person, min(PROBES, max(1, pictures[person] // 4)))] = True
        left = ~probes & (part[labels] != number)
        enrolled, relabelled = np.unique(labels[left], return_inverse=True)
        fitted = scorer.fit(directions[left], relabelled, training)
        rows = np.flatnonzero(probes)
        best, found, behind = fitted.best_two(directions[rows])
        who, is_stranger = labels[rows], part[labels[rows]] == number
        position = np.minimum(np.searchsorted(enrolled, who), len(enrolled) - 1)
        lacking = scorer.expected(training.prior, people, pictures[who])
        lacking = lacking - scorer.expected(training.prior, len(enrolled), np.bincount(relabelled)[position])
        crowding = CROWDING_WEIGHT * (fitted.crowding[position] - scorer.crowding[who])
        best = np.where(is_stranger, best, best + lacking + crowding)
        yield rows, is_stranger, best, ~is_stranger & (enrolled[found] == who), behind


def pick(generator: np.random.Generator, labels: np.ndarray, person: int, count: int) -> np.ndarray:
    """Some rows of a person at random, all if there are no more."""
    start, stop = np.searchsorted(labels, [person, person + 1])
    return start + generator.permutation(stop - start)[:count]


def score_strangers(faces: np.ndarray, enrolment: Enrolment, scorer: Scorer | ListedScorer) -> Strangers:
    """How faces that are said to be nobody's of the gallery, (m, d) directions, score; each counts as a person."""
    _, faces = merged(faces, near_copies(faces, np.zeros(len(faces), int), enrolment.scale))
    people = People(enrolment.directions, enrolment.labels, enrolment.scale)
    scores, _, behind = scorer.best_two(faces)
    return Strangers(scores, behind, np.ones(len(faces)), enrolled_after_all(faces, people)[1], len(faces))


def collect(rounds: Iterator, enrolment: Enrolment, often: np.ndarray) -> tuple[Strangers, Sample]:
    """The held-out strangers, each alike, and the held-out known people, each of whom counts as `often`, (s,), says;
    both as far as their faces are what their folders say."""
    empty = np.empty(0)
    columns = [np.concatenate(column) for column in zip(*rounds, strict=True)]
    rows, is_stranger, scores, right, behind = columns or (empty.astype(int), *[empty.astype(bool), empty] * 2)
    who = enrolment.labels[rows]
    trust = 1 - enrolment.doubts[rows]
    # Folders were joined because they are similar: how similar they are says nothing of other people.
    several = np.bincount(enrolment.subjects) > 1
    weights, seen = [], []
    for chosen, counted in ((is_stranger, np.ones(len(often))), (~is_stranger & ~several[who], often)):
        people, person, counts = np.unique(who[chosen], return_inverse=True, return_counts=True)
        shares = counted[people][person] / counts[person]
        shares *= len(people) / max(shares.sum(), 1e-9)
        weights.append(shares * trust[chosen])
        seen.append(len(people))
    doubles = enrolment.doubles[who]
    known = ~is_stranger & ~several[who]
    of_known = weights[1] * (1 - doubles[known])
    return (
        Strangers(scores[is_stranger], behind[is_stranger], weights[0], doubles[is_stranger], seen[0]),
        Sample(scores[known], right[known], of_known, float(of_known.sum())),
    )
