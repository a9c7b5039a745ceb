"""What there is to say of the pairs of a folder of embeddings."""

from dataclasses import asdict, dataclass
from typing import Self

import numpy as np

from faceline.evaluation.comparison import Embedded, all_distances
from faceline.evaluation.det import DetCurve
from faceline.evaluation.rates import Distances
from faceline.evaluation.resampling import RATES, PeoplePairs, Redrawn, interval
from faceline.evaluation.tables import columns, ends, number
from faceline.wording import one_line

# The false match rate of the first group, or of all pairs, that sets the limit at which groups are compared.
LIMIT_RATE = 0.001


@dataclass(frozen=True)
class Estimate:
    """A rate, and between which ends it lies in most draws of people."""

    value: float
    low: float | None
    high: float | None

    @classmethod
    def of(cls, value: float, draws: np.ndarray) -> Self:
        return cls(float(value), *(interval(draws) or (None, None)))


@dataclass(frozen=True)
class FolderRates:
    """How well a folder's embeddings tell apart the people of a group; None where there are too few pairs for it.

    Attributes
    ----------
    folder, network, distance, passes, group : str
        `group` is "" where all people are compared.
    cohort : int
        The faces of the cohort by which distances are normalised.
    people, pictures, genuine, impostors : int
    equal_error_rate, area : Estimate or None
    true_accept_rates : tuple of (Estimate or None)
        At the false match rates RATES.
    limit : float or None
        The threshold that gives the first group, or all pairs where there are no groups, the false match rate
        LIMIT_RATE.
    false_match_rate_at_limit : Estimate or None
        Which rate this group has there.
    """

    folder: str
    network: str
    distance: str
    passes: str
    group: str
    people: int
    pictures: int
    genuine: int
    impostors: int
    equal_error_rate: Estimate | None = None
    area: Estimate | None = None
    true_accept_rates: tuple[Estimate | None, ...] = (None,) * len(RATES)
    limit: float | None = None
    false_match_rate_at_limit: Estimate | None = None
    cohort: int = 0

    def record(self) -> dict:
        """All of it as JSON."""
        rates = [
            {"false_match_rate": rate, "true_accept_rate": found and asdict(found)}
            for rate, found in zip(RATES, self.true_accept_rates, strict=True)
        ]
        return asdict(self) | {"true_accept_rates": rates}


@dataclass(frozen=True)
class Limit:
    """The threshold that the first group sets for all: where it lies, and in each draw of its people."""

    threshold: float
    redrawn: Redrawn


def measure(
    label: str, embedded: Embedded, group: str, limit: Limit | None
) -> tuple[FolderRates, DetCurve | None, Limit | None]:
    """The rates of all pairs of a group, the DET curve, and the limit; the first group of a folder sets it."""
    people, labels = np.unique(embedded.people, return_inverse=True)
    found = Distances(*all_distances(embedded.embeddings, labels, embedded.metric))
    rates = FolderRates(
        label,
        embedded.network.title,
        embedded.network.distance,
        embedded.passes,
        group,
        len(people),
        len(labels),
        len(found.genuine),
        len(found.impostor),
        cohort=embedded.cohort,
    )
    if not len(found.genuine) or not len(found.impostor):
        return rates, None, limit
    also = () if limit is None else (limit.threshold,)
    redrawn = PeoplePairs.of_all(embedded.embeddings, labels, embedded.metric, found, also).draw()
    sets_limit = limit is None and found.allowed(LIMIT_RATE) > 0
    if sets_limit:
        limit = Limit(found.threshold_for(LIMIT_RATE), redrawn)
    more = {
        "equal_error_rate": Estimate.of(found.equal_error()[0], redrawn.equal_errors()),
        "area": Estimate.of(found.area(), redrawn.areas()),
        "true_accept_rates": tuple(
            Estimate.of(found.true_accept_rate(found.threshold_for(rate)), redrawn.true_accepts(rate))
            if found.allowed(rate)
            else None
            for rate in RATES
        ),
    }
    if limit is not None:
        # Who sets the limit has this rate in every draw.
        draws = np.array([]) if sets_limit else redrawn.false_matches_at(limit.redrawn, LIMIT_RATE)
        more["limit"] = limit.threshold
        more["false_match_rate_at_limit"] = Estimate.of(found.false_accept_rate(limit.threshold), draws)
    return FolderRates(**vars(rates) | more), DetCurve.of(found, redrawn), limit


def rates_table(rates: list[FolderRates], has_groups: bool) -> list[str]:
    """The lines of a table: a folder each, and below each rate where it lies in most draws of people."""
    heads = ["folder", "network", "passes", "EER", "area", *(f"TAR at {rate:g}" for rate in RATES)]
    heads += ["FMR at limit"] * has_groups
    rows = [heads]
    for row in rates:
        found = [row.equal_error_rate, row.area, *row.true_accept_rates, *[row.false_match_rate_at_limit] * has_groups]
        rows.append([one_line(row.folder), one_line(row.network), row.passes])
        rows[-1] += [number(None if one is None else one.value) for one in found]
        rows.append(["", "", "", *("" if one is None else ends((one.low, one.high)) for one in found)])
    return [line.rstrip() for line in columns(rows)]
