import numpy as np
import pytest
from conftest import drawn
from scipy.special import ndtri

from faceline.evaluation import resampling
from faceline.evaluation.comparison import all_distances
from faceline.evaluation.det import DetCurve, draw_det
from faceline.evaluation.rates import Distances
from faceline.evaluation.resampling import PeoplePairs, interval
from faceline.networks.distances import Metric

METRIC = Metric("cosine")


def redrawn_of(embeddings, labels):
    found = Distances(*all_distances(embeddings, labels, METRIC))
    return found, PeoplePairs.of_all(embeddings, labels, METRIC, found, [0.15]).draw()


def test_rates_are_those_of_people_copied_as_often_as_they_were_drawn(monkeypatch):
    monkeypatch.setattr(resampling, "DRAWS", 20)
    embeddings, labels = drawn(12, 3)
    found, redrawn = redrawn_of(embeddings, labels)
    times = np.random.default_rng(0).multinomial(12, np.full(12, 1 / 12), size=20)
    table = METRIC.table(embeddings.astype(float), embeddings.astype(float)).astype(np.float32)
    first, second = np.triu_indices(36, 1)
    distances, same = table[first, second], labels[first] == labels[second]
    for number, m in enumerate(times):
        weights = np.where(same, m[labels[first]], m[labels[first]] * m[labels[second]])
        accepted = distances <= redrawn.thresholds[:, None]
        for kind, rates in ((~same, redrawn.false_match), (same, 1 - redrawn.false_non_match)):
            expected = (accepted * (weights * kind)).sum(axis=1) / (weights * kind).sum()
            assert np.allclose(rates[number], expected, atol=1e-9)
    copies = np.repeat(np.arange(12), times[0])
    rows = np.concatenate([np.flatnonzero(labels == person) for person in copies])
    # Copies of one person are no pair of two: their distances are left out by hand.
    whose, place = labels[rows], np.repeat(np.arange(12), 3)
    both = np.triu_indices(36, 1)
    copied = table[rows[both[0]], rows[both[1]]]
    impostor = np.sort(copied[whose[both[0]] != whose[both[1]]])
    genuine = np.sort(copied[place[both[0]] == place[both[1]]])
    again = Distances(genuine, impostor)
    assert redrawn.areas()[0] == pytest.approx(again.area(), abs=2 / len(impostor))
    assert redrawn.equal_errors()[0] == pytest.approx(again.equal_error()[0], abs=0.01)
    assert found.area() > 0.9


def test_people_drawn_once_each_give_the_rates_themselves(monkeypatch):
    monkeypatch.setattr(resampling, "DRAWS", 1)

    class Once:
        def multinomial(self, people, chances, size):
            return np.ones((size, people), int)

    monkeypatch.setattr(np.random, "default_rng", lambda seed: Once())
    embeddings, labels = EMBEDDED
    for weighed in (0, 500, 10**9):
        monkeypatch.setattr(resampling, "WEIGHED", weighed)
        found, redrawn = redrawn_of(embeddings, labels)
        assert np.allclose(redrawn.false_match[0], found.false_accept_rate(redrawn.thresholds))
        assert np.allclose(redrawn.false_non_match[0], 1 - found.true_accept_rate(redrawn.thresholds))
        for rate in resampling.RATES:
            expected = found.true_accept_rate(found.threshold_for(rate))
            assert redrawn.true_accepts(rate)[0] == pytest.approx(expected)
        assert redrawn.equal_errors()[0] == pytest.approx(found.equal_error()[0], abs=1e-3)
        assert redrawn.areas()[0] == pytest.approx(found.area(), abs=1e-4)
        rates = [float(rate[0]) for rate in redrawn.at(0.15)]
        assert rates == pytest.approx([found.false_accept_rate(0.15), 1 - found.true_accept_rate(0.15)])


EMBEDDED = drawn(150, 4, seed=3)


def test_pairs_that_are_not_weighed_one_by_one_hardly_matter(monkeypatch):
    """1,000 of 179,000 pairs of two, and all of them."""
    monkeypatch.setattr(resampling, "DRAWS", 300)
    ends = []
    for weighed in (1000, 10**9):
        monkeypatch.setattr(resampling, "WEIGHED", weighed)
        _, redrawn = redrawn_of(*EMBEDDED)
        draws = [redrawn.equal_errors(), redrawn.areas(), redrawn.true_accepts(0.01), redrawn.true_accepts(0.001)]
        ends.append([*map(interval, draws), interval(redrawn.at(0.15)[0])])
    few, every = map(np.array, ends)
    assert np.abs(few - every).max() < 0.05 * np.abs(every[:, 1] - every[:, 0]).min() + 0.0005


