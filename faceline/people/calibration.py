"""How high a score must be for a name, and how probable the name is then.

Both come from the gallery itself: people are held out and compared with the others, as strangers would be; pictures of
the others are held out too, and compared with all, as known people would be. Where the gallery is too small to say, a
prior of a few numbers stands in for a few people more.

Terms of the field: the false positive identification rate (FPIR) is the share of strangers who get a name, the true
positive identification rate (TPIR) the share of known people who get theirs (ISO/IEC 19795-1).
"""

import math
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from faceline.errors import FacelineError
from faceline.people.checks import check_number, part_of_file, require
from faceline.people.doubles import DOUBLE_PRIOR
from faceline.people.enrolment import Enrolment
from faceline.people.holdout import LEAST_TO_HOLD_OUT, Sample, Strangers, collect, hold_out
from faceline.people.many.scorer import ListedScorer
from faceline.people.prior import (
    KNOWN_SD,
    KNOWN_SD_POWER,
    SCORE_PRIOR_PEOPLE,
    STRANGERS_SHAPE,
)
from faceline.people.resemblance import PRIOR_PEOPLE
from faceline.people.scoring import CROWDING_WEIGHT, Scorer, Training

DEFAULT_FPIR = 0.01

# Where the best score is the right person's for fewer of the held-out pictures, the folders do not hold a person each.
LEAST_RIGHT = 0.25

# A person with more pictures than this counts no more, in what is said of known people.
MOST_OFTEN = 20

# Expectation and maximisation settle to three digits in this many rounds.
ITERATIONS = 10

# How many held-out people must lie beyond a limit for them to say as much of it as the shape of all scores does.
TAIL_PEOPLE = 5


@dataclass(frozen=True)
class Logistic:
    """A probability that rises with the score as a logistic function, from 0 to 1."""

    centre: float
    slope: float

    def __call__(self, score: float) -> float:
        return 0.5 + 0.5 * math.tanh(self.slope * (score - self.centre) / 2)

    def check(self, part: str) -> None:
        """Raise FacelineError, which names the part of a file, unless the curve rises."""
        check_number(self.centre, f"{part}/centre")
        check_number(self.slope, f"{part}/slope")
        require(self.slope > 0, f"{part}/slope")


@dataclass(frozen=True)
class Calibration:
    """What a score means.

    Attributes
    ----------
    fpir : float
        The rate of strangers named that was asked for.
    tpir : float
        The rate of known people who get their name, as the gallery lets expect: names that are more likely wrong than
        right are not given, whatever the limit.
    limit : float
        The least score that gets a name.
    right : Logistic
        From the score of the most similar person, the probability that this is the right one, with as many strangers as
        known people among the faces.
    known : Logistic
        Likewise the probability that the face is no stranger's.
    people : int
        How many people were held out for this.
    doubtful : float
        The share of those who were held out that is not counted as strangers, since they look like people who are
        enrolled: how much the estimate has to stand.
    """

    fpir: float
    tpir: float
    limit: float
    right: Logistic
    known: Logistic
    people: int
    doubtful: float

    @classmethod
    def from_record(cls, record: dict) -> Self:
        """The calibration that `asdict` told of, which comes from a file; raises FacelineError if it is none."""
        with part_of_file("calibration"):
            return cls(**record | {name: Logistic(**record[name]) for name in ("right", "known")})

    def check(self) -> None:
        """Raise FacelineError unless all are numbers to reckon with; they come from a file."""
        for field in fields(self):
            if field.type is not Logistic:
                check_number(getattr(self, field.name), f"calibration/{field.name}")
        self.right.check("calibration/right")
        self.known.check("calibration/known")

    @classmethod
    def fit(
        cls,
        enrolment: Enrolment,
        scorer: Scorer | ListedScorer,
        training: Training,
        fpir: float,
        others: Strangers | None = None,
    ) -> Self:
        """Find the limit and the probabilities of a gallery.

        Parameters
        ----------
        enrolment : Enrolment
            What is learnt of the gallery.
        scorer : Scorer or ListedScorer
            What has learnt it.
        training : Training
        fpir : float
        others : Strangers or None
            Faces of strangers that the user has, beside those who are held out.
        """
        pictures = np.bincount(enrolment.labels)
        people = len(pictures)
        # Of the known people those of whom there are many pictures will be seen often again, but none all the time.
        often = np.minimum(pictures, MOST_OFTEN)
        held_out, known = collect(hold_out(enrolment, scorer, training), enrolment, often)
        if others is not None:
            held_out = held_out.joined(others)
        if known.people >= LEAST_TO_HOLD_OUT and known.weights @ known.right < LEAST_RIGHT * known.people:
            advice = "make sure that each folder holds pictures of one person"
            raise FacelineError(f"the people cannot be told apart, their own pictures are taken for others'; {advice}")
        prior = crowded(training.prior.strangers(people), enrolment, scorer, training)
        expected = scorer.expected(training.prior, people, pictures) - CROWDING_WEIGHT * scorer.crowding
        deviation = KNOWN_SD[0] + KNOWN_SD[1] / pictures
        of_known = [float(np.average(part, weights=often)) for part in (expected, deviation)]
        strangers, counted = without_known(held_out, prior, known.with_prior(*of_known))
        of_known[1] *= (strangers.deviation / prior[1]) ** KNOWN_SD_POWER
        known = known.with_prior(*of_known)
        limit = strangers_limit(strangers, fpir)
        right, some = fit_curve(strangers, known, known.right), fit_curve(strangers, known, np.ones_like(known.right))
        if not (right.slope > 0 and some.slope > 0):
            advice = "make sure that each folder holds pictures of one person"
            raise FacelineError(f"the people cannot be told apart, strangers score as high as they do; {advice}")
        doubtful = 1 - counted / held_out.seen if held_out.seen else 0.0
        named = max(limit, right.centre)  # below this a name is more likely wrong than right
        return cls(fpir, known_found(known, named), limit, right, some, held_out.seen, doubtful)


