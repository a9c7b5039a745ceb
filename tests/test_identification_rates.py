import numpy as np
import pytest

from faceline.evaluation.identification.rates import (
    bins_of,
    calibration_error,
    cumulative_matches,
    person_weights,
    rates_found,
)


def test_cumulative_matches():
    assert cumulative_matches(np.array([1, 2, 1, 4]), 5).tolist() == [0.5, 0.75, 0.75, 1, 1]


def test_known_people_found_where_so_many_strangers_are_named():
    right, scores = np.array([True, True, False, True]), np.array([9.0, 5, 8, 2])
    strangers = np.array([1.0, 7, 0, 4])
    # No stranger: above 7 there is 9, and 8 which is somebody else. One of four: above 4. Two: above 1.
    found = rates_found(right, scores, strangers, [0, 0.2, 0.25, 0.5, 1])
    assert found.tolist() == [0.25, 0.25, 0.5, 0.75, 0.75]


def test_a_face_must_score_higher_than_the_stranger_who_stays_unknown():
    assert rates_found(np.array([True]), np.array([4.0]), np.array([4.0, 4, 1]), [0, 1 / 3, 2 / 3]).tolist() == [
        0,
        0,
        1,
    ]


def test_rates_are_not_rounded_down_a_stranger():
    strangers = np.arange(100.0)
    assert 0.29 * 100 < 29
    assert rates_found(np.array([True]), np.array([70.5]), strangers, [0.28, 0.29]).tolist() == [0, 1]


def test_each_person_weighs_the_same():
    weights = person_weights(np.array(["b", "a", "b", "b", "b"]))
    assert weights.tolist() == [0.125, 0.5, 0.125, 0.125, 0.125]


def test_calibration_error():
    confidence = np.array([0.0, 0.05, 0.9, 1.0, 1.0])
    right = np.array([False, True, True, True, False])
    low, high = bins_of(confidence, right, np.array([1.0, 1, 2, 2, 4]))
    assert (low.lower, low.upper, low.answers) == (0, 0.1, 2)
    assert (low.share, low.confidence, low.right) == pytest.approx((0.2, 0.025, 0.5))
    assert (high.lower, high.upper, high.answers) == (0.9, 1, 3)
    assert (high.share, high.confidence, high.right) == pytest.approx((0.8, 0.975, 0.5))
    assert calibration_error([low, high]) == pytest.approx(0.2 * 0.475 + 0.8 * 0.475)
    assert calibration_error(bins_of(np.array([0.25, 0.25]), np.array([True, False]), np.ones(2))) == 0.25
