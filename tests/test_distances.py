import numpy as np
import pytest

from faceline.errors import FacelineError
from faceline.networks.distances import Metric

METRICS = [Metric("euclidean"), Metric("half-normalized", 4.0), Metric("cosine")]
# Two at right angles with the lengths 1 and 16, the first one's twin four times as long, and zeros.
VECTORS = np.array([[1.0, 0.0], [0.0, 16.0], [4.0, 0.0], [0.0, 0.0]])
# Half-normalized to the typical length 4 they have the lengths 2, 8, 4 and 0.
TABLES = {
    "euclidean": [[0, 257**0.5, 3, 1], [257**0.5, 0, 272**0.5, 16], [3, 272**0.5, 0, 4], [1, 16, 4, 0]],
    "half-normalized": [[0, 68**0.5, 2, 2], [68**0.5, 0, 80**0.5, 8], [2, 80**0.5, 0, 4], [2, 8, 4, 0]],
    "cosine": [[0, 1, 0, 1], [1, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 1]],
}


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.kind)
def test_distances_reckoned_by_hand(metric, kind):
    vectors, expected = VECTORS.astype(kind), np.array(TABLES[metric.kind])
    before = vectors.copy()
    table = metric.table(vectors, vectors)
    assert table.dtype == kind
    assert np.allclose(table, expected, atol=1e-6)
    for row, vector in enumerate(vectors):
        assert np.allclose(metric.pairs(vectors, vector[None]), expected[row], atol=1e-6)
    assert np.allclose(metric.pairs(vectors, vectors[::-1]), np.diag(expected[:, ::-1]), atol=1e-6)
    assert np.array_equal(vectors, before)
    assert metric.table(vectors[:0], vectors).shape == (0, 4)


@pytest.mark.parametrize("metric", METRICS[:2], ids=lambda metric: metric.kind)
def test_no_distance_is_exactly_zero(metric):
    vectors = np.random.default_rng(0).normal(size=(50, 128)).astype(np.float32)
    for row, vector in enumerate(vectors):
        assert metric.pairs(vectors, vector[None])[row] == 0


def test_cosine_distances_are_not_negative():
    vectors = np.random.default_rng(0).normal(size=(50, 128)).astype(np.float32)
    metric = Metric("cosine")
    assert (metric.pairs(vectors, vectors) >= 0).all()
    assert (metric.table(vectors, vectors) >= 0).all()


def test_embeddings_of_the_typical_length_stay_as_they_are():
    vectors = np.array([[3.0, 4.0], [0.0, -5.0]])
    assert np.array_equal(Metric("half-normalized", 5.0).vectors(vectors), vectors)


def test_a_threshold_as_a_cosine_distance():
    """At right angles, two vectors of length 2 are the root of 8 apart, with the cosine distance 1."""
    vectors = np.array([[2.0, 0.0], [0.0, 2.0]], np.float32)
    for metric in (Metric("euclidean"), Metric("half-normalized", 2.0)):
        assert metric.as_cosine(8**0.5, vectors) == pytest.approx(1)
    assert Metric("cosine").as_cosine(0.637, vectors) == 0.637
    # At right angles, whatever the typical length.
    apart = np.array([[2.0, 0], [0, 2]])
    for metric in (Metric("euclidean"), Metric("half-normalized", 0.5), Metric("half-normalized", 3)):
        (distance,) = metric.pairs(apart[:1], apart[1:])
        assert metric.as_cosine(distance, apart) == pytest.approx(1)


@pytest.mark.parametrize(
    "record",
    [
        None,
        "euclidean",
        {},
        {"kind": "l1"},
        {"kind": ["cosine"]},
        {"kind": np.array(["cosine"])},
        {"kind": "cosine", "typical_length": 1.0},
        {"kind": "half-normalized"},
        *({"kind": "half-normalized", "typical_length": length} for length in (0.0, -1, True, "1", 10**400)),
        *({"kind": "half-normalized", "typical_length": length} for length in (float("nan"), float("inf"), 1e-300)),
        {"kind": "cosine", "more": 1},
        {1: 2},
    ],
)
def test_records_that_are_none_are_refused(record):
    with pytest.raises(FacelineError, match="the distance is not described as this version does"):
        Metric.from_record(record)
