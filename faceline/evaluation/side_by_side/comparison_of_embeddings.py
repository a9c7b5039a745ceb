"""Evaluation: which embeddings of the same pictures tell people apart best? On all pairs, or all within each group."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from faceline.disk.folder_locks import locked
from faceline.disk.paths import named_path
from faceline.errors import FacelineError
from faceline.evaluation.cohorts import with_cohorts
from faceline.evaluation.comparison import DEFAULT_OUTPUT, Embedded, refuse_inputs
from faceline.evaluation.det import DetCurve
from faceline.evaluation.groups.groups import members_among
from faceline.evaluation.plots import check_plots
from faceline.evaluation.resampling import DRAWS, LEVEL, RATES
from faceline.evaluation.side_by_side.folders import LIMIT_RATE, FolderRates, Limit, measure, rates_table
from faceline.evaluation.side_by_side.results import OUTPUTS, write_side_by_side
from faceline.evaluation.side_by_side.shared import read_shared
from faceline.runs.progress import bar
from faceline.wording import counted, one_line


@dataclass(frozen=True)
class EmbeddingsComparison:
    """What `compare_embeddings` found; `str()` gives a table, `to_json()` an object.

    Attributes
    ----------
    rates : list of FolderRates
        Group by group, of each folder.
    left_aside : int
        Pictures that not all folders have.
    without_group : int
        People who are in no group, where there are groups.
    fallbacks : int
        Pictures of which a folder has the middle, for want of a face.
    output : str
    """

    rates: list[FolderRates]
    left_aside: int
    without_group: int
    fallbacks: int
    output: str

    def __str__(self) -> str:
        lines = []
        for group, rates in ((name, list(rows)) for name, rows in groupby(self.rates, lambda row: row.group)):
            first = rates[0]
            lines += [
                f"{f'Group {one_line(group)}' if group else 'All pairs'}: {counted(first.pictures, 'picture')} of"
                f" {counted(first.people, 'person')}, {counted(first.genuine, 'pair')} of one person,"
                f" {first.impostors} of two.",
                *rates_table(rates, has_groups=bool(group)),
                "",
            ]
        lines.append(f"Below each rate: where it lies in {LEVEL:.0%} of {DRAWS} draws of people.")
        lines.append(f"TAR at {', '.join(f'{rate:g}' for rate in RATES)}: true accepts at these false match rates.")
        if self.rates[0].group:
            name = one_line(self.rates[0].group)
            lines.append(
                f"FMR at limit: at the threshold that gives the group {name} the false match rate {LIMIT_RATE:g}."
            )
        if any(row.cohort for row in self.rates):
            faces = ", ".join(dict.fromkeys(f"{row.cohort} of {one_line(row.folder)}" for row in self.rates))
            lines.append(f"Distances are normalised by cohorts, which have so many faces: {faces}.")
        for count, text in (
            (self.left_aside, "Pictures that not all folders have, left aside"),
            (self.without_group, "People without a group, left aside"),
            (self.fallbacks, "Pictures without a face that was found, of which the middle counts"),
        ):
            if count:
                lines.append(f"{text}: {count}.")
        return "\n".join([*lines, f"Written to {one_line(self.output)}"])

    def to_json(self) -> str:
        return json.dumps(vars(self) | {"rates": [rates.record() for rates in self.rates]})


def compare_embeddings(
    embeddings_dirs: Sequence[str | Path],
    *,
    groups: str | Path | None = None,
    cohort: Sequence[str | Path] | None = None,
    output_dir: str | Path = DEFAULT_OUTPUT,
) -> EmbeddingsComparison:
    """Put embeddings of the same pictures side by side, as of several networks or numbers of passes.

    All pairs of the pictures that all folders have are compared. Writes `comparison.csv`, `comparison-det.csv`, and
    the plot `comparison-det` as PNG and PDF. Each rate has an interval over people, see `evaluation.resampling`.

    Parameters
    ----------
    embeddings_dirs : sequence of path
        What `represent_folder` wrote of the same pictures.
    groups : path or None
        A CSV file `person,group`: each group is compared by itself, and at the threshold that suits the first one.
    cohort : sequence of path, or None
        Embeddings of other people of the same population, as that of `verify`: for each network and number of passes
        one.
    output_dir : path

    Raises
    ------
    FacelineError
        If a folder or file cannot be read, the folders have no pictures in common or no pairs of both kinds, somebody
        of the groups has no embedding, or the results cannot be written.

    Examples
    --------
    >>> from faceline.evaluation import compare_embeddings
    >>> found = compare_embeddings(["lfw-embeddings"])
    >>> (rates,) = found.rates
    >>> rates.folder, rates.network, rates.genuine, rates.impostors, rates.area.value
    ('lfw-embeddings', 'dlib', 3, 7, 1.0)
    """
    check_plots()
    output_dir = named_path(output_dir)
    refuse_inputs(output_dir, OUTPUTS, [] if groups is None else [named_path(groups)])
    shared = read_shared(embeddings_dirs)
    shared = replace(shared, folders=with_cohorts(shared.folders, cohort or (), embeddings_dirs))
    people = shared.folders[0].people
    members, without_group = {"": np.arange(len(people))}, 0
    if groups is not None:
        _, members, without_group = members_among(named_path(groups), people)
    rates: list[FolderRates] = []
    curves: list[DetCurve | None] = []
    limits: dict[str, Limit | None] = {}
    with bar("comparisons", len(members) * len(shared.folders)) as progress:
        for group, rows in members.items():
            for label, folder in zip(shared.labels, shared.folders, strict=True):
                found, curve, limit = measure(label, part_of(folder, rows), group, limits.get(label))
                limits.setdefault(label, limit)
                rates.append(found)
                curves.append(curve)
                progress.update()
    if not any(curves):
        raise FacelineError("no pairs of both kinds: name embeddings of several pictures of several people")
    with locked(output_dir):
        write_side_by_side(output_dir, rates, curves)
    fallbacks = np.any([folder.fallbacks for folder in shared.folders], axis=0)
    counts = shared.left_aside, without_group, int(fallbacks.sum())
    return EmbeddingsComparison(rates, *counts, str(output_dir))


def part_of(folder: Embedded, rows: np.ndarray) -> Embedded:
    """The rows of a folder's embeddings, as far as pairs need them."""
    people = [folder.people[row] for row in rows]
    return replace(
        folder, embeddings=folder.embeddings[rows], people=people, crops=[], fallbacks=folder.fallbacks[rows]
    )
