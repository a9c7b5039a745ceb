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

# How often a picture lies in another person's folder, or in one of nobody else's, before a gallery says anything; and
# how many pictures that counts for.
WRONG_PRIOR, STRANGE_PRIOR = 0.02, 0.01
PRIOR_PICTURES = 50
ROUNDS = 5
# A face and somebody else.
IMPOSTOR, IMPOSTOR_SD = -1.5, 0.35
# Of a person's own pictures so many are hard, such as profiles and poor ones, and may be nearly as unlike the others as
# somebody else's: LFW and East Asian people, by three networks.
HARD_SHARE, HARD, HARD_SD = 0.02, -0.9, 0.3


@dataclass(frozen=True)
class Suspicions:
    """What is suspected of each picture, (n,).

    `nearer` is the probability that it shows the person `whose`, and `strange` that it shows nobody of the gallery.
    `own` is how similar it is to its person's others, NaN where there are none.
    """

    whose: np.ndarray
    nearer: np.ndarray
    strange: np.ndarray
    own: np.ndarray

    @property
    def wrong(self) -> np.ndarray:
        """The probability that it lies in a wrong folder."""
        return self.nearer + self.strange


def suspect_pictures(people: People, kept: np.ndarray | None = None) -> Suspicions:
    """How likely each picture lies in a wrong folder. The only picture of a folder is in none: the folder is what it
    shows. Of two that differ, one is wrong, and nobody knows which unless it shows somebody else.

    `kept`, (n,), are the pictures that count as their people's, at least one of each; None for all of them.
    """
    kept = np.ones(len(people.labels), bool) if kept is None else kept
    gallery = people if kept.all() else People(people.directions[kept], people.labels[kept], people.scale)
    counts = gallery.counts
    if len(counts) < 2:
        nothing = np.zeros(len(people.labels))
        return Suspicions(nothing.astype(int), nothing, nothing, np.full(len(nothing), np.nan))
    own = gallery.similarity_to_others(people.directions, people.labels, kept)
    genuine = Genuine.of(gallery, own[kept])
    near = Neighbourhood.of(people.directions, unit(gallery.sums()), people.scale, people.labels)
    whose, best = near.people[:, 0], near.similarities[:, 0]
    excess = best - CROWDING_WEIGHT * near.crowding()
    neighbour = Neighbour.of(excess, 1 / counts[people.labels])
    others = np.maximum(counts[people.labels] - kept, 1)
    of_own, of_other = genuine.expected(others), genuine.expected(counts[whose])
    somebody = (near.middle * len(counts) + PRIOR_PEOPLE * IMPOSTOR) / (len(counts) + PRIOR_PEOPLE)
    as_other = log_density(np.minimum(best, of_other[0]), *of_other)
    as_neighbour = neighbour.log_density(excess)
    likelier = np.full(len(own), np.nan)
    known = ~np.isnan(own)
    likelier[known] = log_density(np.maximum(own, somebody), somebody, IMPOSTOR_SD)[known] - np.logaddexp(
        math.log(1 - HARD_SHARE) + log_density(np.minimum(own, of_own[0]), *of_own)[known],
        math.log(HARD_SHARE) + log_density(own, HARD, HARD_SD)[known],
    )
    nearer, strange = posteriors(as_other - as_neighbour + likelier, likelier, pairs_among(people.labels, kept))
    return Suspicions(whose, nearer, strange, own)


def posteriors(as_other: np.ndarray, as_strange: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The probabilities that pictures show another person, and that they show nobody of the gallery, (n,) each.

    How often either happens is learnt of these very pictures, too: where many are wrong, the next one is likelier.

    Parameters
    ----------
    as_other, as_strange : ndarrays of shape (n,)
        How much likelier, as a logarithm, each picture is if that is so than if it lies right; NaN for the only ones of
        their folders.
    pairs : ndarray of shape (p, 2), int
        Pictures that are the only two of their folders: if they differ, one of them is wrong.
    """
    known = ~np.isnan(as_strange)
    as_other, as_strange = (np.where(known, values, -np.inf) for values in (as_other, as_strange))
    priors = np.array([WRONG_PRIOR, STRANGE_PRIOR])
    shares = priors
    for _ in range(ROUNDS):
        odds = np.log(shares / (1 - shares.sum()))
        other, strange = odds[0] + as_other, odds[1] + as_strange
        # Or the other one of the two is wrong: that, too, explains why they differ.
        rival = np.full(len(known), -np.inf)
        rival[pairs] = np.logaddexp(other, strange)[pairs[:, ::-1]]
        found = [softmax_share(one, rest, rival, 0.0) for one, rest in ((other, strange), (strange, other))]
        sums = np.array([values.sum() for values in found])
        shares = (sums + priors * PRIOR_PICTURES) / (np.count_nonzero(known) + PRIOR_PICTURES)
    return found[0], found[1]


def pairs_among(labels: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The rows of those who have two pictures that are kept, (p, 2); labels in rising order."""
    rows = np.flatnonzero(kept)
    return rows[np.bincount(labels[rows])[labels[rows]] == 2].reshape(-1, 2)


def enrolled_after_all(faces: np.ndarray, people: People) -> tuple[np.ndarray, np.ndarray]:
    """How likely faces that are said to be strangers', (m, d) directions, are a person's of the gallery, and whose."""
    near = Neighbourhood.of(faces, unit(people.sums()), people.scale, None)
    whose, best = near.people[:, 0], near.similarities[:, 0]
    excess = best - CROWDING_WEIGHT * near.crowding()
    of_other = Genuine.of(people, people.own()).expected(people.counts[whose])
    wrong = math.log(WRONG_PRIOR) + log_density(np.minimum(best, of_other[0]), *of_other)
    right = math.log(1 - WRONG_PRIOR) + Neighbour(NEIGHBOUR, NEIGHBOUR_SD).log_density(excess)
    return whose, softmax_share(wrong, right)


def softmax_share(*odds: np.ndarray | float) -> np.ndarray:
    """The share of the first of several probabilities that are given as logarithms."""
    stacked = np.stack(np.broadcast_arrays(*odds))
    stacked = np.exp(stacked - stacked.max(axis=0))
    return stacked[0] / stacked.sum(axis=0)
