"""Who a face is said to be, and who the faces of one picture are together."""

from dataclasses import dataclass, replace

import numpy as np

from faceline.disk.people_paths import UNKNOWN

# A name is given only where it is more likely right than not, unless the user gives a threshold.
LEAST_CONFIDENCE = 0.5


@dataclass(frozen=True)
class Candidate:
    """A person whom a face may be, with the probability that it is.

    `same_as` are the other names under which the person is enrolled.
    """

    name: str
    confidence: float
    score: float
    distance: float
    nearest: str
    same_as: tuple[str, ...] = ()

    @property
    def person(self) -> str:
        """The first of the person's names."""
        return min(self.name, *self.same_as) if self.same_as else self.name


@dataclass(frozen=True)
class Identity:
    """Who a face is.

    Attributes
    ----------
    name : str
        The person, or UNKNOWN.
    confidence : float
        The probability that this name is right; for UNKNOWN, that the face is nobody in the gallery.
    candidates : tuple of Candidate
        The most similar people, at least one; `distance` is from the face to their nearest picture, `nearest` that
        picture's crop. The person named is one of them, the first unless that one is taken by another face.
    unclear : str
        Why the picture is too poor to tell, for UNKNOWN alone; empty where it is not.
    """

    name: str
    confidence: float
    candidates: tuple[Candidate, ...]
    unclear: str = ""

    @property
    def likeliest(self) -> Candidate:
        """The person who was named; for a stranger the most similar one."""
        return next((candidate for candidate in self.candidates if candidate.name == self.name), self.candidates[0])

    @property
    def same_as(self) -> tuple[str, ...]:
        """The other names under which the person who was named is enrolled."""
        return () if self.name == UNKNOWN else self.likeliest.same_as

    @property
    def distance(self) -> float:
        return self.likeliest.distance

    @property
    def runner_up(self) -> Candidate | None:
        """The most similar one of the others; None in a gallery of one person."""
        return next((candidate for candidate in self.candidates if candidate is not self.likeliest), None)

    @property
    def margin(self) -> float | None:
        """How far the score of the person lies above the runner-up's."""
        return None if self.runner_up is None else self.likeliest.score - self.runner_up.score


def is_doubtful(who: Identity) -> bool:
    """Whether a name is more likely wrong than right."""
    return who.name != UNKNOWN and who.confidence < LEAST_CONFIDENCE


def given_the_others(identities: list[Identity]) -> list[Identity]:
    """The same with the confidence of each face where it cannot be whom another face was named."""
    named = [None if identity.name == UNKNOWN else identity.likeliest.person for identity in identities]
    result = []
    for identity, own in zip(identities, named, strict=True):
        taken = set(named) - {own, None}
        excluded = sum(candidate.confidence for candidate in identity.candidates if candidate.person in taken)
        confidence = min(1.0, identity.confidence / max(1 - excluded, 1e-9))
        result.append(replace(identity, confidence=confidence))
    return result


def one_name_each(found: list[list[Candidate]], allowed: list[list[bool]]) -> list[Candidate | None]:
    """Who each face is if nobody is there twice: the names with the largest sum of scores.

    Parameters
    ----------
    found : list of m lists of Candidate
    allowed : list of m lists of bool
        Which of them may be named.

    Returns
    -------
    list of m Candidate or None
    """
    from scipy.optimize import linear_sum_assignment

    pairs = [
        (face, candidate)
        for face, (candidates, fits) in enumerate(zip(found, allowed, strict=True))
        for candidate, fit in zip(candidates, fits, strict=True)
        if fit
    ]
    names = sorted({candidate.person for _, candidate in pairs})
    floor = min((candidate.score for _, candidate in pairs), default=0.0) - 1e-6
    # Besides the people there is, for each face, the choice to leave it without a name, which gains nothing.
    gains = np.zeros((len(found), len(names) + len(found)))
    gains[:, : len(names)] = -1
    for face, candidate in pairs:
        gains[face, names.index(candidate.person)] = candidate.score - floor
    chosen = dict(zip(*linear_sum_assignment(gains, maximize=True), strict=True))
    named = {face: names[column] for face, column in chosen.items() if column < len(names)}
    return [
        next((candidate for candidate in candidates if candidate.person == named.get(face)), None)
        for face, candidates in enumerate(found)
    ]
