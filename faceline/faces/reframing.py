"""Crops cut again for another network than they were cut for: a similarity carries the one frame's landmarks onto the
other's, so one crop serves several networks. `frames.serves` says which."""

import math

import numpy as np

from faceline.faces.cutting import align_transform, warped
from faceline.networks.frames import FRAMES, WITHIN, serves
from faceline.networks.network import Network

# The landmarks by which frames are compared: all have them.
LANDMARKS = "outerEyesAndNose"


def carrying(frame: str, size: int, other: str, other_size: int) -> np.ndarray:
    """The similarity, (2, 3) float64, from a crop of one frame and size in pixels to one of another."""
    models = FRAMES[frame].template[LANDMARKS].keys() & FRAMES[other].template[LANDMARKS].keys()
    before, after = (
        (np.array(FRAMES[name].template[LANDMARKS][min(models)]) + 0.5) * edge / FRAMES[name].edge - 0.5
        for name, edge in ((frame, size), (other, other_size))
    )
    return align_transform(before, after)


def reframed(crops: np.ndarray, frame: str, other: str, size: int) -> np.ndarray:
    """Crops of one frame as crops of another.

    Parameters
    ----------
    crops : ndarray of shape (n, any, any, 3), uint8
    frame, other : str
        Keys of `frames.FRAMES`; the first is theirs, and `serves` the second.
    size : int
        Edge of the crops that are made, in pixels.

    Returns
    -------
    ndarray of shape (n, size, size, 3), uint8
        Black where the crop ends, as where a picture ends: to continue its edge there does more harm.
    """
    edge = crops.shape[1]
    # As in `cutting`: what shrinks is cut larger, and averaged.
    oversampling = max(1, math.ceil(1 / math.hypot(*carrying(frame, edge, other, size)[:, 0]) - 1e-6))
    matrix = carrying(frame, edge, other, size * oversampling)
    found = np.empty((len(crops), size, size, 3), np.uint8)
    for index, crop in enumerate(crops):
        found[index] = warped(crop, matrix, size, oversampling)
    return found


def shows_all(frame: str, size: int, network: Network) -> bool:
    """Whether crops show all that the network's own crops would, and as large."""
    return network.frame in (frame, *WITHIN.get(frame, ())) and is_large_enough(frame, size, network)


def shows_most(frame: str, size: int, network: Network) -> bool:
    """Whether crops serve all parts of a network, each as large as its own crops, but for what they do not show."""
    parts = network.parts or (network,)
    return all(serves(frame, part.frame) and is_large_enough(frame, size, part) for part in parts)


def is_large_enough(frame: str, size: int, network: Network) -> bool:
    return math.hypot(*carrying(frame, size, network.frame, network.crop_size)[:, 0]) < 1 + 1e-6
