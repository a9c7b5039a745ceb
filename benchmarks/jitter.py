"""Augmentation over 100 jittered copies of a face: dlib's num_jitters against ours."""

from pathlib import Path

import numpy as np
from embedding import NETWORK, crops_of
from measure import interleaved, table

from faceline.faces.embedder import embed
from faceline.faces.test_time_augmentation import Augmentation
from faceline.networks.inference import dlib_weights, load_dlib
from faceline.networks.runtime import Runtime
from faceline.runs.parallel import all_cores

JITTERS = Augmentation(jitters=100)


def main(faces: Path) -> list[str]:
    crop = np.ascontiguousarray(crops_of(faces, 1))
    model = load_dlib(dlib_weights(NETWORK))
    medians = interleaved(
        {
            "dlib": lambda: model.compute_face_descriptor(crop[0], 100),
            "Faceline, 1 thread": lambda: embed(NETWORK, crop, Runtime(threads=1), JITTERS),
            f"Faceline, {all_cores()} threads": lambda: embed(NETWORK, crop, Runtime(threads=all_cores()), JITTERS),
        },
        rounds=3,
    )
    return [table("100 jitters", "ms a face", medians, "dlib")]
