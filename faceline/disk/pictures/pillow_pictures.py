"""The pictures that Pillow and pi-heif read."""

import io
from typing import TYPE_CHECKING, BinaryIO

from faceline.disk.pictures.depth import to_rgb
from faceline.disk.pictures.jpeg_ends import ended
from faceline.disk.pictures.openers import open_image
from faceline.disk.pictures.orientation import orientation

if TYPE_CHECKING:
    from PIL import Image

JPEGS = ("JPEG", "MPO")

# The most that decoders were seen to take for a pixel, those of WebP and JPEG 2000. A JPEG is decoded at the reduced
# scale, but a progressive one has all its coefficients in memory.
PIXEL_BYTES, PROGRESSIVE_BYTES = 20, 6


class PillowPicture:
    """A picture whose header has been read.

    Attributes
    ----------
    kind : str
        Pillow's name for the format.
    width, height : int
        As stored, not turned.
    is_jpeg : bool
        Whether it can be decoded at a reduced scale.
    pixel_bytes : int
        What decoding takes for each of its pixels, beside the result at a reduced scale.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._image = open_image(file)
        self.kind = self._image.format
        self.width, self.height = self._image.size
        self.pixel_bytes = PIXEL_BYTES
        self.is_jpeg = self.kind in JPEGS
        if self.is_jpeg:
            self.pixel_bytes = PROGRESSIVE_BYTES if self._image.info.get("progressive") else 0

    def decode(self, data: bytes, factor: int) -> "tuple[Image.Image, int]":
        """The picture in RGB, its edges divided by `factor` and rounded up, and EXIF's number for how it lies.

        `data` is what its file holds.
        """
        image = self._image
        if self.is_jpeg:
            image = decode_jpeg(image, data, factor)
            factor = 1
        else:
            image.load()
        lies = orientation(image, data)
        image = to_rgb(image, data)
        return image if factor == 1 else image.reduce(factor), lies

    def decode_whole(self, data: bytes, factor: int) -> "tuple[Image.Image, int]":
        """Likewise of a JPEG, but one that lacks its end is refused in any case; raises OSError."""
        image = load_reduced(self._image, factor)
        if image.size != (-(-self.width // factor), -(-self.height // factor)):
            raise OSError("not decoded at a reduced scale")
        return to_rgb(image, data), orientation(image, data)


def decode_jpeg(image: "Image.Image", data: bytes, factor: int) -> "Image.Image":
    """Decode a JPEG that `image` has the header of, at a reduced scale; raises OSError if it is cut off."""

    def decode(data: bytes) -> "Image.Image":
        return load_reduced(open_image(io.BytesIO(data)), factor)

    try:
        return load_reduced(image, factor)
    except OSError as error:
        if "truncated" not in str(error):
            raise
        whole = ended(data, decode)
        if whole is None:
            raise
        return whole


def load_reduced(image: "Image.Image", factor: int) -> "Image.Image":
    if factor > 1:
        # Into this size or a larger one, which is the next; libjpeg knows halves, quarters and eighths.
        image.draft(None, (image.size[0] // factor, image.size[1] // factor))
    image.load()
    return image
