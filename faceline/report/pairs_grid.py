"""A picture of faces along two edges, with what was found of each pair where their row and column meet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceline.disk.paths import named_path
from faceline.disk.pictures.boxes import Box
from faceline.disk.writing import replacing, write_errors
from faceline.errors import FacelineError
from faceline.host.interruptions import pass_on
from faceline.report.marked_pictures import JPEG_QUALITY, WRITTEN
from faceline.wording import one_line

if TYPE_CHECKING:
    from PIL import Image

    from faceline.report.drawing.lettering import Lettering

# Beyond, cells can no more be found, and the picture takes hundreds of megabytes.
MOST_FACES = 40

# In pixels: the edge of a face, the line of a name below it, what is between; and how much of a face's surroundings is
# shown, as a share of its box.
EDGE, SIZE, GAP, AROUND = 112, 13, 6, 0.2
NAME_LINES, NAME_LETTERS = 2, 28
BACKGROUND, EMPTY = (255, 255, 255), (235, 235, 235)

# What a file says of itself, so that no other one is replaced.
MARK = "faceline compare"

MEANING = "Probability that both faces are one person's; below it their distance."
MEANING_WITHOUT = "Distance of both faces."


@dataclass(frozen=True)
class Tile:
    """A face as the grid shows it: a picture of shape (EDGE, EDGE, 3), RGB uint8, and the name below it."""

    pixels: np.ndarray
    name: str


@dataclass(frozen=True)
class Cell:
    """What the grid says of two faces."""

    distance: float
    probability: float | None
    is_same_picture: bool

    @property
    def paper(self) -> tuple[int, int, int]:
        """Its colour: yellow for one person, blue for two, as for known and unknown faces, and white between."""
        from faceline.report.drawing.blocks import PAPER, UNKNOWN_PAPER

        if self.probability is None or self.is_same_picture:
            return BACKGROUND
        share = abs(2 * self.probability - 1)
        end = PAPER if self.probability >= 0.5 else UNKNOWN_PAPER
        red, green, blue = (round(share * colour + (1 - share) * 255) for colour in end)
        return red, green, blue

    @property
    def lines(self) -> list[tuple[str, int]]:
        """Its texts and their sizes."""
        distance = f"{self.distance:.3f}"
        if self.is_same_picture:
            return [("same picture", SIZE), (distance, SIZE)]
        if self.probability is None:
            return [(distance, 2 * SIZE)]
        return [(f"{self.probability:.2f}", 2 * SIZE), (distance, SIZE)]


def check_grid_path(path: str | Path) -> Path:
    """The place of a grid, whose folder is made if need be; raises FacelineError if none can be written there, or if it
    is another file's."""
    path = named_path(path)
    if path.suffix.lower() not in WRITTEN:
        raise FacelineError(f"{one_line(path)}: a picture is saved as {', '.join(WRITTEN)}; name such a file")
    with write_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    with write_errors(path):
        if (path.exists() or path.is_symlink()) and not is_grid(path):
            raise FacelineError(f"{one_line(path)}: is there, and no picture of compare; name another file")
    return path


def is_grid(path: Path) -> bool:
    """Whether a file is a picture that `write_grid` wrote."""
    from PIL import Image

    if not path.is_file():
        return False
    try:
        with Image.open(path, formats=("JPEG", "PNG")) as picture:
            mark = picture.info.get("comment", picture.info.get("Comment"))
    except Exception as error:  # whatever Pillow says of a damaged or hostile file: it is none of ours
        pass_on(error)
        return False
    return mark in (MARK, MARK.encode())


