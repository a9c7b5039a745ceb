import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.metrics import f1_score, roc_auc_score, roc_curve

from faceline.evaluation.rates import Distances, across_folds, binomial_error, standard_error


def drawn(seed, kind=np.float64, decimals=9):
    """Distances of 60 genuine and 400 impostor pairs that overlap, with ties where there are few decimals."""
    generator = np.random.default_rng(seed)
    distances = np.concatenate([generator.normal(0.45, 0.1, 60), generator.normal(0.75, 0.1, 400)])
    return np.abs(distances).round(decimals).astype(kind), np.arange(460) < 60


CASES = [(seed, kind, decimals) for seed in range(4) for kind in (np.float32, np.float64) for decimals in (1, 2, 9)]


@pytest.mark.parametrize(("seed", "kind", "decimals"), CASES)
def test_curve_and_area_are_those_of_scikit_learn(seed, kind, decimals):
    distances, same = drawn(seed, kind, decimals)
    found = Distances.of(distances, same)
    false_accepts, true_accepts, _ = roc_curve(same, -distances, drop_intermediate=False)
    thresholds = found.thresholds()
    assert np.array_equal(found.false_accept_rate(thresholds), false_accepts)
    assert np.array_equal(found.true_accept_rate(thresholds), true_accepts)
    assert (np.diff(thresholds) > 0).all()
    assert not np.isin(thresholds[:-1].astype(kind), distances).any()
    assert found.area() == pytest.approx(roc_auc_score(same, -distances), abs=1e-12)
    crossing = brentq(lambda rate: 1 - rate - np.interp(rate, false_accepts, true_accepts), 0, 1)
    assert found.equal_error()[0] == pytest.approx(crossing, abs=1e-9)


@pytest.mark.parametrize(("seed", "kind", "decimals"), CASES)
def test_no_threshold_is_better_than_the_best(seed, kind, decimals):
    distances, same = drawn(seed, kind, decimals)
    found = Distances.of(distances, same)
    decisions = [distances <= threshold for threshold in found.thresholds()]
    accuracy, threshold = found.best_accuracy()
    assert accuracy == max((decision == same).mean() for decision in decisions)
    assert ((distances <= threshold) == same).mean() == accuracy
    best, threshold = found.best_f1()
    assert best == pytest.approx(max(2 * sum(decision[same]) / (sum(decision) + 60) for decision in decisions))
    assert best == pytest.approx(f1_score(same, distances <= threshold))
    for rate in (0, 0.001, 0.01, 0.1, 0.5, 1):
        threshold = found.threshold_for(rate)
        allowed = [decision for decision in decisions if decision[~same].mean() <= rate]
        assert found.true_accept_rate(threshold) == max(decision[same].mean() for decision in allowed)
        assert found.false_accept_rate(threshold) <= rate


def test_by_hand():
    """Genuine pairs at 1, 3 and 4, impostors at 3 and 6."""
    found = Distances(np.array([1.0, 3.0, 4.0]), np.array([3.0, 6.0]))
    assert found.thresholds()[1:].tolist() == [2, 3.5, 5, 6]
    assert found.thresholds()[0] < 1
    assert found.true_accept_rate(np.array([0.9, 1, 3.5, 5])).tolist() == [0, 1 / 3, 2 / 3, 1]
    assert found.false_accept_rate(np.array([2, 3, 6])).tolist() == [0, 0.5, 1]
    assert found.area() == (1 + 0.75 + 0.5) / 3
    assert found.best_accuracy() == (0.8, 5)
    assert found.best_f1() == (6 / 7, 5)
    assert found.f1(2) == 0.5
    # From a third of the genuine and no impostors accepted, to two thirds and half of them.
    assert found.equal_error() == pytest.approx((0.4, 2 + 0.8 * 1.5))
    assert (found.threshold_for(0), found.threshold_for(0.5), found.threshold_for(1)) == (2, 5, 6)


def test_of_equally_good_thresholds_the_one_in_the_middle():
    found = Distances(np.array([1.0, 3.0, 5.0]), np.array([2.0, 4.0, 6.0]))
    assert found.best_accuracy() == (4 / 6, 3.5)


def test_pairs_that_are_told_apart_perfectly():
    found = Distances(np.array([0.25, 0.5]), np.array([0.75, 1.0]))
    assert found.best_accuracy() == (1, 0.625)
    assert found.best_f1() == (1, 0.625)
    assert found.equal_error() == (0, 0.625)
    assert found.area() == 1


def test_pairs_that_are_all_alike():
    found = Distances(np.array([0.5, 0.5]), np.array([0.5, 0.5, 0.5]))
    assert found.area() == 0.5
    assert found.equal_error()[0] == 0.5
    accuracy, threshold = found.best_accuracy()
    assert accuracy == 0.6
    assert threshold < 0.5
    assert found.true_accept_rate(found.threshold_for(0.9)) == 0


def test_a_threshold_between_neighbouring_numbers_accepts_the_lower_only():
    for kind in (np.float32, np.float64):
        for start in (0.5, 0.6, 1.0):
            lower = kind(start)
            upper = np.nextafter(lower, kind(2))
            _, threshold = Distances(np.array([lower]), np.array([upper])).best_accuracy()
            assert lower <= threshold < upper


def test_a_threshold_is_rounded_as_the_distances_were():
    found = Distances(np.array([0.6], np.float32), np.array([0.7], np.float32))
    assert float(found.genuine[0]) > 0.6
    assert found.true_accept_rate(0.6) == 1


def test_rates_of_no_pairs_are_none():
    found = Distances(np.array([]), np.array([0.5]))
    assert np.isnan(found.true_accept_rate(1))
    assert found.false_accept_rate(1) == 1


def test_each_fold_is_judged_by_the_others():
    distances = np.array([1.0, 4.0, 2.0, 6.0, 5.0, 5.5])
    same = np.array([True, False, True, False, True, False])
    folds = np.array([0, 0, 1, 1, 2, 2])
    accuracies, thresholds = across_folds(distances, same, folds)
    # Without fold 0: 2, 5 | 5.5, 6; without 1: 1, 5 | 4, 5.5, best up to 1 or 5; without 2: 1, 2 | 4, 6.
    assert thresholds.tolist() == [5.25, 2.5, 3]
    assert accuracies.tolist() == [0.5, 1, 0.5]
    assert standard_error(accuracies) == pytest.approx(np.sqrt(1 / 12) / np.sqrt(3))
    assert binomial_error(0.9, 100) == pytest.approx(0.03)
