"""What of a gallery of very many people is learnt: which folders are one person, as far as that can be asked at all.

What `subjects` asks of each picture beside everybody takes too long here. So folders are joined by how similar their
people are as a whole, each with the most similar other one; pictures in wrong folders are not looked for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from faceline.people.doubles import DOUBLE_PRIOR, SHARE_PEOPLE, expit, kinship
from faceline.people.enrolment import Enrolment
from faceline.people.many.lists import Listed, centres_of
from faceline.people.many.neighbours import nearest_others
from faceline.people.many.scorer import crowding_of
from faceline.people.near_copies import merged, near_copies
from faceline.people.resemblance import Genuine, Neighbour, People, log_density
from faceline.people.scoring import CROWD, CROWDING_WEIGHT, unit
from faceline.people.subjects import BELIEVED, Link

# People whose pictures say how similar those of one person are.
GENUINE_PEOPLE = 2000


@dataclass(frozen=True)
class Doubles:
    """Pairs of folders that may be one person, `one` < `other`, (p,) int, and how likely they are, `alike`, (p,)."""

    one: np.ndarray
    other: np.ndarray
    alike: np.ndarray


def enrol_many(
    directions: np.ndarray,
    labels: np.ndarray,
    scale: float,
    threads: int,
    distinct: Iterable[tuple[int, int]] = (),
) -> Enrolment:
    """Look through a gallery of very many people.

    Parameters
    ----------
    directions : ndarray of shape (n, d), float32
        Embeddings of length 1, folder by folder.
    labels : ndarray of shape (n,), int
        The folder of each, 0 to k - 1, in rising order.
    scale : float
        The cosine distance that stands for the network's threshold.
    threads : int
    distinct : iterable of pairs of int
        Folders that the user says are two people.
    """
    first = near_copies(directions, labels, scale)
    originals, means = merged(directions, first)
    labels = labels[originals]
    people = People(means, labels, scale)
    found = suspect_doubles(people, threads)
    believed = np.flatnonzero(found.alike >= BELIEVED)
    pairs = list(zip(found.one[believed].tolist(), found.other[believed].tolist(), strict=True))
    apart = {(min(pair), max(pair)) for pair in distinct}
    same = [pair not in apart and is_same(people, pair) for pair in pairs]
    count = int(labels[-1]) + 1
    subjects = components(count, pairs)
    persons = first_of(components(count, [pair for pair, is_one in zip(pairs, same, strict=True) if is_one]))
    doubles = np.zeros(count)
    for places in (found.one, found.other):
        np.maximum.at(doubles, places, np.where(subjects[found.one] == subjects[found.other], 0, found.alike))
    of_subjects = np.zeros(int(subjects.max()) + 1)
    np.maximum.at(of_subjects, subjects, doubles)
    labels = subjects[labels]
    if (np.diff(labels) < 0).any():
        order = np.argsort(labels, kind="stable")
        means, labels = means[order], labels[order]
    return Enrolment(
        means,
        labels,
        np.zeros(len(labels)),
        of_subjects,
        subjects,
        persons,
        np.ones(len(directions), bool),
        scale,
        len(directions) - len(originals),
        [],
        links_of(pairs, same, found.alike[believed], subjects, persons, apart),
    )


def suspect_doubles(people: People, threads: int) -> Doubles:
    """How likely each person and the most similar one of the others are one: what `doubles.suspect_pairs` asks, without
    the names of folders."""
    sums, counts = people.sums(), people.counts
    lengths = np.linalg.norm(sums, axis=1) / counts
    means = unit(sums)
    listed = Listed.of(means, centres_of(means, threads), threads)
    who = listed.subjects
    near, cosines = nearest_others(means[who], listed.starts, listed.centres, CROWD + 1, threads)
    nearest, best, crowding = (np.empty(len(counts), kind) for kind in (np.int64, np.float64, np.float64))
    nearest[who], best[who] = who[near[:, 0]], cosines[:, 0]
    crowding[who] = crowding_of((cosines[:, 1:] - 1) / people.scale)
    several = some_with_several(people)
    some = pictures_of(people, several if len(several) else np.arange(1))
    genuine = Genuine.of(some, some.own())
    neighbour = Neighbour.of((best - 1) / people.scale - CROWDING_WEIGHT * crowding, np.ones(len(counts)))
    every = np.arange(len(counts))
    keys = np.unique(np.minimum(every, nearest) * len(counts) + np.maximum(every, nearest))
    one, other = keys // len(counts), keys % len(counts)
    cosine = np.where(nearest[one] == other, best[one], best[other])
    similarity = (cosine * (lengths[one] + lengths[other]) / 2 - 1) / people.scale
    mean, deviation = genuine.expected(2 / (1 / counts[one] + 1 / counts[other]))
    excess = similarity - CROWDING_WEIGHT * (crowding[one] + crowding[other]) / 2
    likelier = log_density(np.minimum(similarity, mean), mean, deviation)
    likelier -= neighbour.log_density(np.maximum(excess, neighbour.mean))
    share = DOUBLE_PRIOR
    for _ in range(5):
        alike = expit(np.log(share / (1 - share)) + likelier)
        share = (alike.sum() + DOUBLE_PRIOR * SHARE_PEOPLE) / (len(counts) + SHARE_PEOPLE)
    return Doubles(one, other, alike)


def some_with_several(people: People) -> np.ndarray:
    """Some people who have several pictures, throughout all; rising."""
    several = np.flatnonzero(people.counts > 1)
    if len(several) <= GENUINE_PEOPLE:
        return several
    return several[np.linspace(0, len(several) - 1, GENUINE_PEOPLE).round().astype(int)]


def pictures_of(people: People, chosen: np.ndarray) -> People:
    """Some of the people, in rising order, as if they were all."""
    starts = np.searchsorted(people.labels, chosen)
    stops = np.searchsorted(people.labels, chosen, "right")
    rows = np.concatenate([np.arange(start, stop) for start, stop in zip(starts, stops, strict=True)])
    return People(people.directions[rows], np.repeat(np.arange(len(chosen)), stops - starts), people.scale)


def is_same(people: People, pair: tuple[int, int]) -> bool:
    """Whether two who look like one person are one: pictures of twins are nearer to their own."""
    both = pictures_of(people, np.array(pair))
    return kinship(both, both.own(), 0, 1, unit(both.sums())) >= 0


def components(count: int, pairs: list[tuple[int, int]]) -> np.ndarray:
    """A number for each of `count` folders, the same for those that pairs join: (count,) int32, from 0 in the order of
    each one's first folder."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = np.array(pairs, np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends), bool), (ends[:, 0], ends[:, 1])), (count, count))
    numbers = connected_components(graph, directed=False)[1]
    _, firsts, found = np.unique(numbers, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(firsts))[found].astype(np.int32)


def first_of(numbers: np.ndarray) -> np.ndarray:
    """The first folder that has each one's number: (k,) int32."""
    return np.unique(numbers, return_index=True)[1][numbers].astype(np.int32)


def links_of(
    pairs: Sequence[tuple[int, int]],
    same: Sequence[bool],
    alike: np.ndarray,
    subjects: np.ndarray,
    persons: np.ndarray,
    apart: set[tuple[int, int]],
) -> list[Link]:
    """What has been joined, as far as the user has not said that it is right; the surest first."""
    members: dict[tuple[int, bool], set[int]] = {}
    sureness: dict[tuple[int, bool], float] = {}
    for pair, is_one, probability in zip(pairs, same, alike.tolist(), strict=True):
        if not is_one and pair in apart:
            continue
        key = int(persons[pair[0]] if is_one else subjects[pair[0]]), is_one
        members.setdefault(key, set()).update(pair)
        sureness[key] = min(probability, sureness.get(key, 1.0))
    links = [Link(tuple(sorted(own)), sureness[key], key[1]) for key, own in members.items()]
    return sorted(links, key=lambda link: (-link.probability, link.folders))