def crowded(
    prior: tuple[float, float], enrolment: Enrolment, scorer: Scorer | ListedScorer, training: Training
) -> tuple[float, float]:
    """The prior of strangers' scores, which is for crowding by the gallery's own people, where a cohort adds to it."""
    if training.cohort is None:
        return prior
    own = scorer.crowding_without_cohort(enrolment.directions, enrolment.labels)
    return prior[0] - CROWDING_WEIGHT * float((scorer.crowding - own).mean()), prior[1]


def without_known(strangers: Strangers, prior: tuple[float, float], known: Sample) -> tuple[Sample, float]:
    """The scores of strangers with their prior, and how many of the people held out score as strangers do.

    Who is enrolled twice without having been recognised as such scores like a known person when held out. So the scores
    are a mixture of both kinds, of which the mean, the deviation and the share of known people are found by expectation
    and maximisation, from the prior on; how likely each one is known before the score is seen follows from what
    `doubles` and `label_noise` suspect. As far as somebody is known, the most similar person is left aside and the next
    one counts: that is what the same face would reach as a stranger, and nobody is lost.
    """
    from scipy.stats import gamma, norm

    has_next = ~np.isnan(strangers.behind)
    scores = np.append(strangers.scores, strangers.behind[has_next])
    found = Sample(scores, np.zeros(len(scores), bool), np.zeros(len(scores)), 0.0, *prior)
    share, shape, people = DOUBLE_PRIOR, STRANGERS_SHAPE, float(strangers.weights.sum())
    own = strangers.weights
    for _ in range(ITERATIONS):
        steps = (strangers.scores - found.mean) / found.deviation * math.sqrt(shape) + shape
        as_stranger = gamma.pdf(np.maximum(steps, 1e-3), shape) * math.sqrt(shape) / found.deviation
        # Whoever scores higher than known people do is known all the more.
        as_known = norm.pdf(np.minimum(strangers.scores, known.mean), known.mean, known.deviation)
        # The suspicions came from DOUBLE_PRIOR; the share is what all scores make of it.
        as_known = as_known * strangers.doubles * share / DOUBLE_PRIOR
        as_stranger = as_stranger * (1 - strangers.doubles) * (1 - share) / (1 - DOUBLE_PRIOR)
        doubtful = as_known / np.maximum(as_known + as_stranger, np.finfo(float).tiny)
        share = (strangers.weights @ doubtful + DOUBLE_PRIOR * PRIOR_PEOPLE) / (people + PRIOR_PEOPLE)
        # Either alone may find a double: the pictures of both people, or the score.
        own = strangers.weights * (1 - strangers.doubles) * (1 - doubtful)
        weights = np.append(own, (strangers.weights - own)[has_next])
        found = replace(found, weights=weights, people=float(weights.sum())).with_prior(*prior)
    return found, float(own.sum())


