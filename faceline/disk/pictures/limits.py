"""Which pictures are too large, and at what scale a large one is read.

Known before a pixel is decoded, from what the header says and from the file's size.
"""

import contextlib
from collections.abc import Iterator

from faceline.errors import ShortOfMemoryError, UnreadableError
from faceline.host.memory import free_memory, one_at_a_time

# A larger picture is read at a half, a quarter, … of its scale. Room for the phone cameras of 108 megapixels.
MAX_PIXELS = 120_000_000

# Files of more bytes, and pictures of more pixels than above, may take this part of the memory that is free.
SHARE = 1 / 2
MAX_BYTES = 256 * 1024 * 1024

# No photograph is emptier than this; what is, is made to exhaust its reader. Deflate alone reaches 344.
PIXELS_A_BYTE = 256

# Bytes for each pixel of the result, from the decoder to the array.
RESULT_PIXEL = 10


def check_bytes(size: int) -> None:
    """Raise ShortOfMemoryError if a file of more than MAX_BYTES bytes is too large."""
    free = free_memory()
    if size > free * SHARE:
        raise ShortOfMemoryError(f"{size:,} bytes, more than half of the memory that is free, {free / 1e9:.1f} GB")


def reduction(width: int, height: int) -> int:
    """By which power of two a picture's edges are divided when it is read."""
    factor = 1
    while -(-width // factor) * -(-height // factor) > MAX_PIXELS:
        factor *= 2
    return factor


@contextlib.contextmanager
def room(width: int, height: int, file_bytes: int, pixel: int) -> Iterator[None]:
    """Have a picture decoded in the body, if there is room for it; large ones one at a time.

    Parameters
    ----------
    width, height : int
    file_bytes : int
    pixel : int
        How many bytes decoding takes for each pixel, beside the result at the reduced scale.

    Raises
    ------
    UnreadableError
        If the picture is too large.
    """
    if width * height <= MAX_PIXELS:
        yield
        return
    check_bomb(width, height, file_bytes)
    with one_at_a_time():
        check_memory(width, height, pixel)
        yield


def check_bomb(width: int, height: int, file_bytes: int) -> None:
    pixels = width * height
    if pixels > PIXELS_A_BYTE * file_bytes:
        raise UnreadableError(
            f"{width} x {height} pixels, more than the limit of {MAX_PIXELS:,}, in a file of {file_bytes:,} bytes; a"
            f" photograph has at least a byte for {PIXELS_A_BYTE} pixels"
        )


def check_memory(width: int, height: int, pixel: int) -> None:
    needed = width * height * pixel + width * height // reduction(width, height) ** 2 * RESULT_PIXEL
    free = free_memory()
    if needed > free * SHARE:
        raise ShortOfMemoryError(
            f"{width} x {height} pixels, which take {needed / 1e9:.1f} GB to decode; a picture of more than"
            f" {MAX_PIXELS:,} pixels may take half of the memory that is free, {free / 1e9:.1f} GB"
        )
