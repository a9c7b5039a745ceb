"""dlib's landmark predictors: a picture and a face's box in, points out."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from faceline.disk.pictures.boxes import Box
from faceline.host.sharing import once
from faceline.networks.weights import LANDMARKS_5, LANDMARKS_68, Weights, weights_path

if TYPE_CHECKING:
    import dlib

# Number of points -> weights.
LANDMARK_MODELS: Mapping[int, Weights] = {5: LANDMARKS_5, 68: LANDMARKS_68}


@once
def predictor(model: int) -> "dlib.shape_predictor":
    import dlib

    return dlib.shape_predictor(str(weights_path(LANDMARK_MODELS[model])))


def predict_landmarks(image: np.ndarray, box_ltrb: Box, model: int) -> np.ndarray:
    """Find the landmarks of a face.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8
    box_ltrb : (left, top, right, bottom)
        Where a detector found the face.
    model : {5, 68}

    Returns
    -------
    ndarray of shape (model, 2), int64
        (x, y) in pixels of the picture.
    """
    import dlib

    left, top, right, bottom = box_ltrb
    shape = predictor(model)(image, dlib.rectangle(left, top, right - 1, bottom - 1))
    return np.array([(point.x, point.y) for point in shape.parts()])


def dlib_chip(image: np.ndarray, box_ltrb: Box, landmarks: np.ndarray, size: int, padding: float) -> np.ndarray:
    """`dlib.get_face_chip` for landmarks of shape (5, 2) or (68, 2): a crop of shape (size, size, 3), uint8."""
    import dlib

    left, top, right, bottom = box_ltrb
    points = [dlib.point(int(x), int(y)) for x, y in landmarks]
    shape = dlib.full_object_detection(dlib.rectangle(left, top, right - 1, bottom - 1), points)
    return dlib.get_face_chip(image, shape, size, padding)
