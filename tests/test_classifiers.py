"""The classifiers' arrays against scikit-learn's own estimators."""

import dataclasses
import warnings

import numpy as np
import pytest
from conftest import drawn
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC, LinearSVC, _liblinear
from sklearn.tree import DecisionTreeClassifier

from faceline import keep_workers
from faceline.errors import FacelineError
from faceline.people.classifiers import base as base_classifier
from faceline.people.classifiers import liblinear
from faceline.people.classifiers.base import Neighbours
from faceline.people.classifiers.svms import GridSearchSvm
from faceline.people.classifiers.table import CLASSIFIERS
from faceline.people.scoring import fit_lda, project, unit


def gallery(people, pictures, seed=0):
    """Points of people as a classifier sees them, and more of the same people to name."""
    directions, labels = drawn(people, pictures + 3, seed)
    centred = unit(directions - directions.mean(axis=0))
    learnt = np.tile(np.arange(pictures + 3) < pictures, people)
    return centred[learnt], labels[learnt], centred[~learnt]


def fitted(name, points, labels, jobs=1):
    people = labels[-1] + 1
    starts = np.searchsorted(labels, np.arange(people + 1))
    near = Neighbours(starts, [np.flatnonzero(labels != person) for person in range(people)])
    kind = CLASSIFIERS[name]
    return kind.fit(points, labels, near, jobs, **kind.settings(points, labels, jobs))


def mixture(points, labels):
    means = np.stack([points[labels == person].mean(axis=0) for person in range(labels[-1] + 1)])
    return GaussianMixture(
        len(means),
        covariance_type="spherical",
        means_init=means,
        reg_covar=1e-3,
        random_state=0,
        max_iter=20,
        init_params="random_from_data",
    ).fit(points)


def searched(points, labels):
    folds = min(5, np.bincount(labels).min())
    if folds == 1:  # nothing to choose by
        return {"C": 10, "kernel": "linear"}
    linear, radial = (
        {"kernel": ["linear"], "C": [1, 10, 100]},
        {"kernel": ["rbf"], "C": [1, 10, 100], "gamma": [0.5, 2]},
    )
    return GridSearchCV(SVC(), [linear, radial], cv=folds).fit(points, labels).best_params_


# What scikit-learn says of points, (m, k): the largest is the person.
THEIRS = {
    "LinearSvm": lambda points, labels: OneVsRestClassifier(LinearSVC(C=5, random_state=0, max_iter=10_000)),
    "GridSearchSvm": lambda points, labels: OneVsRestClassifier(SVC(**searched(points, labels))),
    "RadialSvm": lambda points, labels: OneVsRestClassifier(SVC(C=1, gamma=2)),
    "DecisionTree": lambda points, labels: DecisionTreeClassifier(
        max_depth=20, class_weight="balanced", random_state=0
    ),
    "GaussianNB": lambda points, labels: GaussianNB(var_smoothing=0.3),
    "DBN": lambda points, labels: MLPClassifier((500,), random_state=0, max_iter=100),
    "Knn": lambda points, labels: KNeighborsClassifier(min(5, len(points)), weights="distance"),
}


def theirs(name, points, labels, probes):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "GMM":
            return 2 * mixture(points, labels).predict_proba(probes) - 1
        model = THEIRS[name](points, labels).fit(points, labels)
    if not hasattr(model, "decision_function"):
        return 2 * model.predict_proba(probes) - 1
    margins = model.decision_function(probes)
    return margins if margins.ndim == 2 else np.stack([-margins, margins], axis=1)


@pytest.mark.parametrize("people, pictures", [(8, 6), (2, 5), (5, 2), (3, 1), (2, 1)])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_margins_are_scikit_learn_s(name, people, pictures):
    points, labels, probes = gallery(people, pictures)
    ours = fitted(name, points, labels).margins(probes)
    assert ours.shape == (len(probes), people)
    expected = theirs(name, points, labels, probes)
    assert np.allclose(ours, expected, atol=2e-3)
    assert np.array_equal(ours.argmax(axis=1)[clear(expected)], expected.argmax(axis=1)[clear(expected)])