def tile_of(pixels: np.ndarray, box_ltrb: Box, turn: int, name: str) -> Tile:
    """A face of a picture of shape (height, width, 3), RGB uint8, upright, with some of what is around it."""
    import cv2

    left, top, right, bottom = box_ltrb
    across, down = round(AROUND * (right - left)), round(AROUND * (bottom - top))
    shown = pixels[max(0, top - down) : bottom + down, max(0, left - across) : right + across]
    shown = np.rot90(shown, -turn // 90)
    scale = EDGE / max(shown.shape[:2])
    height, width = (max(1, round(scale * edge)) for edge in shown.shape[:2])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    tile = np.full((EDGE, EDGE, 3), EMPTY, np.uint8)
    y, x = (EDGE - height) // 2, (EDGE - width) // 2
    tile[y : y + height, x : x + width] = cv2.resize(np.ascontiguousarray(shown), (width, height), interpolation=way)
    return Tile(tile, name)


def write_grid(
    rows: Sequence[Tile], columns: Sequence[Tile], cell: Callable[[int, int], Cell | None], path: Path
) -> None:
    """Save a picture with `rows` down its left edge and `columns` along its top.

    `cell` gives what is said where a row and a column meet, counted from 0; None where there is nothing to say. The
    ending of `path` says the format.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    from faceline.report.drawing.lettering import Lettering

    letters = Lettering()
    wide, high = EDGE + GAP, EDGE + NAME_LINES * round(1.5 * SIZE) + GAP
    width = GAP + (len(columns) + 1) * wide
    cells = [[cell(row, column) for column in range(len(columns))] for row in range(len(rows))]
    has_any = any(found is not None and found.probability is not None for line in cells for found in line)
    footer = meaning(letters, MEANING if has_any else MEANING_WITHOUT, width - 2 * GAP)
    canvas = Image.new("RGB", (width, 2 * GAP + (len(rows) + 1) * high + footer.height), BACKGROUND)
    for number, tile in enumerate(columns):
        put_tile(canvas, letters, tile, (GAP + (number + 1) * wide, GAP))
    for number, tile in enumerate(rows):
        put_tile(canvas, letters, tile, (GAP, GAP + (number + 1) * high))
        for column, found in enumerate(cells[number]):
            put_cell(canvas, letters, found, (GAP + (column + 1) * wide, GAP + (number + 1) * high, high - GAP))
    canvas.paste(footer, (GAP, GAP + (len(rows) + 1) * high))
    note = PngInfo()
    note.add_text("Comment", MARK)
    options = {"pnginfo": note} if WRITTEN[path.suffix.lower()] == "PNG" else {"comment": MARK, "quality": JPEG_QUALITY}
    with replacing(path) as scratch:
        canvas.save(scratch, WRITTEN[path.suffix.lower()], **options)


def meaning(letters: "Lettering", text: str, width: int) -> "Image.Image":
    """A text in as few lines as fit."""
    from PIL import Image

    from faceline.report.drawing.blocks import block

    for lines in range(1, len(text)):
        picture = block(letters, text, SIZE, lines, BACKGROUND)
        if picture is None or picture.width <= width:
            break
    return picture or Image.new("RGB", (1, 1), BACKGROUND)


def put_tile(canvas: "Image.Image", letters: "Lettering", tile: Tile, place: tuple[int, int]) -> None:
    """Put a face on the grid, with its name below; one that no font can draw is left out."""
    from PIL import Image

    from faceline.report.drawing.blocks import block

    x, y = place
    canvas.paste(Image.fromarray(tile.pixels), (x, y))
    name = tile.name if len(tile.name) <= NAME_LETTERS else "…" + tile.name[1 - NAME_LETTERS :]
    for lines in range(1, NAME_LINES + 1):
        drawn = block(letters, name, SIZE, lines, BACKGROUND)
        if drawn is None or drawn.width <= EDGE:
            break
    if drawn is not None:
        shown = drawn.crop((0, 0, min(drawn.width, EDGE), drawn.height))
        canvas.paste(shown, (x + (EDGE - shown.width) // 2, y + EDGE))


def put_cell(canvas: "Image.Image", letters: "Lettering", cell: Cell | None, place: tuple[int, int, int]) -> None:
    """Put on the grid what is said of two faces; `place` is left, top and height."""
    from faceline.report.drawing.blocks import block

    x, y, height = place
    paper = EMPTY if cell is None else cell.paper
    canvas.paste(paper, (x, y, x + EDGE, y + height))
    drawn = [block(letters, text, size, 1, paper) for text, size in cell.lines] if cell is not None else []
    texts = [picture for picture in drawn if picture is not None]
    top = y + (height - sum(picture.height for picture in texts)) // 2
    for picture in texts:
        canvas.paste(picture, (x + (EDGE - picture.width) // 2, top))
        top += picture.height
