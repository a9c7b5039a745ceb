"""face_recognition's functions by the package itself and by `faceline.compat`, in one process."""

import importlib
import warnings
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from measure import interleaved, table
from PIL import Image, ImageOps

from faceline import compat
from faceline.faces.as_dlib import THREADS
from faceline.runs.parallel import all_cores

EDGES = 640, 480
ROUNDS = 7


def main(faces: Path) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pkg_resources
        original = importlib.import_module("face_recognition.api")
    portrait = fitted(faces / "known-people" / "train" / "obama" / "obama.jpg")
    crowd = compat.load_image_file(faces / "groups" / "bald_guys.jpg")
    boxes, many = compat.face_locations(portrait), compat.face_locations(crowd)
    smaller = fitted(faces / "groups" / "bald_guys.jpg")
    found, (height, width) = len(compat.face_locations(smaller)), crowd.shape[:2]
    works: dict[str, Callable[[Any], object]] = {
        "10 encodings, a call each": lambda package: [package.face_encodings(portrait, boxes) for _ in range(10)],
        f"{len(many)} encodings, one call": lambda package: package.face_encodings(crowd, many),
        f"640 x 480, {len(boxes)} face, HOG and encoding": lambda package: package.face_encodings(portrait),
        f"640 x 480, {found} faces, HOG and encodings": lambda package: package.face_encodings(smaller),
        f"{width} x {height}, {len(many)} faces, HOG and encodings": lambda package: package.face_encodings(crowd),
        "640 x 480, boxes by the CNN": lambda package: package.face_locations(portrait, 0, "cnn"),
    }
    sections = []
    for name, work in works.items():
        candidates: dict[str, Callable[[], object]] = {
            "face_recognition": partial(work, original),
            "faceline.compat, 1 thread": partial(in_threads, 1, work),
            f"faceline.compat, {all_cores()} threads": partial(in_threads, all_cores(), work),
        }
        sections.append(table(name, "ms", interleaved(candidates, ROUNDS), "face_recognition"))
    return sections


def in_threads(threads: int, work: Callable[[Any], object]) -> None:
    """Do the work by ours, with networks on so many threads."""
    context = copy_context()
    context.run(THREADS.set, threads)
    context.run(work, compat)


def fitted(path: Path) -> np.ndarray:
    """A photograph in EDGES, with black beside it."""
    with Image.open(path) as picture:
        return np.array(ImageOps.pad(picture.convert("RGB"), EDGES))
