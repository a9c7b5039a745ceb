"""Where captions, numbers and pictures go beside faces, so that nothing covers a face or another of them.

Nothing but rectangles: (left, top, right, bottom) in pixels, right and bottom exclusive.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from faceline.disk.pictures.boxes import Box


class Room:
    """The part of a picture that is still free.

    Parameters
    ----------
    width, height : int
        Of the picture.
    faces_ltrb : sequence of Box
        Nothing is put over them.
    """

    def __init__(self, width: int, height: int, faces_ltrb: Sequence[Box]) -> None:
        self.width, self.height = width, height
        self.faces_ltrb: list[Box] = [
            (int(left), int(top), int(right), int(bottom)) for left, top, right, bottom in faces_ltrb
        ]
        self._taken = np.array(self.faces_ltrb, np.int64).reshape(-1, 4)

    def take(self, rectangle: Box) -> None:
        self._taken = np.concatenate([self._taken, [rectangle]])

    def is_free(self, rectangle: Box) -> bool:
        left, top, right, bottom = rectangle
        inside = left >= 0 and top >= 0 and right <= self.width and bottom <= self.height
        return inside and not self.covered(rectangle).any()

    def covered(self, rectangle: Box, but: int | None = None) -> np.ndarray:
        """How many pixels of each face, and of each thing that was put, a rectangle covers; `but` one face."""
        left, top, right, bottom = rectangle
        widths = np.minimum(self._taken[:, 2], right) - np.maximum(self._taken[:, 0], left)
        heights = np.minimum(self._taken[:, 3], bottom) - np.maximum(self._taken[:, 1], top)
        pixels = np.maximum(widths, 0) * np.maximum(heights, 0)
        if but is not None:
            pixels[but] = 0
        return pixels

    def beside(self, face: int, width: int, height: int, gap: int, order: str = "btrl") -> Box | None:
        """A free place for a rectangle that touches a face: below, on top, to its right or left, in that `order`.

        Places that keep a `gap` to everything else come first, because the reader sees better whose they are.
        """
        around = [rectangle(x, y, width, height) for x, y in self._around(face, width, height, order)]
        free = [place for place in around if self.is_free(place)]
        return next((place for place in free if self._is_apart(place, face, gap)), free[0] if free else None)

    def _is_apart(self, place: Box, face: int, gap: int) -> bool:
        left, top, right, bottom = place
        return not self.covered((left - gap, top - gap, right + gap, bottom + gap), face).any()

    def _around(self, face: int, width: int, height: int, order: str) -> Iterator[tuple[int, int]]:
        """Corners at the left and top of places around a face, those moved that would leave the picture."""
        left, top, right, bottom = self.faces_ltrb[face]
        xs = [clamp(x, self.width - width) for x in (left, (left + right - width) // 2, right - width)]
        ys = [clamp(y, self.height - height) for y in (top, (top + bottom - height) // 2, bottom - height)]
        places = {
            "b": [(x, bottom) for x in xs],
            "t": [(x, top - height) for x in xs],
            "r": [(right, y) for y in ys],
            "l": [(left - width, y) for y in ys],
        }
        for side in order:
            yield from places[side]

    def within(self, face: int, width: int, height: int) -> Box:
        """A place at the rim of a face's own box, where the rectangle covers least else: in its corners."""
        left, top, right, bottom = self.faces_ltrb[face]
        corners = [(x, y) for y in (top, bottom - height) for x in (left, right - width)]
        corners += [((left + right - width) // 2, y) for y in (top, bottom - height)]
        corners = [(clamp(x, self.width - width), clamp(y, self.height - height)) for x, y in corners]
        places = [rectangle(x, y, width, height) for x, y in corners]
        return min(places, key=lambda place: int(self.covered(place, face).sum()))


def rectangle(left: int, top: int, width: int, height: int) -> Box:
    return left, top, left + width, top + height


def clamp(start: int, most: int) -> int:
    """`start` moved into 0 … `most`, or 0 where nothing fits."""
    return max(0, min(start, most))
