"""The table of embedding networks, and running them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from faceline.errors import FacelineError
from faceline.weights import DLIB_RESNET, Weights, weights_path

if TYPE_CHECKING:
    import dlib
    import numpy as np


@dataclass(frozen=True)
class Network:
    """An embedding network.

    Attributes
    ----------
    input_size : int
        Edge of the square picture that it takes, in pixels; crops of another size are resized to it.
    frame : str
        Where it expects the landmarks, a key of `geometry.FRAMES`.
    dimensions : int
        Length of an embedding.
    distance : str
        How two embeddings compare: "euclidean".
    threshold : float
        The distance below which its authors call two faces the same person.
    crowding, spread : float
        See `threshold_among`, and the scale of the logistic curve by which the probability of being right falls around
        that distance. Both are fitted by `benchmarks/calibration.py`.
    """

    name: str
    weights: Weights
    input_size: int
    frame: str
    dimensions: int
    distance: str
    threshold: float
    crowding: float
    spread: float

    def record(self) -> dict:
        """What identifies the network, as JSON for `run.json` and `classifier.pkl`."""
        return {"network": self.name, "network_sha256": self.weights.sha256}

    def threshold_among(self, count: int) -> float:
        """The distance to the nearest of `count` embeddings at which naming that person is as likely right as wrong.

        The more embeddings, the nearer a stranger's nearest one lies: each e-fold brings it nearer by `crowding`.
        """
        return self.threshold - self.crowding * math.log(count)

    def check_weights(self) -> None:
        """Raise FacelineError if the weights are not installed."""
        weights_path(self.weights)


NETWORKS: Mapping[str, Network] = {
    network.name: network
    for network in [
        Network(
            name="dlib",
            weights=DLIB_RESNET,
            input_size=150,
            frame="dlib",
            dimensions=128,
            distance="euclidean",
            threshold=0.6,
            crowding=0.018,
            spread=0.021,
        )
    ]
}
DEFAULT_NETWORK = "dlib"


def network_named(name: str) -> Network:
    """Look a network up; raises FacelineError if there is none of that name."""
    if name not in NETWORKS:
        raise FacelineError(f"unknown network {name!r}; choose from {', '.join(NETWORKS)}")
    return NETWORKS[name]


@cache
def load_dlib(network: Network) -> "dlib.face_recognition_model_v1":
    import dlib

    return dlib.face_recognition_model_v1(str(weights_path(network.weights)))


def embed(network: Network, crops: "np.ndarray") -> "np.ndarray":
    """Embed aligned faces. The weights are loaded at first use, once a process.

    Parameters
    ----------
    network : Network
    crops : ndarray of shape (n, size, size, 3), uint8
        RGB, cut for the network's frame.

    Returns
    -------
    ndarray of shape (n, network.dimensions), float32
        A crop's embedding does not depend on the others in its batch.
    """
    import cv2
    import numpy as np

    model = load_dlib(network)
    embeddings = np.empty((len(crops), network.dimensions), np.float32)
    for row, crop in enumerate(crops):
        if len(crop) != network.input_size:
            way = cv2.INTER_LINEAR if len(crop) < network.input_size else cv2.INTER_AREA
            crop = cv2.resize(crop, (network.input_size, network.input_size), interpolation=way)
        embeddings[row] = model.compute_face_descriptor(np.ascontiguousarray(crop))
    return embeddings
