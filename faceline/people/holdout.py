"""How people whom a gallery does not know score, and those whom it does: people and pictures are held out in turn."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from faceline.people.enrolment import Enrolment
from faceline.people.label_noise import People, enrolled_after_all
from faceline.people.near_copies import merged, near_copies
from faceline.people.prior import BACKGROUND_PEOPLE, MEAN_PEOPLE, known_background
from faceline.people.scoring import CROWDING_WEIGHT, Scorer, Training

if TYPE_CHECKING:
    import numpy as np

# In how many parts people are held out, one after the other: one person at a time where that is cheap, since strangers
# who meet fewer people score lower; all parts together train on about so many people. A large gallery has seen enough
# strangers before all its people had their turn.
PARTS = 5
PEOPLE_TO_TRAIN_ON = 600
LEAST_TO_HOLD_OUT = 4
ENOUGH_STRANGERS = 500
PROBES = 5  # pictures at most that one person contributes


@dataclass(frozen=True)
class Sample:
    """Best scores of faces that were held out, `scores` (n,), and of the background.

    `right` (n,) bool says whether the best score was the right person's. `weights` (n,) sum to `people`: of the
    people `seen`, to whom the faces belong, those count less who may be in a wrong folder or in two. `mean` and
    `spread` are those of faces and background together.
    """

    scores: "np.ndarray"
    right: "np.ndarray"
    weights: "np.ndarray"
    people: float
    mean: float = 0.0
    spread: float = 0.0
    seen: int = 0

    def joined(self, other: Self) -> Self:
        """Both samples as one."""
        import numpy as np

        parts = (np.concatenate([getattr(self, name), getattr(other, name)]) for name in ("scores", "right", "weights"))
        return type(self)(*parts, self.people + other.people, seen=self.seen + other.seen)

    def with_background(self, mean: float, spread: float) -> Self:
        """The same, with the mean and the deviation that come out if the background counts as several people.

        Those that a normal-inverse-gamma prior leads to: Murphy, "Conjugate Bayesian analysis of the Gaussian
        distribution", 2007. The deviation is that of a new face from the mean, which few people do not tell exactly.
        """
        total = self.people + MEAN_PEOPLE
        own = float(self.weights @ self.scores) / max(self.people, 1e-9)
        squares = float(self.weights @ (self.scores - own) ** 2) + BACKGROUND_PEOPLE * spread**2
        squares += self.people * MEAN_PEOPLE / total * (own - mean) ** 2
        variance = squares / (self.people + BACKGROUND_PEOPLE) * (1 + self.people / total**2)
        return replace(self, mean=(self.people * own + MEAN_PEOPLE * mean) / total, spread=math.sqrt(variance))


def hold_out(
    enrolment: Enrolment, scorer: Scorer, training: Training
) -> "Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]":
    """Train without some people, and compare them with the others, in several rounds.

    Yields, for each round, of the faces held out: their rows, whether that person was held out whole (a stranger), the
    best score, and whether it was the right person's. The known people's scores are corrected for the pictures that
    they lack in their round.
    """
    import numpy as np

    directions, labels = enrolment.directions, enrolment.labels
    pictures = np.bincount(labels)
    people = len(pictures)
    if people < LEAST_TO_HOLD_OUT:
        return
    generator = np.random.default_rng(0)
    parts = min(people, max(PARTS, PEOPLE_TO_TRAIN_ON // people))
    rounds = min(parts, math.ceil(ENOUGH_STRANGERS * parts / people))
    part = np.empty(people, int)
    part[generator.permutation(people)] = np.arange(people) % parts
    for number in range(rounds):
        probes = np.zeros(len(labels), bool)
        for person in np.flatnonzero(part == number):
            probes[pick(generator, labels, person, PROBES)] = True
        # The next part stays enrolled and lends a picture in four: so each person does once, and strangers meet people
        # of whom most have all their pictures.
        for person in np.flatnonzero((part == (number + 1) % parts) & (pictures > 1)):
            probes[pick(generator, labels, person, min(PROBES, max(1, pictures[person] // 4)))] = True
        left = ~probes & (part[labels] != number)
        enrolled, relabelled = np.unique(labels[left], return_inverse=True)
        fitted = Scorer.fit(directions[left], relabelled, training)
        rows = np.flatnonzero(probes)
        best, found = best_scores(fitted, directions[rows])
        who, is_stranger = labels[rows], part[labels[rows]] == number
        position = np.minimum(np.searchsorted(enrolled, who), len(enrolled) - 1)
        lacking = known_background(people, pictures[who]) - known_background(
            len(enrolled), np.bincount(relabelled)[position]
        )
        crowding = CROWDING_WEIGHT * (fitted.crowding[position] - scorer.crowding[who])
        best = np.where(is_stranger, best, best + lacking + crowding)
        yield rows, is_stranger, best, ~is_stranger & (enrolled[found] == who)


def pick(generator: "np.random.Generator", labels: "np.ndarray", person: int, count: int) -> "np.ndarray":
    """Some rows of a person at random, all if there are no more."""
    import numpy as np

    start, stop = np.searchsorted(labels, [person, person + 1])
    return start + generator.permutation(stop - start)[:count]


def best_scores(scorer: Scorer, directions: "np.ndarray") -> "tuple[np.ndarray, np.ndarray]":
    """The score of the most similar person for each face, and who that is; in blocks, as there may be many people."""
    import numpy as np

    best, found = np.empty(len(directions)), np.empty(len(directions), int)
    for start in range(0, len(directions), 500):
        rows = slice(start, start + 500)
        scores, order = scorer.score(directions[rows])
        found[rows] = order.argmax(axis=1)
        best[rows] = np.take_along_axis(scores, found[rows, None], axis=1)[:, 0]
    return best, found


def score_strangers(faces: "np.ndarray", enrolment: Enrolment, scorer: Scorer) -> Sample:
    """How faces that are said to be nobody's of the gallery, (m, d) directions, score; each counts as a person, as far
    as it is nobody."""
    import numpy as np

    _, faces = merged(faces, near_copies(faces, np.zeros(len(faces), int), enrolment.scale))
    people = People(enrolment.directions, enrolment.labels, enrolment.scale)
    trust = 1 - enrolled_after_all(faces, people)[1]
    scores, _ = best_scores(scorer, faces)
    return Sample(scores, np.zeros(len(scores), bool), trust, float(trust.sum()), seen=len(scores))


def collect(rounds: Iterator, enrolment: Enrolment, often: "np.ndarray") -> tuple[Sample, Sample]:
    """The held-out strangers, each alike, and the held-out known people, each of whom counts as `often`, (s,), says;
    both as far as they are what their folders say."""
    import numpy as np

    columns = [np.concatenate(column) for column in zip(*rounds, strict=True)]
    rows, is_stranger, scores, right = columns or (np.empty(0, int), np.empty(0, bool), np.empty(0), np.empty(0, bool))
    who = enrolment.labels[rows]
    trust = (1 - enrolment.doubts[rows]) * (1 - enrolment.doubles[who])
    samples = []
    # Folders were joined because they are similar: how similar they are says nothing of other people.
    several = np.bincount(enrolment.subjects) > 1
    for chosen, counted in ((is_stranger, np.ones(len(often))), (~is_stranger & ~several[who], often)):
        people, person, counts = np.unique(who[chosen], return_inverse=True, return_counts=True)
        weights = counted[people][person] / counts[person]
        weights *= len(people) / max(weights.sum(), 1e-9)
        weights *= trust[chosen]
        samples.append(Sample(scores[chosen], right[chosen], weights, float(weights.sum()), seen=len(people)))
    return samples[0], samples[1]
