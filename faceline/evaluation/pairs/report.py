"""What the evaluation of pairs has to report."""

import json
from dataclasses import dataclass, field

from faceline.evaluation.comparison import distance_in_words
from faceline.evaluation.groups.groups import Comparison
from faceline.evaluation.resampling import DRAWS, LEVEL
from faceline.evaluation.tables import ends
from faceline.wording import counted, one_line

# What has an interval.
AREA, EQUAL_ERROR = "area", "equal_error_rate"


def true_accepts(rate: float) -> str:
    """The interval of the true accept rate at a false accept rate, as it is called."""
    return f"true_accept_rate_at_{rate:g}"


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
    cohort : int
        The faces of the cohort by which distances are normalised.
    intervals : dict of (tuple of two float, or None)
        Where rates lie in most draws of people, see `evaluation.resampling`.
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
    cohort: int = 0
    intervals: dict[str, tuple[float, float] | None] = field(default_factory=dict)

    def __str__(self) -> str:
        folds = "those of the file" if self.has_folds else "dealt out pair by pair"
        thresholds = f"{min(self.fold_thresholds):.4f} to {max(self.fold_thresholds):.4f}"
        different = self.pairs - self.same
        lines = [
            f"{counted(self.pairs, 'pair')} of {counted(self.pictures, 'picture')}:"
            f" {self.same} of one person, {different} of two."
            f" Network {one_line(self.network)}, {distance_in_words(self.distance, self.cohort)}.",
            f"Without a face that was found, so that the middle counts: {counted(self.fallback_pictures, 'picture')},"
            f" in {counted(self.fallback_pairs, 'pair')}.",
            "",
            f"Accuracy             {self.accuracy:.4f}  +/- {self.accuracy_error:.4f}     at {self.threshold:.4f}:"
            f" each fold at the best threshold of the others, {thresholds}",
            f"                     {counted(len(self.fold_accuracies), 'fold')}, {folds}",
            f"  optimistic         {self.best_accuracy:.4f}  +/- {self.best_accuracy_error:.4f}   "
            f"  at {self.best_threshold:.4f}: the best threshold of these pairs themselves",
            f"Area under the ROC   {self.area:.4f}  {self.ends_of(AREA)}".rstrip(),
            f"Equal error rate     {self.equal_error_rate:.4f}  {self.ends_of(EQUAL_ERROR)}"
            f"  at {self.equal_error_threshold:.4f}",
        ]
        lines += [
            f"TAR at FAR {rate:<10g}{share:.4f}  {self.ends_of(true_accepts(rate))}"
            f"  at most {allowed} of {counted(different, 'false accept')}"
            for rate, allowed, share in self.true_accept_rates
        ]
        lines.append(f"Behind a rate: where it lies in {LEVEL:.0%} of {DRAWS} draws of people.")
        if self.groups is not None:
            lines += ["", str(self.groups)]
        wrong = f"{counted(self.wrong, 'pair')} {'is' if self.wrong == 1 else 'are'} judged wrongly"
        lines += ["", f"{wrong}: the first ones in pairs.csv."]
        return "\n".join([*lines, f"Written to {one_line(self.output)}"])

    def ends_of(self, name: str) -> str:
        """The interval of a rate, in the width of all."""
        return f"{ends(self.intervals.get(name)):13}"

    def to_json(self) -> str:
        groups = {} if self.groups is None else {"groups": self.groups.record()}
        rates = [
            {"false_accept_rate": rate, "false_accepts_allowed": allowed, "true_accept_rate": share}
            for rate, allowed, share in self.true_accept_rates
        ]
        return json.dumps(vars(self) | {"true_accept_rates": rates} | groups)
