"""Networks that the user brings: an ONNX file, and its description in TOML beside it."""

import hashlib
import math
import tomllib
from pathlib import Path

from faceline.disk.reading import read_bytes
from faceline.errors import FacelineError, UnreadableError
from faceline.host.sharing import once
from faceline.networks.distances import Metric
from faceline.networks.frames import FRAMES
from faceline.networks.network import CHANNELS, DESCRIPTION, Network
from faceline.wording import one_line


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
