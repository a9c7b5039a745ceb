import math
from dataclasses import replace

import numpy as np
import pytest
from conftest import drawn

from faceline.disk.people_paths import UNKNOWN
from faceline.networks.distances import Metric
from faceline.networks.table import NETWORKS
from faceline.people import enrolled
from faceline.people.enrolled import exemplars
from faceline.people.gallery import Gallery
from faceline.people.identity import Candidate, Identity, one_name_each
from faceline.people.scoring import unit


def learnt(embeddings, labels, network="dlib"):
    names = [f"person {label:02}" for label in labels]
    crops = [f"{name}/{row}.png" for row, name in enumerate(names)]
    options = {"fpir": 0.01, "classifier": "LinearSvm", "lda_dim": None, "jobs": 1}
    return Gallery.fit(names, embeddings, crops, NETWORKS[network], **options)


@pytest.fixture(scope="module")
def people():
    """A gallery of 8 people with 3 pictures each, and one more embedding of each."""
    embeddings, labels = drawn(8, 4)
    last = np.arange(len(labels)) % 4 == 3
    return learnt(embeddings[~last], labels[~last]), embeddings[last]


def test_the_order_of_the_pictures_changes_nothing():
    embeddings, labels = drawn(8, 4)
    names = np.array([f"{label}" for label in labels])
    options = {"fpir": 0.01, "classifier": "LinearSvm", "lda_dim": None, "jobs": 1}
    shuffled = np.argsort(np.arange(32) % 4, kind="stable")  # as many people in turn; each one's keep their order
    one, other = (
        Gallery.fit(list(names[rows]), embeddings[rows], list(map(str, rows)), NETWORKS["dlib"], **options)
        for rows in (np.arange(32), shuffled)
    )
    assert one.crops == other.crops
    assert np.array_equal(one.embeddings, other.embeddings)
    assert one.calibration == other.calibration


def test_a_large_gallery_keeps_some_pictures_of_everybody(monkeypatch):
    counts = [1, 2, 5, 30]
    embeddings, _ = drawn(4, 30)
    rows = np.concatenate([30 * person + np.arange(count) for person, count in enumerate(counts)])
    directions, labels = unit(embeddings[rows]), np.repeat(np.arange(4), counts)
    means = unit(np.stack([directions[labels == person].mean(axis=0) for person in range(4)]))
    assert np.array_equal(exemplars(directions, labels), np.arange(38))
    for limit, each in ((20, 5), (9, 2), (4, 1), (1, 1)):
        monkeypatch.setattr(enrolled, "EXEMPLARS", limit)
        kept = exemplars(directions, labels)
        assert (np.diff(kept) > 0).all()
        assert np.bincount(labels[kept]).tolist() == [min(count, each) for count in counts]
        for person in range(4):
            own = np.flatnonzero(labels == person)
            typical = own[np.argsort(-directions[own] @ means[person])]
            assert typical[0] in kept
            assert typical[-1] in kept or each == 1


def test_a_gallery_of_exemplars_names_as_the_whole_does(monkeypatch, people):
    whole, probes = people
    monkeypatch.setattr(enrolled, "EXEMPLARS", 16)
    embeddings, labels = drawn(8, 4)
    last = np.arange(len(labels)) % 4 == 3
    few = learnt(embeddings[~last], labels[~last])
    assert len(few.embeddings) == len(few.crops) == len(few.labels) == 16
    assert few.calibration == whole.calibration
    for ours, theirs in zip(few.identify(probes), whole.identify(probes), strict=True):
        assert (ours.name, ours.confidence) == (theirs.name, theirs.confidence)
        assert ours.distance >= theirs.distance


def test_the_evidence_is_true(people):
    known, probes = people
    for embedding, identity in zip(probes, known.identify(probes, top=8), strict=True):
        assert len(identity.candidates) == 8
        assert len({candidate.name for candidate in identity.candidates}) == 8
        scores = [candidate.score for candidate in identity.candidates]
        assert scores == sorted(scores, reverse=True)
        for candidate in identity.candidates:
            own = np.flatnonzero(known.labels == known.people.index(candidate.name))
            distances = NETWORKS["dlib"].metric.pairs(known.embeddings[own], embedding[None])
            assert candidate.nearest == known.crops[own[distances.argmin()]]
            assert candidate.distance == pytest.approx(distances.min())
        confidences = [candidate.confidence for candidate in identity.candidates]
        assert confidences == sorted(confidences, reverse=True)
        assert sum(confidences) <= 1.001
        assert identity.likeliest is identity.candidates[0]
        assert identity.runner_up is identity.candidates[1]
        assert identity.margin == pytest.approx(scores[0] - scores[1])


@pytest.mark.parametrize(("top", "given"), [(1, 2), (2, 2), (5, 5), (8, 8), (99, 8)])
def test_as_many_candidates_as_wanted(people, top, given):
    known, probes = people
    assert [len(identity.candidates) for identity in known.identify(probes, top=top)] == [given] * 8


def test_a_gallery_of_one_has_no_runner_up(people):
    known, probes = people
    alone = learnt(known.embeddings[:3], known.labels[:3])
    same, other = alone.identify(np.stack([known.embeddings[0], probes[1]]))
    assert (same.name, other.name) == ("person 00", UNKNOWN)
    assert same.confidence > 0.8
    assert other.confidence > 0.8
    for identity in (same, other):
        assert identity.runner_up is None
        assert identity.margin is None
        assert identity.likeliest.name == "person 00"
        assert len(identity.candidates) == 1


