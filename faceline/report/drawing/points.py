"""Landmarks on a picture, as dots."""

from collections.abc import Collection

import numpy as np

from faceline.report.drawing.blocks import INK, PAPER

DOT = (255, 255, 255)

# The radius of a dot in edges of the face, and how much larger are those that stand out.
RADIUS, LARGER = 1 / 90, 1.8

# OpenCV's circles have their places in parts of a pixel: 2 to the power of this.
SHIFT = 4


def draw_points(canvas: np.ndarray, points: np.ndarray, edge: int, outstanding: Collection[int] = ()) -> None:
    """Draw the landmarks of a face onto a picture of shape (height, width, 3), RGB uint8, contiguous.

    Parameters
    ----------
    canvas : ndarray of shape (height, width, 3), uint8
    points : ndarray of shape (n, 2)
        (x, y) from the centre of the top-left pixel; those outside the picture are not seen.
    edge : int
        Of the face's box, which says how large the dots are.
    outstanding : collection of int
        Which of the points are drawn larger, and in the colour of captions.
    """
    import cv2

    for place, (x, y) in enumerate(points.tolist()):
        stands_out = place in outstanding
        radius = max(1.0, RADIUS * edge) * (LARGER if stands_out else 1)
        centre = round(x * 2**SHIFT), round(y * 2**SHIFT)
        # The rim shows on light ground.
        for colour, part in ((INK, 1.0), (PAPER if stands_out else DOT, 0.65)):
            cv2.circle(canvas, centre, round(part * radius * 2**SHIFT), colour, cv2.FILLED, cv2.LINE_AA, SHIFT)
