"""The table of classifiers: what tells enrolled people from each other.

A classifier learns from scikit-learn, and keeps arrays only: `classifier.pkl` then holds nothing that could run, naming
a face does not wait for scikit-learn's import, and a file outlives the version of scikit-learn that it was made with.

Its points are (n, p) float32, see `scoring.Scorer.points`; labels are (n,) int, 0 to k - 1, each there at least once.
It says for each point and person how surely the point is that person's: its margin, about -1 (no) to 1 (yes).
"""

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar, Self

from faceline.errors import FacelineError
from faceline.parallel import map_batches

if TYPE_CHECKING:
    import numpy as np

# Numbers that a classifier may keep, 200 MB of them; LinearSvm's grow with the people only.
MAX_NUMBERS = 50_000_000

# Of points of length 1 no variance comes near it; numbers divided by a smaller one might be too large to reckon with.
LEAST_VARIANCE = 1e-9

# Points are compared with stored ones in blocks, so that memory stays flat.
BLOCK = 1024


@dataclass(frozen=True)
class Classifier:
    """What the classifiers have in common; the fields of each are arrays of numbers.

    `leads` says whether the classifier alone decides which person is the most similar one, and no more: how sure it is
    of that says little of strangers. LinearSvm's margins do, weighed against the similarity to the person's pictures.
    """

    leads: ClassVar[bool] = True
    chooses: ClassVar[bool] = False  # whether it has settings

    @classmethod
    def settings(cls, points: "np.ndarray", labels: "np.ndarray") -> dict:
        """What is chosen once, on all points, before `fit` is called on several parts of them."""
        return {}

    @classmethod
    def fit(cls, points: "np.ndarray", labels: "np.ndarray", near: "Neighbours", jobs: int, **settings: object) -> Self:
        """Learn two people or more."""
        raise NotImplementedError

    def margins(self, points: "np.ndarray") -> "np.ndarray":
        """How surely each point is each person's: (m, k) float32."""
        raise NotImplementedError

    def fits(self, people: int, dimensions: int) -> bool:
        """Whether the shapes go together; the arrays come from a file."""
        raise NotImplementedError

    def arrays(self) -> "dict[str, np.ndarray]":
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

    starts: "np.ndarray"
    rows: "list[np.ndarray]"


@dataclass(frozen=True)
class LinearSvm(Classifier):
    """For each person one linear SVM against all others, or, in a large gallery, the most similar pictures of others.

    Attributes
    ----------
    coefficients, intercepts : ndarrays of shapes (k, p) and (k,), float32
    """

    coefficients: "np.ndarray"
    intercepts: "np.ndarray"
    leads: ClassVar[bool] = False

    PENALTY: ClassVar[float] = 5.0
    SERIAL: ClassVar[int] = 300  # people for whom one process is done before others have started

    @classmethod
    def fit(cls, points: "np.ndarray", labels: "np.ndarray", near: Neighbours, jobs: int) -> Self:
        import numpy as np

        tasks = SvmTasks(points, near)
        jobs = jobs if len(tasks) > cls.SERIAL else 1
        found = np.array(map_batches(fit_svms, tasks, jobs, "train", batch=32), np.float32)
        return cls(np.ascontiguousarray(found[:, :-1]), np.ascontiguousarray(found[:, -1]))

    def margins(self, points: "np.ndarray") -> "np.ndarray":
        return products(points, self.coefficients) + self.intercepts

    def fits(self, people: int, dimensions: int) -> bool:
        return self.coefficients.shape == (people, dimensions) and self.intercepts.shape == (people,)


class SvmTasks(Sequence):
    """The points of each person and the points to tell them from, gathered when they are asked for."""

    def __init__(self, points: "np.ndarray", near: Neighbours) -> None:
        self.points, self.near = points, near

    def __len__(self) -> int:
        return len(self.near.rows)

    def __getitem__(self, index: int | slice) -> "list | tuple[np.ndarray, np.ndarray]":
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        starts = self.near.starts
        return self.points[starts[index] : starts[index + 1]], self.points[self.near.rows[index]]


def fit_svms(tasks: "list[tuple[np.ndarray, np.ndarray]]") -> "list[np.ndarray]":
    """The coefficients and the intercept of the SVM that tells the points `own` from `others`, (p + 1,) each."""
    import numpy as np
    from sklearn.svm import LinearSVC

    found = []
    for own, others in tasks:
        # The dual problem always: left to itself, scikit-learn solves the other one where there are more points than
        # dimensions, which takes longer and stops ten times as far from the optimum.
        svm = LinearSVC(C=LinearSvm.PENALTY, dual=True, random_state=0, max_iter=10_000)
        svm.fit(np.concatenate([others, own]), np.repeat([0, 1], [len(others), len(own)]))
        found.append(np.append(svm.coef_[0], svm.intercept_[0]))
    return found


