"""How a stored picture is turned to stand upright, as its metadata says."""

from typing import TYPE_CHECKING

from faceline.disk.pictures.heif import turns_itself
from faceline.host.interruptions import ignoring

if TYPE_CHECKING:
    from PIL import Image

# The orientations that swap width and height.
SWAPPED = range(5, 9)

# Of each orientation, whether x and y of the upright picture run against the stored rows and columns that they are.
REVERSED = {
    1: (False, False),
    2: (True, False),
    3: (True, True),
    4: (False, True),
    5: (False, False),
    6: (True, False),
    7: (True, True),
    8: (False, True),
}


def orientation(image: "Image.Image", data: bytes) -> int:
    """EXIF's number for how a picture lies, 1 (upright) to 8; `image` is what Pillow opened from `data`.

    Pillow looks into EXIF, and where that says nothing into XMP. In HEIF files (HEIC, AVIF) the container itself can
    say it, which the decoders obey; where it does not, as in those of some telephones, EXIF counts as elsewhere, though
    the standard has it ignored.
    """
    # Damaged metadata say nothing about the picture's orientation; the picture itself is whole.
    with ignoring(Exception):
        number = stored_orientation(image, data)
        return number if number is not None and number in range(1, 9) else 1
    return 1


def stored_orientation(image: "Image.Image", data: bytes) -> int | None:
    from PIL import ExifTags, Image

    if image.format == "HEIF":
        # pi-heif takes the number out of EXIF, where it would do harm if the decoder has turned the picture.
        return None if turns_itself(data) else image.info["original_orientation"]
    if image.format == "AVIF" and not turns_itself(data) and (stored := vars(image)["_decoder"].get_info()[4]):
        # Pillow replaces the number in EXIF by what the container says, which is nothing.
        exif = Image.Exif()
        exif.load(stored)
        if ExifTags.Base.Orientation in exif:
            return exif[ExifTags.Base.Orientation]
    return image.getexif().get(ExifTags.Base.Orientation)


def upright(image: "Image.Image", number: int) -> "Image.Image":
    """A decoded picture of that orientation, turned."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[number]) if number in turns else image  # most are upright, and need no copy
