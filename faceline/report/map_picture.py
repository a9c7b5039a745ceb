"""A map of faces as a picture."""

import colorsys
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceline.disk.writing import replacing
from faceline.errors import FacelineError
from faceline.host.quiet import quiet
from faceline.host.sharing import DRAWING
from faceline.wording import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import RendererAgg

INCHES, DPI = 10, 150

# Faces as points, in pixels of the picture: as many as fit beside each other, within these.
SMALLEST, LARGEST = 16, 72

LONGEST_LABEL = 30

# Around a label, in pixels.
PADDING = 8

# Of faces that have nobody to be coloured with.
GREY = (0.62, 0.62, 0.62)


@dataclass(frozen=True)
class FaceMap:
    """Faces and where they lie.

    Attributes
    ----------
    places : ndarray of shape (n, 2), float
        From 0 to 1, y upwards.
    groups : list of str
        People, or clusters: those of most faces first.
    group_of : ndarray of shape (n,), int
        Which of them each face belongs to; -1 for none.
    title : str
    """

    places: np.ndarray
    groups: list[str]
    group_of: np.ndarray
    title: str

    def middle(self, group: int) -> np.ndarray:
        """Where the label of a group stands, (x, y): at the median of its faces."""
        return np.median(self.places[self.group_of == group], axis=0)

    def colours(self) -> list[tuple[float, float, float]]:
        """Of each group, red, green and blue from 0 to 1; grey for those of one face."""
        sizes = np.bincount(self.group_of[self.group_of >= 0], minlength=len(self.groups))
        # Hues go round by the golden section, which keeps those of neighbours in the order apart.
        hues = np.arange(len(self.groups)) * 0.618034 % 1
        return [
            colorsys.hls_to_rgb(hue, (0.42, 0.56, 0.32)[place % 3], 0.75) if size > 1 else GREY
            for place, (hue, size) in enumerate(zip(hues.tolist(), sizes.tolist(), strict=True))
        ]


def check_map_picture() -> None:
    """Raise FacelineError if no map can be drawn."""
    if importlib.util.find_spec("matplotlib") is None:
        raise FacelineError("matplotlib is missing, which draws the map; pip install 'faceline[map]'")


def draw_map_picture(faces: FaceMap, path: Path, labels: int, crops: Sequence[np.ndarray | None] | None) -> int:
    """Write a map as PNG: faces as points, or as pictures where `crops`, each (h, w, 3) uint8 RGB, are given.

    Returns how many of the first `labels` groups have their names on it: one that would lie over others is left out.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with DRAWING.lock:
        figure = Figure(figsize=(INCHES, INCHES), dpi=DPI)
        canvas = FigureCanvasAgg(figure)
        axes = figure.add_axes((0.02, 0.02, 0.96, 0.94))
        axes.set(xlim=(-0.04, 1.04), ylim=(-0.04, 1.04), xticks=[], yticks=[], aspect="equal")
        axes.set_title(faces.title, fontsize=11)
        colours = np.array([*faces.colours(), GREY])[faces.group_of]  # -1 is the last one
        is_picture = np.array([crop is not None for crop in crops or [None] * len(faces.places)])
        size = float(np.clip(9000 / len(faces.places), 6, 40))
        dots = ~is_picture
        x, y = faces.places[dots].T
        axes.scatter(x, y, s=size, c=colours[dots], alpha=0.85, linewidths=0)
        if crops is not None:
            axes.imshow(mosaic(faces.places, crops, colours), extent=(-0.04, 1.04, -0.04, 1.04), zorder=2)
        with quiet(UserWarning, "Glyph .* missing from"):  # a name in another script shows as boxes
            shown = add_labels(axes, canvas.get_renderer(), faces, labels)
            with replacing(path) as scratch:
                figure.savefig(scratch, format="png", dpi=DPI, metadata={"Software": None})
    return shown


def mosaic(places: np.ndarray, crops: Sequence[np.ndarray | None], colours: np.ndarray) -> np.ndarray:
    """Crops at their places, each in a frame of its colour: (height, width, 4) uint8 RGBA, the rest transparent."""
    import cv2

    edge = int(INCHES * DPI * 0.94)
    side = int(np.clip(edge / len(crops) ** 0.5 * 0.75, SMALLEST, LARGEST))
    sheet = np.zeros((edge, edge, 4), np.uint8)
    for (x, y), crop, colour in zip(places.tolist(), crops, colours, strict=True):
        if crop is None:
            continue
        framed = np.empty((side, side, 3), np.uint8)
        framed[:] = np.rint(colour * 255)
        framed[2:-2, 2:-2] = cv2.resize(crop, (side - 4, side - 4), interpolation=cv2.INTER_AREA)
        left, top = (int((value + 0.04) / 1.08 * edge) - side // 2 for value in (x, 1 - y))
        left, top = (min(max(value, 0), edge - side) for value in (left, top))
        sheet[top : top + side, left : left + side] = np.dstack([framed, np.full((side, side), 255, np.uint8)])
    return sheet


def add_labels(axes: "Axes", renderer: "RendererAgg", faces: FaceMap, most: int) -> int:
    """Write the names of the first groups, the largest first, each where none stands yet; gives how many these are."""
    taken: list[np.ndarray] = []
    area = axes.get_window_extent(renderer)
    for group, name in enumerate(faces.groups[:most]):
        text = axes.text(
            0,
            0,
            shortened(one_line(name)),
            parse_math=False,  # a name with dollars is no formula
            ha="center",
            va="center",
            fontsize=9,
            zorder=3,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.8, "linewidth": 0},
        )
        box = text.get_window_extent(renderer)
        half = np.array([box.width + PADDING, box.height + PADDING]) / 2
        low, high = np.array([area.x0, area.y0]) + half, np.array([area.x1, area.y1]) - half
        for place in places_near(axes.transData.transform(faces.middle(group)), half):
            place = np.maximum(np.minimum(place, high), low)
            rectangle = np.concatenate([place - half, place + half])
            if not any((rectangle[:2] < other[2:]).all() and (other[:2] < rectangle[2:]).all() for other in taken):
                taken.append(rectangle)
                x, y = axes.transData.inverted().transform(place).tolist()
                text.set_position((x, y))
                break
        else:
            text.remove()
    return len(taken)


def shortened(name: str) -> str:
    return name if len(name) <= LONGEST_LABEL else name[: LONGEST_LABEL - 1] + "…"


def places_near(middle: np.ndarray, half: np.ndarray) -> Iterator[np.ndarray]:
    """Where the middle of a label may stand, (x, y): above its faces, below or beside them."""
    for right, up in ((0, 2), (0, -2), (1.2, 0), (-1.2, 0)):
        yield middle + half * (right, up)
