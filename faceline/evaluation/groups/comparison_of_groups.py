"""Evaluation: do distances that tell people of one group apart do so in another? On all pairs within each group."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faceline.disk.folder_locks import locked
from faceline.disk.numbers import LARGEST
from faceline.disk.paths import named_path
from faceline.errors import FacelineError
from faceline.evaluation.cohorts import with_cohort
from faceline.evaluation.comparison import DEFAULT_OUTPUT, distance_in_words, read_embedded, refuse_inputs
from faceline.evaluation.groups.groups import Comparison, compare, groups_among
from faceline.evaluation.groups.results import OUTPUTS, write_comparison
from faceline.evaluation.plots import check_plots
from faceline.wording import one_line


@dataclass(frozen=True)
class GroupComparison:
    """What `compare_groups` found; `str()` gives a table, `to_json()` an object."""

    network: str
    distance: str
    comparison: Comparison
    output: str
    cohort: int = 0

    def __str__(self) -> str:
        distance = distance_in_words(self.distance, self.cohort)
        head = f"All pairs within each group. Network {one_line(self.network)}, {distance}."
        return f"{head}\n\n{self.comparison}\nWritten to {one_line(self.output)}"

    def to_json(self) -> str:
        return json.dumps(vars(self) | {"comparison": self.comparison.record()})


def compare_groups(
    groups: str | Path,
    embeddings_dirs: Sequence[str | Path],
    *,
    threshold: float | None = None,
    cohort: str | Path | None = None,
    output_dir: str | Path = DEFAULT_OUTPUT,
) -> GroupComparison:
    """Measure how well people of each group are told apart from each other, at a common threshold and at their own.

    Writes `group-rates.csv`, the DET curves as `group-det.csv`, and the plots `group-f1`, `group-roc` and `group-det`
    as PNG and PDF.

    Parameters
    ----------
    groups : path
        A CSV file with the header `person,group`.
    embeddings_dirs : sequence of path
        What `represent_folder` wrote with one network; nobody is in two of them.
    threshold : float or None
        The common threshold; None for that of the network's authors.
    cohort : path or None
        As that of `verify`.
    output_dir : path

    Raises
    ------
    FacelineError
        If a file cannot be read, the folders do not go together, somebody of the groups has no embedding, the threshold
        is no distance, or the results cannot be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from faceline.evaluation import compare_groups
    >>> _ = Path("groups.csv").write_text("person,group\\nobama,presidents\\nbiden,presidents\\ncollins,astronauts\\n")
    >>> found = compare_groups("groups.csv", ["lfw-embeddings"])
    >>> [(rates.group, rates.genuine, rates.impostors) for rates in found.comparison.rates]
    [('presidents', 3, 3), ('astronauts', 0, 0)]
    """
    check_plots()
    groups, output_dir = named_path(groups), named_path(output_dir)
    if threshold is not None and not 0 <= threshold < LARGEST:
        raise FacelineError(f"threshold {threshold} is no distance; choose 0 to {LARGEST:g}")
    refuse_inputs(output_dir, OUTPUTS, [groups])
    embedded = with_cohort(read_embedded(embeddings_dirs), cohort, embeddings_dirs)
    threshold = embedded.network.threshold if threshold is None else threshold
    grouped, without_group = groups_among(groups, embedded, threshold)
    comparison = compare(grouped, threshold, without_group)
    with locked(output_dir):
        write_comparison(output_dir, comparison, grouped)
    return GroupComparison(
        embedded.network.title, embedded.network.distance, comparison, str(output_dir), embedded.cohort
    )
