"""Face detectors: a picture in, boxes out."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from faceline.disk.cache import cache_folder, keep
from faceline.disk.pictures.boxes import Box
from faceline.disk.pictures.views import Seen
from faceline.host.quiet import quiet_opencv
from faceline.host.sharing import Guard, Pool, once
from faceline.networks.runtime import Runtime, dlib_session
from faceline.networks.weights import (
    DLIB_MMOD,
    RETINAFACE,
    YUNET,
    YUNET_2026,
    Download,
    Weights,
    path_of,
    weights_path,
)

if TYPE_CHECKING:
    import cv2
    import dlib

# The score from which YuNet's answer counts as a face, and dlib's box in terms of YuNet's: its edge, and how much lower
# it lies, the medians of 456 faces of LFW.
YUNET_LIMIT = 0.7
YUNET_EDGE, YUNET_DROP = 0.98, 0.04
# Likewise in terms of RetinaFace's box, the medians of 500 faces.
RETINAFACE_EDGE, RETINAFACE_DROP = 0.95, 0.07


@dataclass(frozen=True)
class Face:
    """A detected face.

    `box_ltrb` is (left, top, right, bottom) in pixels of the picture, right and bottom exclusive; a detector may place
    it partly outside. `turn` is how far the picture has to be turned clockwise for the face to be upright, in degrees;
    the box is that before the turn. `score` is the confidence of `detector` (hog, cnn, yunet or retinaface): 0 is its
    limit, and scores of different detectors do not compare.
    """

    box_ltrb: Box
    score: float
    turn: int = 0
    detector: str = "hog"

    def visible_box(self, image: Seen) -> Box:
        """The part of the box inside a picture of shape (height, width, 3): `image[top:bottom, left:right]`."""
        height, width = image.shape[:2]
        left, top, right, bottom = self.box_ltrb
        return max(left, 0), max(top, 0), min(right, width), min(bottom, height)


def face_from_dlib(rectangle, score: float, detector: str = "hog") -> Face:
    # dlib's right and bottom are the last pixels inside.
    box = rectangle.left(), rectangle.top(), rectangle.right() + 1, rectangle.bottom() + 1
    return Face(box, score, detector=detector)


def load_hog() -> "dlib.fhog_object_detector":
    import dlib

    # dlib unpacks it out of its own code in a quarter of a second; read from a file, the same detector takes a
    # thousandth.
    path = cache_folder() / f"hog-dlib-{dlib.__version__}.svm"
    try:
        return dlib.fhog_object_detector(str(path))
    except RuntimeError:  # not there, or damaged
        detector = dlib.get_frontal_face_detector()
        keep(path, lambda scratch: detector.save(str(scratch)))
        return detector


def laid_out(image: np.ndarray) -> np.ndarray:
    """A picture as dlib's functions have to be given it: of a part of another one they make a copy, and free it before
    they look at it."""
    return np.ascontiguousarray(image)


# A detector works in memory of its own, and lets other threads of Python run meanwhile.
HOGS = Pool(load_hog)

# A detector keeps the features of the last picture, 8 bytes a pixel: after a larger one it sees a tiny one.
MOST_KEPT_PIXELS = 1_000_000


def detect_hog(image: np.ndarray, upsample: int, runtime: Runtime, limit: float = 0.0) -> list[Face]:
    """dlib's HOG detector, which runs on one thread of the CPU whatever the runtime; faces that score above `limit`."""
    rectangles, scores = hog_rectangles(image, upsample, limit)
    return [face_from_dlib(rectangle, score) for rectangle, score in zip(rectangles, scores, strict=True)]


def hog_rectangles(image: np.ndarray, upsample: int, limit: float = 0.0) -> "tuple[dlib.rectangles, list[float]]":
    """What dlib's HOG detector gives for a picture of shape (height, width, 3) or (height, width), with the scores."""
    image = laid_out(image)
    with HOGS.lent() as hog:
        rectangles, scores, _ = hog.run(image, upsample, limit)
        if image.shape[0] * image.shape[1] * 4**upsample > MOST_KEPT_PIXELS:
            hog.run(image[:80, :80].copy(), 0, limit)
    return rectangles, scores


@once
def load_cnn() -> "dlib.cnn_face_detection_model_v1":
    import dlib

    return dlib.cnn_face_detection_model_v1(str(weights_path(DLIB_MMOD)))


# One is enough: it does not let other threads of Python run, and takes much memory.
CNN_GUARD = Guard()


def detect_cnn(image: np.ndarray, upsample: int, runtime: Runtime) -> list[Face]:
    """dlib's convolutional detector (mmod)."""
    image = laid_out(image)
    if runtime.engine == "dlib":
        with CNN_GUARD.lock:
            return [face_from_dlib(found.rect, found.confidence, "cnn") for found in load_cnn()(image, upsample)]
    from faceline.faces.mmod import detect_mmod

    found = detect_mmod(dlib_session(DLIB_MMOD, runtime), image, upsample)
    return [Face(box, score, detector="cnn") for box, score in found]


