"""Detection error trade-off (DET) curves: pairs of one person that are refused, over pairs of two that are accepted.

Both rates stand on axes of normal deviates (ISO/IEC 19795-1; Martin and others, "The DET curve in assessment of
detection task performance", Eurospeech 1997): there, two normal distributions of distances give a straight line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceline.evaluation.plots import say_why_empty
from faceline.evaluation.rates import Distances
from faceline.evaluation.resampling import Redrawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = ("threshold", "false_match_rate", "false_non_match_rate", "low", "high")

# What can be written at the axes.
TICKS = (1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.1, 0.2, 0.5, 0.8)

# Rates beyond are of no use to anybody.
LARGEST = 0.6


@dataclass(frozen=True)
class DetCurve:
    """Rates at thresholds, and between which ends the false non-match rate lies at each false match rate: (k,) each."""

    thresholds: np.ndarray
    false_match: np.ndarray
    false_non_match: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, found: Distances, redrawn: Redrawn) -> "DetCurve":
        thresholds = redrawn.thresholds.astype(float)
        false_match = found.false_accept_rate(thresholds)
        return cls(thresholds, false_match, 1 - found.true_accept_rate(thresholds), *redrawn.det_band(false_match))

    def rows(self) -> list[tuple[str, ...]]:
        """The lines of a table with COLUMNS."""
        parts = self.thresholds, self.false_match, self.false_non_match, self.low, self.high
        return [tuple(f"{number:.6g}" for number in point) for point in zip(*parts, strict=True)]


def draw_det(axes: "Axes", curves: Sequence[tuple[str, DetCurve]]) -> None:
    """Draw curves with their intervals as bands; a rate of 0 or 1 has no place on such axes, and is left out."""
    from scipy.special import ndtri

    every = [curve for _, curve in curves]
    left = min((rate for curve in every for rate in curve.false_match if rate > 0), default=0.01)
    bottom = min((rate for curve in every for rate in curve.false_non_match if rate > 0), default=0.01)
    bottom = min(bottom, LARGEST / 10)
    for number, (label, curve) in enumerate(curves):
        drawn = (curve.false_match > 0) & (curve.false_match < 1)
        over = ndtri(curve.false_match[drawn])
        band = [ndtri(np.clip(end[drawn], bottom / 2, 1 - 1e-9)) for end in (curve.low, curve.high)]
        axes.fill_between(over, *band, color=f"C{number}", alpha=0.1, linewidth=0)
        rates = curve.false_non_match[drawn]
        with np.errstate(divide="ignore"):
            axes.plot(over, np.where(rates > 0, ndtri(rates), np.nan), color=f"C{number}", label=label)
    for axis, least in ((axes.xaxis, left), (axes.yaxis, bottom)):
        ticks = [tick for tick in TICKS if least / 2 <= tick <= LARGEST]
        axis.set_ticks(ndtri(ticks), [f"{tick:g}" for tick in ticks])
    axes.set(xlim=ndtri([left, LARGEST]), ylim=ndtri([bottom / 1.5, LARGEST]))
    axes.set(xlabel="false match rate", ylabel="false non-match rate")
    axes.grid(alpha=0.3)
    if not any(((curve.false_match > 0) & (curve.false_non_match > 0)).any() for curve in every):
        say_why_empty(axes, "no threshold with errors of both kinds")


def mark_det(axes: "Axes", false_match: float, false_non_match: float, color: str, label: str | None = None) -> None:
    """Put a dot at the rates of a threshold; none where a rate has no place."""
    from scipy.special import ndtri

    if 0 < false_match < 1 and 0 < false_non_match < 1:
        axes.plot(ndtri(false_match), ndtri(false_non_match), "o", color=color, label=label)
