"""What the evaluation of identification has to report."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np

from faceline.evaluation.identification.rates import Bin, calibration_error
from faceline.evaluation.tables import columns
from faceline.wording import counted, one_line

# The rates of strangers named at which the open set is reported.
FPIRS = (0.1, 0.01, 0.001)


@dataclass(frozen=True)
class Rate:
    """The mean of a rate over several draws, and its standard deviation, which one draw does not tell."""

    mean: float
    deviation: float | None

    @classmethod
    def of(cls, values: Sequence[float] | np.ndarray) -> Self:
        return cls(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None)

    def __str__(self) -> str:
        return f"{self.mean:.4f}" + ("" if self.deviation is None else f" ({self.deviation:.4f})")

    def rounded(self) -> dict[str, float | None]:
        return {name: value and round(value, 6) for name, value in vars(self).items()}


@dataclass(frozen=True)
class Span:
    """How many there are of something in the draws: a number, or the least and the most."""

    least: int
    most: int

    def __str__(self) -> str:
        return f"{self.least}" if self.least == self.most else f"{self.least} to {self.most}"


@dataclass(frozen=True)
class Counts:
    """What the draws consist of: people who are enrolled, and whose faces are to be named; their pictures and faces."""

    enrolled_people: Span
    enrolled_pictures: Span
    known_people: Span
    known_faces: Span
    strangers: Span
    stranger_faces: Span


@dataclass(frozen=True)
class Identification:
    """What `identify` found; `str()` gives it as text, `to_json()` as a line of JSON.

    Attributes
    ----------
    settings : dict
        The arguments of `identify`, and the network.
    rule : str
        Who is known and who a stranger.
    counts : Counts
    closed : dict of list of Rate
        For each kind of scores, the identification rates from rank 1 on.
    opened : dict of list of (Rate or None)
        Likewise the rates of known people found where FPIRS of the strangers are named; None where these are too few.
    limit : dict of Rate
        What the gallery's own limit does.
    diagrams : dict of list of Bin
        The answers of all draws by their confidence; for each kind of weights.
    output_dir : str
    """

    settings: dict
    rule: str
    counts: Counts
    closed: dict[str, list[Rate]]
    opened: dict[str, list[Rate | None]]
    limit: dict[str, Rate]
    diagrams: dict[str, list[Bin]]
    output_dir: str

    def __str__(self) -> str:
        parts = [self.split_text(), self.closed_text(), self.opened_text(), self.limit_text(), self.calibration_text()]
        return "\n\n".join([*parts, f"Written to {one_line(self.output_dir)}"])

    def split_text(self) -> str:
        counts, settings = self.counts, self.settings
        spread = " Rates: mean (standard deviation) over the draws." if settings["draws"] > 1 else ""
        cohort = f"Cohort: {one_line(settings['cohort'])}.\n" if settings["cohort"] else ""
        return (
            f"{one_line(self.rule)}.\n"
            f"Enrolled: {counted(counts.enrolled_pictures, 'picture')} of {counted(counts.enrolled_people, 'person')},"
            f" at most {settings['enrolled']} of each, at random.\n"
            f"To be named: {counted(counts.known_faces, 'other picture')} of {counts.known_people} of them,"
            f" {counted(counts.stranger_faces, 'picture')} of {counted(counts.strangers, 'stranger')}.\n"
            f"{cohort}Draws: {settings['draws']}, seed {settings['seed']}.{spread}"
        )

    def closed_text(self) -> str:
        ranks = range(len(next(iter(self.closed.values()))))
        rows = [[str(rank + 1), *(str(rates[rank]) for rates in self.closed.values())] for rank in ranks]
        return "Closed set: the right person among the first so many\n" + text_table(["rank", *self.closed], rows)

    def opened_text(self) -> str:
        rows = [
            [f"{100 * fpir:g} %", *("-" if rates[row] is None else str(rates[row]) for rates in self.opened.values())]
            for row, fpir in enumerate(FPIRS)
        ]
        lines = [
            "Open set: known people found where so many strangers are named",
            text_table(["named", *self.opened], rows),
        ]
        if any(None in rates for rates in self.opened.values()):
            lines.append(f"-: too few strangers, {counted(self.counts.stranger_faces, 'picture')}")
        return "\n".join(lines)

    def limit_text(self) -> str:
        rows = [[name, str(rate)] for name, rate in self.limit.items()]
        rows.insert(0, ["strangers to be named (--fpir)", f"{self.settings['fpir']:.4f}"])
        return "The gallery's own limit\n" + text_table(["", "rate"], rows)

    def calibration_text(self) -> str:
        texts = []
        for name, bins in self.diagrams.items():
            rows = [
                [f"{part.lower:.1f} to {part.upper:.1f}", str(part.answers)]
                + [f"{number:.4f}" for number in (part.share, part.confidence, part.right)]
                for part in bins
            ]
            texts.append(
                f"Calibration, {name}: expected error {calibration_error(bins):.4f}\n"
                + text_table(["confidence", "answers", "share", "mean", "right"], rows)
            )
        return "\n\n".join(texts)

    def to_json(self) -> str:
        opened = {
            name: [
                {"fpir": fpir, **({"mean": None, "deviation": None} if rate is None else rate.rounded())}
                for fpir, rate in zip(FPIRS, rates, strict=True)
            ]
            for name, rates in self.opened.items()
        }
        calibration = {
            name: {
                "error": round(calibration_error(bins), 6),
                "bins": [{key: round(value, 6) for key, value in vars(part).items()} for part in bins],
            }
            for name, bins in self.diagrams.items()
        }
        return json.dumps(
            {
                "settings": self.settings,
                "people": self.rule,
                "counts": asdict(self.counts),
                "closed_set": {
                    name: [{"rank": rank, **rate.rounded()} for rank, rate in enumerate(rates, start=1)]
                    for name, rates in self.closed.items()
                },
                "open_set": opened,
                "limit": {name: rate.rounded() for name, rate in self.limit.items()},
                "calibration": calibration,
                "output": self.output_dir,
            }
        )


def text_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table below its heading, a little to the right of it."""
    return "\n".join(f"  {line}" for line in columns([heads, *rows]))
