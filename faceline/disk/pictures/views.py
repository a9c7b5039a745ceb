"""A picture at several scales, each of them decoded when somebody looks at it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from faceline.disk.pictures.boxes import Box
from faceline.host.steps import step


@dataclass(frozen=True)
class View:
    """A picture at one scale.

    Attributes
    ----------
    pixels : ndarray of shape (height, width, 3), uint8
        RGB, upright.
    scale : int
        How many pixels of the whole picture's edge are one of these.
    left, top : int
        Where the first pixel begins in the whole picture: where a turned picture begins with a part of a pixel, a few
        pixels outside, so not above 0.
    """

    pixels: np.ndarray
    scale: int = 1
    left: int = 0
    top: int = 0

    def box_here(self, box_ltrb: Box) -> Box:
        """A box of the whole picture in this view."""
        left, top, right, bottom = (
            round((edge - begin) / self.scale)
            for edge, begin in zip(box_ltrb, (self.left, self.top, self.left, self.top), strict=True)
        )
        return left, top, right, bottom

    def whole_points(self, points: np.ndarray) -> np.ndarray:
        """Points of this view, (n, 2) as (x, y) from the centre of the top-left pixel, in the whole picture."""
        return points * self.scale + (self.scale - 1) / 2 + (self.left, self.top)


class Views:
    """A picture at full scale and, where it is decoded faster so, at smaller ones.

    Parameters
    ----------
    shape : tuple of int
        (height, width, 3) of the whole picture.
    scales : sequence of int
        The scales that there are, powers of two from 1 on.
    decode : callable
        Gives the view at a scale, and raises what `images.decode_picture` does. Each scale is decoded once.
    """

    def __init__(self, shape: tuple[int, ...], scales: tuple[int, ...], decode: Callable[[int], View]) -> None:
        self.shape = shape
        self.scales = scales
        self._decode = decode
        self._decoded: dict[int, View] = {}

    @classmethod
    def of(cls, pixels: np.ndarray) -> Self:
        """Those of a picture, (height, width, 3) RGB uint8, that is there already."""
        return cls(pixels.shape, (1,), lambda scale: View(pixels))

    @property
    def whole(self) -> np.ndarray:
        """The picture at full scale, (height, width, 3) RGB uint8."""
        return self.at(1).pixels

    def at(self, scale: int) -> View:
        if scale not in self._decoded:
            with step("read"):
                self._decoded[scale] = self._decode(scale)
        return self._decoded[scale]

    def with_edge(self, edge: float) -> View:
        """The smallest view whose longer edge has that many pixels; the whole picture, if none has."""
        return self.reduced_by(max(self.shape[:2]) / edge)

    def reduced_by(self, most: float) -> View:
        """The smallest view that is at most that many times smaller than the whole picture."""
        return self.at(max(scale for scale in self.scales if scale <= max(most, 1)))


# A picture, (height, width, 3) RGB uint8, or the views of one.
Seen = np.ndarray | Views


def views_of(image: Seen) -> Views:
    return image if isinstance(image, Views) else Views.of(image)


def whole_of(image: Seen) -> np.ndarray:
    """The picture at full scale."""
    return views_of(image).whole
