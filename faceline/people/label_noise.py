"""Which pictures lie in a wrong person's folder, and which folders hold one person twice.

Each suspicion is a probability: how likely the similarities are if it is true, against how likely if it is not, times
how often such mistakes happen. Similarities are cosine distances with a minus, in units of the network's
threshold, as in `scoring`. Mistakes of this kind are called label noise in the field: Wang et al., "The Devil of Face
Recognition Is in the Noise", ECCV 2018.

What two pictures of one person have in common is learnt from the gallery, beside a prior; what a person and the most
similar one of the others have in common follows from how similar the next ones are, their crowding: so the same rules
serve people whom the network tells apart well and others.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faceline.people.scoring import CROWD, CROWDING_WEIGHT, NOBODY_S_SIMILARITY, unit

# How often a picture lies in another person's folder, or in one of nobody else's, and a folder is another one's double.
# The last is as high as is to be stood: a double that is missed costs everybody more than two people who are taken for
# one, and each person has one most similar other only.
WRONG_PRIOR, STRANGE_PRIOR, DOUBLE_PRIOR = 0.02, 0.01, 0.1
# Names that say so by themselves, being one but for the spelling or the number behind it, or lying below one folder.
RELATED_PRIOR, SPELLING_PRIOR = 0.1, 0.5

# A face and the mean of m pictures of its person: mean GENUINE[0] - GENUINE[1] / m, deviation GENUINE_SD likewise (+).
# The first number comes from the gallery, where this counts as so many people. LFW and East Asian people.
GENUINE, GENUINE_SD = (-0.28, 0.24), (0.08, 0.09)
PRIOR_PEOPLE = 6
# The most similar one of the others, minus CROWDING_WEIGHT x the crowding by the next ones: mean and deviation.
NEIGHBOUR, NEIGHBOUR_SD = -0.1, 0.12
# A face and somebody else.
IMPOSTOR, IMPOSTOR_SD = -1.5, 0.35
# How much nearer people are to their own pictures than to those of somebody who looks like them, such as a twin.
KINSHIP, KINSHIP_SD, SAME_SD = 0.3, 0.2, 0.05
# The share of people who are double counts as known from so many people, before a gallery says anything.
SHARE_PEOPLE = 50
# Likewise of a family, whose names say that they may be one person, from so many pairs; and the most that is believed.
FAMILY_PAIRS, MOST_PRIOR = 4, 0.9
# Similarities scatter about all this with more outliers than a normal distribution: Student's t of this many degrees.
FREEDOM = 5.0

BLOCK = 1024


@dataclass(frozen=True)
class People:
    """Pictures and whose they are said to be: what the suspicions are computed from.

    Attributes
    ----------
    directions : ndarray of shape (n, d), float32
        Of length 1, person by person.
    labels : ndarray of shape (n,), int
        0 to k - 1, in rising order.
    scale : float
        The cosine distance that stands for the network's threshold.
    """

    directions: np.ndarray
    labels: np.ndarray
    scale: float

    @property
    def counts(self) -> np.ndarray:
        return np.bincount(self.labels)

    def sums(self) -> np.ndarray:
        """The sum of each person's directions: (k, d)."""
        starts = np.flatnonzero(np.diff(self.labels, prepend=-1))
        return np.add.reduceat(self.directions, starts)

    def own(self) -> np.ndarray:
        """Each picture's similarity to the mean of its person's others, (n,); NaN where there are none."""
        sums, others = self.sums(), self.counts[self.labels] - 1
        found = np.full(len(self.labels), np.nan)
        for start in range(0, len(found), BLOCK):
            rows = slice(start, start + BLOCK)
            rest = unit(sums[self.labels[rows]] - self.directions[rows])
            found[rows] = (np.einsum("ij,ij->i", rest, self.directions[rows]) - 1) / self.scale
        found[others == 0] = np.nan
        return found


