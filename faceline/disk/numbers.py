"""Which numbers of an embedding can be reckoned with."""

import numpy as np

# The sum of the squares of smaller numbers is finite in float32; NaN is not smaller.
LARGEST = 1e9


def are_reckonable(numbers: np.ndarray) -> bool:
    """Whether numbers from a file are finite, and small enough to be squared and summed."""
    # Without a copy, unlike `abs`; a NaN among them is their maximum and their minimum.
    return bool(numbers.max(initial=0) < LARGEST and numbers.min(initial=0) > -LARGEST)
