"""How well the pictures of people of different groups are told apart, each group by itself."""

import csv
import io
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from faceline.disk.reading import read_bytes
from faceline.errors import FacelineError, cure
from faceline.evaluation.comparison import Embedded, all_distances
from faceline.evaluation.rates import Distances
from faceline.evaluation.resampling import DRAWS, LEVEL, PeoplePairs, Redrawn, interval
from faceline.evaluation.tables import columns, ends, number
from faceline.wording import counted, one_line

COLUMNS = ["person", "group"]


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
    matched_threshold, matched_false_non_match_rate : float or None
        The threshold that gives the group the false match rate which all groups together have at the common one, and
        the genuine pairs that it refuses.
    false_match_low, false_match_high, false_non_match_low, false_non_match_high : float or None
        Between which ends these rates lie in most draws of people, see `evaluation.resampling`; None where the group
        lacks a kind of pairs.
    equal_error_low, equal_error_high : float or None
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
    matched_false_non_match_rate: float | None = None
    false_match_low: float | None = None
    false_match_high: float | None = None
    false_non_match_low: float | None = None
    false_non_match_high: float | None = None
    equal_error_low: float | None = None
    equal_error_high: float | None = None


@dataclass(frozen=True)
class Group:
    """The people of a group who are in the embeddings, and the distances of all pairs of their pictures.

    `redrawn` are its rates among people drawn again, where there are pairs of both kinds.
    """

    name: str
    people: int
    pictures: int
    fallbacks: int
    distances: Distances
    redrawn: Redrawn | None

    @property
    def is_complete(self) -> bool:
        """Whether there are pairs of both kinds."""
        return bool(len(self.distances.genuine) and len(self.distances.impostor))

    def rates(self, threshold: float, overall: float | None) -> GroupRates:
        """What is to be said of the group at a common threshold, with the false match rate of all groups at it."""
        found = self.distances
        counts = len(found.genuine), len(found.impostor)
        rates = GroupRates(self.name, self.people, self.pictures, self.fallbacks, *counts)
        more: dict[str, float | None] = {}
        if len(found.impostor):
            more["false_match_rate"] = float(found.false_accept_rate(threshold))
        if len(found.genuine):
            more["false_non_match_rate"] = 1 - float(found.true_accept_rate(threshold))
        if self.is_complete and overall is not None:  # which it is where a group has impostors
            more |= {"area": found.area(), "f1": float(found.f1(threshold))}
            more |= zip(("best_f1", "best_f1_threshold"), found.best_f1(), strict=True)
            more |= zip(("equal_error_rate", "equal_error_threshold"), found.equal_error(), strict=True)
            matched = found.threshold_for(overall)
            more["matched_threshold"] = matched
            more["matched_false_non_match_rate"] = 1 - float(found.true_accept_rate(matched))
        if self.redrawn is not None:
            draws = *self.redrawn.at(threshold), self.redrawn.equal_errors()
            for name, values in zip(("false_match", "false_non_match", "equal_error"), draws, strict=True):
                low, high = interval(values) or (None, None)
                more |= {f"{name}_low": low, f"{name}_high": high}
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
            *rates_table(self.rates),
            f"FMR, FNMR and F1 at the common threshold {self.threshold:.3f}. There, all groups together have"
            f" FMR {number(self.false_match_rate)} and FNMR {number(self.false_non_match_rate)};",
            "a group has this FMR at the threshold in the last column but one, with the FNMR in the last.",
            f"Below a rate: where it lies in {LEVEL:.0%} of {DRAWS} draws of the group's people.",
        ]
        if fallbacks:
            lines.append(f"Pictures without a face that was found, of which the middle counts: {fallbacks}.")
        if self.without_group:
            lines.append(f"People without a group, left aside: {self.without_group}.")
        return "\n".join(lines)


# The columns of the table: heading, and what stands below it.
TABLE = (
    ("people", "people"),
    ("pictures", "pictures"),
    ("genuine", "genuine"),
    ("impostors", "impostors"),
    ("FMR", "false_match_rate"),
    ("FNMR", "false_non_match_rate"),
    ("area", "area"),
    ("F1", "f1"),
    ("best F1", "best_f1"),
    ("at", "best_f1_threshold"),
    ("EER", "equal_error_rate"),
    ("at", "equal_error_threshold"),
    ("same FMR at", "matched_threshold"),
    ("FNMR", "matched_false_non_match_rate"),
)

