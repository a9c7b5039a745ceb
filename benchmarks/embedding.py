"""Embedding crops: dlib against ONNX Runtime, on one thread, on all, and on a GPU where there is one; other networks
where their files are here."""

from functools import partial
from pathlib import Path

import numpy as np
from measure import interleaved, table

from faceline.disk.pictures.images import decode_image
from faceline.errors import FacelineError
from faceline.faces.embedder import embed
from faceline.networks.frames import SHARED
from faceline.networks.network import Network
from faceline.networks.runtime import GPU_BATCH, Runtime
from faceline.networks.table import MOBILEFACENET, NETWORKS, network_named
from faceline.networks.weights import is_here
from faceline.runs.parallel import all_cores

NETWORK = NETWORKS["dlib"]
GPU = Runtime(device="cuda")


def crops_of(faces: Path, count: int) -> np.ndarray:
    paths = sorted((faces / "johns").rglob("*.jpg"))[:count]
    return np.stack([decode_image(path.read_bytes()) for path in paths])


def compare(crops: np.ndarray) -> str:
    candidates = {
        "dlib": lambda: embed(NETWORK, crops, Runtime("dlib")),
        "Faceline, 1 thread": lambda: embed(NETWORK, crops, Runtime(threads=1)),
        f"Faceline, {all_cores()} threads": lambda: embed(NETWORK, crops, Runtime(threads=all_cores())),
    }
    if has_gpu():
        candidates["Faceline, a GPU"] = lambda: embed(NETWORK, crops, GPU)
    if is_here(MOBILEFACENET):
        for name in ("mobilefacenet", "dlib+mobilefacenet"):
            candidates[f"{name}, 1 thread"] = partial(embed_shared, network_named(name), crops)
    medians = interleaved(candidates, rounds=15 if len(crops) < 32 else 7)
    a_face = {name: seconds / len(crops) for name, seconds in medians.items()}
    return table(f"embedding, batch of {len(crops)}", "ms a face", a_face, "dlib")


def has_gpu() -> bool:
    try:
        GPU.check()
    except FacelineError:
        return False
    return True


def embed_shared(network: Network, crops: np.ndarray) -> np.ndarray:
    """As stage 2 does for several networks: from crops that serve each."""
    return embed(network, crops, Runtime(threads=1), frame=SHARED)


def main(faces: Path) -> list[str]:
    batches = (1, 8, 32, GPU_BATCH) if has_gpu() else (1, 8, 32)
    crops = crops_of(faces, max(batches))
    tables = [compare(crops[:batch]) for batch in batches]
    reference = embed(NETWORK, crops, Runtime("dlib"))
    difference = np.abs(embed(NETWORK, crops, Runtime()) - reference).max()
    said = [f"Largest difference between the two engines' numbers on these faces: {difference:.1e}."]
    if has_gpu():
        said.append(f"And between dlib's and a GPU's: {np.abs(embed(NETWORK, crops, GPU) - reference).max():.1e}.")
    return [*tables, *said]
