"""The one reader of pictures, and the writer of crops.

Pictures are RGB uint8 arrays of shape (height, width, 3) everywhere, upright, first frame only.
"""

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from faceline.disk.pictures import opencv_pictures
from faceline.disk.pictures.boxes import Box
from faceline.disk.pictures.limits import MAX_BYTES, check_bytes, reduction, room
from faceline.disk.pictures.opencv_pictures import OpenCvPicture
from faceline.disk.pictures.openers import HEIF_SUFFIXES, REFUSED_FORMATS, damage, open_image, register_heif
from faceline.disk.pictures.orientation import REVERSED, SWAPPED, upright
from faceline.disk.pictures.pillow_pictures import PillowPicture
from faceline.disk.pictures.views import View, Views
from faceline.disk.reading import opened
from faceline.errors import UnreadableError
from faceline.host.imports import load
from faceline.host.quiet import quiet

# libjpeg decodes no smaller than at an eighth of the scale.
MOST_REDUCED = 8

# What files of some formats are usually called.
ENDINGS = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "HEIF": ".heic", "TIFF": ".tif"}


@dataclass(frozen=True)
class Picture:
    """A picture that can be decoded.

    Attributes
    ----------
    views : Views
        Its pixels, and where there are any, smaller views of them.
    scale : int
        How many pixels of the upright picture's edge are one of `pixels`: 1, or a power of two for a large one.
    width, height : int
        Of the whole upright picture.
    """

    views: Views
    scale: int
    width: int
    height: int

    @property
    def pixels(self) -> np.ndarray:
        """Shape (height, width, 3), uint8: RGB, C-contiguous, upright."""
        return self.views.whole

    def whole_box(self, box_ltrb: Box) -> Box:
        """A box in `pixels` as one in the whole picture."""
        left, top, right, bottom = (edge * self.scale for edge in box_ltrb)
        return left, top, min(right, self.width), min(bottom, self.height)

    def whole_points(self, points: np.ndarray) -> np.ndarray:
        """Points in `pixels`, (n, 2) as (x, y) from the centre of the top-left pixel, as such in the whole picture."""
        return points * self.scale + (self.scale - 1) / 2


def picture_suffixes() -> frozenset[str]:
    """The lower-case endings, with dot, of the files that `decode_picture` may be able to read."""
    from PIL import Image

    register_heif()
    formats = Image.registered_extensions()
    readable = Image.OPEN.keys() - REFUSED_FORMATS | {"MPO"}
    return (
        frozenset(suffix for suffix, name in formats.items() if name in readable)
        | opencv_pictures.SUFFIXES
        | HEIF_SUFFIXES
    )


def picture_ending(data: bytes) -> str:
    """The ending, with dot, for a file with the bytes of a picture, by what it is; raises UnreadableError."""
    from PIL import Image

    with quiet():
        name = open_image(io.BytesIO(data)).format or ""
    usual = ENDINGS.get(name)
    known = picture_suffixes()
    found = sorted(ending for ending, of in Image.registered_extensions().items() if of == name and ending in known)
    if usual is None and not found:
        raise UnreadableError(f"pictures in the format {name} have no ending of their own; convert it to PNG")
    return usual or found[0]


def read_picture(path: Path) -> bytes:
    """The bytes of a picture file, for `decode_picture`; raises UnreadableError."""
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_BYTES:
            try:
                with quiet():
                    read_header(file)
            except UnreadableError:
                raise UnreadableError(f"{size:,} bytes, the limit is {MAX_BYTES:,} for what is no picture") from None
            check_bytes(size)
            file.seek(0)
        return file.read()


def read_header(file: BinaryIO) -> PillowPicture | OpenCvPicture:
    """What a picture is, before its pixels are decoded; raises UnreadableError."""
    try:
        return PillowPicture(file)
    except UnreadableError as error:
        try:
            return OpenCvPicture(file)
        except UnreadableError:
            raise error from None


def decode_image(data: bytes) -> np.ndarray:
    """The pixels of `decode_picture`, where their scale does not matter."""
    return decode_picture(data).pixels


