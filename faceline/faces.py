"""From a picture to its faces and their crops, the same way for the gallery and for a photograph to be named."""

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

from faceline.detect import DEFAULT_DETECTOR, DETECTORS, Face
from faceline.errors import FacelineError
from faceline.geometry import (
    DEFAULT_LANDMARKS,
    DLIB_CHIP,
    DLIB_CHIP_PADDING,
    FRAMES,
    LANDMARK_SETS,
    affine_transform,
    align_transform,
    cut,
    landmark_model_for,
)
from faceline.landmarks import LANDMARK_MODELS, dlib_chip, predict_landmarks
from faceline.runtime import Runtime
from faceline.sharing import once
from faceline.weights import path_of

if TYPE_CHECKING:
    import numpy as np

DEFAULT_SIZE = 96
DEFAULT_DETECTION_SIZE = 1600
DEFAULT_UPSAMPLE = 1
MAX_UPSAMPLE = 4
MIN_SIZE, MAX_SIZE = 32, 1024

# Raised when other crops come out of the same options, so that crops of two versions do not mix.
GEOMETRY_VERSION = 2

# Where a face would be in a picture that no detector finds one in: the edge of its box, and how much lower than the
# picture's its middle lies, in shorter edges of the picture. The medians of 3,491 detections in LFW.
MIDDLE_EDGE, MIDDLE_DROP = 0.42, 0.046

# The width of the bell curve by which faces count for less the farther they are from the middle, in widths and heights
# of the picture: by 0.35 LFW's subjects are the main faces in all of 180 pictures of several, by 0.5 not in all.
MIDDLE_REACH = 0.35


@dataclass(frozen=True)
class AlignmentOptions:
    """How faces are found and cropped: all that a crop depends on, beside the picture.

    Raises
    ------
    FacelineError
        If an option is unknown, out of range, or does not go with another.
    """

    landmarks: str = DEFAULT_LANDMARKS
    size: int = DEFAULT_SIZE
    landmark_model: int | None = None
    detector: str = DEFAULT_DETECTOR
    upsample: int = DEFAULT_UPSAMPLE
    detection_size: int = DEFAULT_DETECTION_SIZE
    frame: str = "dlib"

    def __post_init__(self) -> None:
        if self.detector not in DETECTORS:
            raise FacelineError(f"unknown detector {self.detector!r}; choose from {', '.join(DETECTORS)}")
        if not MIN_SIZE <= self.size <= MAX_SIZE:
            raise FacelineError(f"size {self.size} is out of range; choose {MIN_SIZE} to {MAX_SIZE} pixels")
        if not 0 <= self.upsample <= MAX_UPSAMPLE:
            raise FacelineError(f"upsample {self.upsample} is out of range; choose 0 to {MAX_UPSAMPLE}")
        if not 64 <= self.detection_size <= 65536:
            raise FacelineError(f"detection size {self.detection_size} is out of range; choose 64 to 65536 pixels")
        model = landmark_model_for(self.frame, self.landmarks, self.landmark_model)
        object.__setattr__(self, "landmark_model", model)

    def record(self) -> dict:
        """The options and what they stand for, as JSON for `run.json` and `classifier.pkl`."""
        weights = (*DETECTORS[self.detector].weights, LANDMARK_MODELS[self.landmark_model])
        return asdict(self) | {
            "geometry_version": GEOMETRY_VERSION,
            "weights": {entry.file: entry.sha256 for entry in weights},
        }

    @classmethod
    def from_record(cls, record: dict) -> Self:
        """The options that `record` was made from.

        Raises
        ------
        FacelineError
            If this version would make other crops from them.
        """
        try:
            values = {name: record[name] for name in cls.__dataclass_fields__}
            if not all(type(value) in (int, str) for value in values.values()):  # 96.0 is equal to 96, but no size
                raise TypeError
            options = cls(**values)
        except (KeyError, TypeError):
            raise FacelineError("the alignment is not described as this version does") from None
        if any(record.get(name) != value for name, value in options.record().items()):
            raise FacelineError("the crops were made by another version, with other weights or geometry")
        return options

    def check_weights(self) -> None:
        """Raise FacelineError if the weights are not installed; once, before the work is spread over processes."""
        for entry in (*DETECTORS[self.detector].weights, LANDMARK_MODELS[self.landmark_model]):
            path_of(entry)


