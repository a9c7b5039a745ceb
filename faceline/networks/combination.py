"""Several networks as one: each embedding is theirs side by side."""

import hashlib
from collections.abc import Sequence

from faceline.errors import FacelineError
from faceline.networks.frames import frame_for
from faceline.networks.network import Network
from faceline.networks.one_person import OF_COMBINATIONS
from faceline.wording import one_line

# Edge of the crops that stage 1 cuts for several networks, in pixels: each finds its own size in it.
CROP_SIZE = 192


def names_of_parts(name: str) -> list[str]:
    """The names in `a+b`; one that has a plus itself has it doubled there."""
    return [part.replace("\0", "+") for part in name.replace("++", "\0").split("+")]


def combined(parts: Sequence[Network]) -> Network:
    """Networks as one, whose embedding is theirs of length 1 side by side, each times the root of its weight.

    So the cosine of two such embeddings is the weighted mean of the parts' cosines, and all that is made for one
    network goes on with it. The parts weigh the same.

    Raises
    ------
    FacelineError
        If there are fewer than two, or one of them twice, or no crop serves all.
    """
    names = [part.name for part in parts]
    name = "+".join(one.replace("+", "++") for one in names)
    if len(parts) < 2 or not all(names):
        raise FacelineError(f"network {one_line(name)!r}: name two or more, as in dlib+mobilefacenet")
    if len({part.sha256 for part in parts}) < len(parts):
        raise FacelineError(f"network {one_line(name)!r}: the same network twice adds nothing; name each once")
    frame = frame_for([part.frame for part in parts])
    if frame is None:
        frames = ", ".join(dict.fromkeys(part.frame for part in parts))
        raise FacelineError(f"network {one_line(name)!r}: no crop shows what all want, in the frames {frames}")
    weights = (1 / len(parts),) * len(parts)
    digest = hashlib.sha256(" ".join(part.sha256 for part in parts).encode()).hexdigest()
    return Network(
        name=name,
        source=None,
        sha256=digest,
        input_size=max(part.input_size for part in parts),
        frame=frame,
        dimensions=sum(part.dimensions for part in parts),
        distance="cosine",
        threshold=threshold_of(parts, weights),
        licence=", ".join(dict.fromkeys(part.licence for part in parts)),
        crop_size=CROP_SIZE,
        saw_lfw="some" if any(part.saw_lfw == "some" for part in parts) else "unknown",
        is_tested=all(part.is_tested for part in parts),
        parts=tuple(parts),
        weights=weights,
        # A file of the user's own may be called as a network of the table, of which alone anything is known.
        one_person=OF_COMBINATIONS.get(frozenset(names), ()) if all(part.one_person for part in parts) else (),
    )


def threshold_of(parts: Sequence[Network], weights: Sequence[float]) -> float:
    """The cosine distance that is the threshold of a combination with these weights."""
    return sum(weight * cosine_threshold(part) for weight, part in zip(weights, parts, strict=True))


def cosine_threshold(network: Network) -> float:
    """The cosine distance that stands for a network's threshold, as far as its description tells how long embeddings
    are: 1 where it does not."""
    if network.distance == "cosine":
        return network.threshold
    return network.threshold**2 / 2 / (network.typical_length or 1.0) ** 2
