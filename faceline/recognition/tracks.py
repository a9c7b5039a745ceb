"""A face that is followed through a video, and who it is: evidence adds up over its best frames."""

from dataclasses import dataclass, field

import numpy as np

from faceline.disk.people_paths import UNKNOWN
from faceline.disk.pictures.boxes import Box
from faceline.networks.network import Network
from faceline.people.naming import Naming
from faceline.people.quality import Quality

# Of so many seconds, the best frame counts: those beside it show the same again. And so many of these at most.
APART_SECONDS, MOST_PROOFS = 0.2, 24

# Who it is is asked when a face was seen so often, and then when it was seen twice as often as the last time.
LEAST_SIGHTINGS = 3
CERTAIN = 0.9  # the confidence from which a name is given
CHANGES = 2  # of the name: it is given, and revised once at most


@dataclass(frozen=True, eq=False)
class Sighting:
    """A face in one frame.

    Attributes
    ----------
    frame : int
    time : float
        In seconds.
    box_ltrb : (left, top, right, bottom)
        The part of its box that the frame shows, in pixels.
    embedding : ndarray of shape (d,), float32
    quality : Quality
    """

    frame: int
    time: float
    box_ltrb: Box
    embedding: np.ndarray
    quality: Quality


@dataclass(eq=False)
class Track:
    """A face that is followed.

    Attributes
    ----------
    number : int
        Counted from 1, in the order in which faces appear.
    first, last, best : Sighting
        `best` is the one with the best picture.
    previous : Sighting or None
        The one before the last.
    seen : int
        How often it was found.
    frames : int
        In how many frames it was followed, those between that were not looked at included.
    name : str
        Who it is, or UNKNOWN.
    confidence : float
        The probability that this is right.
    """

    number: int
    first: Sighting
    network: Network
    gallery: Naming
    last: Sighting = field(init=False)
    best: Sighting = field(init=False)
    previous: Sighting | None = None
    seen: int = 0
    frames: int = 0
    name: str = UNKNOWN
    confidence: float = 0.0

    def __post_init__(self) -> None:
        self.last = self.best = self.first
        self._proofs: dict[int, Sighting] = {}
        self._asked_at, self._changes = 0, CHANGES
        self._add(self.first, 1)

    def add(self, sighting: Sighting, most_between: int) -> None:
        """Another sighting; the frames since the last one count if they are `most_between` at most."""
        passed = sighting.frame - self.last.frame
        self.previous = self.last
        self._add(sighting, passed if passed <= most_between else 1)

    def _add(self, sighting: Sighting, frames: int) -> None:
        self.last = sighting
        self.seen += 1
        self.frames += frames
        if sighting.quality.score > self.best.quality.score:
            self.best = sighting
        moment = int(sighting.time / APART_SECONDS)
        before = self._proofs.get(moment)
        if before is None or sighting.quality.score > before.quality.score:
            self._proofs[moment] = sighting
        if len(self._proofs) > MOST_PROOFS:
            del self._proofs[min(self._proofs, key=lambda moment: self._proofs[moment].quality.score)]
        if self.seen >= max(LEAST_SIGHTINGS, 2 * self._asked_at):
            self.judge()

    def box_at(self, frame: int) -> Box | None:
        """Where the face is in a frame: where it was seen, or between its last two sightings; None elsewhere."""
        if frame == self.last.frame:
            return self.last.box_ltrb
        before = self.previous
        if before is None or not before.frame <= frame < self.last.frame:
            return None
        share = (frame - before.frame) / (self.last.frame - before.frame)
        pairs = zip(before.box_ltrb, self.last.box_ltrb, strict=True)
        left, top, right, bottom = (round(start + share * (end - start)) for start, end in pairs)
        return left, top, right, bottom

    def end(self) -> None:
        """Ask a last time, where anything was seen since."""
        if self.seen > self._asked_at and self.is_told:
            self.judge()

    @property
    def is_told(self) -> bool:
        """Whether it was seen often enough to say anything of it."""
        return self.seen >= LEAST_SIGHTINGS

    @property
    def embedding(self) -> np.ndarray:
        """The mean of its best frames, (d,) float32, weighted by the squares of their qualities."""
        proofs = list(self._proofs.values())
        weights = np.array([proof.quality.score for proof in proofs], np.float32) ** 2 + np.float32(1e-6)
        return np.average([proof.embedding for proof in proofs], axis=0, weights=weights).astype(np.float32)

    def judge(self) -> None:
        """Ask who it is, by all that is known by now."""
        self._asked_at = self.seen
        (who,) = self.gallery.identify(self.embedding[None], qualities=[self.best.quality])
        if who.name == self.name:
            self.confidence = who.confidence
        elif (who.name == UNKNOWN or who.confidence >= CERTAIN) and self._changes:
            self._changes -= 1
            self.name, self.confidence = who.name, who.confidence
        elif self.name == UNKNOWN:
            self.confidence = 1 - who.confidence