def known(generator, people, each=1):
    """Pairs of people with known rates: 0.1 of the genuine ones are far, 0.2 of the impostors near.

    Each person has `each` genuine pairs, which are all alike, and an impostor pair with the next person.
    """
    genuine = np.repeat(np.where(generator.random(people) < 0.1, 0.9, 0.1), each) + 1e-7 * np.arange(people * each)
    impostor = np.where(generator.random(people) < 0.2, 0.2, 0.8) + 1e-7 * np.arange(people)
    whose = np.arange(people)
    pairs = [np.repeat(whose, each)[:, None] * [1, 1], np.column_stack([whose, np.roll(whose, 1)])]
    return PeoplePairs.of_list(np.concatenate(pairs), np.concatenate([genuine, impostor]), [0.5]).draw()


def ends(values):
    """The interval of draws of which there are some."""
    found = interval(values)
    assert found is not None
    return found


def test_intervals_cover_known_rates(monkeypatch):
    monkeypatch.setattr(resampling, "DRAWS", 200)
    generator, inside = np.random.default_rng(5), []
    for _ in range(200):
        matches, non_matches = (ends(rates) for rates in known(generator, 150).at(0.5))
        inside.append((matches[0] <= 0.2 <= matches[1], non_matches[0] <= 0.1 <= non_matches[1]))
    matches, non_matches = np.mean(inside, axis=0)
    assert 0.9 < non_matches < 0.99
    assert matches > 0.95  # on the wide side, as these pairs do not depend on their people


def test_people_count_not_pairs(monkeypatch):
    """Ten pairs of a person that are all alike tell no more than one."""
    widths = []
    for each in (1, 10):
        low, high = ends(known(np.random.default_rng(1), 400, each).at(0.5)[1])
        widths.append(high - low)
    assert widths[1] == pytest.approx(widths[0], rel=0.1)
    assert widths[0] == pytest.approx(2 * 1.96 * np.sqrt(0.1 * 0.9 / 400), rel=0.25)


def test_no_pairs_no_interval():
    assert interval(np.array([np.nan, np.nan])) is None
    # Half of the draws of two people have one of them only, who makes no pair of two.
    redrawn = PeoplePairs.of_list(np.array([[0, 0], [1, 1], [0, 1]]), np.array([0.1, 0.3, 0.2])).draw()
    assert 0.3 < np.isnan(redrawn.false_match).any(axis=1).mean() < 0.7
    assert interval(redrawn.equal_errors()) is not None


@pytest.fixture
def normal():
    """Distances of one person around 0, of two around 3 with twice the deviation, at evenly spread quantiles."""
    quantiles = ndtri((np.arange(20_000) + 0.5) / 20_000)
    people = np.arange(20_000) % 100
    whose = np.concatenate([np.column_stack([people, people]), np.column_stack([people, (people + 1) % 100])])
    distances = np.concatenate([quantiles, 3 + 2 * quantiles])
    found = Distances.of(distances, whose[:, 0] == whose[:, 1])
    return DetCurve.of(found, PeoplePairs.of_list(whose, distances).draw())


def test_the_det_curve_of_normal_distributions_is_a_straight_line(normal):
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    draw_det(axes, [("both", normal)])
    (line,) = axes.get_lines()
    over, up = np.array(line.get_data())
    drawn = np.isfinite(up) & (over > ndtri(2e-4)) & (up > ndtri(2e-4))
    # FNMR = 1 - Phi(t) and FMR = Phi((t - 3) / 2), so that the deviates are -t and (t - 3) / 2.
    assert drawn.sum() > 100
    assert np.allclose(up[drawn], -3 - 2 * over[drawn], atol=0.08)
    labels = [tick.get_text() for tick in axes.get_xticklabels()]
    assert {"0.001", "0.01", "0.1", "0.5"} <= {*labels}
    assert axes.get_xlim()[1] == pytest.approx(ndtri(0.6))


def test_the_band_of_a_det_curve_is_around_it(normal):
    inside = (normal.low <= normal.false_non_match + 1e-3) & (normal.false_non_match <= normal.high + 1e-3)
    assert inside.mean() > 0.95
    assert (normal.low <= normal.high).all()
    assert len(normal.rows()) == len(normal.thresholds)
