#!/usr/bin/env python3
"""RetinaFace's faces beside dlib's: how many are found, and where its boxes and landmarks lie.

Takes the photographs. The detector's file is fetched if it is not there.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from faceline.disk.pictures.images import decode_image
from faceline.faces.aligner import Aligner
from faceline.faces.detectors import Face, detect_hog
from faceline.faces.landmarks import predict_landmarks
from faceline.faces.options import AlignmentOptions
from faceline.faces.retinaface import run_retinaface
from faceline.faces.tiles import is_same
from faceline.networks.frames import LANDMARK_SETS
from faceline.networks.runtime import Runtime

RUNTIME = Runtime()


def around(rows: np.ndarray, x: float, y: float) -> np.ndarray | None:
    """The surest row whose box has a place inside it."""
    inside = (np.abs([x, y] - rows[:, :2] - rows[:, 2:4] / 2) < rows[:, 2:4] / 2).all(axis=1)
    return rows[inside][0] if inside.any() else None


def middle(face: Face) -> tuple[float, float, int]:
    left, top, right, bottom = face.box_ltrb
    return (left + right) / 2, (top + bottom) / 2, right - left


def boxes(pictures: list[Path]) -> str:
    """HOG's boxes in terms of RetinaFace's."""
    found, looked_at = [], 0
    for path in pictures:
        image = decode_image(path.read_bytes())
        faces = detect_hog(image, 0, RUNTIME)
        if len(faces) == 1:
            x, y, edge = middle(faces[0])
            looked_at += 1
            row = around(run_retinaface(image, RUNTIME), x, y)
            if row is not None:
                found.append((edge / np.sqrt(row[2] * row[3]), (y - row[1] - row[3] / 2) / edge))
    size, drop = np.median(found, axis=0)
    return f"LFW: {len(found)} of {looked_at} of HOG's faces; medians: HOG's edge {size:.3f}, and {drop:.3f} lower"


def small_ones(pictures: list[Path]) -> list[str]:
    """How many of HOG's faces are found at each size, and where their landmarks lie."""
    hits, off = dict.fromkeys((14, 16, 20, 24, 28, 40), 0), []
    count = 0
    for path in pictures:
        image = decode_image(path.read_bytes())
        rows = run_retinaface(image, RUNTIME)
        for face in detect_hog(image, 1, RUNTIME):
            count += 1
            x, y, edge = middle(face)
            row = around(rows, x, y)
            if row is not None:
                points = predict_landmarks(image, face.box_ltrb, 68)
                expected = [points[list(group)].mean(axis=0) for group in LANDMARK_SETS["eyesNoseAndMouth"][68]]
                off.append(np.linalg.norm(row[4:14].reshape(5, 2) - expected, axis=1) / edge)
            left, top = (max(0, round(place - 3.5 * edge)) for place in (x, y))
            part = image[top : round(y + 3.5 * edge), left : round(x + 3.5 * edge)]
            for size in hits:
                scale = size / edge
                smaller = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
                hits[size] += (
                    around(run_retinaface(smaller, RUNTIME), (x - left) * scale, (y - top) * scale) is not None
                )
    lines = [f"Groups: of {count} faces of {size} pixels {found} are found" for size, found in hits.items()]
    apart = ", ".join(f"{value:.3f}" for value in np.median(off, axis=0))
    return [*lines, f"Landmarks from dlib's 68, medians of {len(off)} faces, in edges: {apart}"]


def whole(pictures: list[Path]) -> str:
    """Every face, as the stages find them, beside `auto`."""
    found, same, others = 0, 0, 0
    for path in pictures:
        image = decode_image(path.read_bytes())
        ours, theirs = (
            Aligner(AlignmentOptions(detector=name), RUNTIME).find(image, every=True) for name in ("retinaface", "auto")
        )
        missed = [face for face in theirs if not any(is_same(face.box_ltrb, other.box_ltrb) for other in ours)]
        found, same = found + len(theirs), same + len(theirs) - len(missed)
        others += len(ours) - len(theirs) + len(missed)
    return f"Stages: {same} of {found} faces that auto finds in {len(pictures)} photographs, and {others} others"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs", type=Path)
    faces = parser.parse_args().photographs
    groups = sorted((faces / "groups").glob("2*.jpg")) + [faces / "groups" / "bald_guys.jpg"]
    print(boxes([sorted(folder.glob("*.jpg"))[0] for folder in sorted((faces / "lfw-dev").iterdir())[::3]]))
    print("\n".join(small_ones(groups)))
    print(whole([*sorted((faces / "photos").iterdir()), *sorted((faces / "groups").glob("*.jpg"))]))


if __name__ == "__main__":
    main()
