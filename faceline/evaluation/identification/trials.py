"""Galleries on trial: some pictures of people are enrolled, and their other pictures and strangers are to be named."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from faceline.disk.people_paths import UNKNOWN
from faceline.evaluation.identification.rates import person_weights
from faceline.networks.distances import Metric
from faceline.people.identity import Identity
from faceline.people.naming import Naming

# Faces are compared with the gallery in blocks, so that memory stays flat.
FACES_AT_ONCE = 500


@dataclass(frozen=True)
class Trial:
    """A gallery, the probes, which are other faces of its people, and strangers: embeddings (n, d) and names (n,)."""

    gallery: np.ndarray
    gallery_names: np.ndarray
    probes: np.ndarray
    probe_names: np.ndarray
    strangers: np.ndarray
    stranger_names: np.ndarray

    @classmethod
    def draw(
        cls,
        embeddings: np.ndarray,
        names: np.ndarray,
        known: list[str],
        strangers: list[str],
        enrolled: Callable[[int], int],
        generator: np.random.Generator,
        fallbacks: np.ndarray | None = None,
    ) -> Self:
        """Enrol some pictures of each known person at random.

        Parameters
        ----------
        embeddings : ndarray of shape (n, d), float32
        names : ndarray of shape (n,), str
            Whose each one is; people who are neither known nor strangers are left out.
        known, strangers : list of str
            Each is there at least once.
        enrolled : callable
            Given a person's number of pictures, how many are enrolled; all where that is more.
        generator : numpy.random.Generator
        fallbacks : ndarray of shape (n,), bool, or None
            Which show the middle of a picture without a face: they are to be named, but are not enrolled.
        """
        fallbacks = np.zeros(len(names), bool) if fallbacks is None else fallbacks
        people, labels = np.unique(names, return_inverse=True)
        order = np.argsort(labels, kind="stable")
        starts = np.searchsorted(labels[order], np.arange(len(people) + 1))
        is_enrolled = np.zeros(len(names), bool)
        for person in np.searchsorted(people, known):
            rows = order[starts[person] : starts[person + 1]]
            rows = rows[~fallbacks[rows]]
            is_enrolled[generator.permutation(rows)[: enrolled(len(rows))]] = True
        probes = np.isin(names, known) & ~is_enrolled
        outside = np.isin(names, strangers)
        return cls(*(part[rows] for rows in (is_enrolled, probes, outside) for part in (embeddings, names)))


def halves(people: list[str], generator: np.random.Generator) -> tuple[list[str], list[str]]:
    """Known people and strangers: half of the people each, at random."""
    drawn = generator.permutation(people).tolist()
    return drawn[: len(drawn) // 2], drawn[len(drawn) // 2 :]


@dataclass(frozen=True)
class NearestNeighbour:
    """The baseline that learns nothing: a person is as similar as the nearest one of their pictures.

    `people` (k,) are sorted, `embeddings` (n, d) lie person by person, from the rows `starts` (k,) on, and compare by
    `metric`.
    """

    people: np.ndarray
    embeddings: np.ndarray
    starts: np.ndarray
    metric: Metric

    @classmethod
    def fit(cls, names: np.ndarray, embeddings: np.ndarray, metric: Metric) -> Self:
        order = np.argsort(names, kind="stable")
        people, starts = np.unique(names[order], return_index=True)
        return cls(people, embeddings[order], starts, metric)

    def score(self, embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Minus the distances of faces, (m, d), to all people, (m, k), twice, as `Scorer.score` gives them."""
        scores = -np.minimum.reduceat(self.metric.table(embeddings, self.embeddings), self.starts, axis=1)
        return scores, scores


@dataclass(frozen=True)
class Ranking:
    """Who is the most similar to each face.

    Attributes
    ----------
    names : ndarray of shape (m,), str
        The most similar person.
    scores : ndarray of shape (m,)
        How similar that person is.
    ranks : ndarray of shape (m,), int
        The place of the right person, from 1; 0 for those who are not enrolled.
    """

    names: np.ndarray
    scores: np.ndarray
    ranks: np.ndarray


def rank_people(score: Callable, people: np.ndarray, faces: np.ndarray, names: np.ndarray) -> Ranking:
    """Rank people by their similarity to each face.

    Parameters
    ----------
    score : callable
        Compares faces with all people, as `Scorer.score` does.
    people : ndarray of shape (k,), str
        Sorted.
    faces : ndarray of shape (m, d), float32
    names : ndarray of shape (m,), str
        Whose face each one is.
    """
    found, scores, ranks = np.zeros(len(faces), int), np.zeros(len(faces)), np.zeros(len(faces), int)
    whose = np.minimum(np.searchsorted(people, names), len(people) - 1)
    is_enrolled = people[whose] == names
    for start in range(0, len(faces), FACES_AT_ONCE):
        rows = slice(start, start + FACES_AT_ONCE)
        similarities, order = score(faces[rows])
        found[rows] = order.argmax(axis=1)
        scores[rows] = np.take_along_axis(similarities, found[rows, None], axis=1)[:, 0]
        own = np.take_along_axis(order, whose[rows, None], axis=1)
        # Among equals the first one counts as the more similar one, as for `argmax`.
        earlier = np.arange(len(people)) < whose[rows, None]
        ranks[rows] = 1 + ((order > own) | ((order == own) & earlier)).sum(axis=1)
    return Ranking(people[found], scores, np.where(is_enrolled, ranks, 0))


@dataclass(frozen=True)
class Answers:
    """What a gallery says of the faces of a trial: rates, and of each answer its confidence and whether it is right.

    Attributes
    ----------
    strangers_named : float
        The rate of strangers who get a name.
    found, expected : float
        The rate of known people's faces that get the right name, and what the gallery lets expect of it.
    misnamed : float
        The rate of known people's faces that get another name.
    closed : float
        The rate of known people's faces to which the right person is the most similar one.
    confidence, right : ndarray of shape (m,)
        Of the known people's faces, then of the strangers'.
    faces, people : ndarray of shape (m,)
        Weights: strangers and known people weigh the same together, and among them each face does, or each person.
    """

    strangers_named: float
    found: float
    expected: float
    misnamed: float
    closed: float
    confidence: np.ndarray
    right: np.ndarray
    faces: np.ndarray
    people: np.ndarray


def answers_of(gallery: Naming, trial: Trial) -> Answers:
    """Let a gallery name the faces of a trial, as `infer` would."""
    known, strangers = named(gallery, trial.probes), named(gallery, trial.strangers)
    right = np.array([name in (who.name, *who.same_as) for who, name in zip(known, trial.probe_names, strict=True)])
    unknown = np.array([who.name == UNKNOWN for who in strangers])
    first = [who.candidates[0] for who in known]
    closed = [name in (who.name, *who.same_as) for who, name in zip(first, trial.probe_names, strict=True)]
    is_named = np.array([who.name != UNKNOWN for who in known])
    return Answers(
        float(1 - unknown.mean()),
        float(right.mean()),
        gallery.calibration.tpir,
        float(np.mean(is_named & ~right)),
        float(np.mean(closed)),
        np.array([who.confidence for who in known + strangers]),
        np.concatenate([right, unknown]),
        np.repeat([1 / len(known), 1 / len(strangers)], [len(known), len(strangers)]),
        np.concatenate([person_weights(names) for names in (trial.probe_names, trial.stranger_names)]),
    )


def named(gallery: Naming, faces: np.ndarray) -> list[Identity]:
    parts = (faces[start : start + FACES_AT_ONCE] for start in range(0, len(faces), FACES_AT_ONCE))
    return [who for part in parts for who in gallery.identify(part)]
