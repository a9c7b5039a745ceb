"""Pictures as programs have them: arrays, the bytes of a file, its path, or Pillow's images."""

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceline.disk.paths import named_path
from faceline.disk.pictures.depth import to_rgb
from faceline.disk.pictures.images import Picture, open_picture, read_picture
from faceline.disk.pictures.limits import reduction
from faceline.disk.pictures.openers import damage
from faceline.disk.pictures.orientation import upright
from faceline.disk.pictures.views import Views
from faceline.errors import UnreadableError
from faceline.host.quiet import quiet
from faceline.host.sharing import Guard
from faceline.wording import one_line

if TYPE_CHECKING:
    from PIL import Image

# An image that Pillow has only opened is decoded at first use, which two threads must not do at once.
DECODING = Guard()


def picture_given(
    image: "np.ndarray | bytes | bytearray | memoryview | str | os.PathLike[str] | Image.Image",
    edge: int,
) -> Picture:
    """The picture that a program gives, upright and in RGB, reduced where it is very large.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8, in RGB; bytes of a picture file; path of one; or a Pillow image
        An array is taken as it is; the others as a viewer shows them, turned as their EXIF says. Pillow's images have
        8 bits of what their files may hold more of.
    edge : int
        How many pixels of the longer edge are decoded at first, as `images.open_picture` does.

    Raises
    ------
    UnreadableError
        If a file cannot be read, is no picture, damaged, or too large; its text names the path.
    TypeError
        If `image` is nothing of the kind.
    ValueError
        If an array has another shape or kind of numbers, or no pixels.
    """
    if isinstance(image, np.ndarray):
        return of_pixels(image)
    if isinstance(image, bytes | bytearray | memoryview):
        return open_picture(bytes(image), edge)
    if isinstance(image, str | os.PathLike):
        path = named_path(os.fspath(image))
        try:
            return open_picture(read_picture(Path(path)), edge)
        except UnreadableError as error:
            raise type(error)(error.reason, one_line(path)) from error
    from PIL import Image

    if isinstance(image, Image.Image):
        return of_pillow(image)
    kinds = "an RGB uint8 array, the bytes or the path of a picture, or a Pillow image"
    raise TypeError(f"a picture is {kinds}, not {type(image).__name__}")


def of_pixels(pixels: np.ndarray) -> Picture:
    """The picture of an array; raises ValueError if it is none."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        wanted = "a picture is uint8 of shape (height, width, 3), in RGB"
        raise ValueError(f"{wanted}, not {pixels.dtype} of shape {pixels.shape}")
    height, width = pixels.shape[:2]
    scale = reduction(width, height)
    if scale == 1:
        return Picture(Views.of(np.ascontiguousarray(pixels)), 1, width, height)
    from PIL import Image

    smaller = np.array(Image.fromarray(np.ascontiguousarray(pixels)).reduce(scale))
    return Picture(Views.of(smaller), scale, width, height)


def of_pillow(image: "Image.Image") -> Picture:
    """The picture of an image of Pillow's, as a viewer shows it; raises UnreadableError if it cannot be decoded."""
    from PIL import ExifTags

    with quiet(), damage():
        with DECODING.lock:
            lies = 1
            image.load()
            with contextlib.suppress(Exception):  # damaged metadata say nothing of how the picture lies
                lies = int(image.getexif()[ExifTags.Base.Orientation])
            copied = image.copy()  # it has no format: nothing in its file is looked for
        return of_pixels(np.array(upright(to_rgb(copied, b""), lies)))