def test_the_nearest_picture_follows_the_network_s_distance():
    """Of a person's two pictures, the short one is the nearer one as it is, the long one half-normalized."""
    embeddings = np.zeros((4, 128), np.float32)
    embeddings[:2, :2] = [(0.0, 0.25), (4.0, 0.0)]
    embeddings[2:, 2:4] = [(1.0, 0.0), (1.0, 0.5)]
    face = np.zeros((1, 128), np.float32)
    face[0, 0] = 1.0
    known = learnt(embeddings, np.array([0, 0, 1, 1]))
    found = {}
    for metric in (Metric("euclidean"), Metric("half-normalized", 4.0), Metric("cosine")):
        (identity,) = replace(known, metric=metric).identify(face)
        found[metric.kind] = identity.likeliest.nearest, identity.distance
    # As they are: (0, 1/4) and (4, 0) against (1, 0). Half-normalized: (0, 1) and (4, 0) against (2, 0).
    assert found == {
        "euclidean": ("person 00/0.png", pytest.approx((17 / 16) ** 0.5)),
        "half-normalized": ("person 00/1.png", 2),
        "cosine": ("person 00/1.png", 0),
    }


def test_cosine_distances(people):
    known, probes = people
    other = learnt(unit(known.embeddings), known.labels, "sface")
    for embedding, identity in zip(unit(probes), other.identify(unit(probes)), strict=True):
        own = other.embeddings[other.labels == other.people.index(identity.likeliest.name)]
        assert identity.distance == pytest.approx(1 - (own @ embedding).max(), abs=1e-6)


def test_a_threshold_takes_the_limit_s_place(people):
    known, probes = people
    for row, identity in enumerate(known.identify(probes)):
        for threshold, name in (
            (identity.distance + 1e-3, identity.candidates[0].name),
            (identity.distance - 1e-3, UNKNOWN),
        ):
            assert known.identify(probes[row : row + 1], threshold=threshold)[0].name == name
    everybody = known.identify(-probes, threshold=math.inf)
    assert all(identity.name == identity.candidates[0].name for identity in everybody)
    assert all(identity.name == UNKNOWN for identity in known.identify(-probes, threshold=0.0))


def test_no_faces_and_many(people):
    known, probes = people
    assert known.identify(probes[:0]) == []
    assert known.identify(probes[:0], one_each=True) == []
    many = known.identify(np.tile(probes, (200, 1)))
    assert [identity.name for identity in many[-8:]] == [identity.name for identity in known.identify(probes)]


def candidates(**scores):
    ranked = sorted(scores.items(), key=lambda item: -item[1])
    return [Candidate(name, 0.5, score, 1 - score, f"{name}/1.png") for name, score in ranked]


@pytest.mark.parametrize(
    ("faces", "named"),
    [
        ([], []),
        ([{"a": 2.0, "b": 1.0}], ["a"]),
        ([{"a": 2.0, "b": 1.9}, {"a": 1.9, "b": 0.5}], ["b", "a"]),  # the greedy choice is 0.5 worse
        ([{"a": 2.0, "b": 0.5}, {"a": 1.9, "b": 0.6}], ["a", "b"]),
        ([{"a": 2.0, "b": -1.0}, {"a": 1.9, "b": -1.0}], ["a", None]),
        ([{"a": -1.0}, {"a": -2.0}], [None, None]),
        ([{"a": 2.0}, {"a": 2.1}, {"a": 1.0}], [None, "a", None]),
        ([{"a": 0.0}], ["a"]),
        ([{"a": 0.0, "b": 0.0}, {"a": 0.0, "b": 0.0}], [{"a", "b"}, {"a", "b"}]),
        ([{"a": 3.0, "b": 2.9, "c": 2.0}, {"a": 3.0, "b": 1.0, "c": 0.0}, {"b": 2.5, "c": 0.1}], ["c", "a", "b"]),
    ],
)
def test_one_name_each(faces, named):
    found = [candidates(**scores) for scores in faces]
    allowed = [[candidate.score >= 0 for candidate in face] for face in found]
    chosen = one_name_each(found, allowed)
    names = [candidate and candidate.name for candidate in chosen]
    for name, wanted in zip(names, named, strict=True):
        assert name in wanted if isinstance(wanted, set) else name == wanted
    given = [name for name in names if name]
    assert len(set(given)) == len(given)


def test_nobody_is_in_a_picture_twice(people):
    known, probes = people
    twice = np.concatenate([probes, probes + 0.01, -probes])
    found = known.identify(twice)
    assert [identity.name for identity in found[:8]] == [identity.name for identity in found[8:16]] == known.people
    once = known.identify(twice, one_each=True)
    names = [identity.name for identity in once if identity.name != UNKNOWN]
    assert len(names) == len(set(names)) > 4
    assert all(identity.name == UNKNOWN for identity in once[16:])
    for identity in once:
        assert identity.name in (UNKNOWN, identity.likeliest.name)
        assert identity.likeliest.score >= known.calibration.limit or identity.name == UNKNOWN
    # A face whose twin has the name is somebody else with near certainty.
    assert all(identity.confidence > 0.9 for identity in once[:16] if identity.name == UNKNOWN)
    forced = known.identify(twice, threshold=math.inf, one_each=True)
    assert sorted(identity.name for identity in forced if identity.name != UNKNOWN) == known.people
    alone = known.identify(probes[:1], one_each=True)
    assert [identity.name for identity in alone] == [identity.name for identity in known.identify(probes[:1])]


def test_who_was_named_need_not_be_the_first_candidate():
    first, second, third = candidates(a=3.0, b=2.0, c=1.0)
    identity = Identity("b", second.confidence, (first, second, third))
    assert identity.likeliest is second
    assert identity.runner_up is first
    assert identity.margin == -1
    assert first is not None
    assert Identity(UNKNOWN, 0.9, (first, second)).likeliest is first
