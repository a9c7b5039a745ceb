"""Boxes in pictures, and quarter turns of both."""

import numpy as np

# (left, top, right, bottom) of a rectangle, right and bottom exclusive.
Box = tuple[int, int, int, int]


# How far a picture is turned, in degrees clockwise.
TURNS = (0, 90, 180, 270)


def turned(image: np.ndarray, turn: int) -> np.ndarray:
    """A picture of shape (height, width, 3), turned clockwise by one of TURNS; its pixels stay what they are."""
    return np.rot90(image, -turn // 90).copy() if turn else image


def turned_box(box_ltrb: Box, height: int, width: int, turn: int) -> Box:
    """Where a box of a picture of `height` and `width` lies when the picture is turned clockwise by one of TURNS."""
    left, top, right, bottom = box_ltrb
    return {
        0: box_ltrb,
        90: (height - bottom, left, height - top, right),
        180: (width - right, height - bottom, width - left, height - top),
        270: (top, width - right, bottom, width - left),
    }[turn]
