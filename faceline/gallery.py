"""The people who are known, and who of them a face is."""

import math
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

from faceline.errors import FacelineError
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
        """Raise FacelineError unless the parts fit together: they come from a file."""
        n, k = len(self.labels), len(self.people)
        shapes = [part.shape for part in (self.embeddings, self.coefficients, self.intercepts)]
        if (
            shapes != [(n, dimensions), (k, dimensions), (k,)]
            or sorted(set(self.labels.tolist())) != list(range(k))
            or self.distance not in DISTANCES
            or not all(isinstance(name, str) for name in self.people)
            or not all(isinstance(number, float) for number in (self.threshold, self.spread))
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