def clear(margins):
    """Where the first is ahead of the second by more than rounding."""
    first, second = np.sort(margins, axis=1)[:, :-3:-1].T
    return first - second > 5e-3


@pytest.mark.parametrize("people, pictures", [(2, 1), (5, 2), (8, 6), (40, 25)])
def test_the_quick_svm_is_scikit_learn_s_to_the_bit(people, pictures):
    points, labels, _ = gallery(people, pictures)
    assert liblinear.solver() is liblinear.by_liblinear
    for person in range(0, people, 4):
        is_own = labels == person
        assert np.array_equal(liblinear.by_liblinear(points, is_own), liblinear.by_scikit_learn(points, is_own))


@pytest.fixture
def asked_anew():
    liblinear.solver.cache_clear()
    yield
    liblinear.solver.cache_clear()


@pytest.mark.parametrize("other", [lambda *parts: (np.zeros((1, 9)), [1]), lambda: None, None])
def test_where_liblinear_is_another_one_scikit_learn_is_asked(other, monkeypatch, asked_anew):
    if other is None:
        monkeypatch.delattr(_liblinear, "set_verbosity_wrap")
    else:
        monkeypatch.setattr(_liblinear, "train_wrap", other)
    assert liblinear.solver() is liblinear.by_scikit_learn


def test_the_tree_takes_scikit_learn_s_leaves():
    """It compares as scikit-learn does, so points that lie on a limit fall to the same side."""
    points, labels, _ = gallery(20, 4)
    tree = fitted("DecisionTree", points, labels)
    assert np.array_equal(tree.margins(points).argmax(axis=1), labels)


def test_blocks_change_nothing():
    points, labels, probes = gallery(10, 5)  # of the points themselves, the distance is nothing but rounding
    many = np.tile(probes, (80, 1))[: 2 * base_classifier.POINTS_AT_ONCE + 3]
    for name in ("RadialSvm", "Knn"):
        model = fitted(name, points, labels)
        few = np.concatenate([model.margins(many[start : start + 700]) for start in range(0, len(many), 700)])
        assert np.allclose(model.margins(many), few, atol=1e-5)


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_the_search_finds_what_scikit_learn_s_does_with_any_number_of_processes(monkeypatch, jobs):
    monkeypatch.setattr(GridSearchSvm, "SERIAL_SEARCH", 0)
    points, labels, _ = gallery(9, 4)
    noise, chosen = np.random.default_rng(0).normal(size=points.shape), []
    with keep_workers():
        for much in (0, 0.15, 0.3):
            noisy = unit(points + much * noise).astype(np.float32)
            expected = searched(noisy, labels)
            chosen.append({"penalty": expected["C"], "gamma": expected.get("gamma", 0)})
            assert GridSearchSvm.settings(noisy, labels, jobs) == chosen[-1]
    assert len({tuple(one.values()) for one in chosen}) == 3


@pytest.mark.parametrize("name", ["GridSearchSvm", "RadialSvm"])
def test_any_number_of_processes_gives_the_same_bytes(monkeypatch, name):
    monkeypatch.setattr(CLASSIFIERS[name], "SERIAL", 0)
    points, labels, _ = gallery(70, 2)
    alone, together = (fitted(name, points, labels, jobs).arrays() for jobs in (1, 3))
    assert {key: array.tobytes() for key, array in alone.items()} == {
        key: array.tobytes() for key, array in together.items()
    }


def test_a_search_where_one_of_two_people_has_a_single_picture():
    points, labels, _ = gallery(2, 6)
    assert GridSearchSvm.settings(points[5:], labels[5:], 1) == {"penalty": 1, "gamma": 0}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_fits_says_whether_the_shapes_go_together(name):
    points, labels, _ = gallery(6, 4)
    model = fitted(name, points, labels)
    assert model.fits(6, 128)
    assert not model.fits(5, 128)
    assert not model.fits(7, 128)
    assert not model.fits(6, 20)
    for key, array in model.arrays().items():
        wrong = [array[:-1], array[None], np.concatenate([array, array[-1:]])]
        if key not in ("gamma", "people"):
            wrong.append(array[:0])
        for value in wrong:
            altered = dataclasses.replace(model, **{key: value})
            assert not fits(altered), (key, value.shape)


