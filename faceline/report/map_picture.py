"""A map of faces as a picture."""

import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceline.disk.pictures.images import encode_png
from faceline.disk.writing import write_bytes
from faceline.errors import FacelineError
from faceline.host.sharing import DRAWING
from faceline.report.drawing.lettering import Lettering
from faceline.wording import one_line

INCHES, DPI = 10, 150

# Faces as points, in pixels of the picture: as many as fit beside each other, within these.
SMALLEST, LARGEST = 16, 72

LONGEST_LABEL = 30

# Of the letters of a label, and what is free around it, in pixels.
LETTERS, PADDING = 19, 8

# After Okabe and Ito, "Color Universal Design", 2008: told apart by colour-blind people, too. Without their yellow,
# which is hardly seen on white, and their black, which is the names'.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
# Of faces that have nobody to be coloured with.
GREY = "#9e9e9e"
# Of more groups, the colour goes by their order: to choose it would take long.
MOST_CHOSEN = 3000


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

    def colours(self) -> list[str]:
        """Of each group, as `#rrggbb`: the one whose next bearer lies farthest away; grey for those of one face."""
        sizes = np.bincount(self.group_of[self.group_of >= 0], minlength=len(self.groups))
        several = np.flatnonzero(sizes > 1).tolist()
        middles = np.array([self.middle(group) for group in several]).reshape(-1, 2)
        chosen = np.arange(len(several)) % len(COLOURS)
        for place in range(1, min(len(several), MOST_CHOSEN)):
            nearest = np.full(len(COLOURS), np.inf)
            np.minimum.at(nearest, chosen[:place], ((middles[:place] - middles[place]) ** 2).sum(axis=1))
            chosen[place] = nearest.argmax()
        found = [GREY] * len(self.groups)
        for group, colour in zip(several, chosen.tolist(), strict=True):
            found[group] = COLOURS[colour]
        return found


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
        colours = np.array([rgb(colour) for colour in (*faces.colours(), GREY)])[faces.group_of]  # -1 is the last one
        is_picture = np.array([crop is not None for crop in crops or [None] * len(faces.places)])
        size = float(np.clip(9000 / len(faces.places), 6, 40))
        dots = ~is_picture
        x, y = faces.places[dots].T
        axes.scatter(x, y, s=size, c=colours[dots], alpha=0.85, linewidths=0)
        if crops is not None:
            axes.imshow(mosaic(faces.places, crops, colours), extent=(-0.04, 1.04, -0.04, 1.04), zorder=2)
        canvas.draw()
        pixels = np.array(canvas.buffer_rgba())[:, :, :3]
        # (x, y) from the picture's top left corner, where Matplotlib counts from the bottom.
        middles = [axes.transData.transform(faces.middle(group)) for group in range(min(labels, len(faces.groups)))]
    height = len(pixels)
    shown = add_labels(pixels, [np.array([x, height - y]) for x, y in middles], faces.groups)
    write_bytes(path, encode_png(pixels))
    return shown


def rgb(colour: str) -> tuple[float, float, float]:
    """Red, green and blue of `#rrggbb`, from 0 to 1."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red / 255, green / 255, blue / 255


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


def add_labels(pixels: np.ndarray, middles: Sequence[np.ndarray], names: Sequence[str]) -> int:
    """Write the names of groups beside their middles, (x, y), the first ones first, each where none stands yet; gives
    how many these are. One that no font of the system can write is left out."""
    lettering = Lettering()
    taken: list[np.ndarray] = []
    height, width = pixels.shape[:2]
    for middle, name in zip(middles, names, strict=False):
        line = lettering.line(shortened(one_line(name)), LETTERS)
        if line is None:
            continue
        mask = np.asarray(line)[:, : width - 2 * PADDING]
        half = np.array([mask.shape[1] + PADDING, mask.shape[0] + PADDING]) / 2
        for place in places_near(middle, half):
            place = np.maximum(np.minimum(place, np.array([width, height]) - half), half)
            rectangle = np.concatenate([place - half, place + half])
            if not any((rectangle[:2] < other[2:]).all() and (other[:2] < rectangle[2:]).all() for other in taken):
                taken.append(rectangle)
                write(pixels, mask, *np.rint(place - half + PADDING / 2).astype(int).tolist())
                break
    return len(taken)


def write(pixels: np.ndarray, mask: np.ndarray, left: int, top: int) -> None:
    """Put letters, (h, w) uint8, on white paper through which a little is seen."""
    paper = pixels[top : top + mask.shape[0], left : left + mask.shape[1]]
    light = 0.2 * paper + 0.8 * 255
    paper[:] = np.rint(light * (1 - mask[: len(paper), : paper.shape[1], None] / 255))


def shortened(name: str) -> str:
    return name if len(name) <= LONGEST_LABEL else name[: LONGEST_LABEL - 1] + "…"


def places_near(middle: np.ndarray, half: np.ndarray) -> Iterator[np.ndarray]:
    """Where the middle of a label may stand, (x, y): above its faces, below or beside them."""
    for right, up in ((0, 2), (0, -2), (1.2, 0), (-1.2, 0)):
        yield middle + half * (right, -up)
