"""A picture that somebody wants to be known by: what is to be seen on it, before anything is learnt from it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faceline.disk.pictures.boxes import Box
from faceline.disk.pictures.given import picture_given
from faceline.faces.aligner import aligner_for
from faceline.faces.cutting import CoincidentLandmarksError
from faceline.faces.embedder import embed
from faceline.networks.combination import cosine_threshold
from faceline.people.quality import turned
from faceline.recognition.recognizer import Recognizer

# Faces that look further aside than this, in degrees, count as turned.
TURNED = 12.0
VIEWS = ("front", "left", "right")


@dataclass(frozen=True)
class Offered:
    """What a picture shows of the person that it is offered for.

    Attributes
    ----------
    faces : int
        How many there are; the fields below are the main one's, which is taken.
    box_ltrb : (left, top, right, bottom) or None
        In pixels of the picture as a viewer shows it; None where there is no face.
    quality : float
        How well it can be recognised by the picture, 0 to 1.
    unclear : str
        What is wrong with it, if so much is that it is too poor to help; else empty.
    pose : float
        How far it looks to the picture's right, in degrees, about; negative to the left.
    """

    faces: int
    box_ltrb: Box | None = None
    quality: float = 0.0
    unclear: str = ""
    pose: float = 0.0

    @property
    def view(self) -> str:
        """From which side the face is seen: one of VIEWS, "" where there is none."""
        return "" if self.box_ltrb is None else view_of(self.pose)


def view_of(pose: float) -> str:
    return "front" if abs(pose) < TURNED else "right" if pose > 0 else "left"


def missing_views(views: Sequence[str]) -> list[str]:
    """From which sides somebody has not been seen."""
    return [view for view in VIEWS if view not in views]


def offered(recognizer: Recognizer, content: bytes) -> Offered:
    """Look at a picture; raises UnreadableError."""
    picture = picture_given(content, recognizer.alignment.first_edge)
    pixels = picture.views
    aligner = aligner_for(recognizer.alignment, recognizer.runtime, recognizer.wide)
    faces = aligner.find(pixels, every=False)
    try:
        crop = aligner.crop_and_landmarks(pixels, faces[0])[0] if faces else None
    except CoincidentLandmarksError:
        crop = None
    if crop is None:
        return Offered(0)
    crops, network, frame = np.array([crop]), recognizer.network, recognizer.alignment.frame
    embeddings = embed(network, crops, recognizer.runtime, recognizer.augmentation, frame)
    scale = cosine_threshold(network) if recognizer.gallery is None else recognizer.gallery.scorer.scale
    quality = recognizer.qualities(pixels, faces[:1], crops, embeddings, scale)[0]
    box = picture.whole_box(faces[0].visible_box(pixels))
    pose = turned(crop, frame)
    return Offered(len(faces), box, round(quality.score, 3), quality.reason, round(pose, 1))
