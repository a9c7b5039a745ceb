"""Every face of large photographs: Faceline's wide look against face_recognition's defaults (HOG, enlarged once).

The annotated group photographs are enlarged to many megapixels, and pasted into panoramas. Found is an annotated face
with a box that is mostly the same; all other boxes are counted as others.
"""

import itertools
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np

from faceline.disk.pictures.boxes import Box
from faceline.disk.pictures.images import decode_image
from faceline.faces.aligner import Aligner
from faceline.faces.options import AlignmentOptions
from faceline.faces.tiles import is_same
from faceline.networks.runtime import Runtime
from faceline.runs.parallel import all_cores

# Megapixels -> so many of the photographs; the largest take the peer some 15 seconds each.
ENLARGED = {6: 9, 12: 6, 24: 3, 48: 2}

# (width, height) -> how many times the photographs are enlarged before they are pasted.
PANORAMAS = [((12_000, 1500), 2.5), ((16_000, 1500), 3.0), ((16_000, 1500), 1.25)]

Photograph = tuple[np.ndarray, list[Box]]


def annotated(groups: Path) -> list[Photograph]:
    photographs = []
    for name in ("testing.xml", "training.xml"):
        for entry in ElementTree.parse(groups / name).iter("image"):
            boxes = []
            for box in entry.iter("box"):
                left, top, width, height = (int(box.attrib[key]) for key in ("left", "top", "width", "height"))
                boxes.append((left, top, left + width, top + height))
            photographs.append((decode_image((groups / entry.attrib["file"]).read_bytes()), boxes))
    return photographs


def enlarged(photograph: Photograph, scale: float) -> Photograph:
    image, boxes = photograph
    larger = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC))
    return larger, [
        (round(left * scale), round(top * scale), round(right * scale), round(bottom * scale))
        for left, top, right, bottom in boxes
    ]


def panorama(photographs: list[Photograph], width: int, height: int, scale: float) -> Photograph:
    """All photographs in a row, on a background that is nowhere plain."""
    noise = np.random.default_rng(0).integers(0, 255, (height // 50, width // 50, 3), dtype=np.uint8)
    canvas = np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC))
    boxes = []
    for number, photograph in enumerate(photographs):
        image, inside = enlarged(photograph, scale)
        left = round((number + 0.5) * width / len(photographs) - image.shape[1] / 2)
        top = (height - image.shape[0]) // 2
        canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
        boxes += [(left + box[0], top + box[1], left + box[2], top + box[3]) for box in inside]
    return canvas, boxes


def pictures(groups: Path) -> Iterator[tuple[str, Photograph]]:
    photographs = annotated(groups)
    for megapixels, count in ENLARGED.items():
        for photograph in itertools.islice(photographs, count):
            pixels = photograph[0].shape[0] * photograph[0].shape[1]
            yield f"{count} of {megapixels} megapixels", enlarged(photograph, (megapixels * 1e6 / pixels) ** 0.5)
    for (width, height), scale in PANORAMAS:
        yield f"panorama, {width} x {height}, faces x {scale}", panorama(photographs, width, height, scale)


def peer(image: np.ndarray) -> list[Box]:
    import face_recognition

    return [(left, top, right, bottom) for top, right, bottom, left in face_recognition.face_locations(image)]


def main(faces: Path) -> list[str]:
    warnings.simplefilter("ignore")  # of pkg_resources, which face_recognition_models imports
    aligner = Aligner(AlignmentOptions(), Runtime(threads=all_cores()))

    def ours(image: np.ndarray) -> list[Box]:
        return [face.box_ltrb for face in aligner.find(image, every=True)]

    candidates = {"face_recognition": peer, f"Faceline, {all_cores()} threads": ours}
    counts: dict[tuple[str, str], dict[str, float]] = {}
    for name, (image, expected) in pictures(faces / "groups"):
        for candidate, find in candidates.items():
            begun, computed = time.perf_counter(), time.process_time()
            boxes = find(image)
            count = counts.setdefault((name, candidate), defaultdict(float))
            count["seconds"] += time.perf_counter() - begun
            count["computing"] += time.process_time() - computed
            count["expected"] += len(expected)
            count["found"] += sum(any(is_same(box, other) for other in boxes) for box in expected)
            count["others"] += sum(not any(is_same(box, other) for other in expected) for box in boxes)
    lines = [
        "| every face of | by | found | others | seconds | times faster | seconds of computing |",
        "|---|---|---|---|---|---|---|",
    ]
    for (name, candidate), count in counts.items():
        ratio = counts[name, "face_recognition"]["seconds"] / count["seconds"]
        lines.append(
            f"| {name} | {candidate} | {count['found']} of {count['expected']} | {count['others']}"
            f" | {count['seconds']:.1f} | {ratio:.1f} | {count['computing']:.1f} |"
        )
    return ["\n".join(lines)]
