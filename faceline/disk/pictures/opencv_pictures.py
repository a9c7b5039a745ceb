"""The pictures that OpenCV reads and Pillow does not: Radiance, portable float maps, and TIFF with numbers of other
kinds, as floats."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from faceline.disk.pictures.depth import eight_bits, tone_mapped
from faceline.disk.pictures.openers import damage
from faceline.errors import UnreadableError
from faceline.host.quiet import quiet_opencv

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = {".hdr", ".pic"}  # of Radiance; `.pic` can be others' too, which the content tells

RADIANCE = re.compile(rb"#\?(?:RADIANCE|RGBE)\n(?:[^\n]{0,4096}\n){0,1000}?\n-Y (\d{1,9}) \+X (\d{1,9})\n")
PORTABLE = re.compile(rb"PF\s(\d{1,9})\s(\d{1,9})\s[-+.\deE]{1,30}\s")  # the portable float map, in colours
TIFF = (b"II*\0", b"MM\0*")
# Three numbers of 4 bytes, twice while they are decoded, and of 8 bits.
PIXEL_BYTES = 32

WIDTH, HEIGHT, ORIENTATION = 256, 257, 274


class OpenCvPicture:
    """A picture whose header has been read, as `pillow_pictures.PillowPicture` does.

    Raises
    ------
    UnreadableError
        If the file holds no such picture.
    """

    pixel_bytes = PIXEL_BYTES

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        start = file.read(2**16)
        if found := RADIANCE.match(start):
            self.kind, self.height, self.width, self._lies = "Radiance", int(found[1]), int(found[2]), 1
        elif found := PORTABLE.match(start):
            self.kind, self.width, self.height, self._lies = "PFM", int(found[1]), int(found[2]), 1
        elif start[:4] in TIFF:
            with damage():
                tags = tiff_tags(file)
                self.kind, self.width, self.height = "TIFF", int(tags[WIDTH]), int(tags[HEIGHT])
                self._lies = tags.get(ORIENTATION, 1)
        else:
            raise UnreadableError("not a picture")

    def decode(self, data: bytes, factor: int) -> "tuple[Image.Image, int]":
        """The picture in RGB, its edges divided by `factor` and rounded up, and EXIF's number for how it lies."""
        import cv2
        from PIL import Image

        with quiet_opencv():
            values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if values is None or values.shape[:2] != (self.height, self.width):
            raise UnreadableError("damaged picture, or of a kind that is not read")
        if values.dtype == np.uint16:
            values = eight_bits(values)
        elif values.dtype != np.uint8:
            values = tone_mapped(values)
        if values.ndim == 3:
            values = np.ascontiguousarray(values[..., 2::-1]) if values.shape[2] >= 3 else values[..., 0]
        image = Image.fromarray(values).convert("RGB")
        return image if factor == 1 else image.reduce(factor), self._lies


def tiff_tags(file: BinaryIO) -> Mapping[int, Any]:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    file.seek(0)
    directory = ImageFileDirectory_v2(file.read(8))
    file.seek(directory.next)
    directory.load(file)
    return directory
