"""The people who are known, and who of them a face is."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

import numpy as np

from faceline.errors import FacelineError
from faceline.networks.distances import Metric
from faceline.networks.network import Network
from faceline.people.calibration import Calibration
from faceline.people.checks import check_array, part_of_file
from faceline.people.cohort import of_nobody
from faceline.people.enrolled import exemplars
from faceline.people.enrolment import Enrolment
from faceline.people.holdout import score_strangers
from faceline.people.labelled import Labelled
from faceline.people.naming import Naming, Ranked
from faceline.people.part_weights import weighed
from faceline.people.prior import prior_for
from faceline.people.scoring import Scorer, Training, unit


@dataclass(frozen=True)
class Gallery(Naming):
    """People, and what it takes to name them.

    What each attribute is, `EnrolledPictures` and `Naming` say.
    """

    people: list[str]
    embeddings: np.ndarray
    crops: list[str]
    labels: np.ndarray
    subjects: np.ndarray
    persons: np.ndarray
    metric: Metric
    scorer: Scorer
    calibration: Calibration
    factors: np.ndarray

    @classmethod
    def fit(cls, *learnt: Any, **options: Any) -> Self:
        """The gallery that `enrol` makes."""
        return cls.enrol(*learnt, **options)[0]

    @classmethod
    def enrol(
        cls,
        names: list[str],
        embeddings: np.ndarray,
        crops: list[str],
        network: Network,
        *,
        fpir: float,
        classifier: str,
        lda_dim: int | None,
        jobs: int,
        distinct: Iterable[tuple[str, str]] = (),
        sure: np.ndarray | None = None,
        strangers: np.ndarray | None = None,
        cohort: np.ndarray | None = None,
    ) -> tuple[Self, Enrolment]:
        """Learn people from their embeddings.

        Parameters
        ----------
        names : list of n str
            Whose embedding each one is.
        embeddings : ndarray of shape (n, d), float32
        crops : list of n str
            Where each came from.
        network : Network
            Where the embeddings come from.
        fpir, classifier, lda_dim, jobs
            See `stages.train`.
        distinct : iterable of pairs of str
            Names of people who look like one and are two.
        sure : ndarray of bool of shape (n,), or None
            Of which embeddings the user has said whose they are; None for none.
        strangers : ndarray of shape (m, d), float32, or None
            Embeddings of faces of nobody in the gallery.
        cohort : ndarray of shape (c, d), float32, or None
            Embeddings of faces of people like those in the gallery. Those that look like somebody in it are left out.

        Returns
        -------
        Gallery
        Enrolment
            What was found in it.
        """
        given = Labelled.of(names, embeddings, network, distinct)
        order, labels, factors, scale = given.order, given.labels, given.factors, given.scale
        directions = unit(given.embeddings)
        confirmed = None if sure is None else sure[order]
        enrolment = Enrolment.of(directions, labels, given.people, scale, given.distinct, confirmed)
        if cohort is not None:
            enrolment = replace(enrolment, cohort=of_nobody(unit(weighed(cohort, factors)), enrolment))
        prior = prior_for(network.metric)
        training = Training.choose(
            enrolment.directions, enrolment.labels, classifier, lda_dim, scale, jobs, prior, enrolment.cohort
        )
        scorer = Scorer.fit(enrolment.directions, enrolment.labels, training)
        others = None if strangers is None else score_strangers(unit(weighed(strangers, factors)), enrolment, scorer)
        calibration = Calibration.fit(enrolment, scorer, training, fpir, others)
        kept = np.flatnonzero(enrolment.rows)
        kept = kept[exemplars(directions[kept], labels[kept])]
        gallery = cls(
            given.people,
            given.embeddings[kept],
            [crops[row] for row in order[kept]],
            labels[kept],
            enrolment.subjects,
            enrolment.persons,
            network.metric,
            scorer,
            calibration,
            factors,
        )
        wrong = [replace(found, row=int(order[found.row])) for found in enrolment.wrong]
        return gallery, replace(enrolment, wrong=wrong)

    def ranked(self, embeddings: np.ndarray, count: int) -> list[Ranked]:
        scores, order = self.scorer.score(weighed(embeddings, self.factors))
        every, count = np.arange(scores.shape[1]), min(scores.shape[1], count)
        best = np.argpartition(-order, count - 1, axis=1)[:, :count]
        best = np.take_along_axis(best, np.argsort(-np.take_along_axis(order, best, axis=1), kind="stable"), axis=1)
        return [Ranked(every, row, chosen) for row, chosen in zip(scores, best, strict=True)]

    def score(self, embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compare faces with all of `people`: what `Scorer.score` gives, (m, k) each.

        Of those whom the scorer knows as one subject, the most similar one has its score, and others have less by how
        much less similar they are.
        """
        embeddings = weighed(embeddings, self.factors)
        scores, order = (found[:, self.subjects] for found in self.scorer.score(embeddings))
        directions = unit(embeddings)
        for subject in np.flatnonzero(np.bincount(self.subjects) > 1):
            folders = np.flatnonzero(self.subjects == subject)
            similarities = directions @ self.means(folders).T / self.scorer.scale
            less = similarities.max(axis=1, keepdims=True) - similarities
            scores[:, folders] -= less
            order[:, folders] -= less
        return scores, order

    def record(self) -> dict:
        """The gallery as plain values and arrays."""
        record = {field.name: getattr(self, field.name) for field in fields(self)}
        parts = {"metric": asdict(self.metric), "calibration": asdict(self.calibration)}
        return record | parts | {"scorer": self.scorer.record()}

    @classmethod
    def from_record(cls, record: dict, network: Network) -> Self:
        """The gallery that `record` told of, which comes from a file.

        Raises
        ------
        FacelineError
            If it is none, which names the part; or if it compares otherwise than the network does.
        """
        with part_of_file("gallery"):
            metric = Metric.from_record(record.get("metric"))
            if metric != network.metric:
                raise FacelineError(f"made with another distance than {network.name} has now")
            parts = {field.name: record[field.name] for field in fields(cls)}
            scorer, calibration = Scorer.from_record(parts["scorer"]), Calibration.from_record(parts["calibration"])
            gallery = cls(**parts | {"metric": metric, "scorer": scorer, "calibration": calibration})
            gallery.check(network.dimensions)
            return gallery

    def check(self, dimensions: int) -> None:
        """Raise FacelineError unless all parts fit together, and hold numbers to reckon with."""
        self.scorer.check(dimensions)
        self.calibration.check()
        self.check_pictures(dimensions, len(self.scorer.means))
        check_array(self.factors, "factors", (dimensions,))
