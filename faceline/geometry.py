"""Where a network expects a face: the one place that decides how a picture becomes a crop.

The user names which landmarks are used; the network's frame says where they go; the map between is a similarity
(turn, scale, shift), which cannot distort a face. Coordinates are (x, y) in pixels, and a whole number is the centre
of a pixel.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceline.errors import FacelineError

if TYPE_CHECKING:
    import numpy as np

# The landmark set that is cut by dlib itself, which places all points of its predictor, not three of them.
DLIB_CHIP = "dlibChip"
DLIB_CHIP_PADDING = 0.25

# Landmark set -> landmark model -> the model's points. Points 36, 45, 33 of the 68 are the outer corners of the eye on
# the picture's left and right and the base of the nose; 39, 42, 57 the inner corners and the bottom of the lip.
LANDMARK_SETS: Mapping[str, Mapping[int, tuple[int, ...]]] = {
    "outerEyesAndNose": {5: (2, 0, 4), 68: (36, 45, 33)},
    "innerEyesAndBottomLip": {68: (39, 42, 57)},
    DLIB_CHIP: {5: (), 68: ()},
}
DEFAULT_LANDMARKS = "outerEyesAndNose"


class CoincidentLandmarksError(ValueError):
    """Landmarks that lie on one point have no size and no direction."""


@dataclass(frozen=True)
class Frame:
    """A network's idea of a crop: `places[model][point]` is where a landmark lies in a square of `edge` pixels."""

    edge: int
    places: Mapping[int, Mapping[int, tuple[float, float]]]


# dlib.get_face_chip(image, shape of 68 points, 150, 0.25), which dlib's network was trained on: the mean places of the
# landmarks in it, measured on 600 faces of LFW with either predictor.
FRAMES = {
    "dlib": Frame(
        edge=150,
        places={
            5: {2: (36.71, 46.36), 0: (109.97, 46.42), 4: (73.59, 86.61)},
            68: {
                36: (36.90, 46.67),
                45: (109.82, 46.84),
                33: (73.55, 86.72),
                39: (57.58, 47.52),
                42: (89.21, 47.59),
                57: (73.42, 116.57),
            },
        },
    ),
}


def landmark_model_for(landmarks: str, model: int | None) -> int:
    """The number of points of the predictor that serves a landmark set: the smallest that has them, or `model`.

    Raises
    ------
    FacelineError
        If the set is unknown, or `model` does not have its points.
    """
    if landmarks not in LANDMARK_SETS:
        raise FacelineError(f"unknown landmarks {landmarks!r}; choose from {', '.join(LANDMARK_SETS)}")
    models = LANDMARK_SETS[landmarks]
    if model is None:
        return min(models)
    if model not in models:
        raise FacelineError(f"the {model}-point landmark model has no {landmarks}; leave out --landmark-model {model}")
    return model


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


def cut(image: "np.ndarray", landmarks: "np.ndarray", places: "np.ndarray", edge: int, size: int) -> "np.ndarray":
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

    Returns
    -------
    ndarray of shape (size, size, 3), uint8
        Black where the picture ends.
    """
    import cv2
    import numpy as np

    def scaled(factor: float) -> np.ndarray:
        return (np.asarray(places) + 0.5) * factor - 0.5

    matrix = align_transform(landmarks, scaled(size / edge))
    # Bilinear interpolation sees four pixels, so a face that shrinks would alias: cut it `oversampling` times as large,
    # which does not shrink it, and average.
    oversampling = max(1, math.ceil(1 / math.hypot(matrix[0, 0], matrix[1, 0]) - 1e-6))
    if oversampling > 1:
        matrix = align_transform(landmarks, scaled(size * oversampling / edge))
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
