"""How well the pictures of people of different groups are told apart, each group by itself."""

import csv
from collections import Counter
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from faceline.comparison import Embedded, all_distances
from faceline.errors import FacelineError
from faceline.files import one_line, opened_text
from faceline.formats import write_csv
from faceline.plots import plotted
from faceline.rates import Distances

RATES_FILE = "group-rates.csv"
F1_PLOT, ROC_PLOT = "group-f1", "group-roc"
OUTPUTS = (RATES_FILE, *(f"{stem}{ending}" for stem in (F1_PLOT, ROC_PLOT) for ending in (".png", ".pdf")))

COLUMNS = ["person", "group"]

# Points of a curve that is drawn.
POINTS = 400


@dataclass(frozen=True)
class GroupRates:
    """What the pairs of pictures within a group show; None where the group has no pair of the kind that it takes.

    Attributes
    ----------
    people, pictures, fallbacks : int
        `fallbacks` of the pictures show no face that was found.
    genuine, impostors : int
        Pairs of pictures of one person, and of two people of the group.
    false_match_rate, false_non_match_rate, f1 : float or None
        At the common threshold.
    area : float or None
        Under the ROC curve.
    best_f1, best_f1_threshold : float or None
    equal_error_rate, equal_error_threshold : float or None
    matched_threshold : float or None
        The threshold that gives the group the false match rate which all groups together have at the common one.
    """

    group: str
    people: int
    pictures: int
    fallbacks: int
    genuine: int
    impostors: int
    false_match_rate: float | None = None
    false_non_match_rate: float | None = None
    area: float | None = None
    f1: float | None = None
    best_f1: float | None = None
    best_f1_threshold: float | None = None
    equal_error_rate: float | None = None
    equal_error_threshold: float | None = None
    matched_threshold: float | None = None


@dataclass(frozen=True)
class Group:
    """The people of a group who are in the embeddings, and the distances of all pairs of their pictures."""

    name: str
    people: int
    pictures: int
    fallbacks: int
    distances: Distances

    @property
    def is_complete(self) -> bool:
        """Whether there are pairs of both kinds."""
        return bool(len(self.distances.genuine) and len(self.distances.impostor))

    def rates(self, threshold: float, overall: float | None) -> GroupRates:
        """What is to be said of the group at a common threshold, with the false match rate of all groups at it."""
        found = self.distances
        counts = len(found.genuine), len(found.impostor)
        rates = GroupRates(self.name, self.people, self.pictures, self.fallbacks, *counts)
        more = {}
        if len(found.impostor):
            more["false_match_rate"] = float(found.false_accept_rate(threshold))
        if len(found.genuine):
            more["false_non_match_rate"] = 1 - float(found.true_accept_rate(threshold))
        if self.is_complete:
            more |= {"area": found.area(), "f1": float(found.f1(threshold))}
            more |= zip(("best_f1", "best_f1_threshold"), found.best_f1(), strict=True)
            more |= zip(("equal_error_rate", "equal_error_threshold"), found.equal_error(), strict=True)
            more["matched_threshold"] = found.threshold_for(overall)
        return GroupRates(**asdict(rates) | more)


@dataclass(frozen=True)
class Comparison:
    """Groups side by side at one threshold; `str()` gives a table.

    Attributes
    ----------
    threshold : float
    false_match_rate, false_non_match_rate : float or None
        Of the pairs of all groups together.
    rates : list of GroupRates
    without_group : int
        People who are in the embeddings, but in no group.
    """

    threshold: float
    false_match_rate: float | None
    false_non_match_rate: float | None
    rates: list[GroupRates]
    without_group: int

    def record(self) -> dict:
        """All of it as JSON."""
        return asdict(self)

    def __str__(self) -> str:
        fallbacks = sum(rates.fallbacks for rates in self.rates)
        lines = [
            *table(self.rates),
            f"FMR, FNMR and F1 at the common threshold {self.threshold:.3f}. There, all groups together have"
            f" FMR {number(self.false_match_rate)} and FNMR {number(self.false_non_match_rate)};",
            "a group has this FMR at the threshold in the last column.",
        ]
        if fallbacks:
            lines.append(f"Pictures without a face that was found, of which the middle counts: {fallbacks}.")
        if self.without_group:
            lines.append(f"People without a group, left aside: {self.without_group}.")
        return "\n".join(lines)


# Heading -> what stands below it.
TABLE = {
    "people": "people",
    "pictures": "pictures",
    "genuine": "genuine",
    "impostors": "impostors",
    "FMR": "false_match_rate",
    "FNMR": "false_non_match_rate",
    "area": "area",
    "F1": "f1",
    "best F1": "best_f1",
    "at": "best_f1_threshold",
    "EER": "equal_error_rate",
    "at ": "equal_error_threshold",
    "same FMR at": "matched_threshold",
}


def table(rates: list[GroupRates]) -> list[str]:
    """The lines of a table, a group each."""
    cells = [["group", *TABLE]]
    cells += [[one_line(row.group), *(number(getattr(row, name)) for name in TABLE.values())] for row in rates]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in cells]


def number(value: float | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, int):
        return str(value)
    return f"{value:.4f}" if value == 0 or value >= 0.001 else f"{value:.1e}"


