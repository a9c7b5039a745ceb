"""A face that was found in a picture, and who it is."""

from dataclasses import dataclass, replace

import numpy as np

from faceline.disk.pictures.boxes import Box
from faceline.disk.pictures.images import Picture
from faceline.disk.pictures.views import Seen
from faceline.faces.detectors import Face
from faceline.people.identity import Identity
from faceline.people.quality import Quality


@dataclass(frozen=True, eq=False)
class DescribedFace:
    """A face that was found and embedded, before anybody asks who it is; fields as those of `RecognizedFace`, but
    `quality` is all that is known of it, None without a gallery."""

    face: Face
    landmarks: np.ndarray
    embedding: np.ndarray
    quality: Quality | None


@dataclass(frozen=True, eq=False)
class RecognizedFace:
    """A face of a picture, and who it is.

    Attributes
    ----------
    box_ltrb : (left, top, right, bottom)
        The part of the face's box that the picture shows, in pixels of the picture as a viewer shows it; right and
        bottom are exclusive.
    landmarks : ndarray of shape (5, 2) or (68, 2), float64
        (x, y) in pixels of the same picture, from the centre of its top-left pixel; they may lie outside of it. The
        order is that of dlib's predictors: of five, the outer and inner corner of the eye on the right of the upright
        face as it is seen, the outer and inner corner of the one on the left, and the point below the nose.
    embedding : ndarray of shape (d,), float32
        As the network gives it, or the mean of several copies where that was asked for.
    score : float
        How sure `detector` (hog, cnn, yunet or retinaface) is: 0 is its limit, and scores of different detectors do
        not compare.
    detector : str
    turn : {0, 90, 180, 270}
        How far the picture has to be turned clockwise for the face to be upright, in degrees.
    identity : Identity or None
        Who it is and what speaks for it: `candidates` with their nearest pictures and distances, `runner_up`, `margin`,
        `unclear`. None without a gallery.
    quality : float or None
        How well the face can be recognised by this picture, 0 to 1. None without a gallery.
    """

    box_ltrb: Box
    landmarks: np.ndarray
    embedding: np.ndarray
    score: float
    detector: str
    turn: int = 0
    identity: Identity | None = None
    quality: float | None = None

    @property
    def name(self) -> str | None:
        """The person, or "unknown"; None without a gallery."""
        return None if self.identity is None else self.identity.name

    @property
    def confidence(self) -> float | None:
        """The probability that the name is right; of "unknown", that the face is nobody's in the gallery."""
        return None if self.identity is None else self.identity.confidence

    def in_whole(self, picture: Picture) -> "RecognizedFace":
        """The same face with its places in the whole picture, where they are those in `picture.pixels`."""
        box_ltrb = picture.whole_box(self.box_ltrb)
        return replace(self, box_ltrb=box_ltrb, landmarks=picture.whole_points(self.landmarks))


def recognized_face(pixels: Seen, seen: DescribedFace, who: Identity | None) -> RecognizedFace:
    """A face of a picture of shape (height, width, 3), with who it is."""
    face, quality = seen.face, None if seen.quality is None else seen.quality.score
    box_ltrb = face.visible_box(pixels)
    found = face.score, face.detector, face.turn
    return RecognizedFace(box_ltrb, seen.landmarks, seen.embedding, *found, who, quality)


def from_left(face: RecognizedFace) -> tuple[int, Box]:
    """By what faces are sorted: the middle of the box, then the box."""
    return (face.box_ltrb[0] + face.box_ltrb[2]) // 2, face.box_ltrb