@dataclass(frozen=True)
class KernelSvm(Classifier):
    """For each person one SVM against all others, with a radial kernel; a linear one where gamma is 0.

    Attributes
    ----------
    vectors : ndarray of shape (v, p), float32
        The points that any of the SVMs leans on.
    coefficients, intercepts : ndarrays of shapes (k, v) and (k,), float32
    gamma : ndarray of shape (1,), float32
    """

    vectors: "np.ndarray"
    coefficients: "np.ndarray"
    intercepts: "np.ndarray"
    gamma: "np.ndarray"

    @classmethod
    def fit(
        cls,
        points: "np.ndarray",
        labels: "np.ndarray",
        near: Neighbours,
        jobs: int,
        penalty: float = 1.0,
        gamma: float = 2.0,  # both as OpenFace's RadialSvm has them
    ) -> Self:
        import numpy as np
        from sklearn.svm import SVC

        people = labels[-1] + 1
        refuse_large(len(points) * people)
        coefficients, intercepts = np.zeros((people, len(points)), np.float32), np.zeros(people, np.float32)
        for person in range(people):
            svm = SVC(C=penalty, kernel="rbf" if gamma else "linear", gamma=gamma or "scale")
            svm.fit(points, labels == person)
            coefficients[person, svm.support_] = svm.dual_coef_[0]
            intercepts[person] = svm.intercept_[0]
        used = coefficients.any(axis=0)
        return cls(points[used], coefficients[:, used], intercepts, np.array([gamma], np.float32))

    def margins(self, points: "np.ndarray") -> "np.ndarray":
        import numpy as np

        found = np.empty((len(points), len(self.intercepts)), np.float32)
        for rows in blocks(len(points)):
            if self.gamma[0]:
                kernel = np.exp(-self.gamma[0] * squared_distances(points[rows], self.vectors))
            else:
                kernel = points[rows] @ self.vectors.T
            found[rows] = kernel @ self.coefficients.T + self.intercepts
        return found

    def fits(self, people: int, dimensions: int) -> bool:
        return (
            self.vectors.shape == (len(self.vectors), dimensions)
            and self.coefficients.shape == (people, len(self.vectors))
            and self.intercepts.shape == (people,)
            and self.gamma.shape == (1,)
            and self.gamma[0] >= 0
        )


