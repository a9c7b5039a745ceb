"""Classifiers that are support-vector machines: for each person one, against other people."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from faceline.networks.distances import squared_distances
from faceline.people.classifiers.base import Classifier, Neighbours, blocks, few_pictures, products, refuse_large
from faceline.people.classifiers.liblinear import fit_svm
from faceline.runs.parallel import map_batches


@dataclass(frozen=True)
class LinearSvm(Classifier):
    """For each person one linear SVM against all others, or, in a large gallery, the most similar pictures of others.

    Attributes
    ----------
    coefficients, intercepts : ndarrays of shapes (k, p) and (k,), float32
    """

    coefficients: np.ndarray
    intercepts: np.ndarray
    leads: ClassVar[bool] = False

    SERIAL: ClassVar[int] = 300  # people for whom one process is done before others have started

    @classmethod
    def fit(cls, points: np.ndarray, labels: np.ndarray, near: Neighbours, jobs: int) -> Self:
        tasks = SvmTasks(points, near)
        jobs = jobs if len(tasks) > cls.SERIAL else 1
        found = np.array(map_batches(fit_svms, tasks, jobs, "train", batch=32), np.float32)
        return cls(np.ascontiguousarray(found[:, :-1]), np.ascontiguousarray(found[:, -1]))

    def margins(self, points: np.ndarray) -> np.ndarray:
        return products(points, self.coefficients) + self.intercepts

    def fits(self, people: int, dimensions: int) -> bool:
        return self.coefficients.shape == (people, dimensions) and self.intercepts.shape == (people,)


class SvmTasks(Sequence):
    """The points of each person and the points to tell them from, gathered when they are asked for."""

    def __init__(self, points: np.ndarray, near: Neighbours) -> None:
        self.points, self.near = points, near

    def __len__(self) -> int:
        return len(self.near.rows)

    def __getitem__(self, index: int | slice) -> list | tuple[np.ndarray, np.ndarray]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        starts = self.near.starts
        return self.points[starts[index] : starts[index + 1]], self.points[self.near.rows[index]]


def fit_svms(tasks: list[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
    """The coefficients and the intercept of the SVM that tells the points `own` from `others`, (p + 1,) each."""
    return [
        fit_svm(np.concatenate([others, own]), np.repeat([False, True], [len(others), len(own)]))
        for own, others in tasks
    ]


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

    vectors: np.ndarray
    coefficients: np.ndarray
    intercepts: np.ndarray
    gamma: np.ndarray

    SERIAL: ClassVar[int] = 1_000_000  # points times people for which one process is done before others have started

    @classmethod
    def fit(
        cls,
        points: np.ndarray,
        labels: np.ndarray,
        near: Neighbours,
        jobs: int,
        penalty: float = 1.0,
        gamma: float = 2.0,  # both as OpenFace's RadialSvm has them
    ) -> Self:
        people = labels[-1] + 1
        refuse_large(len(points) * people)
        options = {"C": penalty, "kernel": "rbf" if gamma else "linear", "gamma": gamma or "scale"}
        tasks = [(options, points, labels, person) for person in range(people)]
        jobs = jobs if len(points) * people > cls.SERIAL else 1
        coefficients, intercepts = np.zeros((people, len(points)), np.float32), np.zeros(people, np.float32)
        fitted = map_batches(fit_kernel_svms, tasks, jobs, "train", batch=32)
        for person, (support, found, intercept) in enumerate(fitted):
            coefficients[person, support] = found
            intercepts[person] = intercept
        used = coefficients.any(axis=0)
        return cls(points[used], coefficients[:, used], intercepts, np.array([gamma], np.float32))

    def margins(self, points: np.ndarray) -> np.ndarray:
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


def fit_kernel_svms(tasks: list[tuple]) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """What tells each task's person from all others: which points the SVM leans on, their coefficients, the intercept.

    A task is the SVM's options, points and labels, and the person.
    """
    from sklearn.svm import SVC

    fitted = (SVC(**options).fit(points, labels == person) for options, points, labels, person in tasks)
    return [(svm.support_, svm.dual_coef_[0], svm.intercept_[0]) for svm in fitted]


class RadialSvm(KernelSvm):
    """KernelSvm with OpenFace's penalty and width."""


class GridSearchSvm(KernelSvm):
    """KernelSvm with the penalty and the kernel that cross-validation finds best."""

    chooses: ClassVar[bool] = True

    SERIAL_SEARCH: ClassVar[int] = 500  # points for which one process has searched before others have started

    @classmethod
    def settings(cls, points: np.ndarray, labels: np.ndarray, jobs: int) -> dict:
        from sklearn.model_selection import ParameterGrid, StratifiedKFold

        counts = np.bincount(labels)
        refuse_large(len(points) * len(counts))  # before the search, which would take hours
        folds = int(min(5, np.sort(counts)[len(counts) // 2]))
        if folds < 2:  # half of the people have a single picture: nothing to validate on
            return {"penalty": 10.0, "gamma": 0.0}
        grid = ParameterGrid(
            [
                {"kernel": ["linear"], "C": [1, 10, 100]},
                {"kernel": ["rbf"], "C": [1, 10, 100], "gamma": [0.5, 2]},
            ]
        )
        with few_pictures():
            parts = StratifiedKFold(folds).split(points, labels)
            # Of two people, all pictures of one may be held out at once: the other alone is no SVM.
            parts = [(learnt, held_out) for learnt, held_out in parts if np.ptp(labels[learnt]) > 0]
        # Not by GridSearchCV, whose processes would outlive this one where it is killed.
        tasks = [(options, points, labels, *part) for options in grid for part in parts]
        jobs = jobs if len(points) > cls.SERIAL_SEARCH else 1
        rates = np.reshape(map_batches(validate_svms, tasks, jobs, "search", batch=1), (len(grid), len(parts)))
        found = grid[int(rates.mean(axis=1).argmax())]
        return {"penalty": float(found["C"]), "gamma": float(found.get("gamma", 0))}


def validate_svms(tasks: list[tuple]) -> list[float]:
    """How many of the held-out points an SVM names right, as a rate.

    Each task is the SVM's options, points and labels, and which of these are learnt from and held out.
    """
    from sklearn.svm import SVC

    with few_pictures():  # here, since it holds for one process only
        return [
            SVC(**options).fit(points[learnt], labels[learnt]).score(points[held_out], labels[held_out])
            for options, points, labels, learnt, held_out in tasks
        ]
