"""The legend of a picture whose faces have numbers: a strip to its right or below it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceline.report.drawing.blocks import block
from faceline.report.drawing.lettering import Lettering
from faceline.report.drawing.marks import LEAST_SHARE, MIN_SIZE, Mark, framed, scale_edge

if TYPE_CHECKING:
    from PIL import Image

BACKGROUND = (255, 255, 255)
MAX_LINES, WIDEST = 4, 18  # of a name; in sizes of the font
LONGEST = 160  # letters of a name, which is cut behind them
INSET = 3  # in sizes of the font


def legend(
    width: int,
    height: int,
    faces: Sequence[int],
    captions: Sequence[str],
    insets: Sequence[np.ndarray | None],
    letters: Lettering,
) -> tuple[int, int, list[Mark]]:
    """The size of a picture with a legend of some faces, counted from 0, and what goes onto its new part.

    Without a name that can be drawn, and in a picture too small for a line of text, the size stays as it is.
    """
    size = max(MIN_SIZE, scale_edge(width, height) // LEAST_SHARE) * 5 // 4
    names = {face: name_block(letters, captions[face], size) for face in faces}
    if min(width, height) < 2 * size or not any(names.values()):
        return width, height, []
    rows = [row(letters, face, names[face], insets[face], size) for face in faces]
    gap = size // 2

    def enlarged(strip: Strip) -> tuple[float, int]:
        return max(strip.width / width, strip.height / height), strip.width * strip.height

    # The copy is looked at as a whole: so the one that grows least.
    best = min(strips(rows, width, height, gap), key=enlarged)
    return best.width, best.height, stacked(best, gap)


@dataclass(frozen=True)
class Strip:
    """Columns of rows that begin at a corner, and the size of the picture with them."""

    columns: "list[list[Image.Image]]"
    corner_xy: tuple[int, int]
    width: int
    height: int


def strips(rows: "list[Image.Image]", width: int, height: int, gap: int) -> Iterator[Strip]:
    """The ways to put rows to the right of a picture and below it, in columns of as many rows each."""
    lengths = dict.fromkeys(-(-len(rows) // count) for count in range(1, len(rows) + 1))
    for length in lengths:
        columns = [rows[start : start + length] for start in range(0, len(rows), length)]
        wide = sum(column_width(column, gap) for column in columns) + gap
        high = max(sum(picture.height + gap for picture in column) for column in columns) + gap
        yield Strip(columns, (width, 0), width + wide, max(height, high))
        yield Strip(columns, (0, height), max(width, wide), height + high)


def column_width(column: "list[Image.Image]", gap: int) -> int:
    return max(picture.width for picture in column) + gap


def name_block(letters: Lettering, caption: str, size: int) -> "Image.Image | None":
    """A caption in as few lines as keep it narrow; None if it cannot be drawn."""
    if len(caption) > LONGEST:
        caption = caption[:LONGEST] + "…"
    for lines in range(1, MAX_LINES + 1):
        picture = block(letters, caption, size, lines, BACKGROUND)
        if picture is None or picture.width <= WIDEST * size:
            break
    return picture


def row(
    letters: Lettering, face: int, name: "Image.Image | None", inset: np.ndarray | None, size: int
) -> "Image.Image":
    """Number, picture and name of a face side by side; a dash for a name that cannot be drawn."""
    from PIL import Image

    parts: list[Image.Image | None] = [block(letters, str(face + 1), size)]
    if inset is not None:
        parts.append(framed(inset, INSET * size, max(1, size // 8)))
    parts.append(name or block(letters, "-", size, 1, BACKGROUND))
    gap = size // 3
    drawn = [part for part in parts if part is not None]
    picture = Image.new(
        "RGB",
        (sum(part.width + gap for part in drawn) - gap, max(part.height for part in drawn)),
        BACKGROUND,
    )
    x = 0
    for part in drawn:
        picture.paste(part, (x, 0))
        x += part.width + gap
    return picture


def stacked(strip: Strip, gap: int) -> list[Mark]:
    """Where each row of a strip goes."""
    marks = []
    x, top = strip.corner_xy
    for column in strip.columns:
        y = top + gap
        for picture in column:
            marks.append(Mark((x + gap, y, x + gap + picture.width, y + picture.height), picture))
            y += picture.height + gap
        x += column_width(column, gap)
    return marks
