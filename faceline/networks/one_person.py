"""How probable it is that two faces are one person's, by their distance in a network's eyes.

The constants come from Labeled Faces in the Wild, View 1: benchmarks/one_person.py finds them.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

CALIBRATED_ON = "1,000 pairs of LFW's View 1"


@dataclass(frozen=True)
class OnePerson:
    """What distances mean, with as many pairs of one person as of two.

    Attributes
    ----------
    passes : int
        How many copies of a crop the embeddings are the mean of.
    centre : float
        The distance at which one person is as probable as two.
    slope : float
        How quickly the probability falls there: of the logistic function, a unit of distance.
    strangers, spread : float
        The mean distance of two people, and its deviation, as the nearest ones of LFW let see.
    """

    passes: int
    centre: float
    slope: float
    strangers: float
    spread: float

    def probability(self, distance: float) -> float:
        """The probability that two faces at this distance are one person's."""
        return 0.5 - 0.5 * math.tanh(self.slope * (distance - self.centre) / 2)

    def nearness(self, share: float) -> float:
        """How near a face of LFW lies on average to that share, between 0 and 1, of other people which is nearest."""
        normal = NormalDist()
        return self.strangers - self.spread * normal.pdf(normal.inv_cdf(share)) / share


# Networks of a combination -> what is known of it, whatever their order.
OF_COMBINATIONS = {
    frozenset({"dlib", "mobilefacenet"}): (
        OnePerson(1, 0.4030, 41.21, 0.5894, 0.0661),
        OnePerson(2, 0.3937, 40.67, 0.5864, 0.0671),
        OnePerson(4, 0.3925, 40.74, 0.5858, 0.0672),
    ),
}
