"""Photographs of 8 to 24 megapixels as JPEG, made of real ones: enlarged, and pasted into real scenes.

Half show one to three faces that fill much of the picture, half up to twenty small ones. The same every time.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from small_faces import annotated

from faceline.disk.pictures.boxes import Box
from faceline.disk.pictures.images import decode_image
from faceline.faces.detectors import detect_hog
from faceline.networks.runtime import Runtime

# Of each half; the width and height of pictures, in turn; and as how telephones save them.
COUNT = 20
SIZES = [(3264, 2448), (4000, 3000), (3000, 4000), (4608, 3456), (6000, 4000)]
QUALITY = 92

# Photographs of people that are enlarged as they are, and groups of three or less.
PORTRAITS = [
    "photos/adams.jpg",
    "photos/carell.jpg",
    "photos/lennon-1.jpg",
    "photos/lennon-2.jpg",
    "photos/obama.jpg",
    "photos/obama2.jpg",
    "photos/obama3.jpg",
    "photos/clapton-1.jpg",
    "known-people/train/biden/biden2.jpg",
    "known-people/train/rose_leslie/img1.jpg",
    "known-people/train/rose_leslie/img2.jpg",
    "known-people/test/alex_lacamoire1.jpg",
]
FEW = ["photos/longoria-cooper.jpg", "groups/2008_001322.jpg", "groups/2008_002506.jpg", "known-people/test/obama1.jpg"]

# What lies behind pasted faces: dogs, and clothes, which are the lower part of portraits.
DOGS = ("groups/dogs.jpg", 0.0)
SCENES = [DOGS, ("photos/biden.jpg", 0.45), DOGS, ("photos/obama3.jpg", 0.5)]

# Edges of small faces in pixels, and how many are pasted.
SMALL_EDGES = (40, 120)
SMALL_COUNTS = [1, 2, 4, 6, 8, 10, 12, 14, 16, 20]


@dataclass(frozen=True)
class Photograph:
    """A photograph in memory, (height, width, 3) RGB uint8, and the boxes of its faces."""

    image: np.ndarray
    boxes: list[Box]

    def scaled(self, scale: float) -> "Photograph":
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        image = np.asarray(cv2.resize(self.image, None, fx=scale, fy=scale, interpolation=way))
        return Photograph(image, [shifted(box, scale, 0, 0) for box in self.boxes])


def shifted(box: Box, scale: float, left: int, top: int) -> Box:
    edges = [round(edge * scale) for edge in box]
    return edges[0] + left, edges[1] + top, edges[2] + left, edges[3] + top


def photograph(path: Path) -> Photograph:
    """A small photograph with the faces that HOG sees in it enlarged, as face_recognition looks for them."""
    image = decode_image(path.read_bytes())
    return Photograph(image, [face.box_ltrb for face in detect_hog(image, 1, Runtime())])


def annotated_groups(groups: Path) -> list[Photograph]:
    """The annotated photographs of groups."""
    return [Photograph(pixels, boxes) for pixels, boxes in annotated(groups)]


def of_size(source: Photograph, width: int, height: int) -> Photograph:
    """A photograph as it is, enlarged to as many pixels."""
    return source.scaled((width * height / (source.image.shape[0] * source.image.shape[1])) ** 0.5)


def scene(faces: Path, number: int, width: int, height: int) -> np.ndarray:
    """A background without faces: a real picture, enlarged twice and continued as in mirrors until it is filled."""
    name, below = SCENES[number % len(SCENES)]
    image = decode_image((faces / name).read_bytes())
    part = cv2.resize(image[round(below * len(image)) :], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    row = np.concatenate([part, part[:, ::-1]], axis=1)
    both = np.concatenate([row, row[::-1]])
    times = -(-height // both.shape[0]), -(-width // both.shape[1]), 1
    return np.tile(both, times)[:height, :width].copy()


def pasted(canvas: np.ndarray, parts: list[Photograph], rng: np.random.Generator) -> Photograph:
    """Photographs on a scene, wherever they do not cover each other; those without room are left out."""
    taken: list[Box] = []
    boxes: list[Box] = []
    for part in parts:
        height, width = part.image.shape[:2]
        for _ in range(200):
            left = int(rng.integers(0, max(1, canvas.shape[1] - width)))
            top = int(rng.integers(0, max(1, canvas.shape[0] - height)))
            place = (left, top, left + width, top + height)
            fits = place[2] <= canvas.shape[1] and place[3] <= canvas.shape[0]
            if fits and not any(overlap(place, other) for other in taken):
                canvas[top : top + height, left : left + width] = part.image
                taken.append(place)
                boxes += [shifted(box, 1, left, top) for box in part.boxes]
                break
    return Photograph(canvas, boxes)


def overlap(one: Box, other: Box) -> bool:
    return min(one[2], other[2]) > max(one[0], other[0]) and min(one[3], other[3]) > max(one[1], other[1])


def head(source: Photograph, edge: int) -> Photograph:
    """The first face of a photograph with what is around it, with a box of `edge` pixels."""
    left, top, right, bottom = source.boxes[0]
    around = round(0.6 * (right - left))
    x, y = max(left - around, 0), max(top - around, 0)
    image = source.image[y : bottom + around, x : right + around]
    return Photograph(image, [shifted(source.boxes[0], 1, -x, -y)]).scaled(edge / (right - left))


def large_faces(faces: Path, rng: np.random.Generator):
    """Photographs of one to three large faces."""
    portraits = [photograph(faces / name) for name in PORTRAITS]
    few = [photograph(faces / name) for name in FEW]
    for number in range(COUNT):
        width, height = SIZES[number % len(SIZES)]
        if number < 10:
            yield of_size(portraits[number], width, height)
        elif number < 14:
            yield of_size(few[number - 10], width, height)
        else:
            edges = rng.uniform(0.14, 0.2, 2 + number % 2) * max(width, height)
            heads = [head(portraits[int(rng.integers(len(portraits)))], round(edge)) for edge in edges]
            yield pasted(scene(faces, number, width, height), heads, rng)


def small_faces(faces: Path, rng: np.random.Generator):
    """Photographs of small faces: pictures of LFW and groups, pasted into scenes."""
    groups = annotated_groups(faces / "groups")
    paths = sorted((faces / "lfw-dev").glob("*/*.jpg"))
    for number in range(COUNT):
        width, height = SIZES[number % len(SIZES)]
        parts: list[Photograph] = []
        if number % 3 == 2:
            group = groups[int(rng.integers(len(groups)))]
            edges = [box[2] - box[0] for box in group.boxes]
            parts.append(group.scaled(rng.uniform(SMALL_EDGES[0] / min(edges), SMALL_EDGES[1] / max(edges))))
        wanted = SMALL_COUNTS[number % len(SMALL_COUNTS)]
        while sum(len(part.boxes) for part in parts) < wanted:
            found = photograph(paths[int(rng.integers(len(paths)))])
            if len(found.boxes) == 1:
                edge = found.boxes[0][2] - found.boxes[0][0]
                parts.append(found.scaled(np.exp(rng.uniform(*np.log(SMALL_EDGES))) / edge))
        yield pasted(scene(faces, number, width, height), parts, rng)


def make(faces: Path, work: Path) -> dict[str, dict[str, list[Box]]]:
    """Write the photographs as <work>/large/… and <work>/small/…, where they are not there yet.

    Returns
    -------
    dict of str to dict
        Of each half: the name of each picture, and the boxes of its faces.
    """
    truth: dict[str, dict[str, list[Box]]] = {}
    for name, kind in (("large", large_faces), ("small", small_faces)):
        folder = work / name / "people"
        folder.mkdir(parents=True, exist_ok=True)
        truth[name] = {}
        for number, made in enumerate(kind(faces, np.random.default_rng(16))):
            path = folder / f"{number:02}.jpg"
            truth[name][path.name] = made.boxes
            if not path.exists():
                bgr = np.ascontiguousarray(made.image[..., ::-1])
                path.write_bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes())
    return truth
