"""How a line of text becomes a picture of it, in any script that one of the system's fonts has.

Letters that join, change places or run from right to left need raqm, which Pillow has where FriBiDi is installed. What
cannot be drawn rightly is not drawn at all: no boxes, no question marks.
"""

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from faceline.host.interruptions import pass_on
from faceline.report.drawing import opencv_font
from faceline.report.drawing.fonts import fonts_with, has

if TYPE_CHECKING:
    from PIL import Image, ImageFont

FROM_RIGHT = ("R", "AL")
JOINED = ("Mn", "Mc", "Me", "Cf")  # marks, joiners
# Colours of an emoji's skin, for which text in one colour has no use.
SKINS = dict.fromkeys(range(0x1F3FB, 0x1F400))

MAX_LETTERS = 1000
# What letters take above and below the line that they stand on, in sizes of the font; and the most that they may take,
# because a heap of accents is no name.
ABOVE, BELOW, HIGHEST = 0.95, 0.25, 3


@dataclass(frozen=True)
class Part:
    """A part of a line as a mask, mode L, and how far down in it the line is that letters stand on."""

    mask: "Image.Image"
    baseline: int


class BrokenFontError(Exception):
    """A font cannot draw what it says that it has."""


class NoFontError(Exception):
    """No font has some letter."""


class Lettering:
    """Draws lines of text; for one picture, and so for one thread. Fonts and lines are kept."""

    def __init__(self) -> None:
        from PIL import features

        self._shapes = features.check("raqm")
        self._broken: set[Path | None] = set()
        self._fonts: dict[tuple[Path, int], ImageFont.FreeTypeFont] = {}
        self._lines: dict[tuple[str, int], Image.Image | None] = {}

    def line(self, text: str, size: int) -> "Image.Image | None":
        """Text as a mask, mode L, as high as other plain text of its size; None if it cannot be drawn."""
        key = text, size
        if key not in self._lines:
            self._lines[key] = self._line(clean(text), size)
        return self._lines[key]

    def _line(self, text: str, size: int) -> "Image.Image | None":
        if len(text) > MAX_LETTERS or not visible(text).strip():
            return None
        while True:
            try:
                drawn = [self._draw(path, letters, size) for path, letters in self._runs(text)]
            except NoFontError:
                return None
            except BrokenFontError as error:
                self._broken.add(error.args[0])
                continue
            return side_by_side(drawn[::-1] if runs_from_right(text) else drawn, size)

    def _runs(self, text: str) -> list[tuple[Path | None, str]]:
        """The text in runs of one font each, None being OpenCV's; raises NoFontError."""
        runs: list[tuple[Path | None, str]] = []
        for cluster in clusters(text):
            letters = visible(cluster)
            if not self._shapes and not is_simple(letters):
                raise NoFontError
            if not runs and not letters:
                continue
            # A font goes on as long as it can: neighbours look alike, and joined letters stay joined.
            if runs and (not letters or letters.isspace() or goes_on(runs[-1][0], letters)):
                path = runs[-1][0]
            else:
                path = self._font_for(letters)
            if runs and path == runs[-1][0]:
                cluster = runs.pop()[1] + cluster
            runs.append((path, cluster))
        return runs

    def _font_for(self, letters: str) -> Path | None:
        for path in fonts_with(letters):
            if path not in self._broken:
                return path
        if None not in self._broken and opencv_font.has(letters):
            return None
        raise NoFontError

    def _draw(self, path: Path | None, letters: str, size: int) -> Part:
        """Draw letters with one font; raises BrokenFontError."""
        from PIL import ImageFont

        try:
            if path is None:
                part = Part(*opencv_font.draw(visible(letters), size))
            else:
                if (path, size) not in self._fonts:
                    self._fonts[path, size] = ImageFont.truetype(path, size)
                part = draw(self._fonts[path, size], letters if self._shapes else visible(letters), size)
        except (OSError, ValueError, OverflowError) as error:
            pass_on(error)
            raise BrokenFontError(path) from error
        if visible(letters).strip() and part.mask.getbbox() is None:
            raise BrokenFontError(path)
        return part


def clean(text: str) -> str:
    """Text with its accents on their letters, plain spaces, and marks in place of bytes that are no text."""
    text = unicodedata.normalize("NFC", text.encode(errors="replace").decode().translate(SKINS))
    return "".join(" " if letter.isspace() else letter for letter in text).strip()


def clusters(text: str) -> list[str]:
    """Letters with the marks that belong to them, which no break may part."""
    parts: list[str] = []
    for letter in text:
        if parts and (unicodedata.category(letter) in JOINED or parts[-1].endswith("\u200d")):
            parts[-1] += letter
        else:
            parts.append(letter)
    return parts


def visible(letters: str) -> str:
    """Letters without the joiners and selectors that have no shape, and that fonts need not have."""
    return "".join(c for c in letters if unicodedata.category(c) != "Cf" and not "\ufe00" <= c <= "\ufe0f")


def is_simple(letters: str) -> bool:
    """Whether letters only stand side by side from left to right, which needs no raqm."""
    return not any(unicodedata.bidirectional(c) in FROM_RIGHT or unicodedata.category(c) in JOINED for c in letters)


def runs_from_right(text: str) -> bool:
    """Whether the first letter that has a direction runs from right to left."""
    directions = map(unicodedata.bidirectional, text)
    return next((direction in FROM_RIGHT for direction in directions if direction in ("L", *FROM_RIGHT)), False)


def goes_on(path: Path | None, letters: str) -> bool:
    """Whether a font may draw letters behind others; OpenCV's only draws those that are in no other."""
    return path is not None and has(path, letters)


def draw(font: "ImageFont.FreeTypeFont", text: str, size: int) -> Part:
    """Draw text with one font; raises OSError or ValueError."""
    from PIL import Image, ImageDraw

    left, top, right, bottom = font.getbbox(text, anchor="ls")
    left, right = min(0, left), max(right, font.getlength(text))
    if not bottom - top <= HIGHEST * size or not right - left <= 4 * HIGHEST * size * len(text):
        raise ValueError("letters out of all proportion")
    top = min(0, round(top))
    mask = Image.new("L", (max(1, round(right - left)), max(1, round(bottom) - top)))
    ImageDraw.Draw(mask).text((-left, -top), text, fill=255, font=font, anchor="ls")
    return Part(mask, -top)


def side_by_side(parts: list[Part], size: int) -> "Image.Image":
    """Parts of a line put together, which stand on one line."""
    from PIL import Image

    above = max(round(ABOVE * size), *(part.baseline for part in parts))
    below = max(round(BELOW * size), *(part.mask.height - part.baseline for part in parts))
    line = Image.new("L", (sum(part.mask.width for part in parts), above + below))
    x = 0
    for part in parts:
        line.paste(part.mask, (x, above - part.baseline))
        x += part.mask.width
    return line
