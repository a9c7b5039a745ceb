"""The curves of identification, as plots and as tables."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from faceline.formats import write_csv
from faceline.identification_rates import Bin
from faceline.plots import plotted

if TYPE_CHECKING:
    import numpy as np

MARKERS = "os^"


@dataclass(frozen=True)
class Curve:
    """Rates of several draws, `mean` (n,) and `deviation` (n,), over `inputs` (n,)."""

    inputs: "np.ndarray"
    mean: "np.ndarray"
    deviation: "np.ndarray"


def plot_matches(curves: dict[str, Curve], stem: Path) -> None:
    """The cumulative match characteristic: how often the right person is among the first so many."""
    with plotted(stem) as axes:
        for marker, (name, curve) in zip(MARKERS, curves.items(), strict=False):
            axes.errorbar(
                curve.inputs, curve.mean, curve.deviation, marker=marker, linewidth=1.2, capsize=3, label=name
            )
        lowest = min((curve.mean - curve.deviation).min() for curve in curves.values())
        room = max(0.05 * (1 - lowest), 0.002)
        axes.set(xlabel="rank", ylabel="identification rate", ylim=(max(0, lowest - room), min(1, 1) + room / 2))
        axes.set_xticks(next(iter(curves.values())).inputs)
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right")


def plot_open_set(curves: dict[str, Curve], limit: tuple[float, float], stem: Path) -> None:
    """Known people found over strangers named; `limit` is where the gallery's own limit lies, if that can be shown."""
    with plotted(stem) as axes:
        for number, (name, curve) in enumerate(curves.items()):
            line = f"C{number}"
            axes.plot(curve.inputs, curve.mean, color=line, linewidth=1.2, label=name)
            axes.fill_between(
                curve.inputs, curve.mean - curve.deviation, curve.mean + curve.deviation, color=line, alpha=0.2, lw=0
            )
        if limit[0] > 0:
            axes.plot(*limit, "k*", markersize=10, linestyle="none", label="at the gallery's own limit")
        axes.set(
            xscale="log",
            xlabel="strangers named (false positive identification rate)",
            ylabel="known people found (true positive identification rate)",
            xlim=(min(curve.inputs[0] for curve in curves.values()), 1),
            ylim=(0, 1.02),
        )
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right")


def plot_reliability(diagrams: dict[str, list[Bin]], stem: Path) -> None:
    """The reliability diagram: of the answers with a confidence, how many are right."""
    with plotted(stem) as axes:
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        for number, (name, bins) in enumerate(diagrams.items()):
            line, marker = f"C{number}", MARKERS[number]
            confidence, right = [part.confidence for part in bins], [part.right for part in bins]
            sizes = [10 + 300 * part.share for part in bins]
            axes.plot(confidence, right, linewidth=1, alpha=0.5, color=line)
            axes.scatter(confidence, right, sizes, marker=marker, color=line, label=name)
        axes.set(xlabel="confidence of the answers", ylabel="rate of right ones", xlim=(0, 1), ylim=(0, 1))
        legend = axes.legend(loc="upper left", title="size: share of the answers")
        for handle in legend.legend_handles:
            handle.set_sizes([40])


def write_curves(curves: dict[str, Curve], columns: Sequence[str], path: Path) -> None:
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
