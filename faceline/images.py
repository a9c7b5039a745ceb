"""The one reader of pictures, and the writer of crops.

Pictures are RGB uint8 arrays of shape (height, width, 3) everywhere, upright, first frame only.
"""

import contextlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from faceline.errors import UnreadableError
from faceline.files import read_bytes

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

# Room for the largest phone cameras (108 megapixels); a decoded picture then takes at most 360 MB.
MAX_PIXELS = 120_000_000
MAX_BYTES = 256 * 1024 * 1024

# EPS hands the file to Ghostscript, a programming language; the others only name a format that Pillow cannot decode.
REFUSED_FORMATS = {"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"}


def picture_suffixes() -> frozenset[str]:
    """The lower-case endings, with dot, of the files that `decode_image` may be able to read."""
    import pillow_heif
    from PIL import Image

    pillow_heif.register_heif_opener()
    formats = Image.registered_extensions()
    readable = Image.OPEN.keys() - REFUSED_FORMATS | {"MPO"}
    return frozenset(suffix for suffix, name in formats.items() if name in readable)


def read_picture(path: Path) -> bytes:
    """The bytes of a picture file, for `decode_image`; raises UnreadableError."""
    return read_bytes(path, MAX_BYTES)


def decode_image(data: bytes) -> "np.ndarray":
    """Decode a picture in any format that Pillow and pillow-heif read.

    Transparent parts become white, more than 8 bits become 8, and EXIF's orientation is applied.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        RGB, C-contiguous.

    Raises
    ------
    UnreadableError
        If the data is no picture, damaged, or too large to decode.
    """
    if not data:
        raise UnreadableError("empty file")
    from PIL import ExifTags, ImageOps

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = open_image(data)
        width, height = image.size
        if image.format in REFUSED_FORMATS:
            raise UnreadableError(f"pictures in the format {image.format} are not read")
        if width * height > MAX_PIXELS:
            raise UnreadableError(f"{width} x {height} pixels, more than the limit of {MAX_PIXELS:,}")
        with damage():
            image.load()
            # A damaged EXIF block says nothing about the picture's orientation; the picture itself is whole.
            with contextlib.suppress(UnreadableError), damage():
                if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:  # most are upright, and need no copy
                    image = ImageOps.exif_transpose(image)
            return to_rgb(image)


def open_image(data: bytes) -> "Image.Image":
    """Read the header of a picture; raises UnreadableError."""
    from PIL import Image, UnidentifiedImageError

    with damage():
        try:
            try:
                return Image.open(io.BytesIO(data))
            except UnidentifiedImageError:
                import pillow_heif  # slow to import and seldom needed

                pillow_heif.register_heif_opener()
                return Image.open(io.BytesIO(data))
        except UnidentifiedImageError:
            raise UnreadableError("not a picture") from None
        except Image.DecompressionBombError:
            raise UnreadableError(f"more pixels than the limit of {MAX_PIXELS:,}") from None


@contextlib.contextmanager
def damage() -> Iterator[None]:
    """Call whatever a decoder raises the picture's damage: on hostile data, they raise nearly everything.

    A want of memory passes; it says nothing about the picture.
    """
    try:
        yield
    except (UnreadableError, MemoryError):
        raise
    except Exception as error:
        raise UnreadableError(f"damaged picture: {reason(error)}") from error


def to_rgb(image: "Image.Image") -> "np.ndarray":
    """A decoded picture of any mode as RGB."""
    import numpy as np
    from PIL import Image

    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    elif image.mode in ("I", "F"):
        # These modes have no stated range: the picture's own is the only one known.
        values = np.nan_to_num(np.asarray(image, np.float64))
        span = max(np.ptp(values), 1e-9)
        image = Image.fromarray(((values - values.min()) * (255 / span)).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if image.mode != "RGB":  # converting copies, even where there is nothing to convert
        image = image.convert("RGB")
    return np.array(image)


def reason(error: Exception) -> str:
    """The error's first line, or its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def encode_png(image: "np.ndarray") -> bytes:
    """Encode an RGB uint8 array of shape (height, width, 3)."""
    import cv2

    # Crops are noisy: looking for repetitions doubles the time and finds few, so bytes are coded one by one; and
    # of PNG's filters, Paeth alone suits them as well as the best for each row. The files are 4 % smaller for it.
    settings = [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY]
    settings += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_PAETH]
    return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), settings)[1].tobytes()
