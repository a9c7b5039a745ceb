"""What a score means where the picture is poor."""

import math

from faceline.people.calibration import Calibration
from faceline.people.prior import ScorePrior
from faceline.people.quality import GOOD, Quality

STEEPEST = 30.0  # logarithms of odds beyond this are certain


def probabilities(
    calibration: Calibration, prior: ScorePrior, people: int, score: float, quality: Quality
) -> tuple[float, float]:
    """How probable it is that the most similar person is the right one, and that the face is somebody's in the gallery.

    Parameters
    ----------
    calibration : Calibration
        What the scores of good pictures mean.
    prior : ScorePrior
        That of the gallery's network.
    people : int
        How many there are in the gallery.
    score : float
        The most similar person's.
    quality : Quality
        Of the face's picture.

    Notes
    -----
    In a poor picture nothing of the person may be left, and then known people score as strangers do, who in turn score
    about as they do in good pictures; else they score lower than in good pictures, and scatter more. So the odds that
    the face is known are `lost` + (1 - `lost`) times those of a curve that is moved and flatter.
    """
    right, known = calibration.right, calibration.known
    if quality == GOOD:
        return right(score), known(score)
    # Half the way from the strangers' mean to the known people's, who lie on both sides of the curve's centre.
    half = max(known.centre - prior.strangers(people)[0], 0.1)
    steepness = known.slope * half
    # Two normal distributions of one deviation, 2 apart, lead to a curve of the slope 2 / variance.
    flatter = steepness / (1 + steepness * quality.spread / 2)
    log_odds = bounded_odds(flatter * ((score - known.centre) / half + quality.shift))
    beyond = bounded_odds(log_odds + right.slope * (score - right.centre) - known.slope * (score - known.centre))
    seen = (1 - quality.lost) * math.exp(log_odds)
    odds = quality.lost + seen
    is_right = (1 - quality.lost) * (1 + math.exp(log_odds)) / (1 + math.exp(-beyond)) / (1 + odds)
    return min(is_right, 1.0), odds / (1 + odds)


def bounded_odds(log_odds: float) -> float:
    return min(max(log_odds, -STEEPEST), STEEPEST)