class Aligner:
    """Finds faces and crops them as `options` say. The models are loaded at first use, once a process."""

    def __init__(self, options: AlignmentOptions, runtime: Runtime) -> None:
        self.options = options
        self.runtime = runtime

    def find(self, image: "np.ndarray", every: bool = False) -> list[Face]:
        """Detect the faces of a picture: the main one first, which is large and near the middle, then from the largest.

        Parameters
        ----------
        image : ndarray of shape (height, width, 3), uint8
            RGB, upright.
        every : bool
            Find small ones beside the main one too, which costs more.
        """
        options = self.options
        smaller, scale = bounded(image, options.detection_size)
        found = DETECTORS[options.detector].find(smaller, options.upsample, self.runtime, every)
        faces = [enlarged(face, scale) for face in found]
        height, width = image.shape[:2]

        def area(face: Face) -> int:
            left, top, right, bottom = face.visible_box(image)
            return max(right - left, 0) * max(bottom - top, 0)

        def prominence(face: Face) -> float:
            left, top, right, bottom = face.box_ltrb
            distance = math.hypot((left + right) / width - 1, (top + bottom) / height - 1) / 2
            return math.log(area(face)) - (distance / MIDDLE_REACH) ** 2 / 2

        faces = sorted((face for face in faces if area(face)), key=lambda face: (-area(face), face.box_ltrb))
        if faces:
            main = max(faces, key=prominence)
            faces.remove(main)
            faces.insert(0, main)
        return faces

    def crop(self, image: "np.ndarray", face: Face) -> "np.ndarray":
        """Cut a face out of its picture, placed as the network expects it.

        Returns
        -------
        ndarray of shape (size, size, 3), uint8

        Raises
        ------
        CoincidentLandmarksError
            If the face's landmarks do.
        """
        import numpy as np

        options = self.options
        landmarks = predict_landmarks(image, face.box_ltrb, options.landmark_model)
        if options.landmarks == DLIB_CHIP:
            return dlib_chip(image, face.box_ltrb, landmarks, options.size, DLIB_CHIP_PADDING)
        frame = FRAMES[options.frame]
        groups = LANDMARK_SETS[options.landmarks][options.landmark_model]
        points = np.array([landmarks[list(group)].mean(axis=0) for group in groups])
        places = np.array(frame.places[options.landmarks][options.landmark_model])
        transform = affine_transform if frame.affine else align_transform
        return cut(image, points, places, frame.edge, options.size, transform)


def bounded(image: "np.ndarray", size: int) -> "tuple[np.ndarray, float]":
    """A picture whose longer edge has at most `size` pixels, averaged where it shrinks, and how much larger it was."""
    import cv2

    height, width = image.shape[:2]
    scale = max(height, width) / size
    if scale <= 1:
        return image, 1.0
    shape = max(1, round(width / scale)), max(1, round(height / scale))
    return cv2.resize(image, shape, interpolation=cv2.INTER_AREA), scale


def enlarged(face: Face, scale: float) -> Face:
    """A face of a picture that was made smaller by `scale`, in the picture itself."""
    return face if scale == 1 else Face(tuple(round(edge * scale) for edge in face.box_ltrb), face.score)


def middle_face(image: "np.ndarray") -> Face:
    """A box in the middle of a picture of shape (height, width, 3), as large as a detected face: a guess."""
    height, width = image.shape[:2]
    shorter = min(height, width)
    edge = max(1, round(MIDDLE_EDGE * shorter))
    left, top = round((width - edge) / 2), round((height - edge) / 2 + MIDDLE_DROP * shorter)
    return Face((left, top, left + edge, top + edge), 0.0)


@once
def aligner_for(options: AlignmentOptions, runtime: Runtime) -> Aligner:
    """One aligner for each process and set of options."""
    return Aligner(options, runtime)
