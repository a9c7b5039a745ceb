"""Classifiers that give every person a share of a probability, or of votes: a margin is twice that, less one."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from faceline.networks.distances import squared_distances
from faceline.people.classifiers.base import Classifier, Neighbours, blocks, few_pictures, refuse_large

# Of points of length 1 no variance comes near it; numbers divided by a smaller one might be too large to reckon with.
LEAST_VARIANCE = 1e-9


@dataclass(frozen=True)
class GaussianNB(Classifier):
    """Each person's points as independent normal distributions, one for each dimension.

    Attributes
    ----------
    means, variances : ndarrays of shape (k, p), float32
    shares : ndarray of shape (k,), float32
        How much of the points each person has, as a logarithm.
    """

    means: np.ndarray
    variances: np.ndarray
    shares: np.ndarray

    # A person with few pictures has no variance of their own to speak of: this much of the common one is added.
    SMOOTHING: ClassVar[float] = 0.3

    @classmethod
    def fit(cls, points: np.ndarray, labels: np.ndarray, near: Neighbours, jobs: int) -> Self:
        from sklearn.naive_bayes import GaussianNB as Estimator

        model = Estimator(var_smoothing=cls.SMOOTHING).fit(points, labels)
        return cls(
            model.theta_.astype(np.float32), model.var_.astype(np.float32), np.log(model.class_prior_, dtype=np.float32)
        )

    def margins(self, points: np.ndarray) -> np.ndarray:
        scale = 1 / self.variances
        constant = self.shares - 0.5 * (np.log(self.variances).sum(axis=1) + (self.means**2 * scale).sum(axis=1))
        return shares_of(points @ (self.means * scale).T - 0.5 * points**2 @ scale.T + constant)

    def fits(self, people: int, dimensions: int) -> bool:
        return (
            self.means.shape == self.variances.shape == (people, dimensions)
            and self.shares.shape == (people,)
            and bool((self.variances > LEAST_VARIANCE).all())
        )


class GMM(GaussianNB):
    """A mixture of one round normal distribution for each person, fitted by expectation and maximisation.

    OpenFace's takes the number of the component for the number of the person, which are in no relation. Here each
    component begins at its person's mean.
    """

    @classmethod
    def fit(cls, points: np.ndarray, labels: np.ndarray, near: Neighbours, jobs: int) -> Self:
        from sklearn.mixture import GaussianMixture

        sums, starts = np.add.reduceat(points, near.starts[:-1]), near.starts
        means = sums / np.diff(starts)[:, None]
        model = GaussianMixture(len(means), covariance_type="spherical", means_init=means, reg_covar=1e-3)
        model.set_params(random_state=0, max_iter=20, init_params="random_from_data")
        with few_pictures():
            model.fit(points)
        variances = np.repeat(model.covariances_[:, None], points.shape[1], axis=1)
        shares = np.log(np.maximum(model.weights_, 1e-9))
        return cls(*(part.astype(np.float32) for part in (model.means_, variances, shares)))


@dataclass(frozen=True)
class DecisionTree(Classifier):
    """A decision tree.

    Attributes
    ----------
    children : ndarray of shape (t, 2), int32
        The nodes to go on to, below and above the limit; both 0 at a leaf.
    columns, limits : ndarrays of shape (t,), int32 and float64
        Each node compares this number of a point with this limit.
    shares : ndarray of shape (t, k), float32
        How much of a node's points each person has.
    """

    children: np.ndarray
    columns: np.ndarray
    limits: np.ndarray
    shares: np.ndarray

    MAX_DEPTH: ClassVar[int] = 20  # as in OpenFace

    @classmethod
    def fit(cls, points: np.ndarray, labels: np.ndarray, near: Neighbours, jobs: int) -> Self:
        from sklearn.tree import DecisionTreeClassifier

        refuse_large(len(points) * len(near.rows))
        # Balanced: in a leaf of many people, whoever has a picture more would be named always.
        model = DecisionTreeClassifier(max_depth=cls.MAX_DEPTH, class_weight="balanced", random_state=0)
        tree = model.fit(points, labels).tree_
        children = np.maximum(np.stack([tree.children_left, tree.children_right], axis=1), 0)
        return cls(
            children.astype(np.int32),
            np.maximum(tree.feature, 0).astype(np.int32),
            tree.threshold,  # in float64, as scikit-learn compares
            tree.value[:, 0].astype(np.float32),
        )

    def margins(self, points: np.ndarray) -> np.ndarray:
        nodes, rows = np.zeros(len(points), np.int32), np.arange(len(points))
        for _ in range(self.MAX_DEPTH):  # at a leaf the next node is 0: so it is left out of what goes on
            onward = self.children[nodes].any(axis=1)
            right = points[rows, self.columns[nodes]] > self.limits[nodes]
            nodes = np.where(onward, self.children[nodes, right.astype(np.int32)], nodes)
        return 2 * self.shares[nodes] - 1

    def fits(self, people: int, dimensions: int) -> bool:
        nodes = len(self.limits)
        return (
            nodes > 0
            and self.children.shape == (nodes, 2)
            and self.columns.shape == self.limits.shape == (nodes,)
            and self.children.dtype.kind == self.columns.dtype.kind == "i"
            and self.shares.shape == (nodes, people)
            and bool(((self.children >= 0) & (self.children < nodes)).all())
            and bool(((self.columns >= 0) & (self.columns < dimensions)).all())
        )


@dataclass(frozen=True)
class DBN(Classifier):
    """A multi-layer perceptron of one hidden layer, in the place of OpenFace's deep belief network.

    Attributes
    ----------
    inner, inner_bias : ndarrays of shapes (p, h) and (h,), float32
    outer, outer_bias : ndarrays of shapes (h, k) and (k,), float32
    """

    inner: np.ndarray
    inner_bias: np.ndarray
    outer: np.ndarray
    outer_bias: np.ndarray

    HIDDEN: ClassVar[int] = 500  # as in OpenFace

    @classmethod
    def fit(cls, points: np.ndarray, labels: np.ndarray, near: Neighbours, jobs: int) -> Self:
        from sklearn.neural_network import MLPClassifier

        with few_pictures():
            model = MLPClassifier((cls.HIDDEN,), random_state=0, max_iter=100).fit(points, labels)
        inner, outer = model.coefs_
        inner_bias, outer_bias = model.intercepts_
        if len(near.rows) == 2:  # scikit-learn has a single output then, for the second person
            outer, outer_bias = np.hstack([0 * outer, outer]), np.append(0 * outer_bias, outer_bias)
        return cls(*(part.astype(np.float32) for part in (inner, inner_bias, outer, outer_bias)))

    def margins(self, points: np.ndarray) -> np.ndarray:
        return shares_of(np.maximum(points @ self.inner + self.inner_bias, 0) @ self.outer + self.outer_bias)

    def fits(self, people: int, dimensions: int) -> bool:
        hidden = len(self.inner_bias)
        return (
            self.inner.shape == (dimensions, hidden)
            and self.inner_bias.shape == (hidden,)
            and self.outer.shape == (hidden, people)
            and self.outer_bias.shape == (people,)
        )


@dataclass(frozen=True)
class Knn(Classifier):
    """The people of the five nearest points, each weighing as the inverse of its distance.

    Attributes
    ----------
    points : ndarray of shape (n, p), float32
    labels : ndarray of shape (n,), int32
    people : ndarray of shape (1,), int32
    """

    points: np.ndarray
    labels: np.ndarray
    people: np.ndarray

    NEAREST: ClassVar[int] = 5

    @classmethod
    def fit(cls, points: np.ndarray, labels: np.ndarray, near: Neighbours, jobs: int) -> Self:
        refuse_large(points.size)
        return cls(points, labels.astype(np.int32), np.array([len(near.rows)], np.int32))

    def margins(self, points: np.ndarray) -> np.ndarray:
        votes = np.zeros((len(points), self.people[0]), np.float32)
        count = min(self.NEAREST, len(self.points))
        for rows in blocks(len(points)):
            distances = squared_distances(points[rows], self.points)
            nearest = np.argpartition(distances, count - 1, axis=1)[:, :count]
            weights = 1 / np.maximum(np.sqrt(np.take_along_axis(distances, nearest, axis=1)), 1e-6)
            who = np.arange(rows.start, rows.stop)[:, None]
            np.add.at(votes, (who, self.labels[nearest]), weights / weights.sum(axis=1, keepdims=True))
        return 2 * votes - 1

    def fits(self, people: int, dimensions: int) -> bool:
        return (
            len(self.points) > 0
            and self.points.shape == (len(self.points), dimensions)
            and self.labels.shape == (len(self.points),)
            and self.people.shape == (1,)
            and self.labels.dtype.kind == self.people.dtype.kind == "i"
            and self.people[0] == people
            and bool(((self.labels >= 0) & (self.labels < people)).all())
        )


def shares_of(logarithms: np.ndarray) -> np.ndarray:
    """Margins from unnormalised logarithms of probabilities, (m, k)."""
    shares = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    return 2 * shares / shares.sum(axis=1, keepdims=True) - 1
