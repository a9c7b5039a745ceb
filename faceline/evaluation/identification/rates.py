"""How well people are named: rates and calibration, from arrays of scores, ranks and confidences.

Terms of the field (ISO/IEC 19795-1): in a closed set everybody is enrolled, and the identification rate of rank k is
the share of faces whose person is among the k most similar ones. In an open set there are strangers too: the false
positive identification rate (FPIR) is the share of strangers who get a name, the true positive identification rate
(TPIR) the share of known people's faces that get the right one, and the false negative one (FNIR) of all others.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

BINS = 10


def cumulative_matches(ranks: np.ndarray, most: int) -> np.ndarray:
    """The identification rates of rank 1 to `most`, (most,), from the rank of each face's person, (m,) int from 1."""
    return np.array([np.mean(ranks <= rank) for rank in range(1, most + 1)])


def rates_found(right: np.ndarray, scores: np.ndarray, stranger_scores: np.ndarray, rates: ArrayLike) -> np.ndarray:
    """The TPIR where the limit is set so that no more than a rate of the strangers gets a name.

    Parameters
    ----------
    right : ndarray of shape (m,), bool
        Whether the most similar person is the right one, of known people's faces.
    scores : ndarray of shape (m,)
        How similar that person is.
    stranger_scores : ndarray of shape (s,)
        The same of the strangers.
    rates : ndarray of shape (r,)
        FPIRs, from 0 to 1.

    Returns
    -------
    ndarray of shape (r,), float64
    """
    # A face must score higher than the limit; the rounding is for products like 0.29 * 100.
    limits = np.append(np.sort(stranger_scores)[::-1], -np.inf)
    limits = limits[(np.asarray(rates) * len(stranger_scores) + 1e-9).astype(int)]
    found = np.sort(scores[right])
    return (len(found) - np.searchsorted(found, limits, side="right")) / len(scores)


def person_weights(names: np.ndarray) -> np.ndarray:
    """A weight for each face, (m,), so that each of its `names`, (m,), weighs the same; they sum to 1."""
    people, who, counts = np.unique(names, return_inverse=True, return_counts=True)
    return 1 / counts[who] / len(people)


@dataclass(frozen=True)
class Bin:
    """Answers of a similar confidence.

    Attributes
    ----------
    lower, upper : float
        The confidences that belong here; `upper` does not, unless it is 1.
    answers : int
    share : float
        Of the weight of all answers.
    confidence, right : float
        The mean confidence, and the rate of right answers.
    """

    lower: float
    upper: float
    answers: int
    share: float
    confidence: float
    right: float


def bins_of(confidence: np.ndarray, right: np.ndarray, weights: np.ndarray) -> list[Bin]:
    """Sort answers by their confidence, (m,) from 0 to 1, into BINS bins of equal width; empty ones are left out.

    `right` (m,) says which answers are right, `weights` (m,) how much each one counts.
    """
    number = np.minimum((confidence * BINS).astype(int), BINS - 1)
    found = []
    for index in np.unique(number).tolist():
        inside = number == index
        weight = weights[inside]
        means = (float(np.average(part[inside], weights=weight)) for part in (confidence, right))
        share = float(weight.sum() / weights.sum())
        found.append(Bin(index / BINS, (index + 1) / BINS, int(inside.sum()), share, *means))
    return found


def calibration_error(bins: list[Bin]) -> float:
    """The expected calibration error: Naeini, Cooper, Hauskrecht, "Obtaining well calibrated probabilities using
    Bayesian binning", AAAI 2015."""
    return sum(part.share * abs(part.confidence - part.right) for part in bins)
