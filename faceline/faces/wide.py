"""The wide look: a large photograph at its full resolution, tile by tile, for the faces that shrinking it hides."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from faceline.disk.pictures.boxes import Box
from faceline.faces.detectors import Face, detect_cnn, detect_retinaface, detect_yunet
from faceline.faces.promise import detect_in_shrunk, detect_in_tile, detect_promising
from faceline.faces.tiles import ROOM, TILE, moved, pyramid, resized, tile_boxes
from faceline.networks.runtime import Runtime
from faceline.networks.weights import YUNET_2026

Look = Callable[[], list[Face]]
Detect = Callable[[np.ndarray, int, Runtime], list[Face]]

# The edge of the smallest face that a detector of dlib's sees in a picture as it is; and YuNet, not to miss one: of 70
# faces of 40 to 150 pixels in 108 megapixels it finds 50, 64, 68 and 70 where the smallest are shown with 16, 20, 24
# and 28. RetinaFace finds 56, 62, 64 and 67 of 67 faces of groups at 20, 24, 28 and 40 pixels.
DLIB_SMALLEST = 80
YUNET_SMALLEST = 28
RETINAFACE_SMALLEST = 40


def reduced(look: Detect, smallest: int, image: np.ndarray, upsample: int, runtime: Runtime) -> list[Face]:
    """A look at a picture that is reduced until faces of `smallest` pixels are those that dlib's detectors see in the
    whole one."""
    scale = 2**upsample * smallest / DLIB_SMALLEST
    return [moved(face, 0, 0, 1 / scale) for face in look(resized(image, scale), 0, runtime)]


@dataclass(frozen=True)
class WideLook:
    """How a detector looks at tiles.

    Attributes
    ----------
    look : callable
        As those of `detectors.Detector`.
    smallest : int
        The edge of the smallest face that the detector sees in a picture that is not enlarged.
    glance : callable
        The same for small pictures, where it differs.
    one_thread : bool
        Whether it runs on one thread only, so that several tiles at a time make use of all cores.
    up_to : callable or None
        Gives a look that sees only faces up to an edge, if that is faster.
    in_shrunk : callable or None
        Looks at a large photograph that was shrunk, where there is a faster way than the detector's own; then the look
        at tiles is fast enough to be the one that sees every face in it, too.
    """

    look: Detect
    smallest: int = DLIB_SMALLEST
    glance: Detect | None = None
    one_thread: bool = False
    up_to: Callable[[float], Detect] | None = None
    in_shrunk: Detect | None = None


def seeing_small(look: Detect, smallest: int) -> WideLook:
    return WideLook(partial(reduced, look, smallest), smallest)


def detect_in_shrunk_or_cnn(image: np.ndarray, upsample: int, runtime: Runtime) -> list[Face]:
    """Likewise, else what the CNN sees in a quarter of the pixels: a large face that HOG does not see is the main one
    rather than small ones that it does."""
    found = detect_in_shrunk(image, upsample, runtime)
    return found or [moved(face, 0, 0, 2) for face in detect_cnn(resized(image, 1 / 2), 0, runtime)]


def small_in_tile(edge: float) -> Detect:
    return partial(detect_in_tile, largest=edge)


BY_HOG = WideLook(detect_in_tile, glance=detect_promising, one_thread=True, up_to=small_in_tile)
WIDE_LOOKS: Mapping[str, WideLook] = {
    "auto": replace(BY_HOG, in_shrunk=detect_in_shrunk_or_cnn),
    "hog": replace(BY_HOG, in_shrunk=detect_in_shrunk),
    "cnn": WideLook(detect_cnn),
    "yunet": seeing_small(detect_yunet, YUNET_SMALLEST),
    "yunet-2026": seeing_small(partial(detect_yunet, weights=YUNET_2026), YUNET_SMALLEST),
    "retinaface": seeing_small(detect_retinaface, RETINAFACE_SMALLEST),
}


def tile_looks(
    image: np.ndarray, wide: WideLook, upsample: int, reduction: float, runtime: Runtime, further: int = 0
) -> list[Look]:
    """The looks it takes to find the faces that were too small in the picture when it was `reduction` times smaller.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8
        RGB.
    wide : WideLook
    upsample : int
        How often tiles are doubled.
    reduction : float
    runtime : Runtime
    further : int
        How many smaller levels to look at as well: one is the picture `reduction` times smaller.

    Returns
    -------
    list of callable
        Each gives the faces of a tile, in pixels of the picture.
    """
    looks: list[Look] = []
    count, step = pyramid(reduction * wide.smallest / DLIB_SMALLEST)
    overlap = round(step * ROOM * DLIB_SMALLEST / 2**upsample)
    for number in range(count + further):
        scale = step**-number
        # Larger faces show in the next level, or have been looked for there.
        look = wide.up_to(overlap) if wide.up_to and not (further and number == count) else wide.look
        level = resized(image, scale)
        height, width = level.shape[:2]
        boxes = tile_boxes(height, width, TILE >> max(upsample - 1, 0), overlap)
        looks += [partial(look_at_tile, level, box, scale, look, upsample, runtime) for box in boxes]
    return looks


def look_at_tile(
    level: np.ndarray, box_ltrb: Box, scale: float, look: Detect, upsample: int, runtime: Runtime
) -> list[Face]:
    """The faces of a tile of a level, in pixels of the picture that was made `scale` times as large for it."""
    left, top, right, bottom = box_ltrb
    tile = np.ascontiguousarray(level[top:bottom, left:right])
    return [moved(face, left, top, 1 / scale) for face in look(tile, upsample, runtime)]


def in_threads(looks: Sequence[Look], threads: int) -> list[list[Face]]:
    """What each look finds, several at a time."""
    threads = min(threads, len(looks))
    if threads <= 1:
        return [look() for look in looks]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda look: look(), looks))
