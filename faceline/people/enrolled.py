"""The pictures that a gallery keeps of its people: whose each one is, and which is the nearest."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from faceline.networks.distances import Metric
from faceline.people.checks import check_array, check_indices, check_texts, require
from faceline.people.scoring import unit

# The most embeddings, and names of their crops, that are kept to name the nearest picture: 50 MB of them. Of a larger
# gallery, as many as that leaves for each person.
EXEMPLARS = 100_000


class EnrolledPictures:
    """People, and embeddings of their pictures.

    Attributes
    ----------
    people : sequence of k str
        Their names, which are those of their folders, sorted.
    embeddings : array of shape (n, d), float32
        As the network gave them, person by person: all that do not lie in a wrong folder, or the EXEMPLARS that a large
        gallery keeps.
    crops : sequence of n str
        Where each came from.
    labels : ndarray of shape (n,), int32
        Index into `people` of each embedding, in rising order; everybody has one at least.
    subjects, persons : arrays of shape (k,), int32
        What a scorer knows each of `people` as, and who of them are one person: see Enrolment.
    metric : Metric
        What `Candidate.distance` is.
    """

    people: Sequence[str]
    embeddings: Any
    crops: Sequence[str]
    labels: np.ndarray
    subjects: Any
    persons: Any
    metric: Metric

    def rows(self, folder: int) -> slice:
        """The rows of one of `people`."""
        return slice(*np.searchsorted(self.labels, [folder, folder + 1]))

    def pictures(self, rows: slice | np.ndarray) -> np.ndarray:
        """Some of `embeddings`."""
        return self.embeddings[rows]

    def folders_of(self, subject: int) -> np.ndarray:
        """Which of `people` a scorer knows as one subject: indices, rising."""
        return np.flatnonzero(self.subjects == subject)

    def means(self, folders: np.ndarray) -> np.ndarray:
        """The directions of the mean pictures of some of `people`: (f, d) float32."""
        return unit(np.stack([unit(self.pictures(self.rows(folder))).mean(axis=0) for folder in folders]))

    def nearest(self, embedding: np.ndarray, folders: np.ndarray) -> tuple[float, str]:
        """The distance of an embedding, (d,) float32, to the nearest one of a person, who has one or several of the
        names, and that one's crop."""
        rows = np.concatenate([np.arange(*self.rows(folder).indices(len(self.crops))) for folder in folders])
        distances = self.metric.pairs(self.pictures(rows), embedding[None])
        nearest = int(distances.argmin())
        return float(distances[nearest]), self.crops[rows[nearest]]

    def check_pictures(self, dimensions: int, subjects: int) -> None:
        """Raise FacelineError unless all fit together; they come from a file. `subjects` is how many a scorer knows."""
        check_texts(self.people, "people")
        people = len(self.people)
        require(people > 0, "people")
        check_texts(self.crops, "crops")
        count = len(self.crops)
        check_indices(self.labels, "labels", count, people)
        require((np.diff(self.labels) >= 0).all() and len(np.unique(self.labels)) == people, "labels")
        check_array(self.embeddings, "embeddings", (count, dimensions))
        check_indices(self.subjects, "subjects", people, subjects)
        require(len(np.unique(self.subjects)) == subjects, "subjects")
        check_indices(self.persons, "persons", people, people)


def exemplars(directions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The rows whose embeddings a gallery keeps: all, or for each person some from the most to the least typical."""
    if len(labels) <= EXEMPLARS:
        return np.arange(len(labels))
    starts = np.flatnonzero(np.diff(labels, prepend=-1))
    means = unit(np.add.reduceat(directions, starts))
    typical = np.einsum("ij,ij->i", directions, means[labels])
    each = max(1, EXEMPLARS // len(means))
    kept = []
    for person in range(len(means)):
        start, stop = np.searchsorted(labels, [person, person + 1])
        rows = start + np.argsort(-typical[start:stop], kind="stable")
        kept.append(rows[np.unique(np.linspace(0, len(rows) - 1, each).round().astype(int))])
    return np.sort(np.concatenate(kept))
