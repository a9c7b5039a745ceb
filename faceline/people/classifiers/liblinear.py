"""Linear SVMs by liblinear, without what scikit-learn looks at before each: a quarter of the time where points are few.

Of 60 points of 128 numbers, `LinearSVC.fit` takes 3.0 ms, and liblinear 0.7 of them; of 1,050 points 5.2 and 2.6. To
hold people out, for the limit for strangers, takes hundreds of SVMs, even in a small gallery.
"""

from collections.abc import Callable

import numpy as np

from faceline.host.sharing import once

# Takes points, (n, p), and which of them, (n,) bool, are told from the others.
Solver = Callable[[np.ndarray, np.ndarray], np.ndarray]

PENALTY = 5.0
MOST_ROUNDS = 10_000

# liblinear's number for the squared hinge loss in its dual form. The dual problem always: left to itself, scikit-learn
# solves the other one where there are more points than dimensions, which takes longer and stops ten times as far from
# the optimum.
DUAL_OF_SQUARED_HINGE = 1
TOLERANCE = 1e-4  # scikit-learn's
SEED = 209652396  # what it draws where random_state is 0


def fit_svm(points: np.ndarray, is_own: np.ndarray) -> np.ndarray:
    """The coefficients and the intercept, (p + 1,) float64, of the SVM that tells some points, (n, p), from others."""
    return solver()(points, is_own)


@once
def solver() -> Solver:
    """liblinear itself, if it gives what scikit-learn makes of it, to the bit: its wrapper is nobody's interface, and
    another version may have another one."""
    generator = np.random.default_rng(0)
    points, is_own = generator.standard_normal((24, 8), np.float32), np.arange(24) % 3 == 0
    try:
        is_same = np.array_equal(by_liblinear(points, is_own), by_scikit_learn(points, is_own))
    except (ImportError, AttributeError, TypeError, ValueError):
        is_same = False
    return by_liblinear if is_same else by_scikit_learn


def by_scikit_learn(points: np.ndarray, is_own: np.ndarray) -> np.ndarray:
    from sklearn.svm import LinearSVC

    svm = LinearSVC(C=PENALTY, dual=True, random_state=0, max_iter=MOST_ROUNDS, tol=TOLERANCE).fit(points, is_own)
    return np.append(svm.coef_[0], svm.intercept_[0])


def by_liblinear(points: np.ndarray, is_own: np.ndarray) -> np.ndarray:
    from sklearn.svm import _liblinear

    _liblinear.set_verbosity_wrap(0)
    intercept, of_classes, of_points = 1.0, np.ones(2), np.ones(len(points))
    found, _ = _liblinear.train_wrap(
        np.ascontiguousarray(points, np.float64),
        is_own.astype(np.float64),
        False,  # not a sparse matrix
        DUAL_OF_SQUARED_HINGE,
        TOLERANCE,
        intercept,
        PENALTY,
        of_classes,
        MOST_ROUNDS,
        SEED,
        0.1,  # of regression, which this is not
        of_points,
    )
    return found[0]
