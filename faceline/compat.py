"""The functions of the package face_recognition 1.3.0, with its results, on ONNX Runtime.

    from faceline import compat as face_recognition

Or let programs stay as they are: `install()` makes `import face_recognition` this module, `uninstall()` undoes it, and
`python -m faceline.compat program.py …` runs a program in this way. Every function may be called by several threads.

Boxes are (top, right, bottom, left) in pixels, pictures (height, width, 3) RGB or (height, width) grey, uint8. Where
the original's answer is right, this is the same: locations and landmarks equal, encodings within 5e-6. Mended are:

- an unknown model, which was taken for "hog" or "large" without a word: `ValueError`
- parts of pictures and turned ones (`picture[10:, ::2]`, `picture.T`), in which HOG found nothing or anything, and of
  which there were no encodings; encodings of grey pictures, too
- batches of pictures of several sizes, which were refused, and boxes in them, which were cut at the first one's edge
- pictures without pixels, or too small for the CNN, which it refused: no face
- wrong boxes and crashes where several threads call at once

As in the original, `load_image_file` leaves pictures on their side that their EXIF says lie there, unless `upright` is
given.
"""

import importlib
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import IO, TYPE_CHECKING, Any

from faceline.host.standing_in import FACE_RECOGNITION, run_program

if __name__ == "__main__":  # before the rest is imported, which only the program needs
    sys.exit(run_program(FACE_RECOGNITION, "faceline.compat"))

import numpy as np

from faceline.faces.as_dlib import (
    check_choice,
    check_picture,
    cnn_faces,
    encoded,
    in_colour,
    mean_encoding,
    mmod_rectangles,
    pixels_of,
    whole_number,
)
from faceline.faces.detectors import hog_rectangles, laid_out, load_cnn
from faceline.faces.landmarks import predictor
from faceline.host.interruptions import pass_on
from faceline.host.truncated import truncated_allowed
from faceline.networks.inference import load_dlib
from faceline.networks.weights import DLIB_RESNET

if TYPE_CHECKING:
    import dlib

# (top, right, bottom, left)
CssBox = tuple[int, int, int, int]

CHIP, PADDING = 150, 0.25  # what dlib's network was trained on
POINTS = {"large": 68, "small": 5}
DETECTORS = "hog", "cnn"


def load_image_file(
    file: str | os.PathLike[str] | IO[bytes], mode: str | None = "RGB", *, upright: bool = False
) -> np.ndarray:
    """Read a picture.

    Parameters
    ----------
    file : path or file
    mode : str or None
        "RGB", or "L" for grey; None for what the file has.
    upright : bool
        Turn it as its EXIF says.

    Returns
    -------
    ndarray of shape (height, width, 3) or (height, width), uint8
    """
    try:
        return pixels_of(file, mode, upright)
    except Exception as error:  # Pillow's decoders raise any
        pass_on(error)
    with truncated_allowed():  # as far as it goes, as the original does; Pillow begins at a file's beginning
        return pixels_of(file, mode, upright)


def face_locations(img: np.ndarray, number_of_times_to_upsample: int = 1, model: str = "hog") -> list[CssBox]:
    """The boxes of the faces of a picture, by the detector "hog" or "cnn", where it is doubled so often before."""
    check_choice(model, DETECTORS, "detection")
    if model == "cnn":
        return cnn_locations(img, number_of_times_to_upsample)
    found = _raw_face_locations(img, number_of_times_to_upsample, model)
    return [_trim_css_to_bounds(_rect_to_css(rectangle), img.shape) for rectangle in found]


def batch_face_locations(
    images: Sequence[np.ndarray], number_of_times_to_upsample: int = 1, batch_size: int = 128
) -> list[list[CssBox]]:
    """What `face_locations` gives for each of several pictures by the CNN; the size of a batch changes nothing."""
    return [cnn_locations(image, number_of_times_to_upsample) for image in images]


def face_landmarks(
    face_image: np.ndarray, face_locations: Iterable[Sequence[int]] | None = None, model: str = "large"
) -> list[dict[str, list[tuple[int, int]]]]:
    """The points (x, y) of each face's features, of 68 points ("large") or 5 ("small"), in the given boxes or in those
    that HOG finds."""
    if model not in POINTS:
        raise ValueError("Invalid landmarks model type. Supported models are ['small', 'large'].")
    features = large_features if model == "large" else small_features
    shapes = _raw_face_landmarks(face_image, face_locations, model)
    return [features([(point.x, point.y) for point in shape.parts()]) for shape in shapes]


def face_encodings(
    face_image: np.ndarray,
    known_face_locations: Iterable[Sequence[int]] | None = None,
    num_jitters: int = 1,
    model: str = "small",
) -> list[np.ndarray]:
    """An encoding of each face, (128,) float64, in the given boxes or in those that HOG finds.

    Parameters
    ----------
    face_image : ndarray
    known_face_locations : iterable of (top, right, bottom, left), or None
    num_jitters : int
        More than 1: the mean of so many copies, a little turned and shifted, as dlib draws them.
    model : str
        By which landmarks faces are cropped, "small" or "large".
    """
    check_choice(model, POINTS, "landmarks")
    copies = whole_number(num_jitters, "num_jitters")
    shapes = _raw_face_landmarks(face_image, known_face_locations, model)
    if not shapes:
        return []
    import dlib

    pixels = in_colour(face_image)
    chips = [dlib.get_face_chip(pixels, shape, CHIP, PADDING) for shape in shapes]
    if copies <= 1:
        return list(encoded(np.array(chips)).astype(np.float64))
    return [mean_encoding(chip, copies) for chip in chips]


