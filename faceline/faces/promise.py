"""Small faces by dlib's HOG detector in half of its time: a look for what may be one, and another at just that."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from faceline.disk.pictures.boxes import Box, turned, turned_box
from faceline.faces.detectors import Face, detect_cnn, detect_hog, face_from_dlib, laid_out, load_hog
from faceline.faces.tiles import is_same, moved, resized, without_repetitions
from faceline.host.sharing import Pool
from faceline.networks.runtime import Runtime

if TYPE_CHECKING:
    import dlib

# How dlib writes what its detector looks at: cells of 8 pixels, no padding, a window of 80 x 80 pixels, at most 1000
# levels, the last of at least 64 x 64. The filters follow. Then the same for cells of half the size.
WHOLE_CELLS = bytes.fromhex("0102 0101 0100 0100 0108 0100 0150 0150 02e803 0140 0140")
HALF_CELLS = bytes.fromhex("0102 0101 0100 0100 0104 0100 0128 0128 02e803 0120 0120")

# Likewise with one level of the pyramid only.
ONE_LEVEL = bytes.fromhex("0102 0101 0100 0100 0104 0100 0128 0128 0101 0120 0120")

# Of 750 faces of LFW, 40 to 80 pixels large, that dlib finds in the enlarged picture, half cells give 734 a score above
# 0 and all one above -0.4; of faces that dlib finds only just, some less. Few other places reach -0.7: 31 in a picture
# of dogs of 12 megapixels, at 9 ms each.
PROMISING = -0.7

# Where a tile is looked at: in so much of its size first, and in so much of each size next, for what scores above a
# lower limit. dlib has 1 and 5/6. Of 260 faces of LFW, 38 to 130 pixels large, and of 231 that lean by 12 to 28
# degrees, none is lost then, where dlib's sizes lose one, and -0.7 loses six. Three of dlib's five filters, those for
# upright heads, would lose 70 that lean.
FIRST, NEXT, LOW_PROMISE = 0.8, 0.75, -0.9

# The largest faces that are still looked for where a picture as it is shows none: from 80 pixels on it would.
SEEN_IN_SHRUNK = 110

# For the second look, so much is cut out around what may be a face, in edges of its box, and a face is made this large.
# HOG scores one and the same face, or a place that is none, up to 0.3 more or less as it happens to lie on the grid of
# cells. So a limit near 0 is a matter of luck, in however many sizes: only above PLAIN HOG decides alone, and below it
# the CNN does, which gives most faces about 1 and hardly any other place more than 0.
AROUND, EDGE = 0.3, 90
PLAIN = 0.5


def load_half_hog() -> "dlib.fhog_object_detector":
    """dlib's detector with cells of 4 pixels instead of 8: what it is for a picture that is twice as large.

    The gradients that it does not compute in the enlarged picture are most of the work.
    """
    hog = load_hog()
    (state,) = hog.__getstate__()
    kind: Any = type(hog)
    half = kind.__new__(kind)
    half.__setstate__((state.replace(WHOLE_CELLS, HALF_CELLS, 1),))
    return half


HALF_HOGS = Pool(load_half_hog)


def load_one_level_hog() -> "dlib.fhog_object_detector":
    """The same, which looks at its picture in one size only."""
    (state,) = load_half_hog().__getstate__()
    kind: Any = type(load_hog())
    hog = kind.__new__(kind)
    hog.__setstate__((state.replace(HALF_CELLS, ONE_LEVEL, 1),))
    return hog


ONE_LEVEL_HOGS = Pool(load_one_level_hog)


def promises(image: np.ndarray, first: float, largest: float = math.inf) -> list[Face]:
    """What may be faces in a picture of shape (height, width, 3), RGB uint8, each once, the most promising first.

    `first` is the scale of the picture to look at first, which shows faces from 40 / first pixels on; `largest` is the
    edge of the largest that are looked for. In grey, and in fewer sizes than dlib's, the look takes half of the time.
    """
    import cv2

    found = []
    with ONE_LEVEL_HOGS.lent() as hog:
        window = hog.detection_window_width
        scale = first * window / 40  # 80: dlib writes it otherwise now
        level = resized(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), scale, cv2.INTER_LINEAR)
        while min(level.shape) >= window and window / scale <= largest:
            rectangles, scores, _ = hog.run(laid_out(level), 0, LOW_PROMISE)
            faces = (face_from_dlib(*one) for one in zip(rectangles, scores, strict=True))
            found += [moved(face, 0, 0, 1 / scale) for face in faces]
            scale *= NEXT
            level = resized(
                level, NEXT, cv2.INTER_LINEAR
            )  # as dlib makes its levels, and ten times as fast as averages
    return without_repetitions(sorted(found, key=lambda face: (-face.score, face.box_ltrb)))


def detect_in_tile(image: np.ndarray, upsample: int, runtime: Runtime, largest: float = math.inf) -> list[Face]:
    """The faces that `detect_promising` finds, in half of its time."""
    if upsample == 0:
        return detect_hog(image, 0, runtime)
    seen = promises(image, FIRST * 2 ** (upsample - 1), largest)
    looks = (second_look(image, face.box_ltrb, runtime) for face in seen)
    return [face for face in looks if face is not None]


def detect_in_shrunk(image: np.ndarray, upsample: int, runtime: Runtime) -> list[Face]:
    """The faces of a large photograph that was shrunk: those that dlib's HOG detector sees in it as it is, else smaller
    ones."""
    if promises(image, FIRST / 2) and (faces := detect_hog(image, 0, runtime)):
        return faces
    return detect_in_tile(image, upsample, runtime, SEEN_IN_SHRUNK) if upsample else []


def detect_promising(image: np.ndarray, upsample: int, runtime: Runtime) -> list[Face]:
    """The faces that `detect_hog` finds in a picture of shape (height, width, 3), RGB uint8, but for a few pixels, and
    those that it nearly finds and dlib's CNN sees."""
    if upsample == 0:
        return detect_hog(image, 0, runtime)
    with HALF_HOGS.lent() as hog:
        doublings = upsample - 1 if hog.detection_window_width == 40 else upsample  # 80: dlib writes it otherwise now
        promises, _, _ = hog.run(laid_out(image), doublings, PROMISING)
    boxes = [face_from_dlib(rectangle, 0.0).box_ltrb for rectangle in promises]
    looks = (second_look(image, box, runtime) for box in boxes)
    return [face for face in looks if face is not None]


