"""What is put on a picture to mark its faces: captions beside them while they are few and have room, else numbers.

A number is the place of the face in the order given, counted from 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceline.disk.pictures.boxes import Box
from faceline.report.drawing.blocks import PAPER, UNKNOWN_PAPER, block
from faceline.report.drawing.lettering import Lettering
from faceline.report.drawing.placement import Room

if TYPE_CHECKING:
    from PIL import Image

MAX_CAPTIONS = 6  # a handful; more names at once cannot be taken in
MAX_LINES = 3
# Of the font, in pixels: the least that can be read, and for large pictures, which are looked at reduced, the shares of
# their edge that are the least and the most.
MIN_SIZE, LEAST_SHARE, MOST_SHARE = 12, 90, 32
FACE_SHARE = 6  # of a face's height
MIN_INSET, INSET_SHARES = 24, (1 / 2, 3 / 8, 1 / 4)  # in pixels; of a face's height


@dataclass(frozen=True)
class Mark:
    """A little picture, and where it goes."""

    place_ltrb: Box
    picture: "Image.Image"


@dataclass(frozen=True)
class Marks:
    """What goes onto a picture, and which faces, counted from 0, got a number only."""

    marks: list[Mark]
    numbered: list[int]


def scale_edge(width: int, height: int) -> int:
    """The edge of a picture that says how large its marks are: the longer one, but of panoramas only a part is seen."""
    return min(max(width, height), 2 * min(width, height))


def font_sizes(width: int, height: int, box: Box) -> tuple[int, int]:
    """The font's size that suits a face in a picture, and the least that can be read, in pixels."""
    edge = scale_edge(width, height)
    least = max(MIN_SIZE, edge // LEAST_SHARE)
    return min(max((box[3] - box[1]) // FACE_SHARE, least), max(edge // MOST_SHARE, least)), least


def line_width(width: int, height: int, box: Box) -> int:
    """The width of the lines around a face in a picture, in pixels."""
    edge = scale_edge(width, height)
    return max(2, edge // 500, min(edge // 300, (box[3] - box[1]) // 25))


def mark_faces(
    width: int,
    height: int,
    boxes_ltrb: Sequence[Box],
    captions: Sequence[str],
    insets: Sequence[np.ndarray | None],
    letters: Lettering,
    others_ltrb: Sequence[Box] = (),
) -> Marks:
    """Decide what goes where on a picture; faces whose caption is empty get none, nor a number.

    `others_ltrb` are the boxes of faces that get nothing.
    """
    named = {face for face, caption in enumerate(captions) if caption}
    numbered = named if len(named) > MAX_CAPTIONS else set()
    while True:
        room, marks, failed = Room(width, height, [*boxes_ltrb, *others_ltrb]), [], set()
        if not named or numbered < named:
            # Captions of small faces first, which have to stay near; then pictures, which go anywhere beside the face.
            for face in sorted(named - numbered, key=lambda face: (area(boxes_ltrb[face]), face)):
                marks.append(caption_mark(room, face, captions[face], letters))
                failed |= set() if marks[-1] else {face}
            for face, inset in enumerate(insets):
                if inset is not None and face not in numbered | failed:
                    marks.append(inset_mark(room, face, inset, PAPER if face in named else UNKNOWN_PAPER))
                    failed |= set() if marks[-1] else named & {face}
        if not failed:
            marks += [number_mark(room, face, letters) for face in sorted(numbered)]
            return Marks([mark for mark in marks if mark], sorted(numbered))
        numbered = numbered | failed


def area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def caption_mark(room: Room, face: int, caption: str, letters: Lettering) -> Mark | None:
    """A caption beside its face, as large and in as few lines as there is room for; None where there is none."""
    box = room.faces_ltrb[face]
    suited, least = font_sizes(room.width, room.height, box)
    sizes = dict.fromkeys((suited, least))
    blocks = [block(letters, caption, size, lines) for size in sizes for lines in range(1, MAX_LINES + 1)]
    # Rather in several lines than far wider than the face.
    widest = max(3 * (box[2] - box[0]), 12 * suited)
    for picture in sorted(filter(None, blocks), key=lambda picture: picture.width > widest):
        place = room.beside(face, *picture.size, gap=least // 3)
        if place:
            room.take(place)
            return Mark(place, picture)
    return None


def inset_mark(room: Room, face: int, inset: np.ndarray, paper: tuple[int, int, int]) -> Mark | None:
    """A picture beside its face, at half of the face's height or less; None where there is no room."""
    box = room.faces_ltrb[face]
    edge = box[3] - box[1]
    for share in INSET_SHARES:
        picture = framed(inset, max(round(share * edge), MIN_INSET), line_width(room.width, room.height, box), paper)
        place = room.beside(face, *picture.size, gap=MIN_SIZE // 3, order="rlbt")
        if place:
            room.take(place)
            return Mark(place, picture)
    return None


def framed(inset: np.ndarray, edge: int, line: int, paper: tuple[int, int, int] = PAPER) -> "Image.Image":
    """A picture of shape (height, width, 3), RGB uint8, resized to a square with a frame around it."""
    import cv2
    from PIL import Image

    picture = Image.new("RGB", (edge + 2 * line,) * 2, paper)
    picture.paste(Image.fromarray(cv2.resize(inset, (edge, edge), interpolation=cv2.INTER_AREA)), (line, line))
    return picture


def number_mark(room: Room, face: int, letters: Lettering) -> Mark | None:
    """A number beside its face; where everything around is taken, in a corner of its box; None in a tiny picture."""
    suited, least = font_sizes(room.width, room.height, room.faces_ltrb[face])
    drawn = filter(None, (block(letters, str(face + 1), size) for size in dict.fromkeys((suited, least))))
    pictures = [picture for picture in drawn if picture.width <= room.width and picture.height <= room.height]
    for picture in pictures:
        place = room.beside(face, *picture.size, gap=least // 3, order="tbrl")
        if place:
            break
    else:
        if not pictures:
            return None
        place = room.within(face, *picture.size)
    room.take(place)
    return Mark(place, picture)
