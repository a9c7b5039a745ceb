"""The font inside OpenCV, for systems that have no font with Chinese, Japanese and Korean letters."""

import functools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

FACE, WEIGHT = "sans", 400  # regular
ROOM = 2  # around the letters, in sizes of the font


def has(letters: str) -> bool:
    """Whether the font has all of some letters."""
    return all(has_letter(letter) for letter in letters)


@functools.lru_cache(maxsize=4096)
def has_letter(letter: str) -> bool:
    """OpenCV draws a question mark for a letter that it lacks, and cannot be asked otherwise."""
    return letter in "? " or rendered(letter, 16).tobytes() != rendered("?", 16).tobytes()


def rendered(text: str, size: int) -> np.ndarray:
    """Text in white on black, (height, width) uint8, `ROOM` sizes away from the left and upper edges."""
    import cv2

    face = cv2.FontFace(FACE)
    _, _, width, _ = cv2.getTextSize((1, 1), text, (0, 0), face, size, WEIGHT)
    canvas = np.zeros((2 * ROOM * size, width + 2 * ROOM * size, 3), np.uint8)
    cv2.putText(canvas, text, (ROOM * size, ROOM * size), (255, 255, 255), face, size, WEIGHT)
    return canvas[:, :, 0]


def draw(text: str, size: int) -> "tuple[Image.Image, int]":
    """Text as a mask, mode L, and how far down in it the line is that letters stand on."""
    import cv2
    from PIL import Image

    canvas = rendered(text, size)
    rows, columns = (np.flatnonzero(canvas.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return Image.new("L", (size // 3 + 1, 1)), 1
    _, _, width, _ = cv2.getTextSize((1, 1), text, (0, 0), cv2.FontFace(FACE), size, WEIGHT)
    left, right = min(ROOM * size, columns[0]), max(ROOM * size + width, columns[-1] + 1)
    top, bottom = min(rows[0], ROOM * size), max(rows[-1] + 1, ROOM * size)
    return Image.fromarray(canvas[top:bottom, left:right].copy()), int(ROOM * size - top)
