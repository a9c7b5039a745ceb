"""How similar a face is to the most similar ones of very many people, without SVMs.

The score is that of `scoring.Scorer` without the SVM's margin. A face is compared with the people of the lists whose
centres are the nearest to it: by directions in bytes first, and exactly with the best of those.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from faceline.disk.numbers import LARGEST, are_reckonable
from faceline.disk.stored import unsound
from faceline.people.checks import check_array, check_indices, check_number, require
from faceline.people.classifiers.base import blocks
from faceline.people.many.lists import Listed, in_threads
from faceline.people.many.neighbours import nearest_others, nearest_pictures
from faceline.people.prior import ScorePrior
from faceline.people.resemblance import GENUINE
from faceline.people.scoring import CROWD, CROWDING_WEIGHT, NOBODY_S_SIMILARITY, Training, nearest_of_cohort, unit

# So many of the best by bytes are compared exactly, for one face; more where more candidates are wanted.
EXACTLY = 100
MOST_BY_BYTES = 4 * EXACTLY  # of ROWS_AT_ONCE
ROWS_AT_ONCE = 8192
FACES_AT_ONCE = 256
LARGEST_CODE = 127
LEAST_PEOPLE = 20  # who say how much pictures of one person have in common


@dataclass(frozen=True)
class ListedScorer:
    """Scores faces against people, who lie in lists.

    Arrays of people are list by list; `means` and `codes` may lie in a file, of which rows are read.

    Attributes
    ----------
    scale : float
        See `scoring.Training`.
    centres : ndarray of shape (lists, d), float32
    starts : ndarray of shape (lists + 1,), int64
        The people of list i are rows starts[i] to starts[i + 1].
    subjects : ndarray of shape (k,), int32
        Who the person of each row is.
    means : array of shape (k, d), float32
        The direction of each person's mean embedding.
    codes : array of shape (k, d), int8
        The same in bytes.
    numbers : ndarray of shape (k, 2), float32
        What a person's bytes are multiplied by, and how crowded the person is: see `scoring.Scorer`.
    probes : int
        How many lists a face is looked for in.
    classifier : str
        What the user asked for: NEAREST, or another one where there are too many people for it.
    threads : int
        That compare many faces at once, which does not change the result.
    alike : float or None
        The mean cosine of two pictures of one person, known likewise, if enough people have two.
    crowded_by_people : ndarray of shape (k,), float32, or None
        How crowded each subject is without a cohort; known to who has just learnt them, if there is one.
    """

    scale: float
    centres: np.ndarray
    starts: np.ndarray
    subjects: np.ndarray
    means: Any
    codes: Any
    numbers: np.ndarray
    probes: int
    classifier: str
    threads: int = 1
    alike: float | None = None
    crowded_by_people: np.ndarray | None = None

    @classmethod
    def fit(cls, directions: np.ndarray, labels: np.ndarray, training: Training) -> Self:
        """Learn people; what the parameters are, `scoring.Scorer.fit` says. All lists are looked through.

        Where the centres of the lists lie stands in the settings: one choice for the whole gallery and its parts.
        """
        starts = np.append(np.flatnonzero(np.diff(labels, prepend=-1)), len(labels))
        sums = np.add.reduceat(directions, starts[:-1])
        means, alike = unit(sums), likeness_of_pictures(sums, np.diff(starts))
        listed = Listed.of(means, training.settings["centres"], training.jobs)
        means = means[listed.subjects]
        near, _ = nearest_others(means, listed.starts, listed.centres, 2 * CROWD, training.jobs)
        cosines = nearest_pictures(means, directions, starts, listed.subjects[near], training.jobs)
        similarities = (cosines - 1) / training.scale
        crowding, own = crowding_of(similarities), None
        if training.cohort is not None:
            own = np.empty_like(crowding)
            own[listed.subjects] = crowding
            crowding = crowding_with_cohort(means, similarities, training)
        codes, steps = in_bytes(means)
        numbers = np.stack([steps, crowding], axis=1)
        lists = len(listed.centres)
        where = (listed.centres, listed.starts, listed.subjects)
        learnt = cls(training.scale, *where, means, codes, numbers, lists, training.classifier, training.jobs)
        return replace(learnt, alike=alike, crowded_by_people=own)

    @property
    def count(self) -> int:
        """How many subjects it knows."""
        return len(self.means)

    @property
    def name(self) -> str:
        """The classifier that was asked for."""
        return self.classifier

    @property
    def lda_dim(self) -> None:
        """There are no discriminant components."""

    @property
    def crowding(self) -> np.ndarray:
        """How crowded each subject is, (k,) float32."""
        crowding = np.empty(self.count, np.float32)
        crowding[self.subjects] = self.numbers[:, 1]
        return crowding

    def expected(self, prior: ScorePrior, people: int, pictures: np.ndarray) -> np.ndarray | float:
        """What `scoring.Scorer.expected` gives, from how much pictures of these people have in common, or where they
        do not tell, pictures of others: the prior is for scores with the margins of SVMs."""
        if self.alike is None:
            return GENUINE[0] - GENUINE[1] / pictures
        # Of m pictures, every two with the cosine c, the sum has the length √(m + m (m - 1) c).
        cosines = self.alike * np.sqrt(pictures / (1 + (pictures - 1) * self.alike))
        return (cosines - 1) / self.scale

    def crowding_without_cohort(self, directions: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """How crowded each subject is by the others alone, (k,) float32."""
        return self.crowding if self.crowded_by_people is None else self.crowded_by_people

    def searching(self, probes: int) -> Self:
        """The same, which looks for a face in that many lists."""
        return replace(self, probes=min(probes, len(self.centres)))

    def best(self, direction: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The most similar subjects, and others who come near.

        Parameters
        ----------
        direction : ndarray of shape (d,), float32
            A face, of length 1.
        count : int

        Returns
        -------
        subjects : ndarray of shape (c,), int32
            `count` or more, the most similar one first; fewer where there are not so many in the lists.
        scores : ndarray of shape (c,), float32
        """
        found = [self.by_bytes(direction, parts) for parts in self.parts(direction)]
        rows, scores = (np.concatenate(column) for column in zip(*found, strict=True))
        wanted = min(max(EXACTLY, 4 * count), len(rows))
        rows = np.sort(rows[np.argpartition(-scores, wanted - 1)[:wanted]])
        scores = self.exactly(direction[None], sound(self.means[rows]), self.numbers[rows])[0]
        order = np.argsort(-scores, kind="stable")
        return self.subjects[rows][order], scores[order]

    def parts(self, direction: np.ndarray) -> Iterator[list[slice]]:
        """The rows of the lists that are looked through, about ROWS_AT_ONCE together."""
        if self.probes >= len(self.centres):
            yield from ([rows] for rows in blocks(self.count, ROWS_AT_ONCE))
            return
        near = np.argpartition(-(self.centres @ direction), self.probes - 1)[: self.probes]
        parts: list[slice] = []
        waiting = 0
        for number in np.sort(near).tolist():
            begin, end = int(self.starts[number]), int(self.starts[number + 1])
            for rows in blocks(end - begin, ROWS_AT_ONCE):
                parts.append(slice(begin + rows.start, begin + rows.stop))
                waiting += rows.stop - rows.start
                if waiting >= ROWS_AT_ONCE:
                    yield parts
                    parts, waiting = [], 0
        # Lists may be empty; where all of them are, the first person is as good as any.
        yield parts or [slice(0, 1)]

    def by_bytes(self, direction: np.ndarray, parts: list[slice]) -> tuple[np.ndarray, np.ndarray]:
        """The best of some rows and their scores, nearly."""
        codes = np.concatenate([self.codes[rows] for rows in parts])
        numbers = np.concatenate([self.numbers[rows] for rows in parts])
        # In one thread, as in `classifiers.base.products`.
        products = np.einsum("ij,j->i", codes.astype(np.float32), direction)
        scores = (products * numbers[:, 0] - 1) / self.scale - CROWDING_WEIGHT * numbers[:, 1]
        best = np.arange(len(scores))
        if len(scores) > MOST_BY_BYTES:
            best = np.argpartition(-scores, MOST_BY_BYTES)[:MOST_BY_BYTES]
        every = np.concatenate([np.arange(rows.start, rows.stop) for rows in parts])
        return every[best], scores[best]

    def exactly(self, directions: np.ndarray, means: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """The scores of faces, (m, d) directions, with some people: (m, n) float32."""
        return (directions @ means.T - 1) / self.scale - CROWDING_WEIGHT * numbers[:, 1]

    def all_scores(self, directions: np.ndarray) -> np.ndarray:
        """The exact scores of faces, (m, d) directions, with every subject: (m, k) float32."""
        scores = np.empty((len(directions), self.count), np.float32)
        for rows in blocks(self.count, ROWS_AT_ONCE):
            scores[:, self.subjects[rows]] = self.exactly(directions, self.means[rows], self.numbers[rows])
        return scores

    def best_two(self, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What `scoring.Scorer.best_two` gives, with everybody compared exactly."""
        parts = blocks(len(directions), FACES_AT_ONCE)
        found = list(in_threads(lambda faces: self.best_two_of_some(directions[faces]), parts, self.threads))
        best, rows, behind = (np.concatenate(column) for column in zip(*found, strict=True))
        return best, self.subjects[rows], np.where(np.isneginf(behind), np.nan, behind)

    def best_two_of_some(self, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The best score of each face, its row, and the next score, in memory that does not grow with the people."""
        every, best = np.arange(len(directions)), np.full(len(directions), -np.inf)
        behind, found = best.copy(), np.zeros(len(directions), int)
        for rows in blocks(self.count, ROWS_AT_ONCE):
            scores = self.exactly(directions, self.means[rows], self.numbers[rows])
            place = scores.argmax(axis=1)
            top = scores[every, place]
            scores[every, place] = -np.inf
            is_better = top > best
            behind = np.maximum(behind, np.where(is_better, np.maximum(best, scores.max(axis=1)), top))
            found[is_better] = rows.start + place[is_better]
            best = np.maximum(best, top)
        return best, found, behind

    def arrays(self) -> dict[str, Any]:
        """What lies in a file."""
        return {name: getattr(self, name) for name in ("subjects", "means", "codes", "numbers")}

    def record(self) -> dict:
        """The rest, as plain values and arrays."""
        return {name: getattr(self, name) for name in ("scale", "centres", "starts", "probes", "classifier")}

    def check(self, dimensions: int) -> None:
        """Raise FacelineError unless all parts fit together, as far as that is to be seen without reading all of them;
        they come from a file."""
        check_number(self.scale, "scorer/scale")
        require(self.scale > 1 / LARGEST, "scorer/scale")
        check_array(self.centres, "scorer/centres")
        lists, people = len(self.centres), len(self.means)
        check_array(self.centres, "scorer/centres", (lists, dimensions))
        starts = self.starts
        require(type(starts) is np.ndarray and starts.dtype == np.int64 and starts.shape == (lists + 1,), "starts")
        require(starts[0] == 0 and starts[-1] == people and (np.diff(starts) >= 0).all(), "starts")
        require(type(self.probes) is int and 0 < self.probes <= lists and people > 0, "scorer/probes")
        for array, kind in ((self.means, "float32"), (self.codes, "int8")):
            require(array.shape == (people, dimensions) and array.dtype == kind, "scorer")
        check_array(self.numbers, "scorer/numbers", (people, 2))
        check_indices(self.subjects, "scorer/subjects", people, people)
        require(type(self.classifier) is str, "scorer/classifier")


def likeness_of_pictures(sums: np.ndarray, counts: np.ndarray) -> float | None:
    """The mean cosine of two pictures of one person, of whom these are the sums, (k, d), and the numbers, (k,); None
    where too few people have two, or they have nothing in common."""
    several = counts > 1
    squares = np.einsum("ij,ij->i", sums[several], sums[several], dtype=np.float64)
    cosines = (squares / counts[several] - 1) / (counts[several] - 1)
    alike = float(cosines.mean()) if len(cosines) >= LEAST_PEOPLE else 0.0
    return alike if alike > 0 else None


def in_bytes(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Directions, (k, d), as bytes, (k, d) int8, and what each row is multiplied by, (k,) float32."""
    codes, steps = np.empty(means.shape, np.int8), np.empty(len(means), np.float32)
    for rows in blocks(len(means), ROWS_AT_ONCE):
        largest = np.maximum(np.abs(means[rows]).max(axis=1), np.finfo(np.float32).tiny)
        steps[rows] = largest / LARGEST_CODE
        codes[rows] = np.rint(means[rows] * (LARGEST_CODE / largest)[:, None])
    return codes, steps


def crowding_of(similarities: np.ndarray) -> np.ndarray:
    """How crowded people are by others, of whom these are the similarities, (k, c), falling: the mean of the most
    similar ones and of nobody in particular, (k,) float32."""
    sums = similarities[:, :CROWD].sum(axis=1) + np.float32(NOBODY_S_SIMILARITY)
    return (sums / (min(CROWD, similarities.shape[1]) + 1)).astype(np.float32)


def crowding_with_cohort(means: np.ndarray, similarities: np.ndarray, training: Training) -> np.ndarray:
    """The same where the faces of a cohort count as people, too."""
    found = np.empty(len(means), np.float32)
    for rows in blocks(len(means)):
        beside = nearest_of_cohort(means[rows], training.cohort, training.scale)
        found[rows] = crowding_of(-np.sort(-np.concatenate([similarities[rows], beside], axis=1), axis=1))
    return found


def sound(numbers: np.ndarray) -> np.ndarray:
    """Numbers to reckon with; raises FacelineError if what a file holds is none."""
    if not are_reckonable(numbers):
        raise unsound()
    return numbers
