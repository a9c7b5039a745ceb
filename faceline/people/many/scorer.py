"""How similar a face is to the most similar ones of very many people, without SVMs.

The score is that of `scoring.Scorer` without the SVM's margin. A face is compared with the people of the lists whose
centres are the nearest to it: by directions in bytes first, and exactly with the best of those.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from faceline.disk.numbers import LARGEST
from faceline.people.checks import check_array, check_number, require
from faceline.people.classifiers.base import blocks
from faceline.people.many.lists import centres_of, in_threads, nearest_centres
from faceline.people.many.neighbours import nearest_others
from faceline.people.scoring import CROWD, CROWDING_WEIGHT, NOBODY_S_SIMILARITY, Training, nearest_of_cohort, unit

# So many of the best by bytes are compared exactly, for one face; more where more candidates are wanted.
EXACTLY = 100
ROWS_AT_ONCE = 16_384
FACES_AT_ONCE = 64
LARGEST_CODE = 127


@dataclass(frozen=True)
class ListedScorer:
    """Scores faces against people, who lie in lists.

    Arrays of people are list by list; each may be in memory or in a file, of which rows are read.

    Attributes
    ----------
    scale : float
        See `scoring.Training`.
    centres : ndarray of shape (lists, d), float32
    starts : ndarray of shape (lists + 1,), int64
        The people of list i are rows starts[i] to starts[i + 1].
    subjects : array of shape (k,), int32
        Who the person of each row is.
    means : array of shape (k, d), float32
        The direction of each person's mean embedding.
    codes : array of shape (k, d), int8
        The same in bytes.
    numbers : array of shape (k, 2), float32
        What a person's bytes are multiplied by, and how crowded the person is: see `scoring.Scorer`.
    probes : int
        How many lists a face is looked for in.
    classifier : str
        What the user asked for: NEAREST, or another one where there are too many people for it.
    threads : int
        That compare many faces at once, which does not change the result.
    crowded_by_people : ndarray of shape (k,), float32, or None
        How crowded each subject is without a cohort; known to who has just learnt them, if there is one.
    """

    scale: float
    centres: np.ndarray
    starts: np.ndarray
    subjects: Any
    means: Any
    codes: Any
    numbers: Any
    probes: int
    classifier: str
    threads: int = 1
    crowded_by_people: np.ndarray | None = None

    @classmethod
    def fit(cls, directions: np.ndarray, labels: np.ndarray, training: Training) -> Self:
        """Learn people; what the parameters are, `scoring.Scorer.fit` says. All lists are looked through."""
        starts = np.append(np.flatnonzero(np.diff(labels, prepend=-1)), len(labels))
        means = unit(np.add.reduceat(directions, starts[:-1]))
        listed = in_lists(means, training.jobs)
        means = means[listed.subjects]
        _, cosines = nearest_others(means, listed.starts, listed.centres, CROWD, training.jobs)
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
        return cls(training.scale, *where, means, codes, numbers, lists, training.classifier, training.jobs, own)

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
        crowding[self.subjects[:]] = self.numbers[:][:, 1]
        return crowding

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
        found = [self.by_bytes(direction, rows) for rows in self.parts(direction)]
        scores = np.concatenate([part for _, part in found])
        rows = np.concatenate([part for part, _ in found])
        wanted = min(max(EXACTLY, 4 * count), len(rows))
        rows = np.sort(rows[np.argpartition(-scores, wanted - 1)[:wanted]])
        scores = self.exactly(direction[None], self.means[rows], self.numbers[rows])[0]
        order = np.argsort(-scores, kind="stable")
        return self.subjects[rows][order], scores[order]

    def parts(self, direction: np.ndarray) -> list[slice]:
        """The rows of the lists that are looked through: of those behind each other together, some at a time."""
        if self.probes >= len(self.centres):
            return list(blocks(self.count, ROWS_AT_ONCE))
        near = np.argpartition(-(self.centres @ direction), self.probes - 1)[: self.probes]
        parts: list[slice] = []
        for number in np.sort(near).tolist():
            begin, end = int(self.starts[number]), int(self.starts[number + 1])
            if parts and parts[-1].stop == begin and end - parts[-1].start <= ROWS_AT_ONCE:
                begin = parts.pop().start
            parts += [slice(begin + one.start, begin + one.stop) for one in blocks(end - begin, ROWS_AT_ONCE)]
        # Lists may be empty; whoever looks through none of the others finds the first person.
        return parts or [slice(0, 1)]

    def by_bytes(self, direction: np.ndarray, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        """The best of some rows and their scores, nearly."""
        codes, numbers = self.codes[rows], self.numbers[rows]
        products = codes.astype(np.float32) @ direction
        scores = checked((products * numbers[:, 0] - 1) / self.scale - CROWDING_WEIGHT * numbers[:, 1])
        every = np.arange(rows.start, rows.stop)
        if len(scores) <= 4 * EXACTLY:
            return every, scores
        best = np.argpartition(-scores, 4 * EXACTLY)[: 4 * EXACTLY]
        return every[best], scores[best]

    def exactly(self, directions: np.ndarray, means: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """The scores of faces, (m, d) directions, with some people: (m, n) float32."""
        return checked((directions @ means.T - 1) / self.scale - CROWDING_WEIGHT * numbers[:, 1])

    def all_scores(self, directions: np.ndarray) -> np.ndarray:
        """The scores of faces, (m, d) directions, with every subject: (m, k) float32."""
        scores = np.empty((len(directions), self.count), np.float32)
        for rows in blocks(self.count, ROWS_AT_ONCE):
            scores[:, self.subjects[rows]] = self.exactly(directions, self.means[rows], self.numbers[rows])
        return scores

    def best_two(self, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What `scoring.Scorer.best_two` gives, with everybody compared exactly."""
        best, found = np.empty(len(directions)), np.empty(len(directions), int)
        behind = np.full(len(directions), np.nan)

        def work(faces: slice) -> None:
            scores = self.all_scores(directions[faces])
            every = np.arange(len(scores))
            found[faces] = scores.argmax(axis=1)
            best[faces] = scores[every, found[faces]]
            if self.count > 1:
                scores[every, found[faces]] = -np.inf
                behind[faces] = scores.max(axis=1)

        for _ in in_threads(work, blocks(len(directions), FACES_AT_ONCE), self.threads):
            pass
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
        shapes: tuple[tuple[Any, tuple, str], ...] = (
            (self.means, (people, dimensions), "float32"),
            (self.codes, (people, dimensions), "int8"),
            (self.numbers, (people, 2), "float32"),
            (self.subjects, (people,), "int32"),
        )
        for array, shape, kind in shapes:
            require(array.shape == shape and array.dtype == kind, "scorer")
        require(type(self.classifier) is str, "scorer/classifier")