def strangers_limit(strangers: Sample, fpir: float) -> float:
    """The score that strangers exceed at the rate `fpir`.

    Few strangers tell the mean and the deviation of their scores, but not the tail, which then follows the prior's
    shape. The more of them lie in the tail, the more their own quantile counts.
    """
    from scipy.special import gammainccinv

    # A single stranger far beyond the others would count less for a lower rate: the limit never falls with the rate.
    rates = np.geomspace(fpir, 1, 1000, endpoint=False)
    shape = STRANGERS_SHAPE
    limits = strangers.mean + strangers.deviation * (gammainccinv(shape, rates) - shape) / math.sqrt(shape)
    if strangers.people:
        order = np.argsort(strangers.scores, kind="stable")
        weights = strangers.weights[order]
        own = np.interp(1 - rates, (np.cumsum(weights) - weights / 2) / strangers.people, strangers.scores[order])
        trust = strangers.people * rates / (strangers.people * rates + TAIL_PEOPLE)
        limits = trust * own + (1 - trust) * limits
    return float(limits.max())


def known_found(known: Sample, limit: float) -> float:
    """The rate of known people who get their name, in the held-out pictures and in the prior."""
    own = known.weights @ (known.right & (known.scores >= limit))
    prior = 0.5 * math.erfc((limit - known.mean) / known.deviation / math.sqrt(2))
    return float((own + SCORE_PRIOR_PEOPLE * prior) / (known.people + SCORE_PRIOR_PEOPLE))


def fit_curve(strangers: Sample, known: Sample, success: np.ndarray) -> Logistic:
    """The probability of `success`, (n,) bool for the known people's faces; strangers never have it.

    Logistic regression on the held-out faces and the prior, strangers and known people weighing the same: Platt,
    "Probabilistic outputs for support vector machines", 1999.
    """
    from scipy.optimize import minimize
    from scipy.special import expit, gammaincinv, ndtr

    # Far into the tails: where the people and the strangers of a small gallery lie apart, these alone say how steep the
    # curve is; without them it would be a step.
    normal = np.linspace(-5, 5, 101)
    steps, shares = ndtr(normal), np.exp(-(normal**2) / 2)
    shares /= shares.sum()
    shape = STRANGERS_SHAPE
    priors = ((gammaincinv(shape, steps) - shape) / math.sqrt(shape), normal)
    columns: tuple[list[np.ndarray], ...] = [], [], []
    for sample, prior, own, always in (
        (strangers, priors[0], strangers.right, 0),
        (known, priors[1], success, 1),
    ):
        columns[0].extend([sample.scores, sample.mean + sample.deviation * prior])
        columns[1].extend([own, np.full(len(steps), always)])
        total = sample.people + SCORE_PRIOR_PEOPLE
        columns[2].extend([sample.weights / total, SCORE_PRIOR_PEOPLE / total * shares])
    scores, truth, weights = map(np.concatenate, columns)
    middle = (strangers.mean + known.mean) / 2
    inputs = np.stack([scores - middle, np.ones(len(scores))], axis=1)

    def cost(line: np.ndarray) -> tuple[float, np.ndarray]:
        odds = inputs @ line
        loss = weights @ (np.logaddexp(0, odds) - truth * odds)
        return loss, inputs.T @ (weights * (expit(odds) - truth))

    slope, offset = map(float, minimize(cost, np.array([1.0, 0.0]), jac=True, method="BFGS", tol=1e-9).x)
    return Logistic(middle - offset / slope, slope)


def check_fpir(fpir: float) -> float:
    """Give `fpir` if it is a rate to ask for; raises FacelineError."""
    if not 0 < fpir < 1:
        raise FacelineError(f"fpir {fpir} is no rate; choose one between 0 and 1, such as {DEFAULT_FPIR}")
    return fpir
