"""dlib's CNN face detector ("mmod") on an ONNX Runtime session: its pyramid, its boxes, its suppression.

The network sees all sizes of the picture at once, on one canvas, the levels of a pyramid beside and below each other.
They lie so close that what is next to a level changes the scores within it; so the canvas is dlib's, to the bit.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnxruntime

    from faceline.disk.pictures.boxes import Box

# Means of R, G, B, as float32, as dlib has them.
MEANS = np.array([122.782, 117.001, 104.298], np.float32)

# Between levels and around all, in pixels.
PADDING, OUTER_PADDING = 10, 11
# A level is this part of the one before; with fewer rows there is none.
RATE, FEWEST_ROWS = 5 / 6, 5
# A score stands for a square of this edge, every `STRIDE` pixels of the canvas from `FIRST` on.
EDGE, STRIDE, FIRST = 80, 8, 14
# No score comes out of a smaller canvas.
SMALLEST_CANVAS = 29
# Of two boxes the weaker one goes if their intersection is more than this part of the rectangle around both.
LARGEST_OVERLAP = 0.3382761351109955


def level_sizes(height: int, width: int) -> list[tuple[int, int]]:
    """(rows, columns) of each level of the pyramid."""
    sizes: list[tuple[int, int]] = []
    while not sizes or (height >= FEWEST_ROWS and width > 0):
        sizes.append((height, width))
        height, width = int(RATE * height), int(RATE * width)
    return sizes


def place_levels(height: int, width: int) -> "tuple[tuple[int, int], list[Box]]":
    """Lay out the pyramid of a picture as dlib does: down along the left edge, and up again along the right one.

    Returns
    -------
    canvas : tuple of int
        Its (rows, columns).
    tiles : list of Box
        Where on it each level lies.
    """
    sizes = level_sizes(height, width)
    total = sum(rows + PADDING for rows, _ in sizes) - 2 * PADDING
    depth = before = 0
    for rows, columns in sizes:
        # dlib compares these without sign, so that what is below zero is as large as can be.
        room, deeper, rest = width - before - PADDING, 2 * (depth - height), total - height
        if (columns <= room or room < 0) and deeper % 2**64 >= rest % 2**64:
            break
        depth += rows + PADDING
        before = columns
    depth -= PADDING
    tiles: list[Box] = []
    top = OUTER_PADDING
    for rows, columns in sizes:
        if top >= depth + OUTER_PADDING:
            break
        tiles.append((OUTER_PADDING, top, OUTER_PADDING + columns, top + rows))
        top += rows + PADDING
    bottom, right = top - PADDING, OUTER_PADDING + width
    for rows, columns in sizes[len(tiles) :]:
        if bottom - rows < tiles[0][3] and right - columns < tiles[0][2]:
            break
        tiles.append((right - columns, bottom - rows, right, bottom))
        bottom -= rows + PADDING
    return (depth + 2 * OUTER_PADDING, width + 2 * OUTER_PADDING), tiles


def tiled_pyramid(image: np.ndarray) -> "tuple[np.ndarray, list[Box]]":
    """The canvas of shape (1, 3, rows, columns), float32, as the network takes it; and where the levels lie on it."""
    import dlib

    (rows, columns), tiles = place_levels(*image.shape[:2])
    canvas = np.zeros((1, 3, rows, columns), np.float32)
    for channel, mean in enumerate(MEANS):
        level = (image[:, :, channel] - mean) / np.float32(256)
        for number, (left, top, right, bottom) in enumerate(tiles):
            if number:
                level = dlib.resize_image(level, bottom - top, right - left)
            canvas[0, channel, top:bottom, left:right] = level
    return canvas, tiles


def rounded(boxes: np.ndarray) -> np.ndarray:
    """Halves away from zero, like C's `lround`."""
    return np.trunc(boxes + np.copysign(0.5, boxes)).astype(np.int64)


def boxes_in_picture(cells: np.ndarray, tiles: "list[Box]") -> np.ndarray:
    """The boxes that scores stand for.

    Parameters
    ----------
    cells : ndarray of shape (n, 2), int
        (row, column) of each score.
    tiles : list of Box

    Returns
    -------
    ndarray of shape (n, 4), int64
        (left, top, right, bottom) in pixels of the picture; right and bottom belong to the box, as in dlib.
    """
    centres = FIRST + STRIDE * cells[:, ::-1]
    low = np.array(tiles)[:, :2]
    high = np.array(tiles)[:, 2:] - 1
    away = np.maximum(low - centres[:, None], centres[:, None] - high).clip(min=0)
    nearest = (away**2).sum(axis=2).argmin(axis=1)
    points = np.tile(centres - low[nearest], 2)
    boxes = points + np.array([-1, -1, 1, 1]) * (EDGE - 1) / 2
    for level in range(1, len(tiles)):
        above = nearest >= level
        boxes[above] = boxes[above] * 1.2 + 0.3
    return rounded(boxes)


def suppress(boxes: np.ndarray) -> list[int]:
    """Indices of the boxes to keep; `boxes` is (n, 4), as above, the strongest first."""
    kept, left = [], np.arange(len(boxes))
    while len(left):
        strongest, left = int(left[0]), left[1:]
        kept.append(strongest)
        best, others = boxes[strongest], boxes[left]
        inner = np.minimum(best[2:], others[:, 2:]) - np.maximum(best[:2], others[:, :2]) + 1
        outer = np.maximum(best[2:], others[:, 2:]) - np.minimum(best[:2], others[:, :2]) + 1
        left = left[inner.clip(min=0).prod(axis=1) / outer.prod(axis=1) <= LARGEST_OVERLAP]
    return kept


def detect_mmod(session: "onnxruntime.InferenceSession", image: np.ndarray, upsample: int) -> "list[tuple[Box, float]]":
    """Find faces; the same as `dlib.cnn_face_detection_model_v1`.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        Of `convert(read_mmod(data), None)`.
    image : ndarray of shape (height, width, 3), uint8
        RGB.
    upsample : int
        How often the picture is doubled first.

    Returns
    -------
    list of (Box, float)
        (left, top, right, bottom), right and bottom exclusive, and dlib's confidence; in dlib's order.
    """
    import dlib

    for _ in range(upsample):
        image = dlib.resize_image(image, 2 * image.shape[0] + 1, 2 * image.shape[1] + 2)
    # dlib's layout of a narrower picture lies outside its own canvas.
    if image.shape[1] < PADDING or min(place_levels(*image.shape[:2])[0]) < SMALLEST_CANVAS:
        return []
    canvas, tiles = tiled_pyramid(image)
    (scores,) = session.run(["output"], {"pixels": canvas})
    cells = np.argwhere(scores[0, 0] > 0)
    confidences = scores[0, 0][tuple(cells.T)]
    order = np.argsort(-confidences, kind="stable")
    boxes = boxes_in_picture(cells[order], tiles)
    kept = suppress(boxes)
    final = boxes[kept].astype(np.float64)
    for _ in range(upsample):
        final = final / 2 - [1.25, 0.75, 1.25, 0.75]
    final = rounded(final) + [0, 0, 1, 1]
    return [(tuple(box), float(confidences[order[index]])) for box, index in zip(final.tolist(), kept, strict=True)]
