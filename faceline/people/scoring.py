"""How similar a face is to each enrolled person."""

import math
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from faceline.disk.numbers import LARGEST
from faceline.errors import FacelineError
from faceline.people.checks import check_array, check_number, part_of_file, require
from faceline.people.classifiers.base import Classifier, Neighbours, blocks, few_pictures, products
from faceline.people.classifiers.table import CLASSIFIERS, DEFAULT_CLASSIFIER_NAME
from faceline.people.prior import DLIB_PRIOR, ScorePrior

# The weights of the parts of a score, chosen on LFW's known and unknown people: docs/accuracy.md.
MARGIN_WEIGHT = 0.45
CROWDING_WEIGHT = 0.7

# A person's crowding is the mean similarity of this many others, and of nobody in particular, who counts as one more:
# one or two others tell little.
CROWD = 3
NOBODY_S_SIMILARITY = -1.6

# The most pictures of other people that a linear SVM learns from: those most similar to its person's.
HARD_NEGATIVES = 1000

# Beyond so many people nobody gets an SVM: see the room `many`.
MANY_PEOPLE = 20_000

# So much does a classifier's margin count where it decides alone who is the most similar; the similarity parts ties.
LEAD = 1000.0


@dataclass(frozen=True)
class Training:
    """What a scorer is to learn.

    Attributes
    ----------
    classifier : str
        A key of `classifiers.table.CLASSIFIERS`.
    lda_dim : int or None
        The classifier sees this many discriminant components of the embeddings; None for the embeddings themselves.
    scale : float
        The cosine distance between two embeddings that stands for the network's threshold.
    jobs : int
    settings : dict
        What the classifier has chosen on the whole gallery.
    prior : ScorePrior
        What is known of scores by the network.
    cohort : ndarray of shape (c, d), float32, or None
        Directions of faces of nobody in the gallery, who crowd people as others in it do.
    """

    classifier: str
    lda_dim: int | None
    scale: float
    jobs: int
    settings: dict
    prior: ScorePrior = DLIB_PRIOR
    cohort: np.ndarray | None = None

    @classmethod
    def choose(
        cls,
        directions: np.ndarray,
        labels: np.ndarray,
        classifier: str,
        lda_dim: int | None,
        scale: float,
        jobs: int,
        prior: ScorePrior = DLIB_PRIOR,
        cohort: np.ndarray | None = None,
    ) -> Self:
        """Let the classifier choose its settings on a gallery, which `Scorer.fit` describes."""
        settings = {}
        if labels[-1] > 0 and CLASSIFIERS[classifier].chooses:
            points = unit(directions - directions.mean(axis=0))
            points = project(points, fit_lda(points, labels, lda_dim))
            settings = CLASSIFIERS[classifier].settings(points, labels, jobs)
        return cls(classifier, lda_dim, scale, jobs, settings, prior, cohort)


