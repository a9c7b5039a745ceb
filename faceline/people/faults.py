"""What is wrong with the pictures and the folders of people, each fault with its probability.

What is a wrong picture or a double is decided where `train` decides it, in `subjects`; here it is told of every picture
and folder, also where it is not likely enough to be believed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from faceline.networks.network import Network
from faceline.people.near_copies import merged, near_copies
from faceline.people.part_weights import learnt_factors, weighed
from faceline.people.resemblance import People
from faceline.people.scoring import unit
from faceline.people.subjects import Subjects, families_of

# A face whose quality is below is too poor to help: `quality.UNCLEAR` is what `infer` takes for the same.
POOR = 0.8
# How often another picture of somebody with 1, 2, 3 or more pictures is not recognised: 214 people of LFW, dlib's
# network (benchmarks/suspects.py).
MISSED = (0.21, 0.09, 0.04, 0.03)


@dataclass(frozen=True)
class Labelled:
    """Pictures, and whose they are said to be.

    Attributes
    ----------
    directions : ndarray of shape (n, d), float32
        Embeddings of length 1, folder by folder.
    folders : ndarray of shape (n,), int
        0 to k - 1, in rising order.
    names : sequence of k str
        Of the folders.
    scale : float
        The cosine distance that stands for the network's threshold.
    sure : ndarray of bool of shape (n,)
        The pictures that the user says are their person's.
    distinct : sequence of pairs of int
        Folders that are two people, as the user says.
    """

    directions: np.ndarray
    folders: np.ndarray
    names: Sequence[str]
    scale: float
    sure: np.ndarray
    distinct: Sequence[tuple[int, int]] = ()

    @classmethod
    def of(
        cls,
        embeddings: np.ndarray,
        owners: Sequence[str],
        network: Network,
        sure: np.ndarray | None = None,
        distinct: Iterable[tuple[str, str]] = (),
    ) -> tuple[Self, np.ndarray]:
        """From embeddings, (n, d), whose each is said to be, and of which the user has said so, (n,), None for none of
        them; with the row of `embeddings` of each picture, (n,)."""
        names = sorted(set(owners))
        number = {name: index for index, name in enumerate(names)}
        folders = np.array([number[owner] for owner in owners], int)
        order = np.argsort(folders, kind="stable")
        embeddings, folders = embeddings[order], folders[order]
        factors, threshold = learnt_factors(network, embeddings, folders)
        embeddings = weighed(embeddings, factors)
        scale = network.metric.as_cosine(threshold, embeddings)
        apart = [(number[one], number[other]) for one, other in distinct]
        sure = np.zeros(len(order), bool) if sure is None else sure
        return cls(unit(embeddings), folders, names, scale, sure[order], apart), order


@dataclass(frozen=True)
class Double:
    """Two folders that may be one person's: the smaller one, a row of it that shows it best, and the larger one."""

    row: int
    folder: int
    other: int
    probability: float


@dataclass(frozen=True)
class Faults:
    """What was found.

    Attributes
    ----------
    wrong : ndarray of shape (n,)
        The probability that a picture is not its person's.
    owners : ndarray of shape (n,), int
        The folder of the person whom it shows then; -1 where that is probably nobody's.
    doubles : list of Double
    """

    wrong: np.ndarray
    owners: np.ndarray
    doubles: list[Double]


def find_faults(faces: Labelled) -> Faults:
    """Look through pictures for those of somebody else, and through folders for those of one person.

    Copies of a picture are judged as one, as they would speak for each other.
    """
    first = near_copies(faces.directions, faces.folders, faces.scale)
    originals, means = merged(faces.directions, first)
    distinct = {(min(pair), max(pair)) for pair in faces.distinct}
    sure = np.zeros(len(originals), bool)
    sure[np.searchsorted(originals, first[faces.sure])] = True
    subjects = Subjects(means, faces.folders[originals], faces.scale, families_of(faces.names), distinct, sure)
    subjects.settle()
    suspicions = subjects.suspicions()
    sizes = np.bincount(faces.folders)
    # Of a subject of several folders, the largest one stands for it.
    largest = np.empty(subjects.subjects.max() + 1, int)
    order = np.lexsort((-np.arange(len(sizes)), sizes))
    largest[subjects.subjects[order]] = order
    owners = np.where(suspicions.nearer >= suspicions.strange, largest[suspicions.whose], -1)
    places = np.searchsorted(originals, first)
    return Faults(suspicions.wrong[places], owners[places], doubles_of(faces, subjects))


def doubles_of(faces: Labelled, subjects: Subjects) -> list[Double]:
    """The folders that were taken for one person, and those that nearly were, with their probabilities."""
    pairs = {(min(a, b), max(a, b)): probability for a, b, probability in subjects.joined}
    first = np.unique(subjects.subjects, return_index=True)[1]
    for pair in subjects.unlinked():
        a, b = sorted((int(first[pair.one]), int(first[pair.other])))
        if (a, b) not in subjects.distinct:
            pairs.setdefault((a, b), pair.same)
    sizes = np.bincount(faces.folders)
    sums = People(faces.directions, faces.folders, faces.scale).sums()
    found = []
    for (a, b), probability in pairs.items():
        larger, smaller = sorted((a, b), key=lambda folder: (-sizes[folder], folder))
        begin, end = np.searchsorted(faces.folders, [smaller, smaller + 1])
        row = begin + int((faces.directions[begin:end] @ unit(sums[larger][None])[0]).argmax())
        found.append(Double(row, smaller, larger, float(probability)))
    return found


def missed_with(pictures: int) -> float:
    """How likely another picture of somebody is not recognised who has so many; certainly where there are none."""
    return MISSED[min(pictures, len(MISSED)) - 1] if pictures else 1.0


def poorness(quality: float | None) -> float:
    """How likely a face is not recognised by a picture of this quality; 0 where that is good enough, or unknown."""
    return 1 - quality if quality is not None and quality < POOR else 0.0
