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


def turned_points(points: np.ndarray, height: int, width: int, turn: int) -> np.ndarray:
    """Where pixels of a picture of `height` and `width` lie when the picture is turned clockwise by one of TURNS.

    `points` are (n, 2) of any kind, (x, y) from the centre of the top-left pixel; so is what is given.
    """
    x, y = points.T
    right, bottom = width - 1, height - 1
    places = {0: (x, y), 90: (bottom - y, x), 180: (right - x, bottom - y), 270: (y, right - x)}
    return np.stack(places[turn], axis=1)
