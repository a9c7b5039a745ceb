"""How the bytes of a picture become a picture of Pillow's whose pixels are not decoded yet."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from faceline.errors import UnreadableError
from faceline.host.interruptions import pass_on
from faceline.host.sharing import Guard

if TYPE_CHECKING:
    from PIL import Image

# What HEIC files are called, whether or not their decoder is installed, and the brands at their beginning.
HEIF_SUFFIXES = frozenset({".heic", ".heif", ".hif", ".heics", ".heifs"})
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")

# EPS hands the file to Ghostscript, a programming language; the others only name a format that Pillow cannot decode.
REFUSED_FORMATS = {"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"}

UNLIMITED = Guard()


def open_image(file: BinaryIO) -> "Image.Image":
    """Read the header of a picture, from its beginning; raises UnreadableError."""
    from PIL import UnidentifiedImageError

    with damage():
        try:
            try:
                image = pillow_image(file)
            except UnidentifiedImageError:
                if not register_heif() and is_heif(file):
                    raise UnreadableError("HEIC pictures need a decoder: pip install 'faceline[heif]'") from None
                image = pillow_image(file)
        except UnidentifiedImageError:
            raise UnreadableError("not a picture") from None
    if image.format in REFUSED_FORMATS:
        raise UnreadableError(f"pictures in the format {image.format} are not read")
    return image


def register_heif() -> bool:
    """Have Pillow read HEIC, if the extra `heif` is installed, and say whether it is."""
    try:
        import pi_heif  # slow to import and seldom needed
    except ImportError:
        return False
    pi_heif.register_heif_opener()
    return True


def is_heif(file: BinaryIO) -> bool:
    """Whether a file begins as HEIC pictures do (ISO/IEC 23008-12)."""
    file.seek(0)
    start = file.read(12)
    file.seek(0)
    return start[4:8] == b"ftyp" and start[8:12] in HEIF_BRANDS


def pillow_image(file: BinaryIO) -> "Image.Image":
    """`Image.open`, without its limit of the pixels: `limits` has a rule of its own."""
    from PIL import Image

    try:
        return Image.open(file)
    except Image.DecompressionBombError:
        # The limit belongs to the whole process, which may not be ours: it is lifted for this header, and comes back.
        with UNLIMITED.lock:
            limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                return Image.open(file)
            finally:
                Image.MAX_IMAGE_PIXELS = limit


@contextlib.contextmanager
def damage() -> Iterator[None]:
    """Call whatever a decoder raises the picture's damage: on hostile data, they raise nearly everything.

    A want of memory passes, and a time limit of the program that calls: they say nothing about the picture.
    """
    try:
        yield
    except (UnreadableError, MemoryError):
        raise
    except Exception as error:
        pass_on(error)
        raise UnreadableError(f"damaged picture: {reason(error)}") from error


def reason(error: Exception) -> str:
    """The error's first line, or its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
