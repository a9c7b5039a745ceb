"""Drawing boxes and names on a picture."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from faceline.disk.pictures.boxes import Box
from faceline.disk.writing import replacing
from faceline.report.copy_names import copy_name, copy_paths

JPEG_QUALITY = 92
MAX_JPEG_EDGE = 65_500  # of libjpeg
WRITTEN = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}

DASH, GAP = 4, 3  # of a box around an unknown face, in widths of the line


def draw_faces(
    image: np.ndarray,
    boxes_ltrb: Sequence[Box],
    captions: Sequence[str],
    path: Path,
    insets: Sequence[np.ndarray | None] | None = None,
    profile: bytes | None = None,
    others_ltrb: Sequence[Box] = (),
) -> tuple[list[int], Path]:
    """Save a picture of shape (height, width, 3), RGB uint8, with a box around each face and a caption beside it.

    An empty caption stands for a face that nobody knows: its box is dashed. Many captions, and those that have no room
    or that no font can draw, become numbers with a legend to the right of the picture or below it; a number is the
    face's place in the order given, counted from 1. Each face may have an inset, (height, width, 3) RGB uint8, which is
    drawn beside its box or in the legend. The ending of `path` says the format; a picture too large for JPEG becomes
    PNG, also by its ending. `profile` is the ICC profile of the picture. `others_ltrb` are the boxes of faces that are
    not marked, and that nothing may cover either.

    Returns
    -------
    list of int
        The faces that got a number, counted from 0.
    Path
        Where the picture lies.
    """
    from PIL import Image

    # They need Pillow or NumPy as soon as they are imported, which a run that saves nothing does not pay for.
    from faceline.report.drawing.legend import BACKGROUND, legend
    from faceline.report.drawing.lettering import Lettering
    from faceline.report.drawing.marks import Mark, line_width, mark_faces

    height, width = image.shape[:2]
    letters, insets = Lettering(), insets or [None] * len(boxes_ltrb)
    marks = mark_faces(width, height, boxes_ltrb, captions, insets, letters, others_ltrb)
    wide, high = width, height
    rows: list[Mark] = []
    if marks.numbered:
        wide, high, rows = legend(width, height, marks.numbered, captions, insets, letters)
    canvas = np.full((high, wide, 3), BACKGROUND, np.uint8)
    canvas[:height, :width] = image
    for box, caption in zip(boxes_ltrb, captions, strict=True):
        draw_box(canvas, box, line_width(width, height, box), is_known=bool(caption))
    for mark in marks.marks + rows:
        left, top, right, bottom = mark.place_ltrb
        canvas[top:bottom, left:right] = np.asarray(mark.picture)
    if max(wide, high) > MAX_JPEG_EDGE:
        path = path.with_suffix(".png")
    with replacing(path) as scratch:
        marked = Image.fromarray(canvas)
        marked.save(scratch, WRITTEN[path.suffix.lower()], quality=JPEG_QUALITY, icc_profile=profile)
    return marks.numbered, path


def draw_box(canvas: np.ndarray, box: Box, line: int, is_known: bool) -> None:
    """Draw the outline of a box inside of its edges, solid or dashed, with a dark seam that shows on any ground."""
    from faceline.report.drawing.blocks import INK, PAPER, UNKNOWN_PAPER

    left, top, right, bottom = box
    seam = max(1, line // 3)
    for inward, wide, colour in ((0, line, PAPER if is_known else UNKNOWN_PAPER), (line, seam, INK)):
        part = canvas[top + inward : max(bottom - inward, top), left + inward : max(right - inward, left)]
        along, down = (
            np.ones(n, bool) if is_known else (np.arange(n) + inward) % ((DASH + GAP) * line) < DASH * line
            for n in (part.shape[1], part.shape[0])
        )
        part[:wide, along] = part[max(0, len(down) - wide) :, along] = colour
        part[down, :wide] = part[down, max(0, len(along) - wide) :] = colour


def marked_paths(pictures: Sequence[str | Path], folder: Path) -> list[Path]:
    """Where the marked copy of each picture goes: `folder` and the picture's own name, with `-faces` behind it; see
    `copy_paths`."""
    return copy_paths(pictures, folder, "-faces", WRITTEN)


def share_names(pictures: Sequence[str | Path]) -> list[bool]:
    """Of each picture, whether another one's marked copy would have the same name, but for a number or the ending."""
    names = [copy_name(picture, WRITTEN)[0] for picture in pictures]
    counts = Counter(names)
    return [counts[name] > 1 for name in names]
