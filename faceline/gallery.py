"""The people who are known, and who of them a face is."""

import math
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

from faceline.errors import FacelineError
from faceline.formats import are_reckonable
from faceline.networks import DISTANCES, Network

if TYPE_CHECKING:
    import numpy as np

UNKNOWN = "unknown"

# A person's score is the cosine to the mean of their embeddings plus this much of their SVM's margin. The two see
# different things: together they find more people, at the same rate of strangers named, than either alone.
MARGIN_WEIGHT = 0.03
SVM_C = 10.0


@dataclass(frozen=True)
class Identity:
    """Who a face is.

    Attributes
    ----------
    name : str
        The person, or UNKNOWN.
    confidence : float
        The probability that this name is right.
    distance : float
        From the face to the nearest embedding of the most similar person.
    """

    name: str
    confidence: float
    distance: float


@dataclass(frozen=True)
class Gallery:
    """People, and what it takes to name them.

    Attributes
    ----------
    people : list of k str
        Sorted.
    embeddings : ndarray of shape (n, d), float32
        As the network gave them.
    labels : ndarray of shape (n,), int32
        Index into `people` of each embedding; everybody has one at least.
    coefficients, intercepts : ndarrays of shapes (k, d) and (k,), float32
        For each person the linear SVM that tells them from all others; zeros where there is one person only.
    distance : str
        How embeddings compare, one of `networks.DISTANCES`.
    threshold : float
        The distance at which a name is as likely right as wrong, with as many strangers as known people among the
        probes; up to it a face is named.
    spread : float
        How fast the probability falls around the threshold: the scale of a logistic curve.
    """

    people: list[str]
    embeddings: "np.ndarray"
    labels: "np.ndarray"
    coefficients: "np.ndarray"
    intercepts: "np.ndarray"
    distance: str
    threshold: float
    spread: float

    @classmethod
    def fit(cls, names: list[str], embeddings: "np.ndarray", network: Network) -> Self:
        """Learn people from their embeddings.

        Parameters
        ----------
        names : list of n str
            Whose embedding each one is.
        embeddings : ndarray of shape (n, d), float32
        network : Network
            Where the embeddings come from.
        """
        import numpy as np

        people, labels = np.unique(np.array(names, object), return_inverse=True)
        coefficients, intercepts = fit_svms(unit(embeddings), labels, len(people))
        return cls(
            people.tolist(),
            embeddings,
            labels.astype(np.int32),
            coefficients.astype(np.float32),
            intercepts.astype(np.float32),
            network.distance,
            network.threshold_among(len(embeddings)),
            network.spread,
        )

    def check(self, dimensions: int) -> None:
        """Raise FacelineError unless the parts are what they should be, and fit together: they come from a file."""
        import numpy as np

        n = getattr(self.labels, "size", 0)
        k = len(self.people) if type(self.people) is list else 0
        if not (
            k > 0
            and all(type(name) is str for name in self.people)
            and is_array(self.embeddings, (n, dimensions), np.float32)
            and is_array(self.labels, (n,), np.int32)
            and is_array(self.coefficients, (k, dimensions), np.float32)
            and is_array(self.intercepts, (k,), np.float32)
            and np.array_equal(np.unique(self.labels), np.arange(k))
            and type(self.distance) is str
            and self.distance in DISTANCES
            and all(type(number) is float and math.isfinite(number) for number in (self.threshold, self.spread))
            and self.spread > 0
        ):
            raise FacelineError("its parts do not fit together")

    @cached_property
    def means(self) -> "np.ndarray":
        """The direction of each person's mean embedding: (k, d) float32, of length 1."""
        import numpy as np

        sums = np.zeros_like(self.coefficients)
        np.add.at(sums, self.labels, unit(self.embeddings))
        return unit(sums)

    def identify(self, embeddings: "np.ndarray", threshold: float | None = None) -> list[Identity]:
        """Name faces.

        Parameters
        ----------
        embeddings : ndarray of shape (m, d), float32
        threshold : float or None
            The largest distance at which a face is named, instead of the gallery's own; infinity names every face.

        Returns
        -------
        list of m Identity
        """

        limit = self.threshold if threshold is None else threshold
        probes = unit(embeddings)
        scores = probes @ self.means.T + MARGIN_WEIGHT * (probes @ self.coefficients.T + self.intercepts)
        identities = []
        for embedding, best in zip(embeddings, scores.argmax(axis=1), strict=True):
            distance = self.nearest(embedding, best)
            right = self.confidence(distance)
            known = distance <= limit
            identities.append(
                Identity(self.people[best] if known else UNKNOWN, right if known else 1 - right, distance)
            )
        return identities

    def nearest(self, embedding: "np.ndarray", person: int) -> float:
        """The distance of an embedding, (d,) float32, to the nearest one of a person."""
        import numpy as np

        distance = np.linalg.norm(self.embeddings[self.labels == person] - embedding, axis=1).min()
        # Embeddings that compare by their angle have length 1, where 1 - cosine is half the square of the distance.
        return float(distance if self.distance == "euclidean" else distance**2 / 2)

    def confidence(self, distance: float) -> float:
        """The probability that the most similar person, at this distance, is the right one."""
        return 0.5 - 0.5 * math.tanh((distance - self.threshold) / (2 * self.spread))


def is_array(part: object, shape: tuple[int, ...], kind: type) -> bool:
    """Whether `part`, which comes from a file, is an array of numbers to reckon with, of this shape and kind."""
    import numpy as np

    is_such = type(part) is np.ndarray and part.shape == shape and part.dtype == kind
    return is_such and are_reckonable(part)


def fit_svms(embeddings: "np.ndarray", labels: "np.ndarray", count: int) -> "tuple[np.ndarray, np.ndarray]":
    """One linear SVM for each of `count` people against all others: coefficients (count, d) and intercepts (count,)."""
    import numpy as np
    from sklearn.svm import LinearSVC

    if count == 1:
        return np.zeros((1, embeddings.shape[1])), np.zeros(1)
    svm = LinearSVC(C=SVM_C, random_state=0, max_iter=10_000)
    with warnings.catch_warnings():
        # Many people with a picture or two each are no mistake here.
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        svm.fit(embeddings, labels)
    if count == 2:  # scikit-learn keeps only the second person's
        return np.vstack([-svm.coef_, svm.coef_]), np.concatenate([-svm.intercept_, svm.intercept_])
    return svm.coef_, svm.intercept_


def unit(vectors: "np.ndarray") -> "np.ndarray":
    """Rows scaled to length 1; a row of zeros stays."""
    import numpy as np

    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
