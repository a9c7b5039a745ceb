"""Jittered copies of a crop, as `dlib.jitter_image` makes them: a little turned, scaled, shifted, and half of them
mirrored. The mean of their embeddings is a better one than that of the crop alone.

dlib draws from one sequence for the whole process, so that its numbers depend on what came before. Here a crop's own
pixels are the seed: order, processes and interruptions do not matter.
"""

import hashlib
import math

import numpy as np

# The constants of dlib's jitter_image.
MARGIN = 3
MOST_TURN_DEGREES = 3.0
OBJECT_HEIGHTS = 0.97, 0.99999
MOST_SHIFT = 0.02


def jittered(crop: np.ndarray, count: int) -> np.ndarray:
    """Make `count` jittered copies.

    Parameters
    ----------
    crop : ndarray of shape (size, size, 3), uint8

    Returns
    -------
    ndarray of shape (count, size, size, 3), uint8
    """
    import dlib

    size = len(crop)
    seed = int.from_bytes(hashlib.sha256(crop.tobytes()).digest()[:16], "little")
    generator = np.random.Generator(np.random.PCG64(seed))
    inner = size - 2 * MARGIN
    copies = np.empty((count, *crop.shape), np.uint8)
    for number in range(count):
        # dlib rounds the shift, and cuts off the fraction of the box's size.
        shift_x, shift_y = (
            math.floor(inner * amount + 0.5) for amount in generator.uniform(-MOST_SHIFT, MOST_SHIFT, 2)
        )
        box = int(inner / generator.uniform(*OBJECT_HEIGHTS))
        angle = math.radians(generator.uniform(-MOST_TURN_DEGREES, MOST_TURN_DEGREES))
        left, top = (size // 2 + shift - box // 2 for shift in (shift_x, shift_y))
        place = dlib.drectangle(left, top, left + box - 1, top + box - 1)
        copy = dlib.extract_image_chip(crop, dlib.chip_details(place, dlib.chip_dims(size, size), angle))
        copies[number] = copy[:, ::-1] if generator.random() > 0.5 else copy
    return copies
