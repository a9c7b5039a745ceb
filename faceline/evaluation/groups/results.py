"""What a comparison of groups leaves on disk: the table, F1 against the threshold, the ROC and the DET curves."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from faceline.disk.tables import write_csv
from faceline.evaluation.det import COLUMNS, DetCurve, draw_det, mark_det
from faceline.evaluation.groups.groups import Comparison, Group, GroupRates
from faceline.evaluation.plots import plot_files, plotted
from faceline.wording import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RATES_FILE, DET_FILE = "group-rates.csv", "group-det.csv"
F1_PLOT, ROC_PLOT, DET_PLOT = "group-f1", "group-roc", "group-det"
OUTPUTS = (RATES_FILE, DET_FILE, *(name for stem in (F1_PLOT, ROC_PLOT, DET_PLOT) for name in plot_files(stem)))

# Letters of a group's name that a plot shows.
LONGEST_NAME = 40

# Points of a curve that is drawn.
POINTS = 400


def write_comparison(folder: Path, comparison: Comparison, groups: list[Group]) -> None:
    """Write the table and the DET curves as CSV, and the plots; raises FacelineError."""
    names = [field.name for field in fields(GroupRates)]
    rows = [["" if value is None else value for value in vars(rates).values()] for rates in comparison.rates]
    write_csv(folder / RATES_FILE, [names, *rows])
    drawn = [(group, rates) for group, rates in zip(groups, comparison.rates, strict=True) if group.is_complete]
    plot_f1(folder / F1_PLOT, drawn, comparison.threshold)
    plot_group_rocs(folder / ROC_PLOT, drawn)
    curves = [(group, DetCurve.of(group.distances, group.redrawn)) for group in groups if group.redrawn is not None]
    write_csv(
        folder / DET_FILE, [("group", *COLUMNS), *((group.name, *row) for group, det in curves for row in det.rows())]
    )
    plot_group_dets(folder / DET_PLOT, curves, comparison.threshold)


def plot_f1(stem: Path, drawn: list[tuple[Group, GroupRates]], threshold: float) -> None:
    """F1 of each group against the threshold, with the common threshold marked."""
    with plotted(stem) as axes:
        # Beyond the middle of the impostors nothing but the number of pairs decides.
        ends = [float(group.distances.impostor[len(group.distances.impostor) // 2]) for group, _ in drawn]
        thresholds = np.linspace(0, max([1.2 * threshold, *ends]), POINTS)
        for group, rates in drawn:
            label = f"{rates.best_f1:.3f} at {rates.best_f1_threshold:.3f}: {plain(group.name)}"
            axes.plot(thresholds, group.distances.f1(thresholds), label=label)
        axes.axvline(threshold, color="black", linestyle="--", label=f"common threshold, {threshold:.3f}")
        axes.set(xlabel="threshold (distance)", ylabel="F1 of all pairs within the group", ylim=(0, 1.02))
        axes.set(title="F1 against the threshold")
        add_legend(axes, "best F1", "best")


def plot_group_rocs(stem: Path, drawn: list[tuple[Group, GroupRates]]) -> None:
    """The ROC curve of each group, and where the common threshold lies on it."""
    with plotted(stem) as axes:
        for group, rates in drawn:
            found = group.distances
            count = len(found.impostor)
            # A point for each number of impostors while they are few, then for each of rising steps.
            allowed = np.unique(np.geomspace(1, count, POINTS).round().astype(int))
            thresholds = found.impostor[allowed - 1]
            (line,) = axes.plot(
                found.false_accept_rate(thresholds),
                found.true_accept_rate(thresholds),
                label=f"{rates.area:.4f}: {plain(group.name)}",
            )
            if rates.false_match_rate is not None and rates.false_non_match_rate is not None:  # of a complete group
                place = max(rates.false_match_rate, 1 / count), 1 - rates.false_non_match_rate
                axes.plot(*place, "o", color=line.get_color())
        axes.set(xscale="log", xlabel="false match rate", ylabel="true match rate", ylim=(None, 1.005))
        axes.set(title="ROC within each group; a dot at the common threshold")
        add_legend(axes, "area under the curve", "lower right")


def plot_group_dets(stem: Path, curves: list[tuple[Group, DetCurve]], threshold: float) -> None:
    """The DET curve of each group, with its interval, and where the common threshold lies on it."""
    with plotted(stem) as axes:
        draw_det(axes, [(plain(group.name), curve) for group, curve in curves])
        for number, (group, _) in enumerate(curves):
            found = group.distances
            mark_det(axes, found.false_accept_rate(threshold), 1 - found.true_accept_rate(threshold), f"C{number}")
        axes.set(title="DET within each group; a dot at the common threshold")
        add_legend(axes, "", "upper right")


def add_legend(axes: "Axes", title: str, place: Literal["best", "lower right", "upper right"]) -> None:
    if axes.get_legend_handles_labels()[1]:
        legend = axes.legend(title=title, loc=place)
        for text in legend.get_texts():
            text.set_parse_math(False)


def plain(text: str) -> str:
    """`text` as a font can draw it and a plot has room for: bytes that are no text become question marks."""
    text = one_line(text).encode(errors="replace").decode()
    return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}..."
