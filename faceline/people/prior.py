"""What is known of scores before a gallery says anything of its own: a few numbers, in place of a few people.

benchmarks/score_prior.py shows them beside LFW's.
"""

import math

import numpy as np

# The number of people that the prior counts as; its mean for less, as galleries differ more in that than people do.
SCORE_PRIOR_PEOPLE = 6
MEAN_PEOPLE = 2

# Strangers' scores have about the same mean in every gallery, since crowding is taken off. They scatter the less, the
# more people there are.
STRANGERS_MEAN = -0.38
STRANGERS_MEAN_ALONE = -0.68  # against a single person
STRANGERS_SD = 0.42
STRANGERS_SD_POWER = -0.16
# They lean to the right: like a gamma distribution of this shape.
STRANGERS_SHAPE = 16.0
# Deviation of a known person's scores with k pictures: the first, plus the second / k; times the ratio of the
# strangers' deviation to their prior's to this power, as people whom the network sees as alike scatter less.
KNOWN_SD = (0.22, 0.08)
KNOWN_SD_POWER = 0.5


def strangers_prior(people: int) -> tuple[float, float]:
    """Mean and deviation of the best scores that strangers reach in a gallery of `people` people."""
    mean = STRANGERS_MEAN if people > 1 else STRANGERS_MEAN_ALONE
    return mean, STRANGERS_SD * people**STRANGERS_SD_POWER


def known_prior(people: int, pictures: np.ndarray | int) -> np.ndarray | float:
    """Mean score, before crowding is taken off, of a face with a person who is enrolled with `pictures` pictures."""
    if people == 1:
        return -0.28 - 0.25 / pictures
    return 0.17 - 0.475 / pictures - (0.036 + 0.02 / pictures) * math.log(people / 2)
