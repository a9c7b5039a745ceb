"""What is known of scores before a gallery says anything of its own: a few numbers, in place of a few people.

benchmarks/score_prior.py shows them beside LFW's.
"""

import math
from dataclasses import dataclass

import numpy as np

from faceline.networks.distances import Metric

# The number of people that the prior counts as; its mean for less, as galleries differ more in that than people do.
SCORE_PRIOR_PEOPLE = 6
MEAN_PEOPLE = 2

# Strangers' scores lean to the right: like a gamma distribution of this shape.
STRANGERS_SHAPE = 16.0
# Deviation of a known person's scores with k pictures: the first, plus the second / k; times the ratio of the
# strangers' deviation to their prior's to this power, as people whom the network sees as alike scatter less.
KNOWN_SD = (0.22, 0.08)
KNOWN_SD_POWER = 0.5
# By how much the strangers' mean nears its limit as there are more people.
APPROACH = 1.2


@dataclass(frozen=True)
class ScorePrior:
    """What is known of the scores of one kind of network.

    Attributes
    ----------
    strangers_mean : float
        Mean of the best scores of strangers, which is about the same in every gallery of many people, since crowding is
        taken off.
    strangers_mean_of_two : float
        Of two people.
    strangers_mean_alone : float
        Against a single person.
    strangers_sd, strangers_sd_power : float
        They scatter the less, the more people there are: the first, times the number of people to the second.
    known_shift : float
        How much more known people score than with dlib's network, where there are several.
    """

    strangers_mean: float
    strangers_mean_of_two: float
    strangers_mean_alone: float
    strangers_sd: float
    strangers_sd_power: float
    known_shift: float

    def strangers(self, people: int) -> tuple[float, float]:
        """Mean and deviation of the best scores that strangers reach in a gallery of `people` people."""
        extra = (self.strangers_mean_of_two - self.strangers_mean) * (2 / people) ** APPROACH
        mean = self.strangers_mean + extra if people > 1 else self.strangers_mean_alone
        return mean, self.strangers_sd * people**self.strangers_sd_power

    def known(self, people: int, pictures: np.ndarray | int) -> np.ndarray | float:
        """Mean score, before crowding is taken off, of a face with a person who has `pictures` pictures enrolled."""
        if people == 1:
            return -0.28 - 0.25 / pictures
        log = math.log(people / 2)
        return 0.17 + self.known_shift - 0.475 / pictures - (0.036 + 0.02 / pictures) * log


# dlib's network, and others whose embeddings differ in length.
DLIB_PRIOR = ScorePrior(-0.38, -0.38, -0.68, 0.42, -0.16, 0.0)
# Networks that were trained by angles, as ArcFace, and combinations: MobileFaceNet, alone and with dlib's network. To
# them strangers are nearly all alike.
ANGULAR_PRIOR = ScorePrior(-0.50, -0.33, -0.45, 0.19, -0.07, -0.05)


def prior_for(metric: Metric) -> ScorePrior:
    """The prior for networks whose embeddings are compared in that way."""
    return ANGULAR_PRIOR if metric.kind == "cosine" else DLIB_PRIOR