# What stands below a rate: the attributes without their `_low` and `_high`.
INTERVALS = {
    "false_match_rate": "false_match",
    "false_non_match_rate": "false_non_match",
    "equal_error_rate": "equal_error",
}


def rates_table(rates: list[GroupRates]) -> list[str]:
    """The lines of a table, a group each."""
    cells = [["group", *(heading for heading, _ in TABLE)]]
    for row in rates:
        cells.append([one_line(row.group), *(number(getattr(row, name)) for _, name in TABLE)])
        found = [INTERVALS.get(name) for _, name in TABLE]
        below = [ends((getattr(row, f"{name}_low"), getattr(row, f"{name}_high"))) if name else "" for name in found]
        if any(below):
            cells.append(["", *below])
    return [line.rstrip() for line in columns(cells)]


def read_groups(path: Path) -> dict[str, str]:
    """The group of each person, from a CSV file with the header `person,group`; raises FacelineError."""
    groups = {}
    with cure("name a CSV file, in UTF-8, with the header person,group"):
        text = read_bytes(path).decode("utf-8-sig", "surrogateescape")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        try:
            if [cell.strip() for cell in next(reader, [])] != COLUMNS:
                raise ValueError(f"the header is not {','.join(COLUMNS)}")
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(COLUMNS) or not all(cell.strip() for cell in cells):
                    raise ValueError("not a person and a group")
                if cells[0] in groups:
                    raise ValueError(f"{cells[0]} is there a second time")
                groups[cells[0]] = cells[1].strip()
        except (ValueError, csv.Error) as error:
            raise FacelineError(f"{one_line(path)}: line {reader.line_num}: {one_line(error)}") from None
    if not groups:
        raise FacelineError(f"{one_line(path)}: names nobody; a line is a person and a group")
    return groups


def groups_among(path: Path, embedded: Embedded, threshold: float) -> tuple[list[Group], int]:
    """The groups of the file `path` in its order, to be compared at `threshold`, and how many people are in none.

    Raises
    ------
    FacelineError
        If the file is no list of groups, or somebody in it has no embedding.
    """
    sizes, members, without_group = members_among(path, embedded.people)
    labels = np.unique(embedded.people, return_inverse=True)[1]
    found = []
    for name, rows in members.items():
        whose = np.unique(labels[rows], return_inverse=True)[1]
        pairs = embedded.embeddings[rows], whose, embedded.metric
        distances, redrawn = Distances(*all_distances(*pairs)), None
        if len(distances.genuine) and len(distances.impostor):
            redrawn = PeoplePairs.of_all(*pairs, distances, [threshold]).draw()
        found.append(Group(name, sizes[name], len(rows), int(embedded.fallbacks[rows].sum()), distances, redrawn))
    return found, without_group


def members_among(path: Path, people: list[str]) -> tuple[Counter[str], dict[str, np.ndarray], int]:
    """Which pictures belong to the groups of the file `path`, where `people` says whose each picture is.

    Returns
    -------
    sizes : Counter
        The people of each group, in the order of the file.
    members : dict of ndarray of int
        The rows of their pictures.
    without_group : int
        How many people are in no group.

    Raises
    ------
    FacelineError
        If the file is no list of groups, or somebody in it has no picture.
    """
    groups, present = read_groups(path), set(people)
    missing = [person for person in groups if person not in present]
    if missing:
        raise FacelineError(
            f"{one_line(path)}: {one_line(missing[0])} has no embedding"
            f" ({counted(len(missing), 'person')} in all); people are called as their folders;"
            " manifest.csv of align-dlib.py has the reason where a picture has no crop"
        )
    membership = np.array([groups.get(person) for person in people], object)
    sizes = Counter(groups.values())
    members = {name: np.flatnonzero(membership == name) for name in sizes}
    return sizes, members, len(present) - len(groups)


def compare(groups: list[Group], threshold: float, without_group: int) -> Comparison:
    """Rates of each group at a common threshold."""
    each = [group.distances for group in groups]
    accepts = share([(float(found.false_accept_rate(threshold)), len(found.impostor)) for found in each])
    refusals = share([(1 - float(found.true_accept_rate(threshold)), len(found.genuine)) for found in each])
    return Comparison(
        threshold, accepts, refusals, [group.rates(threshold, accepts) for group in groups], without_group
    )


def share(parts: list[tuple[float, int]]) -> float | None:
    """The rate of all pairs, from the rates and numbers of parts of them; None where there are none."""
    count = sum(size for _, size in parts)
    return sum(rate * size for rate, size in parts if size) / count if count else None
