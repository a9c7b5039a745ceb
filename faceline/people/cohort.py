"""Faces of a population, without names, that say how near to each other its people lie in a network's eyes."""

from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np

from faceline.errors import FacelineError
from faceline.networks.distances import Metric
from faceline.networks.one_person import OnePerson
from faceline.people.classifiers.base import blocks
from faceline.people.enrolment import Enrolment
from faceline.people.label_noise import enrolled_after_all
from faceline.people.near_copies import merged, near_copies
from faceline.people.resemblance import People
from faceline.people.subjects import BELIEVED
from faceline.wording import counted

# How near a face lies to people like it: its mean distance to so many faces of the cohort, the nearest ones.
NEIGHBOURS = 20
LEAST_FACES = 2 * NEIGHBOURS

# How far a cohort that lies nearer than people of LFW do is taken for what it is, as an exponent: where strangers look
# alike, a person's own pictures do so too, but less (benchmarks/one_person.py).
NEARER = 0.8

# Two photographs differ by more than this share of a network's threshold.
SAME_PICTURE = 1e-4


class Compares(Protocol):
    """What gives the distances of embeddings: a network's Metric, or that of a cohort."""

    def pairs(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """The distances of embeddings, (n, d), to others, (n, d) or (1, d), pair by pair: (n,)."""

    def table(self, embeddings: np.ndarray, others: np.ndarray) -> np.ndarray:
        """The distances of embeddings, (m, d), to all others, (n, d): (m, n)."""


@dataclass(frozen=True)
class CohortMetric:
    """The distances of embeddings with one number more behind each, by which `Cohort.weighed` has them."""

    metric: Metric

    def pairs(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return self.metric.pairs(first[:, :-1], second[:, :-1]) * first[:, -1] * second[:, -1]

    def table(self, embeddings: np.ndarray, others: np.ndarray) -> np.ndarray:
        distances = self.metric.table(embeddings[:, :-1], others[:, :-1])
        return distances * embeddings[:, -1:] * others[:, -1]


@dataclass(frozen=True)
class Cohort:
    """Faces by which distances are normalised: each distance is divided by the geometric mean of how near both faces
    lie to the cohort, and multiplied by the mean of that in the cohort itself, so that thresholds keep their meaning.

    Adaptive symmetric score normalisation, known from speaker recognition: Matejka and others, "Analysis of score
    normalization in multilingual speaker recognition", Interspeech 2017; here by the mean alone, of distances.

    Attributes
    ----------
    embeddings : ndarray of shape (c, d), float32
    metric : Metric
    nearness : float
        The geometric mean of how near the cohort's faces lie to the others.
    """

    embeddings: np.ndarray
    metric: Metric
    nearness: float

    @classmethod
    def of(cls, embeddings: np.ndarray, metric: Metric) -> Self:
        """The cohort of those faces; raises FacelineError if they are too few."""
        check_cohort(len(embeddings))
        distances = metric.table(embeddings, embeddings)
        np.fill_diagonal(distances, np.inf)
        return cls(embeddings, metric, float(np.exp(np.log(nearest(distances)).mean())))

    def calibrated(self, known: OnePerson) -> Self:
        """The same faces, by which distances mean what `known` says of those of LFW."""
        usual = known.nearness(NEIGHBOURS / len(self.embeddings))
        return replace(self, nearness=usual**NEARER * self.nearness ** (1 - NEARER))

    def weighed(self, embeddings: np.ndarray, threshold: float) -> np.ndarray:
        """Embeddings, (n, d), as CohortMetric takes them: (n, d + 1).

        Raises FacelineError if a picture of the cohort is among them. `threshold` is the network's.
        """
        found = np.empty(len(embeddings))
        for rows in blocks(len(embeddings)):
            distances = self.metric.table(embeddings[rows], self.embeddings)
            if (distances < SAME_PICTURE * threshold).any():
                raise FacelineError("a picture of the cohort is among those compared; name other people as cohort")
            found[rows] = nearest(distances)
        weights = np.sqrt(self.nearness / np.maximum(found, np.finfo(np.float32).tiny))
        return np.column_stack([embeddings, weights.astype(embeddings.dtype)])


def of_nobody(faces: np.ndarray, enrolment: Enrolment) -> np.ndarray:
    """Those of some faces, (m, d) directions, that are more likely nobody's of the gallery than somebody's; of copies
    one."""
    _, faces = merged(faces, near_copies(faces, np.zeros(len(faces), int), enrolment.scale))
    people = People(enrolment.directions, enrolment.labels, enrolment.scale)
    return faces[enrolled_after_all(faces, people)[1] < BELIEVED]


def check_cohort(faces: int) -> None:
    """Raise FacelineError if a cohort has too few faces to tell anything."""
    if faces < LEAST_FACES:
        raise FacelineError(
            f"{counted(faces, 'face')} {'is' if faces == 1 else 'are'} too few for a cohort, which takes {LEAST_FACES}"
            " at least, better a few hundred"
        )


def nearest(distances: np.ndarray) -> np.ndarray:
    """The mean of the NEIGHBOURS smallest distances of each row."""
    return np.partition(distances, NEIGHBOURS, axis=1)[:, :NEIGHBOURS].mean(axis=1)
