"""Faces of two pictures beside each other."""

import contextlib

from faceline.networks.table import DEFAULT_NETWORK, NETWORKS
from faceline.recognition.verification import verify
from faceline.report.comparison import ComparedFace, ComparedPair
from faceline.service.asking import Asking, NotReadyError
from faceline.service.pictures import Sent


def compared(asking: Asking, first: Sent, second: Sent) -> list[dict]:
    """Every face of one picture with every face of another, as `compare --json` has pairs; by the gallery's network, if
    it is of the catalogue. Raises UnreadableError."""
    network = DEFAULT_NETWORK
    with contextlib.suppress(NotReadyError):  # it takes no gallery
        used = asking.recognizer().network.name
        network = used if used in NETWORKS else network

    pairs = []
    for pair in verify(first.content, second.content, network=network, threads=1):
        one = ComparedFace(first.name, pair.first.box_ltrb, pair.first.turn, is_alone=False)
        other = ComparedFace(second.name, pair.second.box_ltrb, pair.second.turn, is_alone=False)
        pairs.append(ComparedPair(one, other, pair.distance, pair.probability, pair.is_same_picture).record())
    return pairs
