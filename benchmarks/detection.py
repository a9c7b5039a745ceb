"""Finding faces: dlib's HOG, dlib's CNN by dlib and by ONNX Runtime, and YuNet where its file is."""

import contextlib
from pathlib import Path

import cv2
import numpy as np
from measure import interleaved, table

from faceline.disk.pictures.images import decode_image
from faceline.errors import FacelineError
from faceline.faces.detectors import detect_cnn, detect_hog, detect_yunet
from faceline.networks.runtime import Runtime
from faceline.networks.weights import YUNET, path_of
from faceline.runs.parallel import all_cores


def compare(image: np.ndarray, rounds: int) -> list[str]:
    candidates = {
        "dlib's CNN by dlib": lambda: detect_cnn(image, 0, Runtime("dlib")),
        "dlib's CNN by Faceline, 1 thread": lambda: detect_cnn(image, 0, Runtime(threads=1)),
        f"dlib's CNN by Faceline, {all_cores()} threads": lambda: detect_cnn(image, 0, Runtime(threads=all_cores())),
        "dlib's HOG": lambda: detect_hog(image, 0, Runtime()),
        "dlib's HOG, enlarged once": lambda: detect_hog(image, 1, Runtime()),
    }
    with contextlib.suppress(FacelineError):  # no network and no file: the others still compare
        path_of(YUNET)
        candidates["YuNet by OpenCV"] = lambda: detect_yunet(image, 0, Runtime())
    height, width = image.shape[:2]
    medians = interleaved(candidates, rounds)
    boxes = [[face.box_ltrb for face in detect_cnn(image, 0, Runtime(engine))] for engine in ("onnx", "dlib")]
    return [
        table(f"detection, {width} x {height}", "ms a picture", medians, "dlib's CNN by dlib"),
        f"The CNN's {len(boxes[0])} rectangles by dlib and by Faceline are"
        f" {'the same' if boxes[0] == boxes[1] else 'NOT the same'}.",
    ]


def main(faces: Path) -> list[str]:
    picture = decode_image((faces / "groups" / "2008_002079.jpg").read_bytes())
    small, large = (cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC) for size in ((640, 480), (1920, 1080)))
    return compare(small, rounds=7) + compare(large, rounds=3)
