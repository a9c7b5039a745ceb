"""What dlib's Python functions give, on ONNX Runtime, with their mistakes for what they do not take."""

import multiprocessing
import os
from collections.abc import Iterable
from contextvars import ContextVar
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from faceline.disk.pictures.boxes import Box
from faceline.faces.detectors import CNN_GUARD, laid_out, load_cnn
from faceline.host.sharing import once
from faceline.networks.inference import BATCH, run_network
from faceline.networks.runtime import Runtime, dlib_session
from faceline.networks.table import NETWORKS
from faceline.networks.weights import DLIB_MMOD
from faceline.runs.parallel import all_cores

if TYPE_CHECKING:
    import dlib

# Of the networks; None for one on each core, in a process that the program has started among others just one.
THREADS: ContextVar[int | None] = ContextVar("threads", default=None)


def check_choice(model: str, choices: Iterable[str], what: str) -> None:
    """Raise ValueError if a model is none of the choices."""
    if model not in choices:
        raise ValueError(f"{model!r} is no {what} model; choose from {', '.join(choices)}")


def check_picture(image: np.ndarray) -> None:
    """Raise what dlib raises of what is no picture."""
    if not isinstance(image, np.ndarray):
        raise TypeError(f"a picture is an array of numpy, such as load_image_file gives, not {type(image).__name__}")
    if image.dtype != np.uint8 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        raise RuntimeError(
            "Unsupported image type, must be 8bit gray or RGB image."
            f" This is {image.dtype} of shape {image.shape}; see load_image_file"
        )


def pixels_of(file: "str | bytes | os.PathLike[str] | IO[bytes]", mode: str | None, upright: bool) -> np.ndarray:
    """A picture by Pillow, in a mode of its own or in `mode`, and turned as its EXIF says if it is to be upright."""
    from PIL import Image, ImageOps

    with Image.open(file) as picture:
        turned = ImageOps.exif_transpose(picture) if upright else picture
        return np.array(turned.convert(mode) if mode else turned)


def whole_number(value: Any, name: str) -> int:
    """A count as dlib takes it: no float of Python's, no text."""
    if isinstance(value, float | str | bytes) or value is None:
        raise TypeError(f"{name} is a whole number, not {value!r}")
    return int(value)


def in_colour(image: np.ndarray) -> np.ndarray:
    """A picture as dlib's network wants it."""
    return laid_out(image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2))


def cnn_faces(image: np.ndarray, upsample: int) -> list[tuple[Box, float]]:
    """The boxes of the CNN's faces, as dlib has them and in its order, each with how sure it is: right and bottom
    belong to a box."""
    from faceline.faces.mmod import detect_mmod

    check_picture(image)
    times = whole_number(upsample, "number_of_times_to_upsample")
    if times < 0:
        raise TypeError(f"number_of_times_to_upsample {times} is out of range; choose 0 or more")
    if 0 in image.shape:
        return []
    found = detect_mmod(dlib_session(DLIB_MMOD, runtime()), in_colour(image), times)
    return [((left, top, right - 1, bottom - 1), confidence) for (left, top, right, bottom), confidence in found]


def mmod_rectangles(image: np.ndarray, upsample: int) -> "dlib.mmod_rectangles":
    """The faces of `cnn_faces` as dlib's objects."""
    import dlib

    found = cnn_faces(image, upsample)
    rectangles = dlib.mmod_rectangles([some_mmod_rectangle()] * len(found))
    for rectangle, (box, confidence) in zip(rectangles, found, strict=True):
        rectangle.rect, rectangle.confidence = dlib.rectangle(*box), confidence
    return rectangles


@once
def some_mmod_rectangle() -> "dlib.mmod_rectangle":
    """One to copy: Python cannot make any, but dlib's own CNN finds a face in a small drawing, within 50 ms."""
    with CNN_GUARD.lock:
        return load_cnn()(drawn_face(), 0)[0]


def drawn_face() -> np.ndarray:
    """Hair, skin, eyes, nose and mouth as ellipses, of which the CNN is as sure as of a photograph: 0.98."""
    edge, middle = 88, 44
    rows, columns = np.mgrid[:edge, :edge]
    face = np.full((edge, edge), 184, np.uint8)
    eyes = ((21, 38, 13, 4, 40), (67, 38, 13, 4, 40))
    nose, mouth = (middle, 51, 3, 3, 134), (middle, 66, 14, 4, 82)
    for x, y, half_width, half_height, shade in (
        (middle, 30, 35, 29, 43),
        (middle, 53, 29, 34, 255),
        *eyes,
        nose,
        mouth,
    ):
        face[((columns - x) / half_width) ** 2 + ((rows - y) / half_height) ** 2 < 1] = shade
    return np.repeat(face[:, :, None], 3, axis=2)


def runtime() -> Runtime:
    """What the networks run on."""
    alone = multiprocessing.parent_process() is None
    return Runtime(threads=THREADS.get() or (all_cores() if alone else 1))


def encoded(chips: np.ndarray) -> np.ndarray:
    """What the network makes, (n, 128) float32, of chips, (n, 150, 150, 3) uint8."""
    return run_network(NETWORKS["dlib"], chips, runtime())


def mean_encoding(chip: np.ndarray, copies: int) -> np.ndarray:
    """The mean over jittered copies of a chip, (128,) float64."""
    import dlib

    total = np.zeros(128)
    for start in range(0, copies, BATCH):
        some = dlib.jitter_image(chip, min(BATCH, copies - start))
        total += encoded(np.array(some)).sum(axis=0, dtype=np.float64)
    return total / copies
