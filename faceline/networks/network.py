"""What there is to know of an embedding network."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from faceline.networks.distances import Metric
from faceline.networks.one_person import OnePerson
from faceline.networks.weights import Download, Weights, path_of

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

CHANNELS = ("rgb", "bgr")

# What a network reckons in: the numbers of its authors, or others that are near them and come sooner.
PRECISIONS = FLOAT32, BFLOAT16, INT8 = "float32", "bf16", "int8"


@dataclass(frozen=True)
class Network:
    """An embedding network.

    Attributes
    ----------
    name : str
    source : Weights, Download, Path or None
        dlib's weights, a file to be fetched or brought, or the user's own ONNX file; None for a combination.
    sha256 : str
        Of that file; of one in the table for which none is known, "" until it is there.
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
    saw_lfw : str
        Whether people of LFW were among those it was trained on, in a word: figures on LFW flatter it then.
    is_tested : bool
        Whether the file was here when this was written; of the others only what their authors say is known.
    parts : tuple of Network
        The networks of a combination, which embeds by all of them; empty for a network of its own.
    weights : tuple of float
        How much each part counts, in sum 1.
    one_person : tuple of OnePerson
        What its distances mean, for the numbers of passes for which that is known.
    precision : str
        One of PRECISIONS; of a combination that of all parts.
    """

    name: str
    source: Weights | Download | Path | None
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
    saw_lfw: str = "unknown"
    is_tested: bool = True
    parts: tuple["Network", ...] = ()
    weights: tuple[float, ...] = ()
    one_person: tuple[OnePerson, ...] = ()
    precision: str = FLOAT32

    @property
    def title(self) -> str:
        """What it is called to people."""
        return titled(self.name, self.precision)

    @property
    def metric(self) -> Metric:
        """How two embeddings compare."""
        return Metric(self.distance, self.typical_length)

    def one_person_at(self, passes: int) -> OnePerson | None:
        """What its distances mean with so many passes; None where that is not known."""
        return next((known for known in self.one_person if known.passes == passes), None)

    def record(self) -> dict:
        """All that an embedding depends on, as JSON for `run.json` and `classifier.pkl`."""
        record: dict[str, object] = {"network": self.name, "network_sha256": self.sha256}
        if self.parts:
            record["network_parts"] = [part.record() for part in self.parts]
            record["network_weights"] = list(self.weights)
        if isinstance(self.source, Path):
            record["network_path"] = str(self.source)
            record["network_description"] = {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in asdict(self).items()
                if name in DESCRIPTION and value is not None
            }
        if self.precision != FLOAT32:  # so that folders of earlier versions stay good
            record["precision"] = self.precision
        return record

    def identity(self) -> dict:
        """What tells its embeddings from others, and how long they are, as JSON."""
        return {"network": self.name, "network_sha256": self.fingerprint, "dimensions": self.dimensions}

    @property
    def fingerprint(self) -> str:
        """What tells its embeddings from those of all others: the SHA-256 of its file, and of its precision and the
        description that the user's own has, which may change while the file stays."""
        own = [part.record()["network_description"] for part in self.parts or (self,) if isinstance(part.source, Path)]
        if self.precision != FLOAT32:
            own.append(self.precision)
        if not own:
            return self.sha256
        return hashlib.sha256(json.dumps([self.sha256, *own], sort_keys=True).encode()).hexdigest()

    @property
    def is_of_dlib(self) -> bool:
        """Whether the file is in dlib's format, and dlib can run it."""
        return isinstance(self.source, Weights | Download) and self.source.file.endswith(".dat")

    def path(self) -> Path:
        """Where the file lies, fetched first if need be; raises FacelineError if it cannot be had.

        A combination has none: its parts have.
        """
        if self.source is None:
            raise ValueError(f"{self.name} has no file of its own")
        return self.source if isinstance(self.source, Path) else path_of(self.source)


def titled(name: str, precision: str) -> str:
    """What a network is called to people: its name, and what it reckons in where that is not as usual."""
    return name if precision == FLOAT32 else f"{name} in {precision}"
