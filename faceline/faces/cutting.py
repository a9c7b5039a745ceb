"""From landmarks to a crop: the transformation that brings them to their places, and the cut."""

import math
from collections.abc import Callable

import numpy as np


class CoincidentLandmarksError(ValueError):
    """Landmarks that lie on one point have no size and no direction."""


def align_transform(source: np.ndarray, target: np.ndarray) -> np.ndarray:
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
    before = np.asarray(source, np.float64) @ (1, 1j)
    after = np.asarray(target, np.float64) @ (1, 1j)
    centred = before - before.mean()
    spread = np.vdot(centred, centred).real
    if spread == 0:
        raise CoincidentLandmarksError("the landmarks coincide")
    turn = np.vdot(centred, after) / spread
    shift = after.mean() - turn * before.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def affine_transform(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The map that carries three points exactly onto three others, stretching what is between them."""
    corners = np.column_stack([source, np.ones(3)])
    if abs(np.linalg.det(corners)) < 1e-6:
        raise CoincidentLandmarksError("the landmarks lie on one line")
    return np.linalg.solve(corners, target).T


def cut(
    image: np.ndarray,
    landmarks: np.ndarray,
    template: np.ndarray,
    edge: int,
    size: int,
    transform: Callable[[np.ndarray, np.ndarray], np.ndarray] = align_transform,
) -> np.ndarray:
    """Cut a square crop out of a picture.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8
    landmarks : ndarray of shape (n, 2), float
        (x, y) in the picture.
    template : ndarray of shape (n, 2), float
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

    def scaled(factor: float) -> np.ndarray:
        return (np.asarray(template) + 0.5) * factor - 0.5

    matrix = transform(landmarks, scaled(size / edge))
    # Bilinear interpolation sees four pixels, so a face that shrinks would alias: cut it `oversampling` times as large,
    # which does not shrink it, and average.
    oversampling = max(1, math.ceil(1 / math.hypot(matrix[0, 0], matrix[1, 0]) - 1e-6))
    if oversampling > 1:
        matrix = transform(landmarks, scaled(size * oversampling / edge))
    image, matrix = around(image, matrix, size * oversampling)
    return warped(image, matrix, size, oversampling)


def warped(image: np.ndarray, matrix: np.ndarray, size: int, oversampling: int) -> np.ndarray:
    """A square of a picture, warped `oversampling` times as large and averaged; black where the picture ends."""
    import cv2

    # OpenCV warps four channels in half the time of three, with the same pixels.
    padded = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA)
    crop = cv2.warpAffine(padded, matrix, (size * oversampling,) * 2, flags=cv2.INTER_LINEAR)
    if oversampling > 1:
        crop = cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(crop, cv2.COLOR_RGBA2RGB)


def around(image: np.ndarray, matrix: np.ndarray, edge: int) -> tuple[np.ndarray, np.ndarray]:
    """The part of a picture that a crop of `edge` pixels shows, and the matrix for it: OpenCV's warp refuses pictures
    of more than 32,767 pixels a side."""
    corners = np.array([(0, 0, edge, edge), (0, edge, 0, edge)]) - matrix[:, 2:]
    corners = np.linalg.solve(matrix[:, :2], corners)
    height, width = image.shape[:2]
    # Two pixels more than the corners, for the interpolation; never nothing, so that OpenCV has a picture.
    left, top = np.clip(np.floor(corners.min(axis=1)).astype(int) - 2, 0, (width - 1, height - 1))
    right, bottom = np.clip(np.ceil(corners.max(axis=1)).astype(int) + 3, (left + 1, top + 1), (width, height))
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ (left, top)
    return image[top:bottom, left:right], shifted
