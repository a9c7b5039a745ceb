"""What a gallery promises of people that it has not seen."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import drawn

from faceline.disk.people_paths import UNKNOWN
from faceline.errors import FacelineError
from faceline.networks.table import NETWORKS
from faceline.people import calibration
from faceline.people.calibration import check_fpir, strangers_limit, without_known
from faceline.people.classifiers.table import CLASSIFIERS
from faceline.people.enrolment import Enrolment
from faceline.people.gallery import Gallery
from faceline.people.holdout import Sample, Strangers, collect, hold_out
from faceline.people.scoring import unit


def fitted(people, rows, fpir=0.01, classifier="LinearSvm"):
    """A gallery of some rows of `lfw` or `east_asian`."""
    options = {"fpir": fpir, "classifier": classifier, "lda_dim": None, "jobs": 1}
    return Gallery.fit(
        list(people.names[rows]), people.embeddings[rows], list(people.crops[rows]), NETWORKS["dlib"], **options
    )


def learnt(embeddings, names, fpir=0.01):
    options = {"fpir": fpir, "classifier": "LinearSvm", "lda_dim": None, "jobs": 1}
    return Gallery.fit([f"{name:05}" for name in names], embeddings, [""] * len(names), NETWORKS["dlib"], **options)


def draws(people, count, pictures, times, seed=0):
    """Enrol some people at random, several times: the rows enrolled, those to find, and one of each stranger."""
    generator = np.random.default_rng(seed)
    names = np.unique(people.names)
    several = [name for name in names if len(people.rows(name)) > pictures]
    for _ in range(times):
        chosen = generator.choice(several, count, replace=False)
        shuffled = [generator.permutation(people.rows(name)) for name in chosen]
        strangers = [generator.choice(people.rows(name)) for name in names if name not in chosen]
        yield (
            np.concatenate([rows[:pictures] for rows in shuffled]),
            np.concatenate([rows[pictures:] for rows in shuffled]),
            np.array(strangers),
        )


def calibration_error(confidences, right):
    """Expected calibration error in ten bins."""
    confidences, right = np.array(confidences), np.array(right)
    bins = np.minimum((10 * confidences).astype(int), 9)
    return sum(
        (bins == part).mean() * abs(confidences[bins == part].mean() - right[bins == part].mean())
        for part in np.unique(bins)
    )


@pytest.mark.parametrize(
    ("count", "pictures", "times"), [(1, 4, 20), (2, 4, 20), (4, 4, 20), (4, 1, 20), (14, 4, 20), (14, 1, 40)]
)
def test_strangers_are_named_at_the_rate_asked_for_and_confidence_is_true(lfw, count, pictures, times):
    named: dict[float, list[float]] = {0.01: [], 0.1: []}
    found, confidences, right = [], [], []
    for enrolled, known, strangers in draws(lfw, count, pictures, times):
        for fpir, rates in named.items():
            gallery = fitted(lfw, enrolled, fpir)
            answers = gallery.identify(lfw.embeddings[strangers])
            rates.append(np.mean([answer.candidates[0].score >= gallery.calibration.limit for answer in answers]))
            assert all(answer.name == UNKNOWN or answer.confidence >= 0.5 for answer in answers)
        probes = np.append(np.resize(known, len(strangers)), strangers)  # as many of each
        answers = gallery.identify(lfw.embeddings[probes])
        truth = [name if name in gallery.people else UNKNOWN for name in lfw.names[probes]]
        confidences += [answer.confidence for answer in answers]
        right += [answer.name == name for answer, name in zip(answers, truth, strict=True)]
        found += right[-2 * len(strangers) :][: len(strangers)]
    assert 0.05 <= np.mean(named[0.1]) <= 0.2
    assert np.mean(named[0.01]) <= 0.025
    assert np.mean(found) > (0.95 if pictures > 1 else 0.85)
    assert calibration_error(confidences, right) < 0.04


def test_where_the_network_tells_people_apart_badly_the_rate_holds_too(east_asian):
    """With a limit learnt elsewhere, nearly every one of them would be named."""
    generator = np.random.default_rng(0)
    names, named, found, near = np.unique(east_asian.names), [], [], []
    for _ in range(8):
        people = generator.permutation(names)[: len(names) // 2]
        rows = [generator.permutation(east_asian.rows(name)) for name in people]
        enrolled, probes = np.concatenate([part[1:] for part in rows]), np.array([part[0] for part in rows])
        gallery = fitted(east_asian, enrolled, fpir=0.1)
        strangers = np.flatnonzero(~np.isin(east_asian.names, people))
        answers = gallery.identify(east_asian.embeddings[strangers])
        named.append(np.mean([answer.candidates[0].score >= gallery.calibration.limit for answer in answers]))
        near.append(np.mean([answer.distance < 0.6 for answer in answers]))
        answers = gallery.identify(east_asian.embeddings[probes])
        found += [answer.name == name for answer, name in zip(answers, east_asian.names[probes], strict=True)]
    assert np.mean(near) > 0.8
    assert 0.05 <= np.mean(named) <= 0.2
    assert np.mean(found) > 0.85


def test_a_hundred_people():
    """Three draws: of one alone a single face decides."""
    found = []
    for seed in range(3):
        embeddings, whose = drawn(400, 5, seed)
        enrolled = (whose < 100) & (np.arange(len(whose)) % 5 < 4)
        gallery = learnt(embeddings[enrolled], whose[enrolled], fpir=0.1)
        answers = gallery.identify(embeddings[whose >= 100][::5])
        assert 0.02 <= np.mean([answer.candidates[0].score >= gallery.calibration.limit for answer in answers]) <= 0.2
        answers = gallery.identify(embeddings[(whose < 100) & ~enrolled])
        found += [answer.name == f"{person:05}" for person, answer in enumerate(answers)]
        assert gallery.calibration.people == 100
        assert 0.9 < gallery.calibration.tpir <= 1
    assert np.mean(found) > 0.95


def test_confidence_does_not_shrink_as_people_are_added(lfw):
    generator = np.random.default_rng(0)
    names = [name for name in np.unique(lfw.names) if len(lfw.rows(name)) > 4]
    means: dict[int, list[float]] = {4: [], 12: [], len(names): []}
    for _ in range(8):
        names = generator.permutation(names).tolist()
        probes = np.concatenate([lfw.rows(name)[4:] for name in names[:4]])
        for count, confidences in means.items():
            rows = np.concatenate([lfw.rows(name)[:4] for name in names[:count]])
            answers = fitted(lfw, rows).identify(lfw.embeddings[probes])
            assert [answer.likeliest.name for answer in answers] == list(lfw.names[probes])
            confidences += [answer.likeliest.confidence for answer in answers]
    few, more, most = map(np.mean, means.values())
    assert few > 0.95
    assert min(more, most) > few - 0.03


@pytest.mark.parametrize("name", [name for name in CLASSIFIERS if name != "DBN"])  # which takes 10 s
def test_every_classifier_gets_a_limit_and_a_confidence(lfw, name):
    enrolled, known, strangers = next(draws(lfw, 6, 4, 1))
    gallery = fitted(lfw, enrolled, classifier=name)
    found, others = (gallery.identify(lfw.embeddings[rows]) for rows in (known, strangers))
    truth = lfw.names[known]
    right = [answer.name == who for answer, who in zip(found, truth, strict=True)]
    wrong = [answer.name not in (who, UNKNOWN) for answer, who in zip(found, truth, strict=True)]
    assert sum(right) >= (1 if name == "DecisionTree" else 5)
    assert sum(wrong) <= (3 if name == "DecisionTree" else 0)
    assert np.mean([answer.name == UNKNOWN for answer in others]) > 0.9
    assert all(0 <= answer.confidence <= 1 for answer in found + others)


@pytest.mark.parametrize(("people", "pictures"), [(1, 1), (2, 1), (3, 1), (3, 5), (4, 1), (4, 4), (11, 1), (20, 4)])
def test_a_lower_rate_never_lowers_the_limit(people, pictures):
    embeddings, whose = drawn(people, pictures)
    limits = [learnt(embeddings, whose, fpir).calibration.limit for fpir in (0.5, 0.2, 0.1, 0.03, 0.01, 1e-3, 1e-6)]
    assert limits == sorted(limits)
    assert len(set(limits)) == len(limits)


@pytest.mark.parametrize("people", [4, 40, 400])
@pytest.mark.parametrize("outliers", [0, 1, 3])
def test_the_limit_of_made_up_scores(people, outliers):
    scores = np.random.default_rng(0).gamma(16, 0.1, people)
    scores[:outliers] = 9  # a person in two folders
    sample = Sample(scores, np.zeros(people, bool), np.ones(people), people).with_prior(1.6, 0.4)
    limits = [strangers_limit(sample, fpir) for fpir in np.geomspace(0.5, 1e-5, 60)]
    assert np.diff(limits).min() > -0.01
    if people == 400 and not outliers:
        assert (scores > strangers_limit(sample, 0.05)).mean() == pytest.approx(0.05, abs=0.02)


def test_the_expected_rate_of_known_people_is_a_rate_and_falls_with_the_other():
    embeddings, whose = drawn(30, 2)
    rates = [learnt(embeddings, whose, fpir).calibration.tpir for fpir in (0.5, 0.1, 0.01, 1e-4)]
    assert 1 >= rates[0] >= rates[1] >= rates[2] >= rates[3] > 0


@pytest.mark.parametrize(("people", "pictures"), [(6, 4), (30, 4)])
def test_folders_that_do_not_hold_a_person_each_take_one_line(people, pictures):
    embeddings, whose = drawn(people, pictures)
    with pytest.raises(
        FacelineError, match=r"cannot be told apart, .*; make sure that each folder holds pictures of one"
    ):
        learnt(embeddings, np.random.default_rng(0).permutation(whose))


def test_everybody_s_pictures_are_the_same():
    """There is nothing to tell them by, so a limit comes from the background alone, or one line says so."""
    embeddings, whose = drawn(6, 2)
    for people in (1, 2, 3):
        gallery = learnt(np.tile(embeddings[:1], (2 * people, 1)), whose[: 2 * people])
        assert gallery.identify(embeddings[:1])[0].confidence <= 1
    with pytest.raises(FacelineError, match="cannot be told apart"):
        learnt(np.tile(embeddings[:1], (12, 1)), whose)


def test_held_out_people_and_pictures():
    """Each person is a stranger once, a person of several pictures lends some once, and nobody loses all of them."""
    embeddings, whose = drawn(23, 3)
    kept = ~((whose < 5) & (np.arange(len(whose)) % 3 > 0))  # five people with a single picture
    enrolment = enrolled(unit(embeddings[kept]), whose[kept])
    training = calibration.Training("LinearSvm", None, 0.088, 1, {})
    scorer = calibration.Scorer.fit(enrolment.directions, enrolment.labels, training)
    rounds = list(hold_out(enrolment, scorer, training))
    rows, is_stranger, scores, right, behind = (np.concatenate(column) for column in zip(*rounds, strict=True))
    who = enrolment.labels[rows]
    assert sorted(set(who[is_stranger])) == list(range(23))
    assert sorted(who[~is_stranger]) == list(range(5, 23))
    assert not right[is_stranger].any()
    assert right[~is_stranger].mean() > 0.9
    assert scores[~is_stranger].mean() > scores[is_stranger].mean() + 0.5
    assert (behind <= scores)[is_stranger].all()


def enrolled(directions, labels):
    """What is learnt of a gallery in which nothing is in doubt."""
    people = labels[-1] + 1
    nothing = np.zeros(len(labels)), np.zeros(people)
    folders = np.arange(people)
    return Enrolment(directions, labels, *nothing, folders, folders, np.ones(len(labels), bool), 0.088, 0, [], [])


@pytest.mark.parametrize("fpir", [0, 1, -0.1, 2, np.nan, np.inf])
def test_a_rate_lies_between_0_and_1(fpir):
    with pytest.raises(FacelineError, match=f"fpir {fpir} is no rate; choose one between 0 and 1, such as 0.01"):
        check_fpir(fpir)


def test_strangers_count_alike_and_known_people_as_often_as_they_will_be_seen():
    who, is_stranger = np.array([0, 0, 0, 1, 2, 2, 3]), np.array([True] * 4 + [False] * 3)
    often, plain = np.array([1, 1, 20, 5]), enrolled(np.zeros((7, 2), np.float32), who)

    def collected(enrolment):
        scores = np.arange(7.0)
        return collect(iter([(np.arange(7), is_stranger, scores, ~is_stranger, scores - 1)]), enrolment, often)

    strangers, known = collected(plain)
    assert strangers.weights == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1])
    assert known.weights == pytest.approx([0.8, 0.8, 0.4])  # 20 to 5, the former on two faces; 2 people in sum
    assert (strangers.seen, known.people) == (2, 2)
    assert strangers.behind.tolist() == [-1, 0, 1, 2]
    # What may be in a wrong folder counts the less, and who may be in two says less of known people; who stands in two
    # says nothing.
    strangers, known = collected(
        replace(plain, doubts=np.array([0.5, 0, 0, 0, 0, 0, 0]), doubles=np.array([0, 0.9, 0.5, 0]))
    )
    assert strangers.weights == pytest.approx([1 / 6, 1 / 3, 1 / 3, 1])
    assert strangers.doubles.tolist() == [0, 0, 0, 0.9]
    assert known.weights == pytest.approx([0.4, 0.4, 0.4])
    strangers, known = collected(replace(plain, subjects=np.array([0, 1, 2, 2, 3])))
    assert known.weights == pytest.approx([1])


def held_out(scores, doubles):
    """Strangers of made-up scores, behind whom the next one lies lower by a little."""
    return Strangers(scores, scores.clip(max=0) - 0.1, np.ones(len(scores)), doubles, len(scores))


def test_strangers_who_score_like_known_people_do_not_count():
    generator = np.random.default_rng(0)
    scores = np.append(-0.38 + 0.3 * generator.normal(size=90), 0.9 + 0.15 * generator.normal(size=10))
    known = Sample(np.empty(0), np.empty(0, bool), np.empty(0), 0).with_prior(0.9, 0.2)
    strangers, counted = without_known(held_out(scores, np.full(100, 0.1)), (-0.38, 0.3), known)
    own, behind = strangers.weights[:100], strangers.weights[100:]
    assert own[90:].max() < 0.2
    assert own[:90].min() > 0.45
    assert own[:90].mean() > 0.88
    assert own + behind == pytest.approx(np.ones(100))  # instead of the most similar person the next one counts
    assert counted == pytest.approx(own.sum())
    assert strangers.mean == pytest.approx(-0.38, abs=0.1)
    assert strangers_limit(strangers, 0.01) < 0.6
    clean, _ = without_known(held_out(scores[:90], np.full(90, 0.1)), (-0.38, 0.3), known)
    assert strangers_limit(strangers, 0.01) == pytest.approx(strangers_limit(clean, 0.01), abs=0.1)


def test_who_looks_like_somebody_else_is_the_sooner_known():
    """The same score counts as a stranger's or as a known person's by what the pictures of both people say."""
    known = Sample(np.empty(0), np.empty(0, bool), np.empty(0), 0).with_prior(0.5, 0.2)
    scores = np.append(np.random.default_rng(0).normal(-0.38, 0.3, 30), 0.4)
    weights = []
    for doubtful in (0.0, 0.1, 0.4, 1.0):
        doubles = np.append(np.full(30, 0.02), doubtful)
        weights.append(without_known(held_out(scores, doubles), (-0.38, 0.3), known)[0].weights[30])
    assert weights[0] == 1
    assert weights == sorted(weights, reverse=True)
    assert weights[2] < 0.6 * weights[1]
    assert weights[3] == 0


def test_strangers_of_a_single_person_have_nobody_behind():
    known = Sample(np.empty(0), np.empty(0, bool), np.empty(0), 0).with_prior(0.5, 0.2)
    strangers = Strangers(np.array([-0.5, 0.6]), np.full(2, np.nan), np.ones(2), np.array([0.02, 0.9]), 2)
    found, counted = without_known(strangers, (-0.68, 0.42), known)
    assert len(found.scores) == 2
    assert found.people == counted < 2
    assert np.isfinite(strangers_limit(found, 0.01))


def test_a_person_with_very_many_pictures_does_not_decide_alone(lfw):
    generator = np.random.default_rng(1)
    names = [name for name in np.unique(lfw.names) if len(lfw.rows(name)) >= 5][:8]
    names = names[3:] + names[:3]  # somebody first who is found more easily than others
    rows = np.concatenate([lfw.rows(name)[:5] for name in names])
    jumble = lfw.embeddings[rows[:5]][generator.integers(0, 5, 400)]  # 400 near copies of the first one's pictures
    jumble = jumble + generator.normal(0, 0.002, jumble.shape).astype(np.float32)
    embeddings = np.concatenate([jumble, lfw.embeddings[rows[5:]]])
    whose = np.concatenate([np.zeros(400, int), np.repeat(np.arange(1, len(names)), 5)])
    fair, crowded = learnt(lfw.embeddings[rows], np.repeat(np.arange(len(names)), 5)), learnt(embeddings, whose)
    assert abs(fair.calibration.tpir - crowded.calibration.tpir) < 0.05
