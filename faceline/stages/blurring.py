"""Which faces of a picture are covered: everybody's, all but some people's, or some people's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faceline.disk.people_paths import UNKNOWN, spelling
from faceline.errors import FacelineError
from faceline.faces.detectors import Face
from faceline.people.identity import Identity
from faceline.recognition.recognized_face import RecognizedFace
from faceline.recognition.recognizer import Recognizer
from faceline.report.covered_pictures import CoveredFace
from faceline.wording import listed, one_line

# From which confidence on a face is one of those to be kept: of LFW's strangers, 0.6 % are called anybody of 214 people
# by dlib's network, and 93 % of known faces stay.
SURE = 0.95

# From which confidence on it may be one of those to be covered: 98.4 % of the known faces are, and of strangers one in
# 2,000 for each person (benchmarks/blur_names.py has both).
POSSIBLE = 0.05

# How many people are asked about for each face.
CANDIDATES = 10


@dataclass(frozen=True)
class Choice:
    """Whom to cover.

    Attributes
    ----------
    recognizer : Recognizer or None
        What names faces, with a gallery; None where everybody is covered.
    keep : frozenset of str or None
        The people to be seen; everybody else is covered. None to cover those of `only`.
    only : frozenset of str
    """

    recognizer: Recognizer | None = None
    keep: frozenset[str] | None = None
    only: frozenset[str] = frozenset()

    def judge(self, pixels: np.ndarray, found: Sequence[Face]) -> list[CoveredFace]:
        """What is to become of each of the detected faces of a picture, (height, width, 3) RGB uint8."""
        if self.recognizer is None:
            return [CoveredFace(face.visible_box(pixels), True, face.turn) for face in found]
        # Of two faces that could be the same person to be kept, one is somebody else's.
        one_each = self.keep is not None
        known = self.recognizer.recognized(pixels, found, None, one_each, CANDIDATES)
        return [self.judged(pixels, face, who) for face, who in zip(found, known, strict=True)]

    def judged(self, pixels: np.ndarray, face: Face, known: RecognizedFace | None) -> CoveredFace:
        who = None if known is None else known.identity
        box_ltrb = face.visible_box(pixels)
        if who is None:  # which cannot be cropped
            return CoveredFace(box_ltrb, True, face.turn, UNKNOWN, doubtful=True)
        names = {who.name, *who.same_as}
        if self.keep is not None:
            covered = not (names & self.keep and who.confidence >= SURE)
            doubtful = bool(names & self.keep) and covered
        else:
            doubtful = not names & self.only and self.may_be_one(who)
            covered = bool(names & self.only) or doubtful
        return CoveredFace(box_ltrb, covered, face.turn, who.name, who.confidence, doubtful)

    def may_be_one(self, who: Identity) -> bool:
        """Whether a face may be one of `only`, though it is not named so."""
        if who.unclear:
            return True
        return any(
            {candidate.name, *candidate.same_as} & self.only and candidate.confidence >= POSSIBLE
            for candidate in who.candidates
        )


def choice_of(recognizer: Recognizer, keep: Sequence[str], only: Sequence[str]) -> Choice:
    """The choice that a user's names make; raises FacelineError if the gallery does not know one of them.

    To cover only "unknown" is to keep all people of the gallery.
    """
    people = recognizer.gallery.people if recognizer.gallery else []
    for name in {*keep, *only} - set(people) - ({UNKNOWN} if only else set()):
        alike = [person for person in people if spelling(person) == spelling(name)]
        choices = listed(alike or people)
        raise FacelineError(f"the classifier knows nobody called {one_line(name)!r}; choose from {choices}")
    if UNKNOWN in only:
        return Choice(recognizer, frozenset(people) - set(only))
    return Choice(recognizer, frozenset(keep)) if keep else Choice(recognizer, None, frozenset(only))
