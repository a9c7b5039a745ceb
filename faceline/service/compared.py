"""Faces of two pictures beside each other."""

import contextlib
import itertools
from dataclasses import replace

from faceline.networks.table import DEFAULT_NETWORK, NETWORKS
from faceline.recognition.verification import Verifier
from faceline.report.comparison import ComparedFace, ComparedPair
from faceline.service.asking import MOST_FACES, Asking, NotReadyError
from faceline.service.guarding import RefusedError
from faceline.service.pictures import Sent

MOST_PAIRS = 10_000


def compared(asking: Asking, first: Sent, second: Sent) -> list[dict]:
    """Every face of one picture with every face of another, as `compare --json` has pairs; by the gallery's network, if
    it is of the catalogue. Raises UnreadableError, and RefusedError where there are too many pairs."""
    network = DEFAULT_NETWORK
    with contextlib.suppress(NotReadyError):  # it takes no gallery
        used = asking.recognizer().network.title
        network = used if used in NETWORKS else network

    verifier = Verifier.load(network=network, threads=1)
    recognizer = replace(verifier.recognizer, most_faces=MOST_FACES)
    left, right = (recognizer.faces(picture.content) for picture in (first, second))
    if len(left) * len(right) > MOST_PAIRS:
        raise RefusedError(422, f"{len(left) * len(right)} pairs of faces, the limit is {MOST_PAIRS}")
    numbers = itertools.product(range(len(left)), range(len(left), len(left) + len(right)))

    pairs = []
    for pair in verifier.pairs([*left, *right], list(numbers)):
        one = ComparedFace(first.name, pair.first.box_ltrb, pair.first.turn, is_alone=False)
        other = ComparedFace(second.name, pair.second.box_ltrb, pair.second.turn, is_alone=False)
        pairs.append(ComparedPair(one, other, pair.distance, pair.probability, pair.is_same_picture).record())
    return pairs
