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
PAPER, INK = (255, 212, 0), (0, 0, 0)
WEIGHT = 400  # of the font: regular


def draw_faces(
    image: "np.ndarray",
    boxes_ltrb: Sequence[Box],
    captions: Sequence[str],
    path: Path,
    insets: "Sequence[np.ndarray | None] | None" = None,
) -> None:
    """Save a picture of shape (height, width, 3), RGB uint8, with a captioned box around each face.

    Each face may have an inset, (height, width, 3) RGB uint8, which is drawn beside its box at half the height. The
    ending of `path` says the format; a picture too large for JPEG becomes PNG, also by its ending. Line and text grow
    with the picture, so that they stay legible.
    """
    import cv2
    import numpy as np
    from PIL import Image

    canvas = np.array(image, order="C")
    height, width = canvas.shape[:2]
    line, size = max(2, max(width, height) // 400), max(12, max(width, height) // 45)
    # OpenCV brings a font that has the letters of most scripts; Pillow's own lacks even accents.
    font = cv2.FontFace("sans")
    for (left, top, right, bottom), inset in zip(boxes_ltrb, insets or [None] * len(boxes_ltrb), strict=True):
        edge = min(max((bottom - top) // 2, 2 * size), height - 2 * line, width - 2 * line)
        if inset is None or edge < 1:
            continue
        # To the right of the box where there is room, otherwise to its left; never beyond the picture's edges.
        x = right if right + edge + 2 * line <= width else max(0, left - edge - 2 * line)
        y = max(0, min(top, height - edge - 2 * line))
        canvas[y : y + edge + 2 * line, x : x + edge + 2 * line] = PAPER
        shown = cv2.resize(inset, (edge, edge), interpolation=cv2.INTER_AREA)
        canvas[y + line : y + line + edge, x + line : x + line + edge] = shown
    for (left, top, right, bottom), caption in zip(boxes_ltrb, captions, strict=True):
        for part in (
            (slice(top, top + line), slice(left, right)),
            (slice(max(bottom - line, top), bottom), slice(left, right)),
            (slice(top, bottom), slice(left, left + line)),
            (slice(top, bottom), slice(max(right - line, left), right)),
        ):
            canvas[part] = PAPER
        text = caption.encode(errors="replace").decode()  # a name may hold bytes that are no text
        _, _, text_width, text_height = cv2.getTextSize((width, height), text, (0, 0), font, size, WEIGHT)
        # Below the box where there is room, otherwise at its lower edge; never beyond the picture's right edge.
        x = max(0, min(left, width - text_width - 2 * line))
        y = max(0, min(bottom, height - text_height - 2 * line))
        canvas[y : y + text_height + 2 * line, x : x + text_width + 2 * line] = PAPER
        cv2.putText(canvas, text, (x + line, y + line + size), INK, font, size, WEIGHT)
    if max(width, height) > MAX_JPEG_EDGE:
        path = path.with_suffix(".png")
    with replacing(path) as scratch:
        Image.fromarray(canvas).save(scratch, WRITTEN[path.suffix.lower()], quality=JPEG_QUALITY)


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
