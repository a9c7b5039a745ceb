"""The encodings of the pictures of a folder, remembered in it by their contents."""

import base64
import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from faceline.disk.reading import parse_json, read_bytes
from faceline.disk.writing import write_bytes
from faceline.errors import FacelineError

FILE = ".faceline-encodings.json"
LARGEST = 500_000_000  # bytes; 200,000 people take less
DIMENSIONS = 128

# SHA-256 of a picture -> how many faces it shows, and the encoding, (128,) float64, of the first.
Encodings = dict[str, tuple[int, np.ndarray | None]]


def read_encodings(folder: Path, made_by: str) -> Encodings:
    """What is remembered there of what `made_by` would make; nothing where there is nothing, or the file is no such."""
    path = folder / FILE
    with contextlib.suppress(FacelineError, ValueError, TypeError, KeyError, AttributeError):
        content = parse_json(read_bytes(path, LARGEST), path)
        if isinstance(content, dict) and content["made_by"] == made_by:
            return {digest: checked(*entry) for digest, entry in content["encodings"].items()}
    return {}


def checked(faces: object, encoded: object) -> tuple[int, np.ndarray | None]:
    """An entry of a file that may hold anything; raises ValueError or TypeError."""
    if type(faces) is not int or faces < 0 or (faces > 0) != isinstance(encoded, str):
        raise ValueError("no number of faces")
    if not isinstance(encoded, str):
        return 0, None
    encoding = np.frombuffer(base64.b64decode(encoded, validate=True), "<f8")
    if encoding.shape != (DIMENSIONS,) or not (np.abs(encoding) < 100).all():
        raise ValueError("no encoding")
    return faces, encoding.astype(np.float64)


def write_encodings(folder: Path, made_by: str, encodings: Mapping[str, tuple[int, np.ndarray | None]]) -> None:
    """Remember them; where the folder cannot be written, they are made again the next time."""
    entries = {
        digest: (faces, None if encoding is None else base64.b64encode(encoding.astype("<f8").tobytes()).decode())
        for digest, (faces, encoding) in encodings.items()
    }
    content = json.dumps({"made_by": made_by, "encodings": entries}).encode()
    with contextlib.suppress(FacelineError):
        write_bytes(folder / FILE, content)
