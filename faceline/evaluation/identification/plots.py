"""The curves of identification, as plots and as tables."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceline.disk.tables import write_csv
from faceline.evaluation.identification.rates import Bin
from faceline.evaluation.plots import plotted, say_why_empty

if TYPE_CHECKING:
    from matplotlib.axis import Axis

MARKERS = "os^"


@dataclass(frozen=True)
class RateCurve:
    """Rates of several draws, `mean` (n,) and `deviation` (n,), over `inputs` (n,)."""

    inputs: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray


def plot_matches(curves: dict[str, RateCurve], stem: Path) -> None:
    """The cumulative match characteristic: how often the right person is among the first n."""
    with plotted(stem) as axes:
        lowest = min((curve.mean - curve.deviation).min() for curve in curves.values())
        for number, (name, curve) in enumerate(curves.items()):
            shift = 0.1 * (number - (len(curves) - 1) / 2)  # so that curves which are the same can be seen
            bars = (curve.deviation, curve.deviation.clip(max=1 - curve.mean))
            axes.errorbar(
                curve.inputs + shift, curve.mean, bars, marker=MARKERS[number], linewidth=1.2, capsize=3, label=name
            )
        room = max(0.05 * (1 - lowest), 0.002)
        axes.set(xlabel="rank", ylabel="identification rate", ylim=(max(0, lowest - room), 1 + room / 2))
        axes.set_xticks(next(iter(curves.values())).inputs)
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right")


def plot_open_set(curves: dict[str, RateCurve], named: float, found: float, stem: Path) -> None:
    """Known people found over strangers named; `named` and `found` are what the gallery's own limit does."""
    with plotted(stem) as axes:
        left = min(0.5, *(curve.inputs[0] for curve in curves.values()))
        lowest = min(found, *((curve.mean - curve.deviation).min() for curve in curves.values()))
        for number, (name, curve) in enumerate(curves.items()):
            line, band = f"C{number}", (curve.mean - curve.deviation, (curve.mean + curve.deviation).clip(max=1))
            marker = "." if len(curve.inputs) <= 20 else ""  # a single point is no line
            axes.plot(curve.inputs, curve.mean, color=line, marker=marker, drawstyle="steps-post", label=name)
            axes.fill_between(curve.inputs, *band, color=line, alpha=0.2, linewidth=0, step="post")
        label = "the gallery's own limit" + (", fewer strangers named" if named < left else "")
        axes.plot(max(named, left), found, "k*", markersize=11, clip_on=False, zorder=3, label=label)
        axes.set(
            xscale="log",
            xlabel="strangers named (false positive identification rate)",
            ylabel="known people found (true positive identification rate)",
            xlim=(left, 1),
            ylim=(max(0, math.floor(10 * lowest) / 10), 1.01),
        )
        plain_ticks(axes.xaxis)
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right")


def misses(curves: dict[str, RateCurve]) -> dict[str, RateCurve]:
    """Curves of known people found as curves of those missed."""
    return {name: RateCurve(curve.inputs, 1 - curve.mean, curve.deviation) for name, curve in curves.items()}


def plot_misses(curves: dict[str, RateCurve], named: float, missed: float, stem: Path) -> None:
    """Known people missed over strangers named, on logarithmic axes; `named` and `missed` are of the gallery's limit.

    A rate of 0 has no place there: the curve ends before it, and the limit lies at the edge.
    """
    with plotted(stem) as axes:
        left = min(0.5, *(curve.inputs[0] for curve in curves.values()))
        shown = [rate for curve in curves.values() for rate in curve.mean if rate > 1e-9] + [missed] * (missed > 1e-9)
        bottom = min(0.05, *shown) / 1.5 if shown else 0.001
        for number, (name, curve) in enumerate(curves.items()):
            line, is_shown = f"C{number}", curve.mean > 1e-9
            low = (curve.mean - curve.deviation).clip(bottom / 10)
            high = (curve.mean + curve.deviation).clip(bottom / 10, 1)
            marker = "." if len(curve.inputs) <= 20 else ""  # a single point is no line
            mean = np.where(is_shown, curve.mean, np.nan)
            axes.plot(curve.inputs, mean, color=line, marker=marker, drawstyle="steps-post", label=name)
            axes.fill_between(curve.inputs, low, high, color=line, alpha=0.2, linewidth=0, step="post")
        place = max(named, left), max(missed, bottom)
        axes.plot(*place, "k*", markersize=11, clip_on=False, zorder=3, label="the gallery's own limit")
        axes.set(
            xscale="log",
            yscale="log",
            xlabel="strangers named (false positive identification rate)",
            ylabel="known people missed (false negative identification rate)",
            xlim=(left, 1),
            ylim=(bottom, 1),
        )
        for axis in (axes.xaxis, axes.yaxis):
            plain_ticks(axis)
        axes.grid(alpha=0.3)
        axes.legend(loc="upper right")
        if not shown:
            say_why_empty(axes, "nobody who is known was missed")


def plain_ticks(axis: "Axis") -> None:
    """Numbers at a logarithmic axis, without powers of ten."""
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))


def plot_reliability(diagrams: dict[str, list[Bin]], stem: Path) -> None:
    """The reliability diagram: of the answers with a confidence, how many are right."""
    from matplotlib.collections import PathCollection

    with plotted(stem) as axes:
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        for number, (name, bins) in enumerate(diagrams.items()):
            line, marker = f"C{number}", MARKERS[number]
            confidence, right = [part.confidence for part in bins], [part.right for part in bins]
            sizes = [15 + 300 * part.share for part in bins]
            axes.plot(confidence, right, linewidth=1, alpha=0.5, color=line)
            # See through, as ways to weigh the same answers nearly agree; over the edge, where most answers are.
            axes.scatter(
                confidence,
                right,
                sizes,
                (line, 0.3),
                marker=marker,
                edgecolors=line,
                clip_on=False,
                zorder=3,
                label=name,
            )
        axes.set(xlabel="confidence of the answers", ylabel="rate of right ones", xlim=(0, 1), ylim=(0, 1))
        axes.set_aspect("equal")
        legend = axes.legend(loc="upper left", title="size: share of the answers")
        for handle in legend.legend_handles:
            if isinstance(handle, PathCollection):
                handle.set_sizes([40])


def write_curves(curves: dict[str, RateCurve], columns: Sequence[str], path: Path) -> None:
    """Write curves as CSV, a line for each point; `columns` names the inputs and the rates."""
    lines = [("scores", *columns, "deviation")]
    for name, curve in curves.items():
        points = zip(curve.inputs, curve.mean, curve.deviation, strict=True)
        lines += [(name, *(f"{number:.6g}" for number in point)) for point in points]
    write_csv(path, lines)


def write_bins(diagrams: dict[str, list[Bin]], path: Path) -> None:
    names = [field.name for field in fields(Bin)]
    lines = [("alike", *names)]
    for name, bins in diagrams.items():
        lines += [(name, *(f"{getattr(part, column):.6g}" for column in names)) for part in bins]
    write_csv(path, lines)
