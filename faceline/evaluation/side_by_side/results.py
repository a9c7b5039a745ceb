"""What a comparison of embeddings leaves on disk: the table, the DET curves, and a plot of these."""

from collections.abc import Sequence
from pathlib import Path

from faceline.disk.tables import write_csv
from faceline.evaluation.det import COLUMNS, DetCurve, draw_det
from faceline.evaluation.groups.results import plain
from faceline.evaluation.plots import plot_files, plotted_side_by_side
from faceline.evaluation.resampling import RATES
from faceline.evaluation.side_by_side.folders import FolderRates
from faceline.wording import counted

RATES_FILE, CURVES_FILE, PLOT = "comparison.csv", "comparison-det.csv", "comparison-det"
OUTPUTS = (RATES_FILE, CURVES_FILE, *plot_files(PLOT))

PLAIN_COLUMNS = ("folder", "network", "distance", "passes", "group", "people", "pictures", "genuine", "impostors")
ESTIMATES = (
    "equal_error_rate",
    "area",
    *(f"true_accept_rate_at_{rate:g}" for rate in RATES),
    "false_match_rate_at_limit",
)


def write_side_by_side(folder: Path, rates: Sequence[FolderRates], curves: Sequence[DetCurve | None]) -> None:
    """Write the table, and of each row the curve where it has one; raises FacelineError."""
    heads = [f"{name}{part}" for name in ESTIMATES for part in ("", "_low", "_high")]
    write_csv(folder / RATES_FILE, [[*PLAIN_COLUMNS, *heads, "limit", "cohort"], *map(cells, rates)])
    drawn = [(row, curve) for row, curve in zip(rates, curves, strict=True) if curve is not None]
    lines = [(row.group, row.folder, *point) for row, curve in drawn for point in curve.rows()]
    write_csv(folder / CURVES_FILE, [("group", "folder", *COLUMNS), *lines])
    groups = list(dict.fromkeys(row.group for row, _ in drawn))
    with plotted_side_by_side(folder / PLOT, len(groups)) as panels:
        for axes, group in zip(panels, groups, strict=True):
            inside = [(row, curve) for row, curve in drawn if row.group == group]
            draw_det(axes, [(plain(row.folder), curve) for row, curve in inside])
            first = inside[0][0]
            title = f"{first.genuine} pairs of one person, {first.impostors} of two, {counted(first.people, 'person')}"
            axes.set_title(f"{plain(group)}: {title}" if group else title, parse_math=False, fontsize="medium")
            for text in axes.legend(loc="upper right").get_texts():
                text.set_parse_math(False)


def cells(rates: FolderRates) -> list[object]:
    """A line of the table; what is not known is empty."""
    found = rates.equal_error_rate, rates.area, *rates.true_accept_rates, rates.false_match_rate_at_limit
    line = [getattr(rates, name) for name in PLAIN_COLUMNS]
    for one in found:
        ends = (None, None, None) if one is None else (one.value, one.low, one.high)
        line += ["" if end is None else end for end in ends]
    return [*line, "" if rates.limit is None else rates.limit]