@dataclass(frozen=True)
class Scorer:
    """Scores faces against people.

    A score is the similarity of the face to the person's pictures, plus LinearSvm's margin, minus the person's
    crowding: what similarity other people reach with that person anyway. Among people whom the network tells apart
    badly everybody is crowded, and so one limit on the score serves them and everybody else.

    Attributes
    ----------
    scale : float
        See Training. A similarity is the cosine distance to a person's mean direction, divided by this, with a minus.
    centre : ndarray of shape (d,), float32
        The mean of all embeddings, scaled to length 1.
    means : ndarray of shape (k, d), float32
        The direction of each person's mean embedding.
    crowding : ndarray of shape (k,), float32
    components : ndarray of shape (d, p), float32
        What the classifier sees of an embedding; p = 0 for all of it.
    classifier : Classifier or None
        None for a single person.
    """

    scale: float
    centre: np.ndarray
    means: np.ndarray
    crowding: np.ndarray
    components: np.ndarray
    classifier: Classifier | None

    @classmethod
    def fit(cls, directions: np.ndarray, labels: np.ndarray, training: Training) -> Self:
        """Learn people.

        Parameters
        ----------
        directions : ndarray of shape (n, d), float32
            Embeddings scaled to length 1, person by person.
        labels : ndarray of shape (n,), int
            Whose each one is: 0 to k - 1, in rising order.
        training : Training
        """
        starts = np.append(np.flatnonzero(np.diff(labels, prepend=-1)), len(labels))
        means = unit(np.add.reduceat(directions, starts[:-1]))
        near, crowding = compare_people(directions, starts, means, training.scale, training.cohort)
        centre = directions.mean(axis=0)
        scorer = cls(training.scale, centre, means, crowding, np.empty((len(centre), 0), np.float32), None)
        if len(means) == 1:
            return scorer
        points = scorer.points(directions)
        components = fit_lda(points, labels, training.lda_dim)
        points = project(points, components)
        kind = CLASSIFIERS[training.classifier]
        classifier = kind.fit(points, labels, near, training.jobs, **training.settings)
        return cls(training.scale, centre, means, crowding, components, classifier)

    @property
    def count(self) -> int:
        """How many subjects it knows."""
        return len(self.means)

    @property
    def name(self) -> str:
        """The classifier that was asked for."""
        return type(self.classifier).__name__ if self.classifier is not None else DEFAULT_CLASSIFIER_NAME

    @property
    def lda_dim(self) -> int | None:
        """How many discriminant components the classifier sees; None for the embeddings themselves."""
        return self.components.shape[1] or None

    def points(self, directions: np.ndarray) -> np.ndarray:
        """What the classifier sees of embeddings that are scaled to length 1, (m, d): (m, p) float32.

        Where the directions lie around their centre, not how far from it, is what differs between people.
        """
        points = directions - self.centre
        points /= lengths(points)
        return project(points, self.components)

    def score(self, embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compare faces with all people.

        Parameters
        ----------
        embeddings : ndarray of shape (m, d), float32

        Returns
        -------
        scores : ndarray of shape (m, k), float32
        order : ndarray of shape (m, k), float32
            The largest is the most similar person's.
        """
        directions = unit(embeddings)
        scores = (products(directions, self.means) - 1) / self.scale - CROWDING_WEIGHT * self.crowding
        if self.classifier is None:
            return scores, scores
        margins = self.classifier.margins(self.points(directions))
        if self.classifier.leads:
            return scores, LEAD * margins + scores
        scores += MARGIN_WEIGHT * margins
        return scores, scores

    def best_two(self, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The score of the most similar person for each face, who that is, and the score of the next one, NaN where
        there is none; in blocks, as there may be many people."""
        best, found = np.empty(len(directions)), np.empty(len(directions), int)
        behind = np.full(len(directions), np.nan)
        for start in range(0, len(directions), 500):
            rows = slice(start, start + 500)
            scores, order = self.score(directions[rows])
            every = np.arange(len(scores))
            found[rows] = order.argmax(axis=1)
            best[rows] = scores[every, found[rows]]
            if scores.shape[1] > 1:
                order = order.copy()  # which may be the scores
                order[every, found[rows]] = -np.inf
                behind[rows] = scores[every, order.argmax(axis=1)]
        return best, found, behind

    def expected(self, prior: ScorePrior, people: int, pictures: np.ndarray) -> np.ndarray | float:
        """How high a face scores with its person before crowding is taken off, who has `pictures` pictures, (n,),
        among `people` people."""
        return prior.known(people, pictures)

    def crowding_without_cohort(self, directions: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """How crowded each person is by the others alone, (k,) float32; of what was learnt, see `fit`."""
        starts = np.append(np.flatnonzero(np.diff(labels, prepend=-1)), len(labels))
        return compare_people(directions, starts, self.means, self.scale)[1]

    def record(self) -> dict:
        """The scorer as plain values and arrays."""
        record = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "classifier"}
        return record | {
            "classifier": self.name,
            "learnt": self.classifier.arrays() if self.classifier is not None else {},
        }

    @classmethod
    def from_record(cls, record: dict) -> Self:
        """The scorer that `record` told of, which comes from a file; raises FacelineError if it is none."""
        with part_of_file("scorer"):
            parts = {field.name: record[field.name] for field in fields(cls) if field.name != "classifier"}
            kind = CLASSIFIERS[record["classifier"]]
        with part_of_file("scorer/learnt"):
            return cls(**parts, classifier=kind(**record["learnt"]) if record["learnt"] else None)

    def check(self, dimensions: int) -> None:
        """Raise FacelineError unless all parts fit together, and hold numbers to reckon with; they come from a file."""
        check_number(self.scale, "scorer/scale")
        require(self.scale > 1 / LARGEST, "scorer/scale")
        check_array(self.means, "scorer/means")
        people = len(self.means) if self.means.ndim else 0
        check_array(self.means, "scorer/means", (people, dimensions))
        check_array(self.centre, "scorer/centre", (dimensions,))
        check_array(self.crowding, "scorer/crowding", (people,))
        check_array(self.components, "scorer/components")
        require(self.components.ndim == 2 and len(self.components) == dimensions, "scorer/components")
        if self.classifier is None:
            require(people == 1, "scorer/learnt")
        else:
            self.classifier.check(people, self.components.shape[1] or dimensions)


def compare_people(
    directions: np.ndarray, starts: np.ndarray, means: np.ndarray, scale: float, cohort: np.ndarray | None = None
) -> tuple[Neighbours, np.ndarray]:
    """Find the pictures that are the hardest to tell from each person, and how crowded each person is by the others,
    and by the faces of a cohort, (c, d) directions, as if each were one more person."""
    counts = np.diff(starts)
    rows, crowding = [], np.empty(len(means), np.float32)
    # Twice as many as are wanted, so that the most similar pictures are among those of the most similar people.
    pictures = 2 * HARD_NEGATIVES
    most = max(math.ceil(pictures / counts.min()), 2 * CROWD)
    for block in blocks(len(means)):
        beside = nearest_of_cohort(means[block], cohort, scale)
        for person, similarities in enumerate(means[block] @ means.T, start=block.start):
            people = most_similar(similarities, person, most)
            enough = np.searchsorted(np.cumsum(counts[people]), pictures) + 1
            people = people[: max(enough, 2 * CROWD)]
            # Where each of them begins among all their pictures.
            begins = np.cumsum(counts[people]) - counts[people]
            others = np.repeat(starts[people] - begins, counts[people])
            others += np.arange(len(others))
            similarity = (directions[others] @ means[person] - 1) / scale
            nearest = np.maximum.reduceat(similarity, begins) if len(people) else np.empty(0, np.float32)
            nearest = np.sort(np.append(nearest, beside[person - block.start]))
            crowding[person] = np.append(nearest[-CROWD:], NOBODY_S_SIMILARITY).mean()
            if len(others) > HARD_NEGATIVES:
                others = others[np.argpartition(-similarity, HARD_NEGATIVES)[:HARD_NEGATIVES]]
            rows.append(np.sort(others))
    return Neighbours(starts, rows), crowding


def nearest_of_cohort(means: np.ndarray, cohort: np.ndarray | None, scale: float) -> np.ndarray:
    """The similarities of the CROWD faces of a cohort that are the nearest to each mean, (k, CROWD at most)."""
    if cohort is None:
        return np.empty((len(means), 0), np.float32)
    similarities = (products(means, cohort) - 1) / scale
    return np.partition(similarities, -min(CROWD, len(cohort)), axis=1)[:, -min(CROWD, len(cohort)) :]


def most_similar(similarities: np.ndarray, person: int, most: int) -> np.ndarray:
    """The others with the largest of `similarities`, (k,), at most `most` of them, the most similar one first."""
    people = np.arange(len(similarities))
    if most + 1 < len(people):
        people = np.sort(np.argpartition(-similarities, most)[: most + 1])
    people = people[people != person][:most]
    return people[np.argsort(-similarities[people], kind="stable")]


def are_many(people: int) -> bool:
    """Whether a gallery is too large for SVMs."""
    return people > MANY_PEOPLE


def fit_lda(points: np.ndarray, labels: np.ndarray, dimensions: int | None) -> np.ndarray:
    """The linear discriminant components of points, (d, p) float32; p = 0 where none are wanted."""
    if dimensions is None:
        return np.empty((points.shape[1], 0), np.float32)
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    people = labels[-1] + 1
    if len(labels) == people:
        raise FacelineError("--ldaDim needs people with more than one picture; leave it out")
    with few_pictures():
        lda = LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.1).fit(points, labels)
    return lda.scalings_[:, : min(dimensions, people - 1)].astype(np.float32)


def project(points: np.ndarray, components: np.ndarray) -> np.ndarray:
    """Points in a classifier's components, of length 1 again, as the classifiers' settings expect them."""
    return unit(points @ components) if components.shape[1] else points


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1; a row of zeros stays."""
    return vectors / lengths(vectors)


def lengths(vectors: np.ndarray) -> np.ndarray:
    """The lengths of rows, (m, 1), none of them 0; without a copy of the rows, unlike `np.linalg.norm`."""
    squares = np.einsum("ij,ij->i", vectors, vectors)
    return np.maximum(np.sqrt(squares), np.finfo(np.float32).tiny)[:, None]
