"""How high a score must be for a name, and how probable the name is then.

Both come from the gallery itself: people are held out and compared with the others, as strangers would be; pictures of
the others are held out too, and compared with all, as known people would be. Where the gallery is too small to say, a
background of a few numbers stands in for a few people more.

Terms of the field: the false positive identification rate (FPIR) is the share of strangers who get a name, the true
positive identification rate (TPIR) the share of known people who get theirs (ISO/IEC 19795-1).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from faceline.errors import FacelineError
from faceline.scoring import CROWDING_WEIGHT, Scorer, Training

if TYPE_CHECKING:
    import numpy as np

DEFAULT_FPIR = 0.01

# In how many parts people are held out, one after the other; smaller galleries hold out one person at a time. A large
# gallery has seen enough strangers before all its people had their turn.
PARTS = 5
LEAST_TO_HOLD_OUT = 4
ENOUGH_STRANGERS = 500
PROBES = 5  # pictures at most that one person contributes

# Where the best score is the right person's for fewer of the held-out pictures, the folders do not hold a person each.
LEAST_RIGHT = 0.25

# The background counts as much as so many people.
BACKGROUND_PEOPLE = 8
# How many held-out people must lie beyond a limit for them to say as much of it as the shape of all scores does.
TAIL_PEOPLE = 5

# The background, in scores; benchmarks/background.py shows it beside LFW's. Strangers' scores have about the same
# mean in every gallery, since crowding is taken off, and spread the less the more people there are.
STRANGERS_MEAN = -0.38
STRANGERS_MEAN_ALONE = -0.68  # against a single person
STRANGERS_SPREAD = 0.42
STRANGERS_SPREAD_POWER = -0.16
# They lean to the right: like a gamma distribution of this shape.
STRANGERS_SHAPE = 16.0
# Deviation of a known person's scores with k pictures: the first, plus the second / k.
KNOWN_SPREAD = (0.22, 0.08)


def strangers_background(people: int) -> tuple[float, float]:
    """Mean and deviation of the best scores that strangers reach in a gallery of so many people."""
    mean = STRANGERS_MEAN if people > 1 else STRANGERS_MEAN_ALONE
    return mean, STRANGERS_SPREAD * people**STRANGERS_SPREAD_POWER


def known_background(people: int, pictures: "np.ndarray | int") -> "np.ndarray | float":
    """Mean score, before crowding is taken off, of a face with a person who is enrolled with so many pictures."""
    if people == 1:
        return -0.28 - 0.25 / pictures
    return 0.17 - 0.475 / pictures - (0.036 + 0.02 / pictures) * math.log(people / 2)


@dataclass(frozen=True)
class Curve:
    """A probability that rises with the score as a logistic function, from 0 to 1."""

    centre: float
    slope: float

    def __call__(self, score: float) -> float:
        return 0.5 + 0.5 * math.tanh(self.slope * (score - self.centre) / 2)


@dataclass(frozen=True)
class Calibration:
    """What a score means.

    Attributes
    ----------
    fpir : float
        The rate of strangers named that was asked for.
    tpir : float
        The rate of known people who get their name, as the gallery lets expect.
    limit : float
        The least score that gets a name.
    right : Curve
        From the score of the most similar person, the probability that this is the right one, with as many strangers as
        known people among the faces.
    known : Curve
        Likewise the probability that the face is no stranger's.
    people : int
        How many people were held out for this.
    """

    fpir: float
    tpir: float
    limit: float
    right: Curve
    known: Curve
    people: int

    @classmethod
    def from_record(cls, record: dict) -> Self:
        """The calibration that `asdict` told of; raises KeyError or TypeError if it is none, checks nothing else."""
        curves = {name: Curve(**record[name]) for name in ("right", "known")}
        return cls(**record | curves)

    def numbers(self) -> list[float]:
        return [self.fpir, self.tpir, self.limit, *vars(self.right).values(), *vars(self.known).values(), self.people]

    @classmethod
    def fit(
        cls, directions: "np.ndarray", labels: "np.ndarray", scorer: Scorer, training: Training, fpir: float
    ) -> Self:
        """Find the limit and the probabilities of a gallery.

        Parameters
        ----------
        directions, labels
            The gallery, as `Scorer.fit` takes it.
        scorer : Scorer
            What that learnt from it.
        training : Training
        fpir : float
        """
        import numpy as np

        pictures = np.bincount(labels)
        people = len(pictures)
        strangers, known = collect(hold_out(directions, labels, scorer, training))
        if known.people >= LEAST_TO_HOLD_OUT and known.weights @ known.right < LEAST_RIGHT * known.people:
            advice = "make sure that each folder holds pictures of one person"
            raise FacelineError(f"the people cannot be told apart, their own pictures are taken for others'; {advice}")
        strangers = strangers.with_background(*strangers_background(people))
        spread = KNOWN_SPREAD[0] + KNOWN_SPREAD[1] / pictures
        expected = known_background(people, pictures) - CROWDING_WEIGHT * scorer.crowding
        known = known.with_background(expected.mean(), spread.mean())
        limit = strangers_limit(strangers, fpir)
        right, some = fit_curve(strangers, known, known.right), fit_curve(strangers, known, np.ones_like(known.right))
        if not (right.slope > 0 and some.slope > 0):
            advice = "make sure that each folder holds pictures of one person"
            raise FacelineError(f"the people cannot be told apart, strangers score as high as they do; {advice}")
        return cls(fpir, known_found(known, limit), limit, right, some, strangers.people)


@dataclass(frozen=True)
class Sample:
    """Best scores of faces that were held out, `scores` (n,), and of the background.

    `right` (n,) bool says whether the best score was the right person's. `weights` (n,) sum to the number of `people`
    that the faces belong to. `mean` and `spread` are those of faces and background together.
    """

    scores: "np.ndarray"
    right: "np.ndarray"
    weights: "np.ndarray"
    people: int
    mean: float = 0.0
    spread: float = 0.0

    def with_background(self, mean: float, spread: float) -> Self:
        """The same, with the mean and the deviation that come out if the background counts as several people."""
        total = self.people + BACKGROUND_PEOPLE
        mean = float((self.weights @ self.scores + BACKGROUND_PEOPLE * mean) / total)
        variance = (self.weights @ (self.scores - mean) ** 2 + BACKGROUND_PEOPLE * spread**2) / total
        return replace(self, mean=mean, spread=math.sqrt(variance))


def hold_out(
    directions: "np.ndarray", labels: "np.ndarray", scorer: Scorer, training: Training
) -> "Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]":
    """Train without some people, and compare them with the others, in several rounds.

    Yields, for each round, of the faces held out: whose they are, whether that person was held out whole (a stranger),
    the best score, and whether it was the right person's. The known people's scores are corrected for the pictures that
    they lack in their round.
    """
    import numpy as np

    pictures = np.bincount(labels)
    people = len(pictures)
    if people < LEAST_TO_HOLD_OUT:
        return
    generator = np.random.default_rng(0)
    parts = PARTS if people > 2 * PARTS else people
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
        yield who, is_stranger, best, ~is_stranger & (enrolled[found] == who)


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


def collect(rounds: Iterator) -> tuple[Sample, Sample]:
    """The held-out strangers and the held-out pictures of known people."""
    import numpy as np

    columns = [np.concatenate(column) for column in zip(*rounds, strict=True)]
    who, is_stranger, scores, right = columns or (np.empty(0, int), np.empty(0, bool), np.empty(0), np.empty(0, bool))
    _, person, counts = np.unique(who[is_stranger], return_inverse=True, return_counts=True)
    strangers = Sample(scores[is_stranger], right[is_stranger], 1 / counts[person], len(counts))
    # A stranger is anybody, but of the known people those of whom there are many pictures will be seen often again.
    people, faces = len(np.unique(who[~is_stranger])), int((~is_stranger).sum())
    known = Sample(scores[~is_stranger], right[~is_stranger], np.full(faces, people / max(faces, 1)), people)
    return strangers, known


def strangers_limit(strangers: Sample, fpir: float) -> float:
    """The score that strangers exceed at the rate `fpir`.

    Few strangers tell the mean and the spread of their scores, but not the tail, which then follows the background's
    shape. The more of them lie in the tail, the more their own quantile counts.
    """
    import numpy as np
    from scipy.special import gammainccinv

    # A single stranger far beyond the others would count less for a lower rate: the limit never falls with the rate.
    rates = np.geomspace(fpir, 1, 1000, endpoint=False)
    shape = STRANGERS_SHAPE
    limits = strangers.mean + strangers.spread * (gammainccinv(shape, rates) - shape) / math.sqrt(shape)
    if strangers.people:
        order = np.argsort(strangers.scores, kind="stable")
        weights = strangers.weights[order]
        own = np.interp(1 - rates, (np.cumsum(weights) - weights / 2) / strangers.people, strangers.scores[order])
        trust = strangers.people * rates / (strangers.people * rates + TAIL_PEOPLE)
        limits = trust * own + (1 - trust) * limits
    return float(limits.max())


def known_found(known: Sample, limit: float) -> float:
    """The rate of known people who get their name, in the held-out pictures and in the background."""
    own = known.weights @ (known.right & (known.scores >= limit))
    background = 0.5 * math.erfc((limit - known.mean) / known.spread / math.sqrt(2))
    return float((own + BACKGROUND_PEOPLE * background) / (known.people + BACKGROUND_PEOPLE))


def fit_curve(strangers: Sample, known: Sample, success: "np.ndarray") -> Curve:
    """The probability of `success`, (n,) bool for the known people's faces; strangers never have it.

    Logistic regression on the held-out faces and the background, strangers and known people weighing the same: Platt,
    "Probabilistic outputs for support vector machines", 1999.
    """
    import numpy as np
    from scipy.optimize import minimize
    from scipy.special import expit, gammaincinv, ndtr

    # Far into the tails: where the people and the strangers of a small gallery lie apart, these alone say how steep the
    # curve is; without them it would be a step.
    normal = np.linspace(-5, 5, 101)
    steps, shares = ndtr(normal), np.exp(-(normal**2) / 2)
    shares /= shares.sum()
    shape = STRANGERS_SHAPE
    backgrounds = ((gammaincinv(shape, steps) - shape) / math.sqrt(shape), normal)
    scores, truth, weights = [], [], []
    for sample, background, own, always in (
        (strangers, backgrounds[0], strangers.right, 0),
        (known, backgrounds[1], success, 1),
    ):
        scores += [sample.scores, sample.mean + sample.spread * background]
        truth += [own, np.full(len(steps), always)]
        total = sample.people + BACKGROUND_PEOPLE
        weights += [sample.weights / total, BACKGROUND_PEOPLE / total * shares]
    scores, truth, weights = map(np.concatenate, (scores, truth, weights))
    middle = (strangers.mean + known.mean) / 2
    inputs = np.stack([scores - middle, np.ones(len(scores))], axis=1)

    def cost(line: "np.ndarray") -> "tuple[float, np.ndarray]":
        odds = inputs @ line
        loss = weights @ (np.logaddexp(0, odds) - truth * odds)
        return loss, inputs.T @ (weights * (expit(odds) - truth))

    slope, offset = map(float, minimize(cost, np.array([1.0, 0.0]), jac=True, method="BFGS", tol=1e-9).x)
    return Curve(middle - offset / slope, slope)


def check_fpir(fpir: float) -> float:
    """Give `fpir` if it is a rate to ask for; raises FacelineError."""
    if not 0 < fpir < 1:
        raise FacelineError(f"fpir {fpir} is no rate; choose one between 0 and 1, such as {DEFAULT_FPIR}")
    return fpir
