"""The table of embedding networks, and networks that the user brings."""

import contextlib
import hashlib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from faceline.disk.paths import named_path, real_path
from faceline.disk.reading import read_bytes
from faceline.errors import FacelineError, UnreadableError, cure
from faceline.host.sharing import once
from faceline.networks.distances import Metric
from faceline.networks.frames import FRAMES
from faceline.networks.weights import DLIB_RESNET, Download, Weights, path_of
from faceline.wording import one_line

CHANNELS = ("rgb", "bgr")


@dataclass(frozen=True)
class Network:
    """An embedding network.

    Attributes
    ----------
    name : str
    source : Weights, Download or Path
        dlib's weights, a file to be downloaded on request, or the user's own ONNX file.
    sha256 : str
        Of that file.
    input_size : int
        Edge of the square picture that it takes, in pixels; crops of another size are resized to it.
    frame : str
        Where it expects the landmarks, a key of `frames.FRAMES`.
    dimensions : int
        Length of an embedding.
    distance : str
        How two embeddings compare, one of `distances.KINDS`.
    threshold : float
        The distance below which its authors call two faces the same person; a classifier measures distances by it.
    licence : str
    channels : str
        The order in which an ONNX file takes the colours, one of CHANNELS.
    mean, deviation : tuple of 3 float
        What an ONNX file wants subtracted from the pixels (0 to 255), and then divided by, in the order of `channels`.
    crop_size : int
        Edge of the crops that stage 1 cuts for it, in pixels, where the user does not say.
    typical_length : float or None
        Of an embedding, where the distance is "half-normalized".
    """

    name: str
    source: Weights | Download | Path
    sha256: str
    input_size: int
    frame: str
    dimensions: int
    distance: str
    threshold: float
    licence: str
    channels: str = "rgb"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    deviation: tuple[float, float, float] = (1.0, 1.0, 1.0)
    crop_size: int = 0
    typical_length: float | None = None

    @property
    def metric(self) -> Metric:
        """How two embeddings compare."""
        return Metric(self.distance, self.typical_length)

    def record(self) -> dict:
        """All that an embedding depends on, as JSON for `run.json` and `classifier.pkl`."""
        record = {"network": self.name, "network_sha256": self.sha256}
        if isinstance(self.source, Path):
            record["network_path"] = str(self.source)
            record["network_description"] = {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in asdict(self).items()
                if name in DESCRIPTION and value is not None
            }
        return record

    def path(self) -> Path:
        """Where the file lies, downloaded first if need be; raises FacelineError if it cannot be had."""
        return self.source if isinstance(self.source, Path) else path_of(self.source)


SFACE = Download(
    file="face_recognition_sface_2021dec.onnx",
    url="https://github.com/opencv/opencv_zoo/raw/47534e27c9851bb1128ccc0102f1145e27f23f98/models/"
    "face_recognition_sface/face_recognition_sface_2021dec.onnx",
    size=38_696_353,
    sha256="0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
)

NETWORKS: Mapping[str, Network] = {
    network.name: network
    for network in [
        Network(
            name="dlib",
            source=DLIB_RESNET,
            sha256=DLIB_RESNET.sha256,
            input_size=150,
            frame="dlib",
            dimensions=128,
            distance="half-normalized",
            threshold=0.6,
            licence="CC0",
            crop_size=96,
            typical_length=1.43,  # the mean on LFW's development pictures; docs/networks.md
        ),
        Network(
            name="sface",
            source=SFACE,
            sha256=SFACE.sha256,
            input_size=112,
            frame="arcface",
            dimensions=128,
            distance="cosine",
            threshold=0.637,
            licence="Apache-2.0",
            crop_size=112,
        ),
    ]
}
DEFAULT_NETWORK = "dlib"


def network_named(name: str) -> Network:
    """Look a network up by its name in the table, or by the path of an ONNX file with a description beside it.

    Raises
    ------
    FacelineError
        If there is no such network, or its description is missing or wrong.
    """
    if name in NETWORKS:
        return NETWORKS[name]
    if not name.lower().endswith(".onnx"):
        choices = ", ".join(NETWORKS)
        raise FacelineError(f"unknown network {one_line(name)!r}; choose from {choices}, or name a file.onnx")
    return read_network(real_path(named_path(name)))


# The keys of a description -> whether it can do without.
DESCRIPTION = {
    "input_size": False,
    "frame": False,
    "dimensions": False,
    "distance": False,
    "threshold": False,
    "licence": False,
    "channels": True,
    "mean": True,
    "deviation": True,
    "typical_length": True,
}


def read_network(path: Path) -> Network:
    """Read the description `<name>.toml` of `<name>.onnx`; raises FacelineError."""
    description = path.with_suffix(".toml")
    try:
        values = tomllib.loads(read_bytes(description).decode())
        digest = network_sha256(path)
    except UnreadableError as error:
        raise FacelineError(f"{error}; a network is an ONNX file and its description, docs/networks.md") from None
    except ValueError as error:
        raise FacelineError(f"{one_line(description)}: no TOML: {one_line(error)}; see docs/networks.md") from None
    try:
        return Network(name=path.stem, source=path, sha256=digest, **described(values))
    except (TypeError, ValueError) as error:
        raise FacelineError(f"{one_line(description)}: {one_line(error)}; see docs/networks.md") from None


@once
def network_sha256(path: Path) -> str:
    return hashlib.sha256(read_bytes(path)).hexdigest()


def described(values: dict) -> dict:
    """The attributes of Network that a description gives; raises ValueError or TypeError with what is wrong."""
    missing = [name for name, optional in DESCRIPTION.items() if not optional and name not in values]
    unknown = sorted(values.keys() - DESCRIPTION.keys())
    if missing or unknown:
        raise ValueError(f"lacks {', '.join(missing)}" if missing else f"unknown key {unknown[0]}")
    Metric(values["distance"], values.get("typical_length"))
    for name, allowed in {"frame": tuple(FRAMES), "channels": CHANNELS}.items():
        if name in values and values[name] not in allowed:
            raise ValueError(f"{name} is {values[name]!r}; choose from {', '.join(allowed)}")
    for name in ("input_size", "dimensions"):
        if type(values[name]) is not int or not 1 <= values[name] <= 4096:
            raise ValueError(f"{name} is {values[name]!r}, not a number from 1 to 4096")
    result = dict(values)
    for name in ("mean", "deviation"):
        if name in values:
            result[name] = tuple(map(float, values[name]))
            if len(result[name]) != 3 or (name == "deviation" and 0 in result[name]):
                raise ValueError(f"{name} is not three numbers, one for each channel")
    threshold = result["threshold"] = float(values["threshold"])
    if not (threshold > 0 and math.isfinite(threshold)):
        raise ValueError("threshold must be more than 0")
    return result | {"licence": str(values["licence"]), "crop_size": values["input_size"]}


def network_of(record: dict, path: str | None = None) -> Network:
    """The network that `Network.record` told of, at another path if it has moved.

    Raises
    ------
    FacelineError
        If it is not there any more, or is another one now.
    """
    known = record.get("network_path")
    with cure("name its place with --network") if known and not path else contextlib.nullcontext():
        found = network_named(path or str(known or record.get("network")))
    for name, value in found.record().items():
        if name != "network_path" and record.get(name) != value:
            raise FacelineError(f"made with another {name.replace('_', ' ')} than {found.name} has now")
    return found
