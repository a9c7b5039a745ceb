"""Evaluation: do two pictures show one person? On the pairs of a list."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceline.disk.folder_locks import locked
from faceline.disk.paths import named_path
from faceline.disk.tables import write_csv
from faceline.evaluation.comparison import DEFAULT_OUTPUT, Embedded, read_embedded, refuse_inputs
from faceline.evaluation.groups.groups import Comparison, compare, groups_among
from faceline.evaluation.groups.results import OUTPUTS as GROUP_OUTPUTS
from faceline.evaluation.groups.results import write_comparison
from faceline.evaluation.pairs.lists import Pairs, read_pairs, rows_of_pairs
from faceline.evaluation.plots import check_plots, plot_files, plotted
from faceline.evaluation.rates import Distances, across_folds, binomial_error, standard_error
from faceline.wording import counted, one_line

PAIRS_FILE, ROC_FILE, ROC_PLOT = "pairs.csv", "roc.csv", "roc"
PAIR_OUTPUTS = (PAIRS_FILE, ROC_FILE, *plot_files(ROC_PLOT))

# The false accept rates at which the true accept rate is given.
RATES = (0.01, 0.001)


@dataclass(frozen=True)
class Verification:
    """What `verify` found; `str()` gives a report, `to_json()` an object.

    Attributes
    ----------
    pairs, same, pictures : int
        `same` of the pairs show one person.
    fallback_pairs, fallback_pictures : int
        Those without a face that was found, of which the middle counts.
    network, distance : str
    has_folds : bool
        Whether the file splits the pairs into folds itself.
    fold_accuracies, fold_thresholds : tuple of float
        Of each fold, judged by the threshold that is best on the others.
    accuracy, accuracy_error : float
        Their mean and its standard error.
    threshold : float
        The mean of the folds' thresholds.
    best_accuracy, best_accuracy_error, best_threshold : float
        At the threshold that is best on these very pairs.
    area : float
        Under the ROC curve.
    equal_error_rate, equal_error_threshold : float
    true_accept_rates : tuple of (false accept rate, pairs of two that may be accepted for it, true accept rate)
    wrong : int
        Pairs that are judged wrongly by the threshold of the other folds.
    output : str
    groups : Comparison or None
    """

    pairs: int
    same: int
    pictures: int
    fallback_pairs: int
    fallback_pictures: int
    network: str
    distance: str
    has_folds: bool
    fold_accuracies: tuple[float, ...]
    fold_thresholds: tuple[float, ...]
    accuracy: float
    accuracy_error: float
    threshold: float
    best_accuracy: float
    best_accuracy_error: float
    best_threshold: float
    area: float
    equal_error_rate: float
    equal_error_threshold: float
    true_accept_rates: tuple[tuple[float, int, float], ...]
    wrong: int
    output: str
    groups: Comparison | None = None

    def __str__(self) -> str:
        folds = "those of the file" if self.has_folds else "dealt out pair by pair"
        thresholds = f"{min(self.fold_thresholds):.4f} to {max(self.fold_thresholds):.4f}"
        different = self.pairs - self.same
        lines = [
            f"{counted(self.pairs, 'pair')} of {counted(self.pictures, 'picture')}:"
            f" {self.same} of one person, {different} of two."
            f" Network {one_line(self.network)}, {self.distance} distance.",
            f"Without a face that was found, so that the middle counts: {counted(self.fallback_pictures, 'picture')},"
            f" in {counted(self.fallback_pairs, 'pair')}.",
            "",
            f"Accuracy             {self.accuracy:.4f} +/- {self.accuracy_error:.4f}  at {self.threshold:.4f}:"
            f" each fold at the best threshold of the others, {thresholds}",
            f"                     {counted(len(self.fold_accuracies), 'fold')}, {folds}",
            f"  optimistic         {self.best_accuracy:.4f} +/- {self.best_accuracy_error:.4f}"
            f"  at {self.best_threshold:.4f}: the best threshold of these pairs themselves",
            f"Area under the ROC   {self.area:.4f}",
            f"Equal error rate     {self.equal_error_rate:.4f}             at {self.equal_error_threshold:.4f}",
        ]
        lines += [
            f"TAR at FAR {rate:<10g}{share:.4f}             at most {allowed} of {counted(different, 'false accept')}"
            for rate, allowed, share in self.true_accept_rates
        ]
        if self.groups is not None:
            lines += ["", str(self.groups)]
        wrong = f"{counted(self.wrong, 'pair')} {'is' if self.wrong == 1 else 'are'} judged wrongly"
        lines += ["", f"{wrong}: the first ones in {PAIRS_FILE}."]
        return "\n".join([*lines, f"Written to {one_line(self.output)}"])

    def to_json(self) -> str:
        groups = {} if self.groups is None else {"groups": self.groups.record()}
        rates = [
            {"false_accept_rate": rate, "false_accepts_allowed": allowed, "true_accept_rate": share}
            for rate, allowed, share in self.true_accept_rates
        ]
        return json.dumps(vars(self) | {"true_accept_rates": rates} | groups)


def verify(
    pairs: str | Path,
    embeddings_dir: str | Path,
    *,
    groups: str | Path | None = None,
    output_dir: str | Path = DEFAULT_OUTPUT,
) -> Verification:
    """Measure how well distances tell the pairs of one person in a list from those of two.

    Writes the ROC curve as `roc.png`, `roc.pdf` and `roc.csv`, and `pairs.csv` with all pairs, the most wrongly judged
    ones first.

    Parameters
    ----------
    pairs : path
        A file as those of Labeled Faces in the Wild, see `pairs.lists.read_pairs`.
    embeddings_dir : path
        What `represent_folder` wrote.
    groups : path or None
        A CSV file `person,group`; compares the groups too, as `compare_groups` does, at the threshold of the pairs.
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
    refuse_inputs(output_dir, PAIR_OUTPUTS if groups is None else (*PAIR_OUTPUTS, *GROUP_OUTPUTS), inputs)
    listed = read_pairs(pairs)
    embedded = read_embedded([embeddings_dir])
    compared = ComparedPairs.of(listed, rows_of_pairs(pairs, listed.pairs, embedded.crops), embedded)
    grouped, without_group = ([], 0) if groups is None else groups_among(inputs[1], embedded)
    comparison = None if groups is None else compare(grouped, compared.threshold, without_group)
    with locked(output_dir):
        compared.write(output_dir)
        if comparison is not None:
            write_comparison(output_dir, comparison, grouped)
    return compared.report(str(output_dir), comparison)


