"""What the classifiers have in common: what each can do, and how they compare points.

Points are (n, p) float32, see `scoring.Scorer.points`; labels are (n,) int, 0 to k - 1, each there at least once.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import ClassVar, Self

import numpy as np

from faceline.errors import FacelineError
from faceline.host.quiet import quiet
from faceline.people.checks import check_array, part_of_file, require

# Numbers that a classifier may keep, 200 MB of them; LinearSvm's grow with the people only.
MAX_NUMBERS = 50_000_000

# Points are compared with stored ones in blocks, so that memory stays flat.
POINTS_AT_ONCE = 1024


@dataclass(frozen=True)
class Classifier:
    """What the classifiers have in common; the fields of each are arrays of numbers.

    `leads` says whether the classifier alone decides which person is the most similar one, and no more: how sure it is
    of that says little of strangers. LinearSvm's margins do, weighed against the similarity to the person's pictures.
    """

    leads: ClassVar[bool] = True
    chooses: ClassVar[bool] = False  # whether it has settings

    @classmethod
    def settings(cls, points: np.ndarray, labels: np.ndarray, jobs: int) -> dict[str, float]:
        """What is chosen once, on all points, before `fit` is called on several parts of them."""
        return {}

    @classmethod
    def fit(cls, points: np.ndarray, labels: np.ndarray, near: "Neighbours", jobs: int) -> Self:
        """Learn two people or more; what `settings` chose comes in addition, by its names."""
        raise NotImplementedError

    def margins(self, points: np.ndarray) -> np.ndarray:
        """How surely each point is each person's: (m, k) float32."""
        raise NotImplementedError

    def fits(self, people: int, dimensions: int) -> bool:
        """Whether the shapes go together; the arrays come from a file."""
        raise NotImplementedError

    def check(self, people: int, dimensions: int) -> None:
        """Raise FacelineError unless the arrays hold numbers to reckon with, and go together; they come from a file."""
        for name, array in self.arrays().items():
            check_array(array, f"scorer/learnt/{name}")
        with part_of_file("scorer/learnt"):
            require(self.fits(people, dimensions), "scorer/learnt")

    def arrays(self) -> dict[str, np.ndarray]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class Neighbours:
    """The rows of embeddings that are the hardest to tell from each person.

    Attributes
    ----------
    starts : ndarray of shape (k + 1,), int
        The rows of person i are starts[i] to starts[i + 1].
    rows : list of k ndarray of int
        Rows of other people, the nearest ones to each person.
    """

    starts: np.ndarray
    rows: list[np.ndarray]


def refuse_large(numbers: int) -> None:
    """Raise FacelineError if a classifier would keep too many numbers."""
    if numbers > MAX_NUMBERS:
        raise FacelineError("too many people and pictures for this classifier; choose LinearSvm")


def blocks(count: int, at_once: int = POINTS_AT_ONCE) -> Iterator[slice]:
    return (slice(start, min(start + at_once, count)) for start in range(0, count, at_once))


def products(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The inner products of every two rows: (m, n).

    That of a single point is quick, unless the threads that share it wait for each other on a busy machine: ten
    milliseconds instead of a quarter of one, with 10,000 others. So it is done in one thread.
    """
    return np.einsum("mp,np->mn", points, others) if len(points) == 1 else points @ others.T


@contextlib.contextmanager
def few_pictures() -> Iterator[None]:
    """Silence what scikit-learn has to say of few pictures and of iterations; the held-out people judge the result."""
    from sklearn.exceptions import ConvergenceWarning

    few = "The least populated class", "The number of unique classes", "Only one sample available"
    with quiet(ConvergenceWarning), quiet(UserWarning, *few):
        yield
