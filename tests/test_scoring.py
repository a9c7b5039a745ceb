import numpy as np
import pytest
from conftest import drawn

from faceline.errors import FacelineError
from faceline.people import scoring
from faceline.people.classifiers.svms import LinearSvm
from faceline.people.classifiers.table import CLASSIFIERS
from faceline.people.scoring import NOBODY_S_SIMILARITY, Scorer, Training, unit

SCALE = 0.088  # of dlib's network


def training(classifier="LinearSvm", lda_dim=None, jobs=1, settings=()):
    return Training(classifier, lda_dim, SCALE, jobs, dict(settings))


def split(people, pictures, probes, seed=0):
    """Directions to learn with their labels, and others to name with theirs."""
    embeddings, labels = drawn(people, pictures + probes, seed)
    learnt = np.tile(np.arange(pictures + probes) < pictures, people)
    directions = unit(embeddings)
    return directions[learnt], labels[learnt], directions[~learnt], labels[~learnt]


def test_the_nearest_pictures_of_others_are_as_good_as_all(monkeypatch):
    """A gallery a little above the switch from the exact SVMs to those with hard negatives."""
    directions, labels, probes, whose = split(44, 25, 2)
    assert len(labels) > scoring.HARD_NEGATIVES + 25
    hard, _ = Scorer.fit(directions, labels, training()).score(probes)
    monkeypatch.setattr(scoring, "HARD_NEGATIVES", len(labels))
    exact, _ = Scorer.fit(directions, labels, training()).score(probes)
    assert np.array_equal(hard.argmax(axis=1), whose)
    assert np.array_equal(exact.argmax(axis=1), whose)
    assert np.abs(hard.max(axis=1) - exact.max(axis=1)).max() < 0.06
    assert np.abs(hard - exact).mean() < 0.01


def test_below_the_switch_all_pictures_of_others_are_learnt_from():
    directions, labels, *_ = split(10, 5, 0)
    starts = np.arange(0, 51, 5)
    near, _ = scoring.compare_people(directions, starts, unit(np.add.reduceat(directions, starts[:-1])), SCALE)
    assert all(np.array_equal(rows, np.flatnonzero(labels != person)) for person, rows in enumerate(near.rows))


def test_the_pictures_of_others_are_the_most_similar_ones(monkeypatch):
    monkeypatch.setattr(scoring, "HARD_NEGATIVES", 20)
    directions, labels, *_ = split(30, 4, 0)
    starts = np.arange(0, 121, 4)
    means = unit(np.add.reduceat(directions, starts[:-1]))
    near, _ = scoring.compare_people(directions, starts, means, SCALE)
    shared = []
    for person, rows in enumerate(near.rows):
        others = np.flatnonzero(labels != person)
        best = others[np.argsort(-directions[others] @ means[person])[:20]]
        assert len(set(rows)) == 20
        assert person not in labels[rows]
        shared.append(len(set(best) & set(rows)))
    assert np.mean(shared) > 14  # those of the 10 most similar people only


def test_any_number_of_processes_gives_the_same_bytes(monkeypatch):
    monkeypatch.setattr(LinearSvm, "SERIAL", 40)
    directions, labels, *_ = split(70, 2, 0)
    alone, together = (Scorer.fit(directions, labels, training(jobs=jobs)) for jobs in (1, 3))
    assert alone.classifier is not None
    assert together.classifier is not None
    for key, array in alone.classifier.arrays().items():
        assert array.tobytes() == together.classifier.arrays()[key].tobytes()


def test_crowding_is_how_near_others_come():
    directions, labels, *_ = split(12, 3, 0)
    twin = unit(directions[:3] + 0.02)  # nearly the first person again
    alone = Scorer.fit(directions[:3], labels[:3], training())
    before = Scorer.fit(directions, labels, training())
    after = Scorer.fit(np.concatenate([directions, twin]), np.append(labels, [12, 12, 12]), training())
    assert alone.crowding == pytest.approx([NOBODY_S_SIMILARITY])
    assert after.crowding[0] > before.crowding[0] + 0.2
    assert (after.crowding[1:12] >= before.crowding[1:] - 1e-6).all()


@pytest.mark.parametrize("pictures", [1, 3])
@pytest.mark.parametrize("people", [1, 3, 6])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_classifier_names_people(name, people, pictures):
    directions, labels, probes, whose = split(people, pictures, 3)
    fitted = Scorer.fit(directions, labels, Training.choose(directions, labels, name, None, SCALE, 1))
    scores, order = fitted.score(1.43 * probes)  # any length
    assert scores.shape == order.shape == (3 * people, people)
    assert scores.dtype == np.float32
    assert (order.argmax(axis=1) == whose).mean() >= (0.3 if name == "DecisionTree" else 0.8)
    again = Scorer.from_record(fitted.record())
    assert all(np.array_equal(*pair) for pair in zip(again.score(probes), fitted.score(probes), strict=True))


@pytest.mark.parametrize("name", ["LinearSvm", "Knn", "GaussianNB"])
def test_discriminant_components(name):
    directions, labels, probes, whose = split(10, 4, 2)
    fitted = Scorer.fit(directions, labels, training(name, lda_dim=5))
    assert fitted.components.shape == (128, 5)
    assert fitted.points(probes).shape == (20, 5)
    assert np.allclose(np.linalg.norm(fitted.points(probes), axis=1), 1, atol=1e-5)
    assert (fitted.score(probes)[1].argmax(axis=1) == whose).mean() > 0.7
    with pytest.raises(FacelineError, match="--ldaDim needs people with more than one picture"):
        Scorer.fit(directions[::4], labels[::4], training(name, lda_dim=5))


def test_pictures_that_are_all_the_same():
    """Somebody copied one picture into every folder: no warning, and numbers to reckon with."""
    directions, labels, probes, _ = split(6, 2, 1)
    same = np.tile(directions[:1], (12, 1))
    for name in CLASSIFIERS:
        if name not in ("GaussianNB", "GMM"):
            scores, order = Scorer.fit(same, labels, training(name)).score(probes)
            assert np.isfinite(scores).all()
            assert np.isfinite(order).all()
    assert np.array_equal(unit(np.zeros((2, 3), np.float32)), np.zeros((2, 3)))
