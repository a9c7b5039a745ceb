"""What the answers of a classifier are worth, as the page shows it."""

from pathlib import Path
from typing import Any

import numpy as np

from faceline.recognition.recognizer import Recognizer

POINTS = 61  # of the curve


def quality_of(recognizer: Recognizer, evaluations: Path) -> dict[str, Any]:
    """The rates that `train` expects, and how the confidence follows from the score.

    `curve` holds (score, probability that the most similar person is the right one, probability that it is nobody
    unknown), with as many strangers as known people among the faces.
    """
    gallery = recognizer.gallery
    assert gallery is not None  # a classifier has one
    calibration = gallery.calibration
    named_from = max(calibration.limit, calibration.right.centre)  # below, a name is more likely wrong than right
    low = calibration.right.centre - 5 / calibration.right.slope
    high = named_from + 5 / calibration.right.slope
    scores = np.linspace(low, high, POINTS)
    return {
        "people": len(gallery.people),
        "network": recognizer.network.title,
        "strangers_named": calibration.fpir,
        "known_found": calibration.tpir,
        "limit": named_from,
        "held_out": calibration.people,
        "doubtful": calibration.doubtful,
        "curve": [
            [round(float(score), 4), round(calibration.right(score), 4), round(calibration.known(score), 4)]
            for score in scores
        ],
        "is_measured": (evaluations / "reliability.png").is_file(),
    }
