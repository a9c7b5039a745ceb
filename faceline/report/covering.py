"""Covering heads in a picture so that nobody can be recognised by them."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from faceline.disk.pictures.boxes import Box
from faceline.faces.detectors import Face

# From the box of a face, which reaches from the brows to the chin, to the head with ears, chin and hair: how much wider
# it is on each side, higher and lower, in edges of the box.
SIDE, ABOVE, BELOW = 0.35, 0.75, 0.3

# How many blocks of one colour the shorter edge of a head is divided into. A constant number, not a size in pixels: a
# larger face has larger blocks.
BLOCKS = 5

# The blocks are drawn: of the head they show its mean colour alone, made lighter and darker by up to this part. Blocks
# of the head's own colours, however few, tell who it is to somebody who has covered pictures of the same people.
SPREAD = 0.15

# How much lighter or darker each block is, from -1 to 1, from the top left; rows and columns beyond these begin anew.
LIGHTNESS = (
    np.array(
        [
            (3, 8, 2, 6, 1, 5, 0),
            (7, 1, 4, 0, 5, 2, 8),
            (5, 0, 8, 3, 6, 1, 7),
            (1, 6, 7, 2, 8, 4, 0),
            (6, 2, 0, 5, 7, 8, 3),
            (0, 4, 8, 1, 3, 6, 5),
            (8, 3, 5, 7, 0, 2, 4),
        ]
    )
    / 4
    - 1
)


def head_of(face: Face) -> Box:
    """The box around the head of a face; it may lie partly outside the picture."""
    left, top, right, bottom = face.box_ltrb
    edge = max(right - left, bottom - top)
    # On which side the hair is: the picture has to be turned clockwise by `turn` for the face to be upright.
    left_by, top_by, right_by, bottom_by = {
        0: (SIDE, ABOVE, SIDE, BELOW),
        90: (ABOVE, SIDE, BELOW, SIDE),
        180: (SIDE, BELOW, SIDE, ABOVE),
        270: (BELOW, SIDE, ABOVE, SIDE),
    }[face.turn]
    return (
        math.floor(left - left_by * edge),
        math.floor(top - top_by * edge),
        math.ceil(right + right_by * edge),
        math.ceil(bottom + bottom_by * edge),
    )


def pixelated(part: np.ndarray, columns: int, rows: int) -> np.ndarray:
    """Blocks of one colour each in place of a part of a picture."""
    import cv2

    return cv2.resize(blocks(part, columns, rows), part.shape[1::-1], interpolation=cv2.INTER_NEAREST)


def blurred(part: np.ndarray, columns: int, rows: int) -> np.ndarray:
    """The same blocks, with smooth transitions. Unlike pixels that are blurred, they cannot be sharpened again."""
    import cv2

    return cv2.resize(blocks(part, columns, rows), part.shape[1::-1], interpolation=cv2.INTER_CUBIC)


def boxed(part: np.ndarray, columns: int, rows: int) -> np.ndarray:
    """Black."""
    return np.zeros_like(part)


def blocks(part: np.ndarray, columns: int, rows: int) -> np.ndarray:
    """The colours of blocks in place of a part of a picture, (rows, columns, 3) uint8."""
    row, column = (np.arange(count) % len(LIGHTNESS) for count in (rows, columns))
    lightness = LIGHTNESS[np.ix_(row, column)]
    return np.clip(part.mean(axis=(0, 1)) * (1 + SPREAD * lightness[..., None]), 0, 255).astype(np.uint8)


# (height, width, 3) uint8, and how many blocks it is wide and high -> what takes its place.
WAYS: Mapping[str, Callable[[np.ndarray, int, int], np.ndarray]] = {
    "pixelate": pixelated,
    "blur": blurred,
    "box": boxed,
}
DEFAULT_WAY = "pixelate"


def cover(image: np.ndarray, faces: Sequence[Face], kept: Sequence[Face], how: str) -> np.ndarray:
    """A copy of a picture in which the heads of faces are covered.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8
        RGB.
    faces : sequence of Face
        Those to be covered.
    kept : sequence of Face
        Those that are to be seen: where one of them lies in the head of another, and not in its face, it stays.
    how : str
        A key of WAYS.
    """
    covered, is_covered = image.copy(), np.zeros(image.shape[:2], bool)
    for face in faces:
        head = clipped(head_of(face), image)
        # Of what is covered already: two grids over one face would tell more than one.
        part = covered[inside(head)]
        part[:] = WAYS[how](part, *blocks_of(head))
        is_covered[inside(head)] = True
    for face in kept:
        is_covered[inside(clipped(face.box_ltrb, image))] = False
    for face in faces:
        is_covered[inside(clipped(face.box_ltrb, image))] = True
    return np.where(is_covered[..., None], covered, image)


def blocks_of(head: Box) -> tuple[int, int]:
    """How many blocks a head is wide and high."""
    left, top, right, bottom = head
    width, height = right - left, bottom - top
    edge = max(1.0, min(width, height) / BLOCKS)
    return max(1, round(width / edge)), max(1, round(height / edge))


def clipped(box_ltrb: Box, image: np.ndarray) -> Box:
    """The part of a box that a picture of shape (height, width, 3) shows; of no extent if that is nothing."""
    height, width = image.shape[:2]
    left, top, right, bottom = box_ltrb
    left, top = min(max(left, 0), width), min(max(top, 0), height)
    return left, top, max(left, min(right, width)), max(top, min(bottom, height))


def inside(box_ltrb: Box) -> tuple[slice, slice]:
    left, top, right, bottom = box_ltrb
    return slice(top, bottom), slice(left, right)
