import numpy as np
from conftest import drawn

from faceline.evaluation.identification.trials import NearestNeighbour, Trial, answers_of, halves, rank_people
from faceline.networks.distances import Metric
from faceline.networks.table import NETWORKS
from faceline.people.gallery import Gallery


def of_sizes(**pictures):
    """An embedding (number, 0) for each picture, and its person."""
    names = np.repeat(list(pictures), list(pictures.values()))
    return np.stack([np.arange(len(names)), np.zeros(len(names))], axis=1).astype(np.float32), names


def test_a_draw_splits_the_pictures_of_known_people():
    embeddings, names = of_sizes(anna=5, ben=2, carl=1, dora=3, emil=2)
    generator = np.random.default_rng(0)
    trial = Trial.draw(embeddings, names, ["dora", "anna", "carl"], ["emil"], lambda count: 2, generator)
    assert trial.gallery_names.tolist() == ["anna", "anna", "carl", "dora", "dora"]
    assert trial.probe_names.tolist() == ["anna", "anna", "anna", "dora"]
    assert trial.stranger_names.tolist() == ["emil", "emil"]
    for faces, whose in (
        (trial.gallery, trial.gallery_names),
        (trial.probes, trial.probe_names),
        (trial.strangers, trial.stranger_names),
    ):
        assert names[faces[:, 0].astype(int)].tolist() == whose.tolist()
    assert len({*trial.gallery[:, 0], *trial.probes[:, 0]}) == 9


def test_draws_differ_and_every_picture_is_enrolled_in_one():
    embeddings, names = of_sizes(anna=4, ben=1)
    seen = set()
    for seed in range(20):
        trial = Trial.draw(embeddings, names, ["anna"], ["ben"], lambda count: 1, np.random.default_rng(seed))
        seen.update(trial.gallery[:, 0].tolist())
    assert seen == {0, 1, 2, 3}


def test_halves():
    known, strangers = halves(list("abcde"), np.random.default_rng(0))
    assert (len(known), len(strangers)) == (2, 3)
    assert sorted(known + strangers) == list("abcde")


def test_the_nearest_neighbour():
    names, points = np.array(["b", "a", "b"]), np.array([[0, 0], [3, 4], [0, 10]], np.float32)
    neighbours = NearestNeighbour.fit(names, points, Metric("euclidean"))
    assert neighbours.people.tolist() == ["a", "b"]
    scores, _ = neighbours.score(np.array([[0, 0], [3, 4], [0, 8]], np.float32))
    assert np.allclose(scores, [[-5, 0], [0, -5], [-5, -2]], atol=1e-5)
    # Of the lengths 1, 4 and 16, now 1, 2 and 4 in the same directions: the short one is the nearest no more.
    names, points = np.array(["a", "b"]), np.array([[0, 1], [16, 0]], np.float32)
    for metric, distances in ((Metric("euclidean"), [17**0.5, 12]), (Metric("half-normalized", 1.0), [5**0.5, 2])):
        scores, _ = NearestNeighbour.fit(names, points, metric).score(np.array([[4, 0]], np.float32))
        assert np.allclose(scores, [np.negative(distances)], atol=1e-5)


def test_ranks_of_the_right_person():
    people = np.array(["a", "b", "c"])
    order = np.array([[3, 2, 1], [3, 2, 1], [3, 2, 1], [5, 5, 5], [5, 5, 5], [1, 2, 3]], np.float32)
    ranking = rank_people(lambda faces: (-order, order), people, order, np.array(["a", "b", "c", "c", "a", "zoe"]))
    assert ranking.ranks.tolist() == [1, 2, 3, 3, 1, 0]
    assert ranking.names.tolist() == ["a", "a", "a", "a", "a", "c"]
    assert ranking.scores.tolist() == [-3, -3, -3, -5, -5, -3]


def test_answers_are_those_of_the_gallery():
    embeddings, labels = drawn(30, 5)
    names = np.array([f"person {label:02}" for label in labels])
    known, strangers = np.unique(names)[:20].tolist(), np.unique(names)[20:].tolist()
    trial = Trial.draw(embeddings, names, known, strangers, lambda count: 3, np.random.default_rng(0))
    enrolled = trial.gallery_names.tolist()
    options = {"fpir": 0.1, "classifier": "LinearSvm", "lda_dim": None, "jobs": 1}
    gallery = Gallery.fit(enrolled, trial.gallery, enrolled, NETWORKS["dlib"], **options)
    answers = answers_of(gallery, trial)
    said = [who.name for who in gallery.identify(np.concatenate([trial.probes, trial.strangers]))]
    right = [name == truth for name, truth in zip(said, [*trial.probe_names, *["unknown"] * 50], strict=True)]
    assert answers.right.tolist() == right
    assert answers.found == np.mean(right[:40])
    assert answers.strangers_named == 1 - np.mean(right[40:])
    assert answers.found + answers.misnamed + np.mean([name == "unknown" for name in said[:40]]) == 1
    ranking = rank_people(gallery.scorer.score, np.array(gallery.people), trial.probes, trial.probe_names)
    assert np.mean(ranking.ranks == 1) == answers.closed
    for weights in (answers.faces, answers.people):
        assert np.isclose(weights[:40].sum(), 1)
        assert np.isclose(weights[40:].sum(), 1)