def face_distance(face_encodings: Sequence[Any] | np.ndarray, face_to_compare: Any) -> np.ndarray:
    """The Euclidean distances, (n,), of n encodings to another one."""
    if len(face_encodings) == 0:
        return np.empty(0)
    return np.linalg.norm(np.asarray(face_encodings) - np.asarray(face_to_compare), axis=1)


def compare_faces(
    known_face_encodings: Sequence[Any] | np.ndarray, face_encoding_to_check: Any, tolerance: float = 0.6
) -> list[bool]:
    """Whether each of some encodings is at most so far from another one."""
    return list(face_distance(known_face_encodings, face_encoding_to_check) <= tolerance)


def _rect_to_css(rect: "dlib.rectangle") -> CssBox:
    return rect.top(), rect.right(), rect.bottom(), rect.left()


def _css_to_rect(css: Sequence[int]) -> "dlib.rectangle":
    import dlib

    return dlib.rectangle(css[3], css[0], css[1], css[2])


def _trim_css_to_bounds(css: Sequence[int], image_shape: Sequence[int]) -> CssBox:
    """A box as far as a picture of that shape shows it."""
    return max(css[0], 0), min(css[1], image_shape[1]), min(css[2], image_shape[0]), max(css[3], 0)


def _raw_face_locations(img: np.ndarray, number_of_times_to_upsample: int = 1, model: str = "hog") -> Any:
    """What dlib's detector gives: `dlib.rectangles`, of the CNN `dlib.mmod_rectangles`."""
    check_choice(model, DETECTORS, "detection")
    check_picture(img)
    if model == "cnn":
        return mmod_rectangles(img, number_of_times_to_upsample)
    return hog_rectangles(img, number_of_times_to_upsample)[0]


def _raw_face_locations_batched(
    images: Sequence[np.ndarray], number_of_times_to_upsample: int = 1, batch_size: int = 128
) -> Any:
    """What dlib's CNN gives for several pictures: `dlib.mmod_rectangless`."""
    import dlib

    return dlib.mmod_rectangless([mmod_rectangles(image, number_of_times_to_upsample) for image in images])


def _raw_face_landmarks(
    face_image: np.ndarray, face_locations: Iterable[Sequence[int]] | None = None, model: str = "large"
) -> "list[dlib.full_object_detection]":
    """The landmarks of each face as dlib gives them."""
    check_choice(model, POINTS, "landmarks")
    if face_locations is None:
        boxes = list(_raw_face_locations(face_image))
    else:
        boxes = [_css_to_rect(location) for location in face_locations]
    if not boxes:
        return []
    check_picture(face_image)
    find, pixels = predictor(POINTS[model]), laid_out(face_image)
    return [find(pixels, box) for box in boxes]


def cnn_locations(image: np.ndarray, upsample: int) -> list[CssBox]:
    found = cnn_faces(image, upsample)
    return [_trim_css_to_bounds((top, right, bottom, left), image.shape) for (left, top, right, bottom), _ in found]


def large_features(points: list[tuple[int, int]]) -> dict[str, list[tuple[int, int]]]:
    """Where the features are among dlib's 68 points; the inner edges of the lips go back to where they begin."""
    return {
        "chin": points[0:17],
        "left_eyebrow": points[17:22],
        "right_eyebrow": points[22:27],
        "nose_bridge": points[27:31],
        "nose_tip": points[31:36],
        "left_eye": points[36:42],
        "right_eye": points[42:48],
        "top_lip": points[48:55] + points[64:59:-1],
        "bottom_lip": [*points[54:60], points[48], points[60], *points[67:63:-1]],
    }


def small_features(points: list[tuple[int, int]]) -> dict[str, list[tuple[int, int]]]:
    """Where the features are among dlib's 5 points."""
    return {"nose_tip": [points[4]], "left_eye": points[2:4], "right_eye": points[0:2]}


def __getattr__(name: str) -> Any:
    """dlib's own objects, which the original has under these names."""
    models: dict[str, Callable[[], Any]] = {
        "face_detector": lambda: importlib.import_module("dlib").get_frontal_face_detector(),
        "cnn_face_detector": load_cnn,
        "pose_predictor_68_point": lambda: predictor(68),
        "pose_predictor_5_point": lambda: predictor(5),
        "face_encoder": lambda: load_dlib(DLIB_RESNET),
    }
    if name not in models:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return models[name]()


def install() -> None:
    """Make `import face_recognition` this module, here and in processes that are started from here."""
    FACE_RECOGNITION.install()


def uninstall() -> None:
    """Undo `install`: the real package, if there is one, is what is imported again."""
    FACE_RECOGNITION.uninstall()
