"""Which pictures lie in a wrong person's folder.

Each suspicion is a probability: how likely the similarities are if it is true, against how likely if it is not, times
how often such mistakes happen. Mistakes of this kind are called label noise in the field: Wang et al., "The Devil of
Face Recognition Is in the Noise", ECCV 2018.
"""

import math
from dataclasses import dataclass

import numpy as np

from faceline.people.resemblance import (
    NEIGHBOUR,
    NEIGHBOUR_SD,
    PRIOR_PEOPLE,
    Genuine,
    Neighbour,
    Neighbourhood,
    People,
    log_density,
)
from faceline.people.scoring import CROWDING_WEIGHT, unit

# How often a picture lies in another person's folder, or in one of nobody else's.
WRONG_PRIOR, STRANGE_PRIOR = 0.02, 0.01
# A face and somebody else.
IMPOSTOR, IMPOSTOR_SD = -1.5, 0.35


@dataclass(frozen=True)
class Suspicions:
    """What is suspected of each picture, (n,).

    `nearer` is the probability that it shows the person `whose`, and `strange` that it shows nobody of the gallery.
    """

    whose: np.ndarray
    nearer: np.ndarray
    strange: np.ndarray


def suspect_pictures(people: People) -> Suspicions:
    """How likely each picture lies in a wrong folder. The only picture of a folder is in none: the folder is what it
    shows."""
    counts = people.counts
    if len(counts) < 2:
        nothing = np.zeros(len(people.labels))
        return Suspicions(nothing.astype(int), nothing, nothing)
    own = people.own()
    genuine = Genuine.of(people, own)
    near = Neighbourhood.of(people.directions, unit(people.sums()), people.scale, people.labels)
    whose, best = near.people[:, 0], near.similarities[:, 0]
    excess = best - CROWDING_WEIGHT * near.crowding()
    neighbour = Neighbour.of(excess, 1 / counts[people.labels])
    others = np.maximum(counts[people.labels] - 1, 1)
    of_own, of_other = genuine.expected(others), genuine.expected(counts[whose])
    somebody = (near.middle * len(counts) + PRIOR_PEOPLE * IMPOSTOR) / (len(counts) + PRIOR_PEOPLE)
    as_other = log_density(np.minimum(best, of_other[0]), *of_other)
    as_neighbour = neighbour.log_density(excess)
    as_own = log_density(np.minimum(own, of_own[0]), *of_own)
    as_impostor = log_density(np.maximum(own, somebody), somebody, IMPOSTOR_SD)
    right = math.log(1 - WRONG_PRIOR - STRANGE_PRIOR) + as_neighbour + as_own
    wrong = math.log(WRONG_PRIOR) + as_other + as_impostor
    strange = math.log(STRANGE_PRIOR) + as_neighbour + as_impostor
    shares = softmax_share(wrong, right, strange), softmax_share(strange, right, wrong)
    return Suspicions(whose, *(np.where(np.isnan(own), 0.0, share) for share in shares))


def enrolled_after_all(faces: np.ndarray, people: People) -> tuple[np.ndarray, np.ndarray]:
    """How likely faces that are said to be strangers', (m, d) directions, are a person's of the gallery, and whose."""
    near = Neighbourhood.of(faces, unit(people.sums()), people.scale, None)
    whose, best = near.people[:, 0], near.similarities[:, 0]
    excess = best - CROWDING_WEIGHT * near.crowding()
    of_other = Genuine.of(people, people.own()).expected(people.counts[whose])
    wrong = math.log(WRONG_PRIOR) + log_density(np.minimum(best, of_other[0]), *of_other)
    right = math.log(1 - WRONG_PRIOR) + Neighbour(NEIGHBOUR, NEIGHBOUR_SD).log_density(excess)
    return whose, softmax_share(wrong, right)


def softmax_share(*odds: np.ndarray) -> np.ndarray:
    """The share of the first of several probabilities that are given as logarithms."""
    stacked = np.stack(np.broadcast_arrays(*odds))
    stacked = np.exp(stacked - stacked.max(axis=0))
    return stacked[0] / stacked.sum(axis=0)
