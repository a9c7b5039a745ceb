"""Who of the people of a gallery a face is, whatever the gallery compares them by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from faceline.disk.people_paths import UNKNOWN
from faceline.people.calibration import Calibration
from faceline.people.doubt import probabilities
from faceline.people.enrolled import EnrolledPictures
from faceline.people.identity import Candidate, Identity, given_the_others, is_doubtful, one_name_each
from faceline.people.part_weights import weighed
from faceline.people.prior import prior_for
from faceline.people.quality import GOOD, Quality
from faceline.people.scoring import unit

# People beside the most similar one who are weighed for a face that shares a picture with others.
CANDIDATES = 10


@dataclass(frozen=True)
class Ranked:
    """Those with whom a face was compared.

    Attributes
    ----------
    subjects : ndarray of shape (c,), int
        All of a gallery, or those of them who come into question.
    scores : ndarray of shape (c,), float32
    best : ndarray of shape (b,), int
        Places of those who are the most similar, the most similar one first.
    """

    subjects: np.ndarray
    scores: np.ndarray
    best: np.ndarray


class Naming(EnrolledPictures):
    """What galleries have in common.

    Attributes
    ----------
    scorer : Scorer or ListedScorer
        How similar a face is to each subject.
    calibration : Calibration
        What a score means.
    factors : ndarray of shape (d,), float32
        What embeddings are multiplied by before they are compared, so that the parts of a combination of networks weigh
        what was learnt of these people; 1 where nothing was.
    """

    scorer: Any
    calibration: Calibration
    factors: np.ndarray

    def ranked(self, embeddings: np.ndarray, count: int) -> list[Ranked]:
        """For each of some faces, (m, d) float32, the `count` most similar subjects, or as many as there are."""
        raise NotImplementedError

    def score(self, embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compare faces with all of `people`: what `Scorer.score` gives, (m, k) each."""
        raise NotImplementedError

    def record(self) -> dict:
        """The gallery as plain values and arrays."""
        raise NotImplementedError

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
        ranked = self.ranked(embeddings, max(top, CANDIDATES if one_each else 2))
        found = [
            self.candidates(embedding, one, quality)
            for embedding, one, quality in zip(weighed(embeddings, self.factors), ranked, qualities, strict=True)
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
        return probabilities(self.calibration, prior_for(self.metric), self.scorer.count, score, quality)

    def candidates(self, embedding: np.ndarray, ranked: Ranked, quality: Quality) -> list[Candidate]:
        """What there is to say of those to whom a face, (d,) float32, is the most similar, the most similar first."""
        scores, chosen = ranked.scores, ranked.best
        top = scores[chosen[0]]
        # The face is the first one's with the probability that was calibrated, unless others come near in score.
        rivalry = np.exp(self.calibration.right.slope * np.minimum(scores - top, 0))
        shares = self.probabilities(float(top), quality)[0] * rivalry[chosen] / rivalry.sum()
        return [
            candidate
            for place, share in zip(chosen, shares, strict=True)
            for candidate in self.members(embedding, int(ranked.subjects[place]), float(share), float(scores[place]))
        ]

    def members(self, embedding: np.ndarray, subject: int, share: float, score: float) -> list[Candidate]:
        """The people whom the scorer knows as one subject: the one, or those who look alike, the most similar first.

        `share` is the probability that the face is one of them. How it is shared out follows from how similar the face
        is to the mean of each one's pictures. Of a person's several names the one whose pictures are more similar is
        taken.
        """
        folders = self.folders_of(subject)
        if len(folders) == 1:
            return [Candidate(self.people[folders[0]], share, score, *self.nearest(embedding, folders))]
        similarities = self.means(folders) @ unit(embedding[None])[0] / self.scorer.scale
        order = np.argsort(-similarities, kind="stable")
        whose = self.persons[folders]
        persons = list(dict.fromkeys(whose[order].tolist()))
        best = np.array([similarities[whose == person].max() for person in persons])
        likelihoods = np.exp(self.calibration.right.slope * (best - best[0]))
        found = []
        for person, similarity, likelihood in zip(persons, best, likelihoods / likelihoods.sum(), strict=True):
            name, *others = (int(folder) for folder in folders[order][whose[order] == person])
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

    def is_near(self, candidate: Candidate, threshold: float | None) -> bool:
        """Whether a candidate is similar enough to be named."""
        return candidate.score >= self.calibration.limit if threshold is None else candidate.distance <= threshold
