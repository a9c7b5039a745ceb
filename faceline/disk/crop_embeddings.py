"""`embeddings.npz` beside the crops: what stage 1 embedded to compare a person's pictures, so that stage 2 need not.

It is what stage 2 would compute: where it is missing, or not as `run.json` says, nothing changes but the time.
"""

import contextlib
import io
from pathlib import Path

import numpy as np

from faceline.disk.names import CROP_EMBEDDINGS_FILE
from faceline.disk.numbers import are_reckonable
from faceline.disk.reading import (
    file_sha256,
    read_bytes,
    sha256,
)
from faceline.disk.writing import remove, write_bytes
from faceline.errors import FacelineError
from faceline.host.interruptions import pass_on


def write_crop_embeddings(folder: Path, network: str, embeddings: dict[str, np.ndarray]) -> None:
    """Write the embedding, (d,) float32, of each crop, whose SHA-256 is its key; no file where there are none.

    `network` is the network's fingerprint.
    """
    path = folder / CROP_EMBEDDINGS_FILE
    if not embeddings:
        remove(path)
        return
    keys = sorted(embeddings)
    file = io.BytesIO()
    np.savez(file, network=np.array(network), crops=np.array(keys), embeddings=np.stack([embeddings[k] for k in keys]))
    write_bytes(path, file.getvalue())


def read_crop_embeddings(folder: Path, network: str, dimensions: int, record: dict) -> dict[str, np.ndarray]:
    """What `write_crop_embeddings` wrote for the network; nothing unless the file is the one of `run.json`."""
    try:
        data = read_bytes(folder / CROP_EMBEDDINGS_FILE)
        if record.get("sha256") != {CROP_EMBEDDINGS_FILE: sha256(data)}:
            return {}
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            of_network, crops, embeddings = (file[name] for name in ("network", "crops", "embeddings"))
    except Exception as error:  # a forged file raises nearly everything; stage 2 computes what it lacks
        pass_on(error)
        return {}
    fits = embeddings.dtype == np.float32 and embeddings.shape == (len(crops), dimensions)
    if str(of_network) != network or not fits or not are_reckonable(embeddings):
        return {}
    return dict(zip(map(str, crops), embeddings, strict=True))


def crop_embeddings_digest(folder: Path) -> dict[str, dict[str, str]]:
    """What `run.json` says of the file: its SHA-256; nothing where there is none."""
    with contextlib.suppress(FacelineError):
        return {"sha256": {CROP_EMBEDDINGS_FILE: file_sha256(folder / CROP_EMBEDDINGS_FILE)}}
    return {}