def is_plain(face: Face) -> bool:
    """Whether a detector's score says enough: that of HOG says little near its limit."""
    return face.detector != "hog" or face.score > PLAIN


def is_confirmed(image: np.ndarray, face: Face, runtime: Runtime) -> bool:
    """Whether a face that a detector found is beyond doubt: where its score says little, a closer look decides."""
    if is_plain(face):
        return True
    height, width = image.shape[:2]
    box = turned_box(face.box_ltrb, height, width, face.turn)
    return second_look(turned(image, face.turn), box, runtime) is not None


def second_look(image: np.ndarray, box_ltrb: Box, runtime: Runtime) -> Face | None:
    """The face that dlib's detectors find where there may be one; None if they do not."""
    height, width = image.shape[:2]
    left, top, right, bottom = box_ltrb
    around = round(AROUND * (right - left))
    part_left, part_top = max(left - around, 0), max(top - around, 0)
    part = image[part_top : min(bottom + around, height), part_left : min(right + around, width)]
    scale = EDGE / (right - left)
    part = resized(part, scale)

    def best(found: list[Face]) -> Face | None:
        faces = [moved(face, part_left * scale, part_top * scale, 1 / scale) for face in found]
        faces = [face for face in faces if is_same(face.box_ltrb, box_ltrb)]
        return max(faces, key=lambda face: face.score, default=None)

    face = best(detect_hog(part, 0, runtime, PROMISING))
    return face if face is None or is_plain(face) else best(detect_cnn(part, 0, runtime))
