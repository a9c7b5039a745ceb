"""Faces of two pictures beside each other."""

import contextlib
from typing import Any

from faceline.networks.table import DEFAULT_NETWORK, NETWORKS
from faceline.recognition.verification import verify
from faceline.service.asking import Asking, NotReadyError


def compared(asking: Asking, first: bytes, second: bytes) -> dict[str, Any]:
    """Every face of one picture with every face of another, by the gallery's network if it is of the catalogue; raises
    UnreadableError."""
    network = DEFAULT_NETWORK
    with contextlib.suppress(NotReadyError):  # it takes no gallery
        used = asking.recognizer().network.name
        network = used if used in NETWORKS else network
    pairs = [
        {
            "first_box": pair.first.box_ltrb,
            "second_box": pair.second.box_ltrb,
            "distance": round(pair.distance, 4),
            "probability": None if pair.probability is None else round(pair.probability, 4),
            "same_picture": pair.is_same_picture,
        }
        for pair in verify(first, second, network=network, threads=1)
    ]
    return {"pairs": pairs}