@dataclass(frozen=True)
class Listed:
    """Lists of people: their centres, (lists, d), where each begins, (lists + 1,), and who is in them, (k,) int32."""

    centres: np.ndarray
    starts: np.ndarray
    subjects: np.ndarray


def in_lists(means: np.ndarray, threads: int) -> Listed:
    """Put people, (k, d) directions, into lists."""
    centres = centres_of(means, threads)
    lists_of = nearest_centres(means, centres, threads)
    order = np.argsort(lists_of, kind="stable").astype(np.int32)
    starts = np.searchsorted(lists_of[order], np.arange(len(centres) + 1)).astype(np.int64)
    return Listed(centres, starts, order)


def in_bytes(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Directions, (k, d), as bytes, (k, d) int8, and what each row is multiplied by, (k,) float32."""
    codes, steps = np.empty(means.shape, np.int8), np.empty(len(means), np.float32)
    for rows in blocks(len(means), ROWS_AT_ONCE):
        largest = np.maximum(np.abs(means[rows]).max(axis=1), np.finfo(np.float32).tiny)
        steps[rows] = largest / LARGEST_CODE
        codes[rows] = np.rint(means[rows] * (LARGEST_CODE / largest)[:, None])
    return codes, steps


def crowding_of(similarities: np.ndarray) -> np.ndarray:
    """How crowded people are by the most similar others, (k, c): the mean with nobody in particular, (k,) float32."""
    sums = similarities[:, :CROWD].sum(axis=1) + np.float32(NOBODY_S_SIMILARITY)
    return (sums / (min(CROWD, similarities.shape[1]) + 1)).astype(np.float32)


def crowding_with_cohort(means: np.ndarray, similarities: np.ndarray, training: Training) -> np.ndarray:
    """The same where the faces of a cohort count as people, too."""
    found = np.empty(len(means), np.float32)
    for rows in blocks(len(means)):
        beside = nearest_of_cohort(means[rows], training.cohort, training.scale)
        found[rows] = crowding_of(-np.sort(-np.concatenate([similarities[rows], beside], axis=1), axis=1))
    return found


def checked(scores: np.ndarray) -> np.ndarray:
    """Scores, if they are numbers; raises FacelineError if a file says otherwise."""
    require(np.isfinite(scores).all(), "people")
    return scores
