"""Plots of the evaluations, each as PNG to look at and as PDF to print."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from faceline.disk.writing import replacing
from faceline.errors import FacelineError
from faceline.host.quiet import quiet
from faceline.host.sharing import DRAWING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Without dates, so that the same numbers give the same file.
METADATA = {".png": {"Software": None}, ".pdf": {"CreationDate": None, "Creator": None, "Producer": None}}


def plot_files(stem: str) -> list[str]:
    """The names of the files that `plotted` writes."""
    return [f"{stem}{ending}" for ending in METADATA]


def check_plots() -> None:
    """Raise FacelineError if no plots can be drawn; before hours of work, not behind them."""
    if importlib.util.find_spec("matplotlib") is None:
        raise FacelineError("matplotlib is missing, which draws the plots; pip install 'faceline[plots]'")


@contextmanager
def plotted(stem: Path) -> "Iterator[Axes]":
    """Give axes to draw on, and write what was drawn to `stem` with the endings .png and .pdf; raises FacelineError."""
    with plotted_side_by_side(stem, 1) as (axes,):
        yield axes


@contextmanager
def plotted_side_by_side(stem: Path, count: int) -> "Iterator[list[Axes]]":
    """Likewise `count` axes beside each other."""
    from matplotlib.figure import Figure

    with DRAWING.lock:
        figure = Figure(figsize=(6 * count, 5), layout="constrained")
        yield [figure.add_subplot(1, count, place) for place in range(1, count + 1)]
        for ending, metadata in METADATA.items():
            with (
                replacing(stem.with_name(stem.name + ending)) as scratch,
                quiet(UserWarning, "Glyph .* missing from"),  # a name in another script shows as boxes
            ):
                figure.savefig(scratch, format=ending[1:], dpi=150, metadata=metadata)


def say_why_empty(axes: "Axes", why: str) -> None:
    """Write into a diagram why there is nothing in it, as of few people who are all told apart."""
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center")