def fits(model):
    """What is left of a file after `Gallery.from_record`: False, or an exception that this turns into one line."""
    try:
        return model.fits(6, 128)
    except (IndexError, TypeError, ValueError):
        return False


@pytest.mark.parametrize(
    ("name", "key", "change"),
    [
        ("DecisionTree", "children", lambda array: array + len(array)),
        ("DecisionTree", "children", lambda array: array - 1),
        ("DecisionTree", "children", lambda array: array.astype(np.float32)),
        ("DecisionTree", "columns", lambda array: array + 128),
        ("DecisionTree", "columns", lambda array: array - 1),
        ("DecisionTree", "columns", lambda array: array.astype(np.float64)),
        ("Knn", "labels", lambda array: array + 1),
        ("Knn", "labels", lambda array: array - 1),
        ("Knn", "labels", lambda array: array.astype(np.float32)),
        ("Knn", "people", lambda array: array - 1),
        ("Knn", "people", lambda array: array.astype(np.float32)),
        ("RadialSvm", "gamma", lambda array: -array),
        ("RadialSvm", "gamma", lambda array: np.repeat(array, 2)),
        ("GaussianNB", "variances", lambda array: 0 * array),
        ("GaussianNB", "variances", lambda array: -array),
        ("GMM", "variances", lambda array: 0 * array + 1e-30),
    ],
)
def test_hostile_arrays_do_not_fit(name, key, change):
    points, labels, _ = gallery(6, 4)
    model = fitted(name, points, labels)
    assert not fits(dataclasses.replace(model, **{key: change(getattr(model, key))}))


def test_a_tree_that_runs_in_circles_ends():
    points, labels, probes = gallery(6, 4)
    tree = fitted("DecisionTree", points, labels)
    children = np.zeros_like(tree.children) + 1
    margins = dataclasses.replace(tree, children=children).margins(probes)
    assert margins.shape == (len(probes), 6)


def test_what_would_take_too_much_is_refused(monkeypatch):
    points, labels, _ = gallery(6, 4)
    monkeypatch.setattr(base_classifier, "MAX_NUMBERS", 100)
    for name in ("GridSearchSvm", "RadialSvm", "DecisionTree"):
        with pytest.raises(FacelineError, match="too many people and pictures for this classifier; choose LinearSvm"):
            fitted(name, points, labels)
    with pytest.raises(FacelineError, match="choose LinearSvm"):  # before it searches for hours
        CLASSIFIERS["GridSearchSvm"].settings(points, labels, 1)
    fitted("LinearSvm", points, labels)


@pytest.mark.parametrize(
    ("people", "pictures", "wanted", "kept"), [(6, 4, 2, 2), (6, 4, 5, 5), (6, 4, 99, 5), (2, 2, 9, 1)]
)
def test_lda_keeps_as_many_components_as_there_are(people, pictures, wanted, kept):
    points, labels, probes = gallery(people, pictures)
    components = fit_lda(points, labels, wanted)
    assert components.shape == (128, kept)
    means = np.stack([points[labels == person].mean(axis=0) for person in range(people)])
    seen = project(probes, components) @ project(means, components).T
    assert (seen.argmax(axis=1) == np.repeat(np.arange(people), 3)).mean() > (0.6 if kept == 2 else 0.9)


def test_lda_with_some_single_pictures_is_quiet():
    points, labels, _ = gallery(6, 4)
    rows = (labels > 1) | (np.arange(len(labels)) % 4 == 0)
    assert fit_lda(points[rows], labels[rows], 3).shape == (128, 3)


def test_lda_needs_somebody_with_two_pictures():
    points, labels, _ = gallery(6, 1)
    with pytest.raises(FacelineError, match="--ldaDim needs people with more than one picture; leave it out"):
        fit_lda(points, labels, 2)
    assert fit_lda(points, labels, None).shape == (128, 0)
