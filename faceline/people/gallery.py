"""The people who are known, and who of them a face is."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

import numpy as np

from faceline.disk.people_paths import UNKNOWN
from faceline.errors import FacelineError
from faceline.networks.distances import Metric
from faceline.networks.network import Network
from faceline.people.calibration import Calibration
from faceline.people.checks import check_array, part_of_file
from faceline.people.cohort import of_nobody
from faceline.people.doubt import probabilities
from faceline.people.enrolled import EnrolledPictures, exemplars
from faceline.people.enrolment import Enrolment
from faceline.people.holdout import score_strangers
from faceline.people.identity import Candidate, Identity, given_the_others, is_doubtful, one_name_each
from faceline.people.part_weights import learnt_factors, weighed
from faceline.people.prior import prior_for
from faceline.people.quality import GOOD, Quality
from faceline.people.scoring import Scorer, Training, unit

# People beside the most similar one who are weighed for a face that shares a picture with others.
CANDIDATES = 10


@dataclass(frozen=True)
class Gallery(EnrolledPictures):
    """People, and what it takes to name them.

    Attributes
    ----------
    scorer : Scorer
        How similar a face is to each subject.
    calibration : Calibration
        What a score means.
    factors : ndarray of shape (d,), float32
        What embeddings are multiplied by before they are compared, so that the parts of a combination of networks weigh
        what was learnt of these people; 1 where nothing was.
    """

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
        people = sorted(set(names))
        number = {name: index for index, name in enumerate(people)}
        labels = np.array([number[name] for name in names], np.int32)
        order = np.argsort(labels, kind="stable")
        if (np.diff(labels) < 0).any():  # stage 2 writes them in order, and a copy of 800,000 takes 400 MB
            embeddings, labels = embeddings[order], labels[order]
        factors, threshold = learnt_factors(network, embeddings, labels)
        embeddings = weighed(embeddings, factors)
        scale = network.metric.as_cosine(threshold, embeddings)
        directions = unit(embeddings)
        apart = [(number[one], number[other]) for one, other in distinct]
        confirmed = None if sure is None else sure[order]
        enrolment = Enrolment.of(directions, labels, people, scale, apart, confirmed)
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
            people,
            embeddings[kept],
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

    def identify(
        self,
        embeddings: np.ndarray,
        threshold: float | None = None,
        top: int = 1,
        one_each: bool = False,
        qualities: Sequence[Quality] | None = None,
    ) -> list[Identity]:
        """Name faces.

        Parameters
        ----------
        embeddings : ndarray of shape (m, d), float32
        threshold : float or None
            The largest distance at which a face is named, instead of the gallery's own limit and however doubtful
            the name is; infinity names every face.
        top : int
            How many candidates to give for each face; at least two are found where there are as many people.
        one_each : bool
            The faces are in one picture: name nobody twice.
        qualities : sequence of m Quality, or None
            How much each face's picture tells; None for good ones.

        Returns
        -------
        list of m Identity
        """
        qualities = [GOOD] * len(embeddings) if qualities is None else qualities
        embeddings = weighed(embeddings, self.factors)
        scores, order = self.scorer.score(embeddings)
        count = min(scores.shape[1], max(top, CANDIDATES if one_each else 2))
        best = np.argpartition(-order, count - 1, axis=1)[:, :count]
        best = np.take_along_axis(best, np.argsort(-np.take_along_axis(order, best, axis=1), kind="stable"), axis=1)
        found = [
            self.candidates(embedding, row, chosen, quality)
            for embedding, row, chosen, quality in zip(embeddings, scores, best, qualities, strict=True)
        ]
        allowed = [[self.is_near(candidate, threshold) for candidate in candidates] for candidates in found]
        if one_each:
            named = one_name_each(found, allowed)
        else:
            named = [candidates[0] if fits[0] else None for candidates, fits in zip(found, allowed, strict=True)]
        identities = self.identities(named, found, one_each, qualities)
        while threshold is None and any(map(is_doubtful, identities)):
            # Without that name, others of the picture may be more doubtful too, so that they are asked again.
            named = [None if is_doubtful(who) else one for who, one in zip(identities, named, strict=True)]
            identities = self.identities(named, found, one_each, qualities)
        return identities

    def identities(
        self,
        named: list[Candidate | None],
        found: list[list[Candidate]],
        one_each: bool,
        qualities: Sequence[Quality],
    ) -> list[Identity]:
        """Faces with their names, None for strangers, and how sure these are."""
        identities = [
            self.stranger(tuple(candidates), quality)
            if candidate is None
            else Identity(candidate.name, candidate.confidence, tuple(candidates))
            for candidate, candidates, quality in zip(named, found, qualities, strict=True)
        ]
        return given_the_others(identities) if one_each else identities

    def stranger(self, candidates: tuple[Candidate, ...], quality: Quality) -> Identity:
        """A face that gets no name, whose picture may be too poor for one."""
        _, known = self.probabilities(candidates[0].score, quality)
        return Identity(UNKNOWN, 1 - known, candidates, quality.reason)

    def probabilities(self, score: float, quality: Quality) -> tuple[float, float]:
        """That the most similar person, who has this score, is the right one, and that the face is anybody's here."""
        return probabilities(self.calibration, prior_for(self.metric), len(self.scorer.means), score, quality)

    def candidates(
        self, embedding: np.ndarray, scores: np.ndarray, chosen: np.ndarray, quality: Quality
    ) -> list[Candidate]:
        """What there is to say of the subjects `chosen`, the most similar one first; `scores`, (s,), are of all."""
        top = scores[chosen[0]]
        # The face is the first one's with the probability that was calibrated, unless others come near in score.
        rivalry = np.exp(self.calibration.right.slope * np.minimum(scores - top, 0))
        shares = self.probabilities(float(top), quality)[0] * rivalry[chosen] / rivalry.sum()
        return [
            candidate
            for subject, share in zip(chosen, shares, strict=True)
            for candidate in self.members(embedding, int(subject), float(share), float(scores[subject]))
        ]

    def members(self, embedding: np.ndarray, subject: int, share: float, score: float) -> list[Candidate]:
        """The people whom the scorer knows as one subject: the one, or those who look alike, the most similar first.

        `share` is the probability that the face is one of them. How it is shared out follows from how similar the face
        is to the mean of each one's pictures. Of a person's several names the one whose pictures are more similar is
        taken.
        """
        folders = np.flatnonzero(self.subjects == subject)
        if len(folders) == 1:
            return [Candidate(self.people[folders[0]], share, score, *self.nearest(embedding, folders))]
        similarities = self.means(folders) @ unit(embedding[None])[0] / self.scorer.scale
        order = np.argsort(-similarities, kind="stable")
        persons = list(dict.fromkeys(self.persons[folders[order]].tolist()))
        best = np.array([similarities[self.persons[folders] == person].max() for person in persons])
        likelihoods = np.exp(self.calibration.right.slope * (best - best[0]))
        found = []
        for person, similarity, likelihood in zip(persons, best, likelihoods / likelihoods.sum(), strict=True):
            name, *others = (int(folder) for folder in folders[order] if self.persons[folder] == person)
            found.append(
                Candidate(
                    self.people[name],
                    float(share * likelihood),
                    float(score + similarity - best[0]),
                    *self.nearest(embedding, np.array(sorted([name, *others]))),
                    same_as=tuple(sorted(self.people[other] for other in others)),
                )
            )
        return found

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

    def is_near(self, candidate: Candidate, threshold: float | None) -> bool:
        """Whether a candidate is similar enough to be named."""
        return candidate.score >= self.calibration.limit if threshold is None else candidate.distance <= threshold

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