@dataclass(frozen=True)
class ComparedPairs:
    """Pairs with their distances and how they are judged.

    Attributes
    ----------
    listed : Pairs
        n of them.
    rows : ndarray of shape (n, 2), int
        The pictures of each pair in `embedded`.
    embedded : Embedded
    distances : ndarray of shape (n,), float64
    same : ndarray of shape (n,), bool
    folds : ndarray of shape (n,), int
    accuracies, thresholds : ndarray of shape (number of folds,), float64
    """

    listed: Pairs
    rows: np.ndarray
    embedded: Embedded
    distances: np.ndarray
    same: np.ndarray
    folds: np.ndarray
    accuracies: np.ndarray
    thresholds: np.ndarray

    @classmethod
    def of(cls, listed: Pairs, rows: list[tuple[int, int]], embedded: Embedded) -> "ComparedPairs":
        chosen = np.array(rows)
        first, second = embedded.embeddings[chosen.T].astype(np.float64)
        distances = embedded.network.metric.pairs(first, second)
        same, folds = (np.array([getattr(pair, name) for pair in listed.pairs]) for name in ("same", "fold"))
        return cls(listed, chosen, embedded, distances, same, folds, *across_folds(distances, same, folds))

    @property
    def threshold(self) -> float:
        return float(self.thresholds.mean())

    @property
    def margins(self) -> np.ndarray:
        """How far each pair lies on the right side of its fold's threshold, (n,) float64; wrong ones are negative."""
        apart = self.distances - self.thresholds[self.folds]
        return np.where(self.same, -apart, apart)

    @property
    def is_right(self) -> np.ndarray:
        """Whether each pair is judged rightly by the threshold of the other folds, (n,) bool."""
        return (self.distances <= self.thresholds[self.folds]) == self.same

    @property
    def has_fallback(self) -> np.ndarray:
        """Whether each pair has a picture without a face that was found, (n,) bool."""
        return self.embedded.fallbacks[self.rows].any(axis=1)

    def report(self, output: str, groups: Comparison | None) -> Verification:
        found, pictures = Distances.of(self.distances, self.same), np.unique(self.rows)
        best, best_threshold = found.best_accuracy()
        equal, equal_threshold = found.equal_error()
        return Verification(
            pairs=len(self.same),
            same=int(self.same.sum()),
            pictures=len(pictures),
            fallback_pairs=int(self.has_fallback.sum()),
            fallback_pictures=int(self.embedded.fallbacks[pictures].sum()),
            network=self.embedded.network.name,
            distance=self.embedded.network.distance,
            has_folds=self.listed.has_folds,
            fold_accuracies=tuple(self.accuracies.tolist()),
            fold_thresholds=tuple(self.thresholds.tolist()),
            accuracy=float(self.accuracies.mean()),
            accuracy_error=standard_error(self.accuracies),
            threshold=self.threshold,
            best_accuracy=best,
            best_accuracy_error=binomial_error(best, len(self.same)),
            best_threshold=best_threshold,
            area=found.area(),
            equal_error_rate=equal,
            equal_error_threshold=equal_threshold,
            true_accept_rates=tuple(
                (rate, found.allowed(rate), float(found.true_accept_rate(found.threshold_for(rate)))) for rate in RATES
            ),
            wrong=int((~self.is_right).sum()),
            output=output,
            groups=groups,
        )

    def write(self, folder: Path) -> None:
        """Write the ROC curve and the pairs; raises FacelineError."""
        found = Distances.of(self.distances, self.same)
        thresholds = found.thresholds()
        curve = thresholds, found.false_accept_rate(thresholds), found.true_accept_rate(thresholds)
        header = ["threshold", "false_accept_rate", "true_accept_rate"]
        write_csv(folder / ROC_FILE, [header, *zip(*(part.tolist() for part in curve), strict=True)])
        plot_roc(folder / ROC_PLOT, found, curve, self.threshold)
        crops, right, fallback = self.embedded.crops, self.is_right, self.has_fallback
        header = ["first", "second", "people", "answer", "distance", "threshold", "fold", "fallback"]
        rows = [
            [
                *(crops[row] for row in self.rows[index]),
                "same" if self.same[index] else "different",
                "right" if right[index] else "wrong",
                f"{self.distances[index]:.6f}",
                f"{self.thresholds[self.folds[index]]:.6f}",
                self.folds[index] + 1,
                "yes" if fallback[index] else "no",
            ]
            for index in self.margins.argsort(kind="stable")
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
