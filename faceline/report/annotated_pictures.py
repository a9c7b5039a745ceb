"""Copies of pictures with faces, landmarks and names, and what `annotate` says of each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from faceline.disk.people_paths import UNKNOWN
from faceline.disk.pictures.boxes import Box
from faceline.disk.pictures.images import Picture
from faceline.report.copied_pictures import CopiedPicture
from faceline.report.marked_pictures import draw_faces
from faceline.wording import counted, one_line

MARK = "-annotated"


@dataclass(frozen=True, eq=False)
class AnnotatedFace:
    """A face that was found.

    Attributes
    ----------
    box_ltrb : (left, top, right, bottom)
        The part of its box that the picture shows, in pixels of the picture as a viewer shows it.
    landmarks : ndarray of shape (68, 2), float64
        (x, y) in pixels of the same picture, from the centre of its top-left pixel.
    detector : str
        What found it.
    score : float
        How sure that is; 0 is its limit.
    turn : int
        How far the picture has to be turned clockwise for the face to be upright, in degrees.
    name : str or None
        A person of the gallery, or "unknown"; None without a classifier.
    confidence : float or None
        The probability that the name is right.
    """

    box_ltrb: Box
    landmarks: np.ndarray
    detector: str
    score: float
    turn: int = 0
    name: str | None = None
    confidence: float | None = None

    @property
    def caption(self) -> str:
        """What stands beside it: the name, nothing for an unknown face; without a classifier, what found it."""
        if self.name is None:
            return f"{self.detector} {self.score:.2f}"
        return "" if self.name == UNKNOWN else f"{one_line(self.name)} {self.confidence:.2f}"

    def in_whole(self, picture: Picture) -> "AnnotatedFace":
        """The same face with its places in the whole picture, where they are those in `picture.pixels`."""
        return replace(self, box_ltrb=picture.whole_box(self.box_ltrb), landmarks=picture.whole_points(self.landmarks))


@dataclass(frozen=True)
class AnnotatedPicture(CopiedPicture):
    """What became of one picture; `str()` gives it as text, `to_json()` as a line of JSON.

    `faces` are sorted from left to right.
    """

    faces: tuple[AnnotatedFace, ...] = ()

    def __str__(self) -> str:
        lines = [f"Found {counted(len(self.faces), 'face')}." if self.faces else "No face found."]
        for face in self.faces:
            left, top, right, bottom = face.box_ltrb
            who = "" if face.name is None else f": {one_line(face.name)} with {face.confidence:.2f} confidence"
            place = f"  {right - left} x {bottom - top} pixels at x={left}, y={top}"
            lines.append(f"{place}, {face.detector} {face.score:.2f}{who}")
        return self.as_text(lines)

    def to_json(self) -> str:
        faces = [
            {
                "box": face.box_ltrb,
                "turn": face.turn,
                "detector": face.detector,
                "score": round(face.score, 4),
                **({} if face.name is None else {"name": face.name}),
                **({} if face.confidence is None else {"confidence": round(face.confidence, 4)}),
                "landmarks": face.landmarks.round(1).tolist(),
            }
            for face in self.faces
        ]
        return self.as_json({"faces": faces})


def save_annotated(
    pixels: np.ndarray, faces: Sequence[AnnotatedFace], outstanding: Collection[int], path: Path, profile: bytes | None
) -> Path:
    """Save a picture of shape (height, width, 3), RGB uint8, with the landmarks, boxes and captions of its faces; the
    `outstanding` landmarks, by their numbers, larger. Gives where it lies, as `draw_faces` does."""
    from faceline.report.drawing.points import draw_points  # it needs Pillow

    canvas = pixels.copy()
    for face in faces:
        left, top, right, bottom = face.box_ltrb
        draw_points(canvas, face.landmarks, max(right - left, bottom - top), outstanding)
    boxes, captions = [face.box_ltrb for face in faces], [face.caption for face in faces]
    # No caption covers the landmarks of a chin below its box.
    around = [box_around(face.landmarks, pixels) for face in faces]
    return draw_faces(canvas, boxes, captions, path, profile=profile, others_ltrb=around)[1]


def box_around(points: np.ndarray, pixels: np.ndarray) -> Box:
    """The box around points, (n, 2) as (x, y), as far as a picture of shape (height, width, 3) shows it."""
    height, width = pixels.shape[:2]
    left, top = np.floor(points.min(axis=0)).astype(int).clip(0, (width, height)).tolist()
    right, bottom = np.ceil(points.max(axis=0) + 1).astype(int).clip(0, (width, height)).tolist()
    return left, top, right, bottom
