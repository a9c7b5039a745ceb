"""Evaluation: do two pictures show one person? On the pairs of a list."""

from pathlib import Path

from faceline.disk.folder_locks import locked
from faceline.disk.paths import named_path
from faceline.evaluation.cohorts import with_cohort
from faceline.evaluation.comparison import DEFAULT_OUTPUT, read_embedded, refuse_inputs
from faceline.evaluation.groups.groups import compare, groups_among
from faceline.evaluation.groups.results import OUTPUTS as GROUP_OUTPUTS
from faceline.evaluation.groups.results import write_comparison
from faceline.evaluation.pairs.compared import ComparedPairs
from faceline.evaluation.pairs.lists import read_pairs, rows_of_pairs
from faceline.evaluation.pairs.report import Verification
from faceline.evaluation.pairs.results import OUTPUTS, write_pairs
from faceline.evaluation.plots import check_plots


def verify(
    pairs: str | Path,
    embeddings_dir: str | Path,
    *,
    groups: str | Path | None = None,
    cohort: str | Path | None = None,
    output_dir: str | Path = DEFAULT_OUTPUT,
) -> Verification:
    """Measure how well distances tell the pairs of one person in a list from those of two.

    Writes the ROC and the DET curve, `roc` and `det`, as PNG, PDF and CSV, and `pairs.csv` with all pairs, the most
    wrongly judged ones first. Rates have intervals over people, see `evaluation.resampling`.

    Parameters
    ----------
    pairs : path
        A file as those of Labeled Faces in the Wild, see `pairs.lists.read_pairs`.
    embeddings_dir : path
        What `represent_folder` wrote.
    groups : path or None
        A CSV file `person,group`; compares the groups too, as `compare_groups` does, at the threshold of the pairs.
    cohort : path or None
        Embeddings of other people of the same population, a few hundred faces, who need no names: distances are
        normalised by how near both faces lie to them, see `people.cohort`.
    output_dir : path

    Raises
    ------
    FacelineError
        If a file cannot be read, a picture of the pairs or a person of the groups has no embedding, or the results
        cannot be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from faceline.evaluation import verify
    >>> pairs = ["2", "obama 1 2", "obama 2 3", "obama 1 biden 1", "obama 3 collins 1"]
    >>> _ = Path("pairs.txt").write_text("\\n".join(pairs))
    >>> found = verify("pairs.txt", "lfw-embeddings")
    >>> found.same, found.pairs, found.area
    (2, 4, 1.0)
    """
    check_plots()
    pairs, output_dir = named_path(pairs), named_path(output_dir)
    inputs = [pairs] if groups is None else [pairs, named_path(groups)]
    refuse_inputs(output_dir, OUTPUTS if groups is None else (*OUTPUTS, *GROUP_OUTPUTS), inputs)
    listed = read_pairs(pairs)
    embedded = with_cohort(read_embedded([embeddings_dir]), cohort, [embeddings_dir])
    compared = ComparedPairs.of(listed, rows_of_pairs(pairs, listed.pairs, embedded.crops), embedded)
    grouped, without_group = ([], 0) if groups is None else groups_among(inputs[1], embedded, compared.threshold)
    comparison = None if groups is None else compare(grouped, compared.threshold, without_group)
    with locked(output_dir):
        write_pairs(output_dir, compared)
        if comparison is not None:
            write_comparison(output_dir, comparison, grouped)
    return compared.report(str(output_dir), comparison)
