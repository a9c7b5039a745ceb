"""Whether two pictures are copies of one photograph: saved again, made smaller, or grey."""

import numpy as np

from faceline.disk.pictures.images import decode_picture

# The picture is averaged over that many squares each way; a thumbprint says of neighbours which one is lighter.
EDGE = 16

# So do copies that were made smaller by half or two thirds, saved with JPEG's quality of 20, grey or lighter, but for 2
# in 1,000; two photographs of a person differ in 20 % of the bits and more, of two people in 22 % (LFW).
MOST_DIFFERENT = 0.18

# Pixels of the shorter edge that are decoded, enough for the averages.
ENOUGH = 8 * EDGE


def thumbprint(data: bytes) -> np.ndarray:
    """The thumbprint, (EDGE * EDGE / 64,) uint64, of an encoded picture; raises UnreadableError."""
    import cv2

    pixels = decode_picture(data, ENOUGH).pixels
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    small = cv2.resize(grey, (EDGE + 1, EDGE), interpolation=cv2.INTER_AREA)
    return np.packbits(small[:, 1:] > small[:, :-1]).view(np.uint64)


def are_copies(prints: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Which of some thumbprints, (n, d) uint64, are of the same photograph as another one, (d,): (n,) bool."""
    return np.bitwise_count(prints ^ other).sum(axis=1) <= MOST_DIFFERENT * EDGE**2