@dataclass(frozen=True)
class Genuine:
    """How similar a face is to the mean of some pictures of the same person, in a gallery."""

    level: float

    @classmethod
    def of(cls, people: People, own: np.ndarray) -> "Genuine":
        """From the median picture, which a few wrong ones do not move, each person weighing the same; NaN is none."""
        others = people.counts[people.labels] - 1
        known = ~np.isnan(own)
        levels = own[known] + GENUINE[1] / others[known]
        weights = 1 / people.counts[people.labels][known]
        levels, weights = np.append(levels, GENUINE[0]), np.append(weights, PRIOR_PEOPLE)
        order = np.argsort(levels)
        middle = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
        return cls(float(levels[order[middle]]))

    def expected(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation where the person has so many pictures."""
        return self.level - GENUINE[1] / pictures, GENUINE_SD[0] + GENUINE_SD[1] / pictures


def log_density(values: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """The logarithm of Student's density with FREEDOM degrees, but for a constant that all of them have."""
    return -np.log(deviation) - (FREEDOM + 1) / 2 * np.log1p(((values - mean) / deviation) ** 2 / FREEDOM)


def softmax_share(*odds: np.ndarray) -> np.ndarray:
    """The share of the first of several probabilities that are given as logarithms."""
    stacked = np.stack(np.broadcast_arrays(*odds))
    stacked = np.exp(stacked - stacked.max(axis=0))
    return stacked[0] / stacked.sum(axis=0)


@dataclass(frozen=True)
class Neighbourhood:
    """For each of m faces or people the most similar ones of the people: `people` and `similarities`, (m, c), falling.

    `middle`, (m,), is the mean similarity to everybody.
    """

    people: np.ndarray
    similarities: np.ndarray
    middle: np.ndarray

    @classmethod
    def of(cls, directions: np.ndarray, means: np.ndarray, scale: float, own: np.ndarray | None) -> "Neighbourhood":
        """Of `directions`, (m, d), among `means`, (k, d); `own`, (m,), names a person for each who does not count."""
        count = min(CROWD + 1, len(means) - (own is not None))
        found = np.zeros((len(directions), count), int), np.zeros((len(directions), count)), np.zeros(len(directions))
        for start in range(0, len(directions), BLOCK):
            rows = slice(start, start + BLOCK)
            similarities = (directions[rows] @ means.T - 1) / scale
            found[2][rows] = similarities.mean(axis=1)
            if own is not None:
                similarities[np.arange(len(similarities)), own[rows]] = -np.inf
            every = np.arange(len(similarities))
            for place in range(count):  # a tenth of the time of sorting, as few are wanted of many
                best = similarities.argmax(axis=1)
                found[0][rows, place], found[1][rows, place] = best, similarities[every, best]
                similarities[every, best] = -np.inf
        return cls(*found)

    def crowding(self) -> np.ndarray:
        """Mean similarity of those behind the most similar one, and of nobody in particular: (m,)."""
        rest = self.similarities[:, 1:]
        return (rest.sum(axis=1) + NOBODY_S_SIMILARITY) / (rest.shape[1] + 1)


@dataclass(frozen=True)
class Neighbour:
    """How much above its crowding the most similar one of the others lies, where that is somebody else."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, excess: np.ndarray, weights: np.ndarray) -> "Neighbour":
        """From the excess of each face or person, by median and quartiles, which mistakes do not move far."""
        total = float(weights.sum())
        if total == 0:
            return cls(NEIGHBOUR, NEIGHBOUR_SD)
        order = np.argsort(excess)
        shares = (np.cumsum(weights[order]) - weights[order] / 2) / total
        low, middle = np.interp([0.25, 0.5], shares, excess[order])
        trust = total / (total + PRIOR_PEOPLE)
        deviation = (middle - low) / 0.7267  # the quartile of Student's distribution
        mean = trust * middle + (1 - trust) * NEIGHBOUR
        return cls(float(mean), math.sqrt(trust * deviation**2 + (1 - trust) * NEIGHBOUR_SD**2))

    def log_density(self, excess: np.ndarray) -> np.ndarray:
        return log_density(excess, self.mean, self.deviation)


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


@dataclass(frozen=True)
class Pair:
    """Two people who may be one.

    `alike` is the probability that they look like one person, `same` that they are one, which takes into account
    whether each one's pictures are nearer to each other than to the other's, as twins' are. `related` are of a family.
    """

    one: int
    other: int
    alike: float
    same: float
    related: bool = False


def suspect_pairs(people: People, families: "Sequence[Family]" = (), joined: np.ndarray | None = None) -> list[Pair]:
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
    list of Pair
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
    return [Pair(int(one[i]), int(other[i]), float(alike[i]), float(same[i]), bool(group[i])) for i in order]


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
