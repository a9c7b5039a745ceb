"""Face detectors: a picture in, boxes out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from faceline.mmod import detect_mmod
from faceline.runtime import Runtime, dlib_session
from faceline.weights import DLIB_MMOD, Weights, weights_path

if TYPE_CHECKING:
    import dlib
    import numpy as np

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Face:
    """A detected face.

    `box_ltrb` is (left, top, right, bottom) in pixels of the picture, right and bottom exclusive; a detector may place
    it partly outside. `score` is the detector's own confidence: 0 is its limit, and scores of different detectors do
    not compare.
    """

    box_ltrb: Box
    score: float

    def visible_box(self, image: "np.ndarray") -> Box:
        """The part of the box inside a picture of shape (height, width, 3): `image[top:bottom, left:right]`."""
        height, width = image.shape[:2]
        left, top, right, bottom = self.box_ltrb
        return max(left, 0), max(top, 0), min(right, width), min(bottom, height)


def face_from_dlib(rectangle, score: float) -> Face:
    # dlib's right and bottom are the last pixels inside.
    return Face((rectangle.left(), rectangle.top(), rectangle.right() + 1, rectangle.bottom() + 1), score)


@cache
def load_hog() -> "dlib.fhog_object_detector":
    import dlib

    return dlib.get_frontal_face_detector()


def detect_hog(image: "np.ndarray", upsample: int, runtime: Runtime) -> list[Face]:
    """dlib's HOG detector, which runs on one thread of the CPU whatever the runtime."""
    rectangles, scores, _ = load_hog().run(image, upsample, 0.0)
    return [face_from_dlib(rectangle, score) for rectangle, score in zip(rectangles, scores, strict=True)]


@cache
def load_cnn() -> "dlib.cnn_face_detection_model_v1":
    import dlib

    return dlib.cnn_face_detection_model_v1(str(weights_path(DLIB_MMOD)))


def detect_cnn(image: "np.ndarray", upsample: int, runtime: Runtime) -> list[Face]:
    """dlib's convolutional detector (mmod)."""
    if runtime.engine == "dlib":
        return [face_from_dlib(found.rect, found.confidence) for found in load_cnn()(image, upsample)]
    found = detect_mmod(dlib_session(DLIB_MMOD, runtime), image, upsample)
    return [Face(box, score) for box, score in found]


@dataclass(frozen=True)
class Detector:
    """An entry of the table of detectors: `detect(image, upsample, runtime)` finds the faces of a picture of shape
    (height, width, 3), RGB uint8, that is doubled `upsample` times before."""

    detect: "Callable[[np.ndarray, int, Runtime], list[Face]]"
    weights: tuple[Weights, ...] = ()


DETECTORS: Mapping[str, Detector] = {
    "hog": Detector(detect_hog),
    "cnn": Detector(detect_cnn, (DLIB_MMOD,)),
}
DEFAULT_DETECTOR = "hog"
