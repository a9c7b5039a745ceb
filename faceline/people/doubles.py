"""Which folders hold one person twice.

Each suspicion is a probability, as in `label_noise`: how likely the similarities are if it is true, against how likely
if it is not, times how often that happens, which is learnt from the gallery, too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faceline.people.resemblance import GENUINE, Genuine, Neighbour, Neighbourhood, People, log_density
from faceline.people.scoring import CROWD, CROWDING_WEIGHT, NOBODY_S_SIMILARITY, unit

# How often a folder is another one's double: as high as is to be stood. A double that is missed costs everybody more
# than two people who are taken for one, and each person has one most similar other only.
DOUBLE_PRIOR = 0.1
# Names that say so by themselves, being one but for the spelling or the number behind it, or lying below one folder.
RELATED_PRIOR, SPELLING_PRIOR = 0.1, 0.5
# How much nearer people are to their own pictures than to those of somebody who looks like them, such as a twin.
KINSHIP, KINSHIP_SD, SAME_SD = 0.3, 0.2, 0.05
# The number of people from whom the share of doubles counts as known, before a gallery says anything.
SHARE_PEOPLE = 50
# Likewise for a family, whose names say that they may be one person, of pairs; and the most that is believed.
FAMILY_PAIRS, MOST_PRIOR = 4, 0.9


@dataclass(frozen=True)
class Family:
    """People whose names say that they may be one: `members` among whom a pair is so with the probability `prior`."""

    members: np.ndarray
    prior: float

    def pairs(self, averages: np.ndarray, means: np.ndarray, scale: float) -> dict[tuple[int, int], float]:
        """Each member with the most similar others of the family, and how crowded both are by people outside."""
        outside = np.ones(len(means), bool)
        outside[self.members] = False
        crowding = np.full(len(self.members), NOBODY_S_SIMILARITY)
        if outside.any():
            near = Neighbourhood.of(averages[self.members], means[outside], scale, None)
            similarities = near.similarities[:, :CROWD]
            crowding = (similarities.sum(axis=1) + NOBODY_S_SIMILARITY) / (similarities.shape[1] + 1)
        within = Neighbourhood.of(averages[self.members], means[self.members], scale, np.arange(len(self.members)))
        found = {}
        for member, others in enumerate(within.people.tolist()):
            for other in others:
                one, rival = sorted((int(self.members[member]), int(self.members[other])))
                found[one, rival] = float(crowding[[member, other]].mean())
        return found


@dataclass(frozen=True)
class SuspectPair:
    """Two people who may be one.

    `alike` is the probability that they look like one person, `same` that they are one, which takes into account
    whether each one's pictures are nearer to each other than to the other's, as twins' are. `related` are of a family.
    """

    one: int
    other: int
    alike: float
    same: float
    related: bool = False


def suspect_pairs(
    people: People, families: Sequence[Family] = (), joined: np.ndarray | None = None
) -> list[SuspectPair]:
    """How likely each person and the most similar one of the others, or of their family, are one person.

    Parameters
    ----------
    people : People
    families : sequence of Family
        People whose names make it likelier.
    joined : ndarray of bool of shape (k,), or None
        Who has been put together from several people because these are similar: how similar the pictures are to each
        other follows from that, and says nothing.

    Returns
    -------
    list of SuspectPair
        One < other; the likeliest first.
    """
    counts = people.counts
    if len(counts) < 2:
        return []
    sums = people.sums()
    means, averages = unit(sums), sums / counts[:, None]
    near = Neighbourhood.of(averages, means, people.scale, np.arange(len(counts)))
    joined = np.zeros(len(counts), bool) if joined is None else joined
    own = people.own()
    genuine = Genuine.of(people, np.where(joined[people.labels], np.nan, own))
    crowding = near.crowding()
    neighbour = Neighbour.of(near.similarities[:, 0] - CROWDING_WEIGHT * crowding, np.ones(len(counts)))
    # For each pair how crowded both are, without each other, and its family: 0 for none.
    found = {}
    for person, rival in enumerate(near.people[:, 0].tolist()):
        found[min(person, rival), max(person, rival)] = ((crowding[person] + crowding[rival]) / 2, 0)
    for number, family in enumerate(families, start=1):
        pairs = family.pairs(averages, means, people.scale)
        found |= {pair: (crowded, number) for pair, crowded in pairs.items()}
    one, other = np.array(list(found)).T
    crowded, group = map(np.array, zip(*found.values(), strict=True))
    cross = np.einsum("ij,ij->i", averages[one], means[other]) + np.einsum("ij,ij->i", averages[other], means[one])
    similarity = (cross / 2 - 1) / people.scale
    mean, deviation = genuine.expected(2 / (1 / counts[one] + 1 / counts[other]))
    as_one = log_density(np.minimum(similarity, mean), mean, deviation)
    excess = similarity - CROWDING_WEIGHT * crowded
    likelier = as_one - neighbour.log_density(np.maximum(excess, neighbour.mean))
    kin = np.array(
        [0.0 if joined[a] or joined[b] else kinship(people, own, a, b, means) for a, b in zip(one, other, strict=True)]
    )
    # How many are double is learnt, too, of all people and of each family: where many are, the next one is likelier.
    priors = np.array([DOUBLE_PRIOR, *(family.prior for family in families)])
    weights = np.array([SHARE_PEOPLE, *[FAMILY_PAIRS] * len(families)])
    totals = np.bincount(group, minlength=len(priors))
    totals[0] = len(counts)
    shares = priors
    for _ in range(5):
        odds = np.log(shares / (1 - shares))[group] + likelier
        same = expit(odds + kin)
        shares = (np.bincount(group, same, len(priors)) + priors * weights) / (totals + weights)
        shares = np.minimum(shares, MOST_PRIOR)
    alike = np.maximum(expit(odds), same)
    order = np.argsort(-alike, kind="stable")
    return [SuspectPair(int(one[i]), int(other[i]), float(alike[i]), float(same[i]), bool(group[i])) for i in order]


def kinship(people: People, own: np.ndarray, one: int, other: int, means: np.ndarray) -> float:
    """How much likelier, as a logarithm, it is that two people are one, by whether pictures are nearer to their own."""
    gains = []
    for person, rival in ((one, other), (other, one)):
        rows, rivals = rows_of(people.labels, person), rows_of(people.labels, rival)
        if len(rows) < 2:
            return 0.0
        to_rival = (people.directions[rows] @ means[rival] - 1) / people.scale
        # An own picture is compared with one fewer than there are; the rival may have more or fewer.
        fewer = GENUINE[1] / (len(rows) - 1) - GENUINE[1] / len(rivals)
        gains.append(own[rows] - to_rival + fewer)
    values = np.concatenate(gains)
    error = max(float(values.std(ddof=1)), SAME_SD) / math.sqrt(len(values))
    gain = float(values.mean())
    as_one = log_density(max(gain, 0.0), 0.0, math.hypot(error, SAME_SD))
    as_two = log_density(min(gain, KINSHIP), KINSHIP, math.hypot(error, KINSHIP_SD))
    return float(as_one - as_two)


def rows_of(labels: np.ndarray, person: int) -> np.ndarray:
    """The rows of a person in labels in rising order."""
    return np.arange(*np.searchsorted(labels, [person, person + 1]))


def expit(odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
