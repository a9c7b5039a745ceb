"""What an evaluation of pairs leaves on disk: the pairs, the ROC and the DET curve."""

from pathlib import Path

import numpy as np

from faceline.disk.tables import write_csv
from faceline.evaluation.det import COLUMNS, DetCurve, draw_det, mark_det
from faceline.evaluation.pairs.compared import ComparedPairs
from faceline.evaluation.plots import plot_files, plotted
from faceline.evaluation.rates import Distances
from faceline.wording import counted

PAIRS_FILE, ROC_FILE, DET_FILE = "pairs.csv", "roc.csv", "det.csv"
ROC_PLOT, DET_PLOT = "roc", "det"
OUTPUTS = (PAIRS_FILE, ROC_FILE, DET_FILE, *plot_files(ROC_PLOT), *plot_files(DET_PLOT))


def write_pairs(folder: Path, compared: ComparedPairs) -> None:
    """Write the curves, and the pairs, the most wrongly judged ones first; raises FacelineError."""
    found = compared.found
    thresholds = found.thresholds()
    curve = thresholds, found.false_accept_rate(thresholds), found.true_accept_rate(thresholds)
    header = ["threshold", "false_accept_rate", "true_accept_rate"]
    write_csv(folder / ROC_FILE, [header, *zip(*(part.tolist() for part in curve), strict=True)])
    plot_roc(folder / ROC_PLOT, found, curve, compared.threshold)
    det = DetCurve.of(found, compared.redrawn)
    write_csv(folder / DET_FILE, [COLUMNS, *det.rows()])
    plot_det(folder / DET_PLOT, found, det, compared.threshold)
    crops, right, fallback = compared.embedded.crops, compared.is_right, compared.has_fallback
    header = ["first", "second", "people", "answer", "distance", "threshold", "fold", "fallback"]
    rows = [
        [
            *(crops[row] for row in compared.rows[index]),
            "same" if compared.same[index] else "different",
            "right" if right[index] else "wrong",
            f"{compared.distances[index]:.6f}",
            f"{compared.thresholds[compared.folds[index]]:.6f}",
            compared.folds[index] + 1,
            "yes" if fallback[index] else "no",
        ]
        for index in compared.margins.argsort(kind="stable")
    ]
    write_csv(folder / PAIRS_FILE, [header, *rows])


def plot_roc(stem: Path, found: Distances, curve: tuple[np.ndarray, ...], threshold: float) -> None:
    """The ROC curve over a logarithmic false accept rate, with the threshold marked."""
    _, false_accepts, true_accepts = curve
    with plotted(stem) as axes:
        lowest = 1 / len(found.impostor)
        axes.plot(false_accepts.clip(lowest / 2), true_accepts, label=f"area {found.area():.4f}")
        place = max(float(found.false_accept_rate(threshold)), lowest / 2), float(found.true_accept_rate(threshold))
        axes.plot(*place, "o", color="black", label=f"threshold {threshold:.3f}")
        axes.set(xscale="log", xlabel="false accept rate (at the left edge: none)", ylabel="true accept rate")
        axes.set(title=f"{counted(len(found.genuine), 'pair')} of one person, {len(found.impostor)} of two")
        axes.legend(loc="lower right")


def plot_det(stem: Path, found: Distances, curve: DetCurve, threshold: float) -> None:
    """The DET curve with its interval, and the threshold marked."""
    with plotted(stem) as axes:
        draw_det(axes, [("", curve)])
        rates = found.false_accept_rate(threshold), 1 - found.true_accept_rate(threshold)
        mark_det(axes, *rates, "black", f"threshold {threshold:.3f}")
        axes.set(title=f"{counted(len(found.genuine), 'pair')} of one person, {len(found.impostor)} of two")
        if axes.get_legend_handles_labels()[1]:
            axes.legend(loc="upper right")
