"""Which face of a picture is the main one, and in what order the others follow."""

import math
from collections.abc import Iterable

from faceline.disk.pictures.views import Seen
from faceline.faces.detectors import Face
from faceline.faces.tiles import is_same

# The width of the bell curve by which faces count for less the farther they are from the middle, in widths and heights
# of the picture: by 0.35 LFW's subjects are the main faces in all of 180 pictures of several, by 0.5 not in all.
MIDDLE_REACH = 0.35


def apart_from(face: Face, others: Iterable[Face]) -> list[Face]:
    """The others that are not the same face."""
    return [other for other in others if not is_same(other.box_ltrb, face.box_ltrb)]


def from_largest(faces: Iterable[Face], image: Seen) -> list[Face]:
    """The faces that a picture shows, by how much of them it does."""
    shown = [face for face in faces if visible_area(face, image)]
    return sorted(shown, key=lambda face: (-visible_area(face, image), face.box_ltrb))


def main_first(faces: Iterable[Face], image: Seen) -> list[Face]:
    """The same, but the main face comes first."""
    faces = from_largest(faces, image)
    if faces:
        main = max(faces, key=lambda face: prominence(face, image))
        faces.remove(main)
        faces.insert(0, main)
    return faces


def prominence(face: Face, image: Seen) -> float:
    """How likely a face that the picture shows is the main one."""
    height, width = image.shape[:2]
    left, top, right, bottom = face.box_ltrb
    distance = math.hypot((left + right) / width - 1, (top + bottom) / height - 1) / 2
    return math.log(visible_area(face, image)) - (distance / MIDDLE_REACH) ** 2 / 2


def outshines(face: Face, edge: float, image: Seen) -> bool:
    """Whether a face is the main one rather than any whose box has such an edge or a smaller one, wherever it lies."""
    return prominence(face, image) >= 2 * math.log(edge)


def visible_area(face: Face, image: Seen) -> int:
    left, top, right, bottom = face.visible_box(image)
    return max(right - left, 0) * max(bottom - top, 0)