def read_groups(path: Path) -> dict[str, str]:
    """The group of each person, from a CSV file with the header `person,group`; raises FacelineError."""
    groups = {}
    with opened_text(path) as file:
        reader = csv.reader(file, strict=True)
        try:
            if [cell.strip("\ufeff ") for cell in next(reader, [])] != COLUMNS:
                raise ValueError(f"the header is not {','.join(COLUMNS)}")
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(COLUMNS) or not all(cell.strip() for cell in cells):
                    raise ValueError("not a person and a group")
                if cells[0] in groups:
                    raise ValueError(f"{cells[0]} is there a second time")
                groups[cells[0]] = cells[1]
        except (ValueError, csv.Error) as error:
            raise FacelineError(f"{one_line(path)}: line {reader.line_num}: {one_line(error)}") from None
    if not groups:
        raise FacelineError(f"{one_line(path)}: names nobody; a line is a person and a group")
    return groups


def gather(path: Path, embedded: Embedded) -> tuple[list[Group], int]:
    """The groups of the file `path` in its order, and how many people with embeddings are in none of them.

    Raises
    ------
    FacelineError
        If the file is no list of groups, or somebody in it has no embedding.
    """
    import numpy as np

    groups = read_groups(path)
    people = sorted(set(embedded.people))
    missing = sorted(groups.keys() - set(people), key=list(groups).index)
    if missing:
        raise FacelineError(
            f"{one_line(path)}: {one_line(missing[0])} has no embedding ({len(missing)} people in all); people are"
            " called as their folders"
        )
    numbers = {person: index for index, person in enumerate(people)}
    labels = np.array([numbers[person] for person in embedded.people])
    membership = np.array([groups.get(person) for person in embedded.people], object)
    sizes = Counter(groups.values())
    found = []
    for name, size in sizes.items():
        rows = np.flatnonzero(membership == name)
        distances = Distances(*all_distances(embedded.embeddings[rows], labels[rows], embedded.network.distance))
        found.append(Group(name, size, len(rows), int(embedded.fallbacks[rows].sum()), distances))
    return found, len(people) - len(groups)


def compare(groups: list[Group], threshold: float, without_group: int) -> Comparison:
    """Rates of each group at a common threshold."""
    overall = [
        share([rate(group.distances) for group in groups])
        for rate in (
            lambda found: (float(found.false_accept_rate(threshold)), len(found.impostor)),
            lambda found: (1 - float(found.true_accept_rate(threshold)), len(found.genuine)),
        )
    ]
    return Comparison(threshold, *overall, [group.rates(threshold, overall[0]) for group in groups], without_group)


def share(parts: list[tuple[float, int]]) -> float | None:
    """The rate of all pairs, from the rates and numbers of parts of them; None where there are none."""
    count = sum(size for _, size in parts)
    return sum(rate * size for rate, size in parts if size) / count if count else None


def write_comparison(folder: Path, comparison: Comparison, groups: list[Group]) -> None:
    """Write the table as CSV and both plots; raises FacelineError."""
    names = [field.name for field in fields(GroupRates)]
    rows = [["" if value is None else value for value in vars(rates).values()] for rates in comparison.rates]
    write_csv(folder / RATES_FILE, [names, *rows])
    drawn = [(group, rates) for group, rates in zip(groups, comparison.rates, strict=True) if group.is_complete]
    plot_f1(folder / F1_PLOT, drawn, comparison.threshold)
    plot_roc(folder / ROC_PLOT, drawn)


def plot_f1(stem: Path, drawn: list[tuple[Group, GroupRates]], threshold: float) -> None:
    """F1 of each group against the threshold, with the common threshold marked."""
    import numpy as np

    with plotted(stem) as axes:
        # Beyond the middle of the impostors nothing but the number of pairs decides.
        ends = [float(np.median(group.distances.impostor)) for group, _ in drawn]
        thresholds = np.linspace(0, max([1.2 * threshold, *ends]), POINTS)
        for group, rates in drawn:
            label = f"{rates.best_f1:.3f} at {rates.best_f1_threshold:.3f}: {plain(group.name)}"
            axes.plot(thresholds, group.distances.f1(thresholds), label=label)
        axes.axvline(threshold, color="black", linestyle="--", label=f"common threshold, {threshold:.3f}")
        axes.set(xlabel="threshold (distance)", ylabel="F1 of all pairs within the group", ylim=(0, 1.02))
        axes.set(title="F1 against the threshold")
        add_legend(axes, "best F1", "best")


def plot_roc(stem: Path, drawn: list[tuple[Group, GroupRates]]) -> None:
    """The ROC curve of each group, and where the common threshold lies on it."""
    import numpy as np

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
            place = max(rates.false_match_rate, 1 / count), 1 - rates.false_non_match_rate
            axes.plot(*place, "o", color=line.get_color())
        axes.set(xscale="log", xlabel="false match rate", ylabel="true match rate", ylim=(None, 1.005))
        axes.set(title="ROC within each group; a dot at the common threshold")
        add_legend(axes, "area under the curve", "lower right")


def add_legend(axes, title: str, place: str) -> None:
    if axes.get_legend_handles_labels()[1]:
        legend = axes.legend(title=title, loc=place)
        for text in legend.get_texts():
            text.set_parse_math(False)


def plain(text: str) -> str:
    """`text` as a font can draw it: bytes that are no text become question marks."""
    return one_line(text).encode(errors="replace").decode()
