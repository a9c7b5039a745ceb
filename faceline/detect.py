"""Face detectors: a picture in, boxes out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from faceline.weights import DLIB_MMOD, Weights, weights_path

if TYPE_CHECKING:
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
def hog_detector() -> "Callable[[np.ndarray, int], list[Face]]":
    import dlib

    detector = dlib.get_frontal_face_detector()

    def detect(image: "np.ndarray", upsample: int) -> list[Face]:
        rectangles, scores, _ = detector.run(image, upsample, 0.0)
        return [face_from_dlib(rectangle, score) for rectangle, score in zip(rectangles, scores, strict=True)]

    return detect


@cache
def cnn_detector() -> "Callable[[np.ndarray, int], list[Face]]":
    import dlib

    detector = dlib.cnn_face_detection_model_v1(str(weights_path(DLIB_MMOD)))

    def detect(image: "np.ndarray", upsample: int) -> list[Face]:
        return [face_from_dlib(found.rect, found.confidence) for found in detector(image, upsample)]

    return detect


@dataclass(frozen=True)
class Detector:
    """An entry of the table of detectors; `load()` gives a function (image, upsample) -> faces."""

    load: "Callable[[], Callable[[np.ndarray, int], list[Face]]]"
    weights: tuple[Weights, ...] = ()


DETECTORS: Mapping[str, Detector] = {
    "hog": Detector(hog_detector),
    "cnn": Detector(cnn_detector, (DLIB_MMOD,)),
}
DEFAULT_DETECTOR = "hog"
