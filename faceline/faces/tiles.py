"""How a large photograph is laid out for a detector: levels of its pyramid, tiles of a level, and faces seen twice."""

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from faceline.disk.pictures.boxes import Box
from faceline.faces.detectors import Face

# The longer edge of a tile in pixels: what one look takes in memory does not depend on the photograph.
TILE = 1600

# How much smaller a level may be than the one before. Tiles overlap by the smallest face of the next smaller level, and
# a bit more: more levels are more pixels to look at, and so are wider overlaps.
LARGEST_STEP = 5
ROOM = 1.25

# Two boxes of which the smaller lies in the other by more than this are one face.
LARGEST_OVERLAP = 0.5


def pyramid(reduction: float) -> tuple[int, float]:
    """How many levels it takes to see what was too small when a photograph was looked at `reduction` times smaller, and
    how much smaller each level is than the one before; the first is the photograph itself."""
    if reduction <= 1:
        return 0, 1.0
    count = math.ceil(math.log(reduction, LARGEST_STEP))
    return count, reduction ** (1 / count)


def spans(extent: int, edge: int, overlap: int) -> list[tuple[int, int]]:
    """Cover `extent` pixels with as few equal pieces as have at most `edge` and overlap by at least `overlap`."""
    count = max(1, math.ceil((extent - overlap) / (edge - overlap)))
    length = math.ceil((extent + (count - 1) * overlap) / count)
    starts = [round(piece * (extent - length) / max(count - 1, 1)) for piece in range(count)]
    return [(start, start + length) for start in starts]


def tile_boxes(height: int, width: int, edge: int, overlap: int) -> list[Box]:
    """Tiles that cover a picture, as (left, top, right, bottom); what is at most `overlap` large lies whole in one."""
    return [
        (left, top, right, bottom)
        for top, bottom in spans(height, edge, overlap)
        for left, right in spans(width, edge, overlap)
    ]


def is_same(one: Box, other: Box) -> bool:
    """Whether two boxes are one face."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return min(width, height) > 0 and width * height > LARGEST_OVERLAP * smaller


def without_repetitions(faces: Iterable[Face], known: Iterable[Face] = ()) -> list[Face]:
    """The faces that are neither among the known ones nor among those before them."""
    seen = list(known)
    fresh = []
    for face in faces:
        if not any(is_same(face.box_ltrb, other.box_ltrb) for other in seen):
            seen.append(face)
            fresh.append(face)
    return fresh


def resized(image: np.ndarray, scale: float, way: int | None = None) -> np.ndarray:
    """A picture that is `scale` times as large, by OpenCV's `way`; else averaged where it shrinks."""
    import cv2

    if scale == 1:
        return image
    size = tuple(max(1, round(extent * scale)) for extent in image.shape[1::-1])
    if way is None:
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(image, size, interpolation=way)


def moved(face: Face, left: float, top: float, scale: float) -> Face:
    """A face of a part of a picture that begins at (left, top), in a picture that is `scale` times as large."""
    edges = zip(face.box_ltrb, (left, top, left, top), strict=True)
    new_left, new_top, right, bottom = (round((edge + begin) * scale) for edge, begin in edges)
    return replace(face, box_ltrb=(new_left, new_top, right, bottom))
