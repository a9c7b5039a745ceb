"""Faceline in the place of face_recognition: see `faceline.compat`."""

import importlib.util
import sys
from pathlib import Path

if importlib.util.find_spec("faceline") is None:  # it was found in the folder in which another process began
    sys.path.append(str(Path(__file__).parents[3]))

from faceline.compat import (
    batch_face_locations,
    compare_faces,
    face_distance,
    face_encodings,
    face_landmarks,
    face_locations,
    load_image_file,
)

__version__ = "1.2.3"  # what the original's 1.3.0 says of itself

__all__ = [
    "batch_face_locations",
    "compare_faces",
    "face_distance",
    "face_encodings",
    "face_landmarks",
    "face_locations",
    "load_image_file",
]
