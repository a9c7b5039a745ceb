"""From crops to embeddings."""

import math

import numpy as np

from faceline.faces.reframing import reframed
from faceline.faces.test_time_augmentation import ALONE, Augmentation
from faceline.networks.inference import BATCH, run_network
from faceline.networks.network import Network
from faceline.networks.runtime import Runtime


def embed(
    network: Network,
    crops: np.ndarray,
    runtime: Runtime,
    augmentation: Augmentation = ALONE,
    frame: str | None = None,
) -> np.ndarray:
    """Embed aligned faces. The weights are loaded at first use, once a process.

    Parameters
    ----------
    network : Network
    crops : ndarray of shape (n, size, size, 3), uint8
        RGB.
    runtime : Runtime
    augmentation : Augmentation
        Which copies of a crop an embedding is the mean of.
    frame : str or None
        The frame that the crops were cut for, one that `serves` the network's; None for the network's own.

    Returns
    -------
    ndarray of shape (n, network.dimensions), float32
        Of length 1 where the network's distance is the cosine. On the CPU, an embedding depends neither on the other
        crops nor on the number of threads.

    Raises
    ------
    FacelineError
        If the network is not what its description says.
    """
    frame = frame or network.frame
    if network.parts:
        return np.concatenate(
            [
                np.float32(math.sqrt(weight)) * directions(embed(part, crops, runtime, augmentation, frame))
                for part, weight in zip(network.parts, network.weights, strict=True)
            ],
            axis=1,
        )
    if frame == network.frame:
        crops = resized_crops(crops, network.input_size)
    else:
        crops = reframed(crops, frame, network.frame, network.input_size)
    if augmentation == ALONE:
        embeddings = run_network(network, crops, runtime)
    else:
        embeddings = np.empty((len(crops), network.dimensions), np.float32)
        several = max(1, runtime.batch(BATCH) // augmentation.count)
        for start in range(0, len(crops), several):
            part = slice(start, start + several)
            copies = np.concatenate([augmentation.copies(crop) for crop in crops[part]])
            found = run_network(network, copies, runtime)
            embeddings[part] = found.reshape(-1, augmentation.count, network.dimensions).mean(axis=1)
    return directions(embeddings) if network.distance == "cosine" else embeddings


def directions(embeddings: np.ndarray) -> np.ndarray:
    """Embeddings, (n, d), each divided by its length."""
    return embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)


def resized_crops(crops: np.ndarray, size: int) -> np.ndarray:
    """Square crops, (n, any, any, 3) uint8, at the size that a network takes."""
    import cv2

    if crops.shape[1] == size:
        return crops
    way = cv2.INTER_LINEAR if crops.shape[1] < size else cv2.INTER_AREA
    larger = np.empty((len(crops), size, size, 3), np.uint8)
    for index, crop in enumerate(crops):
        larger[index] = cv2.resize(crop, (size, size), interpolation=way)
    return larger