def decode_picture(data: bytes, enough: int | None = None) -> Picture:
    """Decode a picture in any format that Pillow, pi-heif and OpenCV read.

    Transparent parts become white, more than 8 bits become 8, and the orientation that the file says is applied. A
    picture of more than `limits.MAX_PIXELS` is decoded at a reduced scale; so is one whose shorter edge keeps `enough`
    pixels then, at an eighth of its scale at least, which is far quicker for a JPEG.

    Raises
    ------
    UnreadableError
        If the data is no picture, damaged, or too large to decode.
    """
    return decoded(header_of(data), data, enough)


def header_of(data: bytes) -> PillowPicture | OpenCvPicture:
    """`read_header` of a picture in memory; raises UnreadableError."""
    if not data:
        raise UnreadableError("empty file")
    load("cv2")
    with quiet():
        return read_header(io.BytesIO(data))


def decoded(header: PillowPicture | OpenCvPicture, data: bytes, enough: int | None = None) -> Picture:
    """The picture that `decode_picture` makes of data, whose header nothing has been decoded of yet."""
    width, height = header.width, header.height
    scale = reduction(width, height)
    while enough is not None and scale < MOST_REDUCED and min(width, height) >= 2 * scale * enough:
        scale *= 2
    with quiet(), room(width, height, len(data), header.pixel_bytes), damage():
        image, lies = header.decode(data, scale)
        pixels = np.array(upright(image, lies))
    if lies in SWAPPED:
        width, height = height, width
    return Picture(Views.of(pixels), scale, width, height)


def open_picture(data: bytes, edge: int) -> Picture:
    """The same picture, decoded no further than who looks at it wants; a JPEG at first at the smallest scale at which
    its longer edge has `edge` pixels, which takes a quarter of the time.

    All data are read for that, so damage shows here. Where there is any, and where a picture is too large for its full
    scale, it is decoded as `decode_picture` does.

    Raises
    ------
    UnreadableError
        If the data is no picture, damaged, or too large to decode.
    """
    header = header_of(data)
    if not isinstance(header, PillowPicture) or not header.is_jpeg:
        return decoded(header, data)
    width, height = header.width, header.height
    scales = [1]
    while scales[-1] < MOST_REDUCED and max(width, height) >= 2 * scales[-1] * edge:
        scales.append(2 * scales[-1])
    if len(scales) == 1 or reduction(width, height) > 1 or len(data) > MAX_BYTES:  # the data would have to be kept
        return decoded(header, data)
    try:
        first, lies = decode_view(header, data, scales[-1])
    except UnreadableError:  # what is said of it is the same whatever the scale
        return decode_picture(data)
    if lies in SWAPPED:
        width, height = height, width

    def decode(scale: int) -> View:
        with quiet():
            return first if scale == scales[-1] else decode_view(PillowPicture(io.BytesIO(data)), data, scale)[0]

    return Picture(Views((height, width, 3), tuple(scales), decode), 1, width, height)


def decode_view(header: PillowPicture, data: bytes, scale: int) -> tuple[View, int]:
    """A JPEG at a scale, and EXIF's number for how it lies; raises UnreadableError if it is damaged or cut off."""
    with quiet(), damage():
        image, lies = header.decode_whole(data, scale)
        pixels = np.array(upright(image, lies))
    # The last pixel of a row may stand for fewer; turned, it is the first one.
    edges = (header.height, header.width) if lies in SWAPPED else (header.width, header.height)
    left, top = (-(-edge % scale) if turned else 0 for edge, turned in zip(edges, REVERSED[lies], strict=True))
    return View(pixels, scale, left, top), lies


def encode_png(image: np.ndarray) -> bytes:
    """Encode an RGB uint8 array of shape (height, width, 3)."""
    import cv2

    # Crops are noisy: looking for repetitions doubles the time and finds few, so bytes are coded one by one; and
    # of PNG's filters, Paeth alone suits them as well as the best for each row. The files are 4 % smaller for it.
    settings = [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY]
    settings += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_PAETH]
    return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), settings)[1].tobytes()