def load_yunet(weights: Download) -> "cv2.FaceDetectorYN":
    import cv2

    with quiet_opencv():  # OpenCV 5 warns of its own internals
        return cv2.FaceDetectorYN.create(str(path_of(weights)), "", (0, 0), YUNET_LIMIT)


# A detector remembers the size of the pictures that it is going to get, and more.
YUNETS = {weights: Pool(partial(load_yunet, weights)) for weights in (YUNET, YUNET_2026)}


def detect_yunet(image: np.ndarray, upsample: int, runtime: Runtime, weights: Download = YUNET) -> list[Face]:
    """YuNet (Wu, Peng and Yu, Machine Intelligence Research 20, 2023), run by OpenCV."""
    enlarged = doubled(image, upsample)
    with YUNETS[weights].lent() as yunet:
        yunet.setInputSize(enlarged.shape[1::-1])
        _, found = yunet.detect(np.ascontiguousarray(enlarged[..., ::-1]))
    return [] if found is None else faces_of_rows(found, upsample, YUNET_EDGE, YUNET_DROP, "yunet")


def detect_retinaface(image: np.ndarray, upsample: int, runtime: Runtime) -> list[Face]:
    """RetinaFace on MobileNet 0.25."""
    from faceline.faces.retinaface import run_retinaface

    found = run_retinaface(doubled(image, upsample), runtime)
    return faces_of_rows(found, upsample, RETINAFACE_EDGE, RETINAFACE_DROP, "retinaface")


def doubled(image: np.ndarray, times: int) -> np.ndarray:
    """A picture whose edges are doubled that many times."""
    import cv2

    height, width = (extent * 2**times for extent in image.shape[:2])
    return image if times == 0 else cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)


def faces_of_rows(rows: np.ndarray, upsample: int, edge: float, drop: float, detector: str) -> list[Face]:
    """Faces with boxes as those of dlib's detectors, which its landmark predictors want: squares, a little lower.

    Parameters
    ----------
    rows : ndarray of shape (n, 15), float32
        As OpenCV's FaceDetectorYN gives them for a picture that was doubled `upsample` times: left, top, width and
        height of a box, five landmarks, and the score. The landmarks are not used.
    upsample : int
    edge, drop : float
        dlib's edge in terms of the box's, and how much lower it lies in terms of dlib's.
    detector : str
    """
    faces = []
    scores = rows[:, -1].tolist()
    for (left, top, width, height), score in zip(rows[:, :4] / 2**upsample, scores, strict=True):
        length = edge * math.sqrt(width * height)
        centre = left + width / 2, top + height / 2 + drop * length
        left, top = (round(position - length / 2) for position in centre)
        faces.append(Face((left, top, left + round(length), top + round(length)), score, detector=detector))
    return faces


@dataclass(frozen=True)
class Detector:
    """An entry of the table of detectors.

    Attributes
    ----------
    looks : tuple of callable
        `look(image, upsample, runtime)` finds the faces of a picture of shape (height, width, 3), RGB uint8, that is
        doubled `upsample` times before. Each next one is asked only where those before find nothing.
    weights : tuple
        The files that they need.
    most_pixels : int
        All looks but the first see no enlarged picture of more pixels than this.
    is_tested : bool
        Whether the files were here when this was written.
    """

    looks: tuple[Callable[[np.ndarray, int, Runtime], list[Face]], ...]
    weights: tuple[Weights | Download, ...] = ()
    most_pixels: int = 0
    is_tested: bool = True

    @property
    def is_for_devices(self) -> bool:
        """Whether it looks with what runs on the runtime's device; HOG and YuNet run on the CPU whatever that is."""
        return any(look in (detect_cnn, detect_retinaface) for look in self.looks)

    def find(self, image: np.ndarray, upsample: int, runtime: Runtime, every: bool, after: int = 0) -> list[Face]:
        """Look for faces until there are some, in the picture as it is first, where the main one shows best and looking
        is cheapest; or for `every` face, in the picture at its largest first, where small ones show too. The first
        looks are left out, `after` that many."""
        pixels = image.shape[0] * image.shape[1]
        scales = range(upsample, -1, -1) if every else range(upsample + 1)
        for look in self.looks[after:]:
            for scale in scales:
                if look is not self.looks[0] and scale and pixels * 4**scale > self.most_pixels:
                    continue
                faces = look(image, scale, runtime)
                if faces:
                    return faces
        return []


DETECTORS: Mapping[str, Detector] = {
    # A picture without faces costs the most; 2 megapixels keep it below a second and half a gigabyte.
    "auto": Detector((detect_hog, detect_cnn), (DLIB_MMOD,), most_pixels=2_000_000),
    "hog": Detector((detect_hog,)),
    "cnn": Detector((detect_cnn,), (DLIB_MMOD,)),
    "yunet": Detector((detect_yunet,), (YUNET,)),
    "yunet-2026": Detector((partial(detect_yunet, weights=YUNET_2026),), (YUNET_2026,), is_tested=False),
    "retinaface": Detector((detect_retinaface,), (RETINAFACE,)),
}
DEFAULT_DETECTOR = "auto"
