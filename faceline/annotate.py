"""Drawing boxes and names on a picture."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from faceline.errors import FacelineError
from faceline.files import fitting, one_line, replacing, write_errors
from faceline.geometry import Box

if TYPE_CHECKING:
    import numpy as np

JPEG_QUALITY = 92
MAX_JPEG_EDGE = 65_500  # of libjpeg
WRITTEN = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}
PAPER, INK = "#ffd400", "#000000"


def draw_faces(image: "np.ndarray", boxes_ltrb: Sequence[Box], captions: Sequence[str], path: Path) -> None:
    """Save a picture of shape (height, width, 3), RGB uint8, with a captioned box around each face.

    The ending of `path` says the format; a picture too large for JPEG becomes PNG, also by its ending. Line and text
    grow with the picture, so that they stay legible.
    """
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.fromarray(image)
    draw = ImageDraw.Draw(picture)
    width = max(2, max(picture.size) // 400)
    font = ImageFont.load_default(max(12, max(picture.size) // 45))
    for (left, top, right, bottom), caption in zip(boxes_ltrb, captions, strict=True):
        draw.rectangle((left, top, right - 1, bottom - 1), outline=PAPER, width=width)
        text_width, text_height = (int(extent) for extent in draw.textbbox((0, 0), caption, font)[2:])
        # Below the box where there is room, otherwise at its lower edge; never beyond the picture's right edge.
        x = max(0, min(left, picture.width - text_width - 2 * width))
        y = min(bottom, picture.height - text_height - 2 * width)
        draw.rectangle((x, y, x + text_width + 2 * width, y + text_height + 2 * width), fill=PAPER)
        draw.text((x + width, y + width), caption, fill=INK, font=font)
    if max(picture.size) > MAX_JPEG_EDGE:
        path = path.with_suffix(".png")
    with replacing(path) as scratch:
        picture.save(scratch, WRITTEN[path.suffix.lower()], quality=JPEG_QUALITY)


def marked_paths(pictures: Sequence[str | Path], folder: Path) -> list[Path]:
    """Where the marked copy of each picture goes: `folder` and the picture's own name, with `-faces` behind it.

    So it replaces the copy that an earlier run made of the picture, but no photograph that the folder holds. A second
    picture of the same name gets a number, and a format that is not written becomes JPEG.

    Raises
    ------
    FacelineError
        If the folder cannot be made, or a copy would take an original's place.
    """
    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    originals = {os.path.realpath(picture) for picture in pictures}
    paths, taken = [], set()
    for picture in pictures:
        name = Path(picture).name
        stem, suffix = os.path.splitext(name)
        if suffix.lower() not in WRITTEN:
            stem, suffix = name, ".jpg"
        path, number = folder / fitting(stem, f"-faces{suffix}"), 1
        # Without its ending, which may yet change: see `draw_faces`.
        while path.with_suffix("") in taken:
            number += 1
            path = folder / fitting(stem, f"-faces-{number}{suffix}")
        taken.add(path.with_suffix(""))
        if {os.path.realpath(path), os.path.realpath(path.with_suffix(".png"))} & originals:
            raise FacelineError(f"{one_line(path)}: the marked copy would replace an original; name another folder")
        paths.append(path)
    return paths
