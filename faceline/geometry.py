"""Where a network expects a face: the one place that decides how a picture becomes a crop.

The user names which landmarks are used; the network's frame says where they go; the map between is a similarity
(turn, scale, shift), which cannot distort a face. Coordinates are (x, y) in pixels, and a whole number is the centre
of a pixel.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceline.errors import FacelineError

if TYPE_CHECKING:
    import numpy as np

# (left, top, right, bottom) of a rectangle, right and bottom exclusive.
Box = tuple[int, int, int, int]

# The landmark set that is cut by dlib itself, which places all points of its predictor, not three of them.
DLIB_CHIP = "dlibChip"
DLIB_CHIP_PADDING = 0.25

# Landmark set -> landmark model -> its points, each the mean of one or several of the predictor's. Of 68, 36 and 45
# are the outer and 39 and 42 the inner corners of the eyes on the picture's left and right, 36 to 41 and 42 to 47 the
# eyes, 30 the tip and 33 the base of the nose, 48 and 54 the corners and 57 the bottom of the mouth.
LANDMARK_SETS: Mapping[str, Mapping[int, tuple[tuple[int, ...], ...]]] = {
    "outerEyesAndNose": {5: ((2,), (0,), (4,)), 68: ((36,), (45,), (33,))},
    "innerEyesAndBottomLip": {68: ((39,), (42,), (57,))},
    "eyesNoseAndMouth": {68: (tuple(range(36, 42)), tuple(range(42, 48)), (30,), (48,), (54,))},
    DLIB_CHIP: {5: (), 68: ()},
}
DEFAULT_LANDMARKS = "outerEyesAndNose"


# How far a picture is turned, in degrees clockwise.
TURNS = (0, 90, 180, 270)


class CoincidentLandmarksError(ValueError):
    """Landmarks that lie on one point have no size and no direction."""


@dataclass(frozen=True)
class Frame:
    """A network's idea of a crop.

    Attributes
    ----------
    edge : int
        The square that `places` are given in, in pixels.
    places : landmark set -> landmark model -> (x, y) of each point
    affine : bool
        The crop is stretched so that three points fit exactly, as OpenFace's networks were trained.
    """

    edge: int
    places: Mapping[str, Mapping[int, tuple[tuple[float, float], ...]]]
    affine: bool = False


FRAMES = {
    # dlib.get_face_chip(image, shape of 68 points, 150, 0.25), which dlib's network was trained on: the mean places of
    # the landmarks in it, measured on 600 to 700 faces of LFW.
    "dlib": Frame(
        edge=150,
        places={
            "outerEyesAndNose": {
                5: ((36.71, 46.36), (109.97, 46.42), (73.59, 86.61)),
                68: ((36.90, 46.67), (109.82, 46.84), (73.55, 86.72)),
            },
            "innerEyesAndBottomLip": {68: ((57.58, 47.52), (89.21, 47.59), (73.42, 116.57))},
            "eyesNoseAndMouth": {
                68: ((47.40, 46.42), (99.42, 46.60), (73.79, 75.15), (49.99, 103.53), (97.05, 103.74)),
            },
            DLIB_CHIP: {5: (), 68: ()},
        },
    ),
    # The five points of Deng et al., "ArcFace", CVPR 2019, as its authors publish them; the mean places of the other
    # sets in crops that were aligned by these, measured on 696 faces of LFW.
    "arcface": Frame(
        edge=112,
        places={
            "outerEyesAndNose": {
                5: ((31.53, 52.94), (80.05, 52.76), (56.14, 79.61)),
                68: ((31.73, 53.07), (79.81, 52.98), (56.15, 79.61)),
            },
            "innerEyesAndBottomLip": {68: ((45.33, 53.59), (66.30, 53.55), (56.14, 99.42))},
            "eyesNoseAndMouth": {
                68: (
                    *((38.2946, 51.6963), (73.5318, 51.5014)),
                    (56.0252, 71.7366),
                    *((41.5493, 92.3655), (70.7299, 92.2041)),
                ),
            },
        },
    ),
    # OpenFace's template (Amos, Ludwiczuk and Satyanarayanan, CMU-CS-16-118, 2016), scaled to the extremes of its
    # points as its align_dlib.py does; these networks want it tight and stretched.
    "openface": Frame(
        edge=96,
        places={
            "outerEyesAndNose": {68: ((18.6391, 16.2496), (75.7305, 15.1844), (47.5153, 49.3864))},
            "innerEyesAndBottomLip": {68: ((34.9234, 17.0829), (59.4205, 16.5867), (48.0196, 72.0561))},
        },
        affine=True,
    ),
}


def landmark_model_for(frame: str, landmarks: str, model: int | None) -> int:
    """The number of points of the predictor that serves a landmark set: the smallest that can, or `model`.

    Raises
    ------
    FacelineError
        If frame or set are unknown, or do not go together or with `model`.
    """
    if frame not in FRAMES:
        raise FacelineError(f"unknown frame {frame!r}; choose from {', '.join(FRAMES)}")
    if landmarks not in LANDMARK_SETS:
        raise FacelineError(f"unknown landmarks {landmarks!r}; choose from {', '.join(LANDMARK_SETS)}")
    sets = FRAMES[frame].places
    if landmarks not in sets:
        raise FacelineError(f"the frame {frame} has no places for {landmarks}; choose from {', '.join(sets)}")
    if model is None:
        return min(sets[landmarks])
    if model not in sets[landmarks]:
        raise FacelineError(f"the {model}-point landmark model has no {landmarks}; leave out --landmark-model {model}")
    return model


def turned(image: "np.ndarray", turn: int) -> "np.ndarray":
    """A picture of shape (height, width, 3), turned clockwise by one of TURNS; its pixels stay what they are."""
    import numpy as np

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


def align_transform(source: "np.ndarray", target: "np.ndarray") -> "np.ndarray":
    """The similarity that carries points onto others, with the least sum of squared distances.

    Parameters
    ----------
    source, target : ndarray of shape (n, 2), float
        (x, y) of the points before and after.

    Returns
    -------
    ndarray of shape (2, 3), float64
        As `cv2.warpAffine` expects.

    Raises
    ------
    CoincidentLandmarksError
        If the source points do.

    Notes
    -----
    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", IEEE PAMI 13(4), 1991;
    in two dimensions and without reflection the solution is a quotient of complex numbers.
    """
    import numpy as np

    before = np.asarray(source, np.float64) @ (1, 1j)
    after = np.asarray(target, np.float64) @ (1, 1j)
    centred = before - before.mean()
    spread = np.vdot(centred, centred).real
    if spread == 0:
        raise CoincidentLandmarksError("the landmarks coincide")
    turn = np.vdot(centred, after) / spread
    shift = after.mean() - turn * before.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def affine_transform(source: "np.ndarray", target: "np.ndarray") -> "np.ndarray":
    """The map that carries three points exactly onto three others, stretching what is between them."""
    import numpy as np

    corners = np.column_stack([source, np.ones(3)])
    if abs(np.linalg.det(corners)) < 1e-6:
        raise CoincidentLandmarksError("the landmarks lie on one line")
    return np.linalg.solve(corners, target).T


def cut(
    image: "np.ndarray",
    landmarks: "np.ndarray",
    places: "np.ndarray",
    edge: int,
    size: int,
    transform: "Callable[[np.ndarray, np.ndarray], np.ndarray]" = align_transform,
) -> "np.ndarray":
    """Cut a square crop out of a picture.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8
    landmarks : ndarray of shape (n, 2), float
        (x, y) in the picture.
    places : ndarray of shape (n, 2), float
        The same points in a square of `edge` pixels.
    size : int
        Edge of the crop, in pixels.
    transform : callable
        `align_transform` or `affine_transform`.

    Returns
    -------
    ndarray of shape (size, size, 3), uint8
        Black where the picture ends.
    """
    import cv2
    import numpy as np

    def scaled(factor: float) -> np.ndarray:
        return (np.asarray(places) + 0.5) * factor - 0.5

    matrix = transform(landmarks, scaled(size / edge))
    # Bilinear interpolation sees four pixels, so a face that shrinks would alias: cut it `oversampling` times as large,
    # which does not shrink it, and average.
    oversampling = max(1, math.ceil(1 / math.hypot(matrix[0, 0], matrix[1, 0]) - 1e-6))
    if oversampling > 1:
        matrix = transform(landmarks, scaled(size * oversampling / edge))
    image, matrix = around(image, matrix, size * oversampling)
    crop = cv2.warpAffine(image, matrix, (size * oversampling,) * 2, flags=cv2.INTER_LINEAR)
    return crop if oversampling == 1 else cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)


def around(image: "np.ndarray", matrix: "np.ndarray", edge: int) -> "tuple[np.ndarray, np.ndarray]":
    """The part of a picture that a crop of `edge` pixels shows, and the matrix for it: OpenCV's warp refuses pictures
    of more than 32,767 pixels a side."""
    import numpy as np

    corners = np.array([(0, 0, edge, edge), (0, edge, 0, edge)]) - matrix[:, 2:]
    corners = np.linalg.solve(matrix[:, :2], corners)
    height, width = image.shape[:2]
    # Two pixels more than the corners, for the interpolation; never nothing, so that OpenCV has a picture.
    left, top = np.clip(np.floor(corners.min(axis=1)).astype(int) - 2, 0, (width - 1, height - 1))
    right, bottom = np.clip(np.ceil(corners.max(axis=1)).astype(int) + 3, (left + 1, top + 1), (width, height))
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ (left, top)
    return image[top:bottom, left:right], shifted