class GridSearchSvm(KernelSvm):
    """KernelSvm with the penalty and the kernel that cross-validation finds best."""

    chooses: ClassVar[bool] = True

    @classmethod
    def settings(cls, points: "np.ndarray", labels: "np.ndarray") -> dict:
        import numpy as np
        from sklearn.model_selection import GridSearchCV, StratifiedKFold
        from sklearn.svm import SVC

        counts = np.bincount(labels)
        refuse_large(len(points) * len(counts))  # before the search, which would take hours
        folds = int(min(5, np.sort(counts)[len(counts) // 2]))
        if folds < 2:  # half of the people have a single picture: nothing to validate on
            return {"penalty": 10.0, "gamma": 0.0}
        grid = [
            {"kernel": ["linear"], "C": [1, 10, 100]},
            {"kernel": ["rbf"], "C": [1, 10, 100], "gamma": [0.5, 2]},
        ]
        with quiet():
            found = GridSearchCV(SVC(), grid, cv=StratifiedKFold(folds)).fit(points, labels).best_params_
        return {"penalty": float(found["C"]), "gamma": float(found.get("gamma", 0))}


@dataclass(frozen=True)
class GaussianNB(Classifier):
    """Each person's points as independent normal distributions, one for each dimension.

    Attributes
    ----------
    means, variances : ndarrays of shape (k, p), float32
    shares : ndarray of shape (k,), float32
        How much of the points each person has, as a logarithm.
    """

    means: "np.ndarray"
    variances: "np.ndarray"
    shares: "np.ndarray"

    # A person with few pictures has no variance of their own to speak of: this much of the common one is added.
    SMOOTHING: ClassVar[float] = 0.3

    @classmethod
    def fit(cls, points: "np.ndarray", labels: "np.ndarray", near: Neighbours, jobs: int) -> Self:
        import numpy as np
        from sklearn.naive_bayes import GaussianNB as Estimator

        model = Estimator(var_smoothing=cls.SMOOTHING).fit(points, labels)
        return cls(
            model.theta_.astype(np.float32), model.var_.astype(np.float32), np.log(model.class_prior_, dtype=np.float32)
        )

    def margins(self, points: "np.ndarray") -> "np.ndarray":
        import numpy as np

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
    def fit(cls, points: "np.ndarray", labels: "np.ndarray", near: Neighbours, jobs: int) -> Self:
        import numpy as np
        from sklearn.mixture import GaussianMixture

        sums, starts = np.add.reduceat(points, near.starts[:-1]), near.starts
        means = sums / np.diff(starts)[:, None]
        model = GaussianMixture(len(means), covariance_type="spherical", means_init=means, reg_covar=1e-3)
        model.set_params(random_state=0, max_iter=20, init_params="random_from_data")
        with quiet():
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

    children: "np.ndarray"
    columns: "np.ndarray"
    limits: "np.ndarray"
    shares: "np.ndarray"

    MAX_DEPTH: ClassVar[int] = 20  # as in OpenFace

    @classmethod
    def fit(cls, points: "np.ndarray", labels: "np.ndarray", near: Neighbours, jobs: int) -> Self:
        import numpy as np
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

    def margins(self, points: "np.ndarray") -> "np.ndarray":
        import numpy as np

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

    inner: "np.ndarray"
    inner_bias: "np.ndarray"
    outer: "np.ndarray"
    outer_bias: "np.ndarray"

    HIDDEN: ClassVar[int] = 500  # as in OpenFace

    @classmethod
    def fit(cls, points: "np.ndarray", labels: "np.ndarray", near: Neighbours, jobs: int) -> Self:
        import numpy as np
        from sklearn.neural_network import MLPClassifier

        with quiet():
            model = MLPClassifier((cls.HIDDEN,), random_state=0, max_iter=100).fit(points, labels)
        inner, outer = model.coefs_
        inner_bias, outer_bias = model.intercepts_
        if len(near.rows) == 2:  # scikit-learn has a single output then, for the second person
            outer, outer_bias = np.hstack([0 * outer, outer]), np.append(0 * outer_bias, outer_bias)
        return cls(*(part.astype(np.float32) for part in (inner, inner_bias, outer, outer_bias)))

    def margins(self, points: "np.ndarray") -> "np.ndarray":
        import numpy as np

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

    points: "np.ndarray"
    labels: "np.ndarray"
    people: "np.ndarray"

    NEAREST: ClassVar[int] = 5

    @classmethod
    def fit(cls, points: "np.ndarray", labels: "np.ndarray", near: Neighbours, jobs: int) -> Self:
        import numpy as np

        refuse_large(points.size)
        return cls(points, labels.astype(np.int32), np.array([len(near.rows)], np.int32))

    def margins(self, points: "np.ndarray") -> "np.ndarray":
        import numpy as np

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


class RadialSvm(KernelSvm):
    """KernelSvm with OpenFace's penalty and width."""


CLASSIFIERS: Mapping[str, type[Classifier]] = {
    kind.__name__: kind for kind in (LinearSvm, GridSearchSvm, RadialSvm, GMM, DecisionTree, GaussianNB, DBN, Knn)
}
DEFAULT_CLASSIFIER_NAME = LinearSvm.__name__


def refuse_large(numbers: int) -> None:
    """Raise FacelineError if a classifier would keep too many numbers."""
    if numbers > MAX_NUMBERS:
        raise FacelineError("too many people and pictures for this classifier; choose LinearSvm")


def blocks(count: int) -> Iterator[slice]:
    return (slice(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK))


def products(points: "np.ndarray", others: "np.ndarray") -> "np.ndarray":
    """The inner products of every two rows: (m, n).

    That of a single point is quick, unless the threads that share it wait for each other on a busy machine: ten
    milliseconds instead of a quarter of one, with 10,000 others. So it is done in one thread.
    """
    import numpy as np

    return np.einsum("mp,np->mn", points, others) if len(points) == 1 else points @ others.T


def squared_distances(points: "np.ndarray", others: "np.ndarray") -> "np.ndarray":
    """Between every two points: (m, n)."""
    import numpy as np

    squares = (points**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * points @ others.T
    return np.maximum(squares, 0)


def shares_of(logarithms: "np.ndarray") -> "np.ndarray":
    """Margins from unnormalised logarithms of probabilities, (m, k)."""
    import numpy as np

    shares = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    return 2 * shares / shares.sum(axis=1, keepdims=True) - 1


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence what scikit-learn has to say of few pictures and of iterations; the held-out people judge the result."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        warnings.filterwarnings("ignore", "Only one sample available", UserWarning)
        yield
