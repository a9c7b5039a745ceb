"""Galleries of very many people, which have no SVMs, and of which most lies in a file beside `classifier.pkl`."""

import os
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import CLASSIFIER, drawn, run_script, tree
from test_kill import killed_at

from faceline import Recognizer, train
from faceline.disk import pickles
from faceline.disk.embeddings import reps_digests, write_embeddings
from faceline.disk.manifests import write_manifest
from faceline.disk.people_paths import UNKNOWN
from faceline.disk.rows import CropRow, Status
from faceline.disk.run_records import run_record
from faceline.disk.stored import StoredError, open_arrays, write_arrays
from faceline.disk.stored_texts import StoredTexts
from faceline.disk.writing import write_json
from faceline.errors import FacelineError
from faceline.faces.options import AlignmentOptions
from faceline.networks.table import NETWORKS
from faceline.people import galleries, scoring
from faceline.people.gallery import Gallery
from faceline.people.many import learning
from faceline.people.many.gallery import ManyPeople
from faceline.people.many.lists import centres_of
from faceline.people.many.scorer import ListedScorer
from faceline.people.scoring import Training, compare_people, unit
from faceline.recognition.classifier_file import read_classifier, remove_classifier
from faceline.service.asking import Asking
from faceline.work_folder.migrate import options_of

NETWORK = NETWORKS["dlib"]
OPTIONS: dict[str, Any] = {"fpir": 0.01, "lda_dim": None, "jobs": 2}
PEOPLE = 3000


def write_folder(folder: Path, embeddings: np.ndarray, names: list[str]) -> None:
    """Write embeddings as stage 2 does."""
    folder.mkdir(exist_ok=True)
    numbers: Counter = Counter()
    rows = []
    for name, embedding in zip(names, embeddings, strict=True):
        rows.append(CropRow(f"{name}/{numbers[name]}.png", name, Status.OK, "", "0" * 64, embedding=embedding))
        numbers[name] += 1
    write_embeddings(folder, rows)
    write_manifest(folder / "manifest.csv", rows, CropRow)
    options = NETWORK.record() | {"engine": "onnx", "device": "cpu", "passes": 1, "jitters": 0}
    counts = Counter({str(Status.OK): len(rows)})
    alignment = AlignmentOptions(frame=NETWORK.frame).record()
    record = run_record("represent", options, counts, 0, alignment=alignment, sha256=reps_digests(folder))
    write_json(folder / "run.json", record)


def people_of(labels):
    return [f"person {label:05}" for label in labels]


@pytest.fixture(scope="module")
def population():
    """Two pictures of each person to learn, and one to name."""
    embeddings, labels = drawn(PEOPLE, 3)
    shown = np.tile([False, False, True], PEOPLE)
    return embeddings[~shown], people_of(labels[~shown]), embeddings[shown], people_of(labels[shown])


@pytest.fixture(scope="module")
def gallery(population):
    """It is as if 1,000 people were very many, and more than could all be compared."""
    embeddings, names, _, _ = population
    crops = [f"{name}/{row}.png" for row, name in enumerate(names)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "MANY_PEOPLE", 1000)
        patch.setattr(learning, "LEAST_PEOPLE", 100)
        return galleries.fit(names, embeddings, crops, NETWORK, classifier="LinearSvm", **OPTIONS)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """A folder in which 40 people have been learnt by the classifier's name, faces of them, and whose these are."""
    embeddings, labels = drawn(40, 4)
    shown = np.tile([False, False, False, True], 40)
    folder = tmp_path_factory.mktemp("learnt") / "few"
    write_folder(folder, embeddings[~shown], people_of(labels[~shown]))
    train(folder, classifier="Nearest", jobs=1)
    return folder, embeddings[shown], people_of(labels[shown])


@pytest.fixture
def few(learnt, tmp_path):
    """The same, to be changed."""
    shutil.copytree(learnt[0], tmp_path / "few")
    return tmp_path / "few", *learnt[1:]


def stored(folder):
    (path,) = folder.glob("classifier-*.people")
    return path


def names_of(gallery, faces):
    return [who.name for who in gallery.identify(faces)]


def test_very_many_people_are_learnt_without_svms(gallery, population):
    assert isinstance(gallery, ManyPeople)
    _, _, faces, truth = population
    faces, truth = faces[::3], truth[::3]
    found = np.array(names_of(gallery, faces))
    assert np.mean(found == truth) > 0.85
    assert np.mean((found != truth) & (found != UNKNOWN)) < 0.005
    strangers = drawn(1000, 1, seed=7)[0]
    assert np.mean(np.array(names_of(gallery, strangers)) != UNKNOWN) <= 0.02
    assert gallery.calibration.tpir == pytest.approx(np.mean(found == truth), abs=0.06)


def test_confidence_is_how_often_names_are_right(gallery, population):
    _, _, faces, truth = population
    faces, truth = faces[::3], truth[::3]
    strangers = drawn(len(faces), 1, seed=8)[0]
    first = [who.candidates[0] for who in gallery.identify(np.concatenate([faces, strangers]))]
    right = np.array([one.name == name for one, name in zip(first, truth + [""] * len(truth), strict=True)])
    confidence = np.array([one.confidence for one in first])
    assert np.mean((confidence - right) ** 2) < 0.04
    assert confidence.mean() == pytest.approx(right.mean(), abs=0.05)


def test_one_picture_of_each_is_enough(population, monkeypatch):
    """Nothing tells then how known people score; what is known of other people does."""
    monkeypatch.setattr(scoring, "MANY_PEOPLE", 1000)
    embeddings, names, faces, truth = population
    found = galleries.fit(names[::2], embeddings[::2], names[::2], NETWORK, classifier="LinearSvm", **OPTIONS)
    answers = np.array(names_of(found, faces[::5]))
    assert np.mean(answers == truth[::5]) > 0.5
    assert np.mean((answers != truth[::5]) & (answers != UNKNOWN)) < 0.02
    assert np.mean(np.array(names_of(found, drawn(600, 1, seed=7)[0])) != UNKNOWN) <= 0.02


def test_few_lists_give_the_answers_of_all(gallery, population):
    faces = np.concatenate([population[2][::3], drawn(300, 1, seed=7)[0]])
    lists = len(gallery.scorer.centres)
    assert gallery.scorer.probes < lists / 2
    found, everybody = np.array(names_of(gallery, faces)), np.array(names_of(gallery.searching(lists), faces))
    assert np.mean(found == everybody) >= 0.99


def test_scores_are_similarity_without_crowding():
    """Of 300 people every two are compared, so that nothing is missed."""
    directions, labels = drawn(300, 3)
    directions = unit(directions)
    starts = np.arange(0, 901, 3)
    means = unit(np.add.reduceat(directions, starts[:-1]))
    # Of the six whose means are the most similar, the three who have the most similar pictures, and nobody.
    cosines = means @ means.T
    np.fill_diagonal(cosines, -1)
    six = np.argsort(-cosines, axis=1)[:, :6]
    pictures = np.einsum("pd,pnd->pn", means, directions.reshape(300, 3, 128)[six].reshape(300, 18, 128))
    best = np.sort((pictures.reshape(300, 6, 3).max(axis=2) - 1) / 0.2, axis=1)[:, 3:]
    crowding = (best.sum(axis=1) - 1.6) / 4
    training = Training("Nearest", None, 0.2, 2, {"centres": centres_of(means, 1)})
    scorer = ListedScorer.fit(directions, labels, training)
    assert len(scorer.centres) > 20
    assert scorer.crowding == pytest.approx(crowding, abs=1e-5)
    assert scorer.crowding == pytest.approx(compare_people(directions, starts, means, 0.2)[1], abs=0.05)
    faces = unit(drawn(200, 1, seed=3)[0])
    expected = (faces @ means.T - 1) / 0.2 - 0.7 * crowding
    assert scorer.all_scores(faces) == pytest.approx(expected, abs=1e-4)
    best, found, behind = scorer.best_two(faces)
    ordered = np.sort(expected, axis=1)
    assert np.stack([best, behind]) == pytest.approx(ordered[:, [-1, -2]].T, abs=1e-4)
    assert (found == expected.argmax(axis=1)).all()
    for face, scores in zip(faces[:50], expected, strict=False):
        subjects, exact = scorer.best(face, 5)
        assert subjects[:5].tolist() == np.argsort(-scores, kind="stable")[:5].tolist()
        assert exact[:5] == pytest.approx(np.sort(scores)[::-1][:5], abs=1e-4)


def test_a_cohort_crowds_and_strangers_count():
    embeddings, labels = drawn(100, 2)
    names = people_of(labels)
    more = {"cohort": drawn(60, 1, seed=5)[0], "strangers": drawn(60, 1, seed=6)[0]}
    plain = galleries.fit(names, embeddings, names, NETWORK, classifier="Nearest", **OPTIONS)
    crowded = galleries.fit(names, embeddings, names, NETWORK, classifier="Nearest", **OPTIONS, **more)
    assert (crowded.scorer.crowding >= plain.scorer.crowding - 1e-6).all()
    assert crowded.scorer.crowding.mean() > plain.scorer.crowding.mean() + 0.01
    assert crowded.calibration.people == plain.calibration.people + 60


def test_folders_of_one_person_are_one_subject(monkeypatch):
    """Three people lie in two folders each; one pair of these the user calls distinct."""
    monkeypatch.setattr(scoring, "MANY_PEOPLE", 300)
    embeddings, labels = drawn(400, 6)
    names = people_of(labels)
    for person in (7, 8, 9):
        for row in range(6 * person + 3, 6 * person + 6):
            names[row] += " again"
    apart = ("person 00009", "person 00009 again")
    options: dict[str, Any] = {"classifier": "LinearSvm", "distinct": [apart]}
    found, enrolment = galleries.enrol(names, embeddings, names, NETWORK, **options, **OPTIONS)
    linked = {tuple(found.people[folder] for folder in link.folders) for link in enrolment.links if link.same}
    assert linked == {(f"person {person:05}", f"person {person:05} again") for person in (7, 8)}
    (face,) = found.identify(embeddings[[6 * 7]])
    assert (face.name, face.same_as) == ("person 00007", ("person 00007 again",))
    assert [one.name for one in found.identify(embeddings[[6 * 9]], top=2)[0].candidates[:2]] == list(apart)


def test_the_same_bytes_with_any_number_of_threads(tmp_path, few):
    folder, _, _ = few
    shutil.copytree(folder, tmp_path / "copy")
    train(tmp_path / "copy", classifier="Nearest", jobs=3)
    assert tree(tmp_path / "copy") == tree(folder)


def test_the_file_gives_the_answers_of_memory(few):
    folder, faces, truth = few
    read = read_classifier(folder / "classifier.pkl").gallery
    assert isinstance(read, ManyPeople)
    assert list(read.people) == sorted(set(truth))
    assert read.people[-1] == read.people[39]
    assert list(read.crops)[:2] == ["person 00000/0.png", "person 00000/1.png"]
    embeddings, labels = drawn(40, 4)
    kept = np.tile([True, True, True, False], 40)
    names = people_of(labels[kept])
    crops = [f"{name}/{row % 3}.png" for row, name in enumerate(names)]
    made = galleries.fit(names, embeddings[kept], crops, NETWORK, classifier="Nearest", **OPTIONS)
    assert read.identify(faces, top=3, one_each=True) == made.identify(faces, top=3, one_each=True)
    assert read.score(faces)[0] == pytest.approx(made.score(faces)[0])
    assert read.identify(embeddings[:1])[0].distance == 0


def test_people_removed_leave_the_bytes_of_a_fresh_training(tmp_path, population, monkeypatch):
    monkeypatch.setattr(scoring, "MANY_PEOPLE", 500)
    embeddings, names = (part[:1600] for part in population[:2])
    write_folder(tmp_path / "out", embeddings, names)
    train(tmp_path / "out")
    before = stored(tmp_path / "out").name
    for folder in ("out", "fresh"):
        write_folder(tmp_path / folder, embeddings[200:], names[200:])
        train(tmp_path / folder)
    assert tree(tmp_path / "out") == tree(tmp_path / "fresh")
    assert stored(tmp_path / "out").name != before
    assert b"person 00099" not in stored(tmp_path / "out").read_bytes()


def test_a_gallery_that_becomes_small_again_leaves_no_file(tmp_path, population, monkeypatch):
    embeddings, names, _, _ = population
    write_folder(tmp_path, embeddings[:24], names[:24])
    with monkeypatch.context() as patch:
        patch.setattr(scoring, "MANY_PEOPLE", 10)
        train(tmp_path, jobs=1)
    assert stored(tmp_path).exists()
    train(tmp_path, jobs=1)
    assert isinstance(read_classifier(tmp_path / "classifier.pkl").gallery, Gallery)
    assert not list(tmp_path.glob("*.people"))


def test_nobody_left_removes_both_files(few):
    folder, _, _ = few
    write_folder(folder, np.empty((0, 128), np.float32), [])
    with pytest.raises(FacelineError, match=r"classifier\.pkl, which knew people of before, has been removed"):
        train(folder)
    assert not list(folder.glob("classifier*"))


def test_killed_at_any_change_it_answers(tmp_path, population):
    """As before or as now, and the next run ends with the bytes of one that was left alone."""
    embeddings, names, _, _ = population
    options: dict[str, Any] = {"classifier": "Nearest", "jobs": 1}
    for people, folder in ((5, "before"), (4, "fresh")):
        write_folder(tmp_path / folder, embeddings[: 2 * people], names[: 2 * people])
        train(tmp_path / folder, **options)
    expected, counts, step, was_killed = tree(tmp_path / "fresh"), set(), 0, True
    while was_killed:
        step += 1
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(tmp_path / "before", out)
        write_folder(out, embeddings[:8], names[:8])
        was_killed = killed_at(step, out, train, (out,), options)
        found = read_classifier(out / "classifier.pkl").gallery
        assert [who.candidates[0].name for who in found.identify(embeddings[:1])] == ["person 00000"]
        counts.add(len(found.people))
        train(out, **options)
        assert tree(out) == expected, f"killed before change {step}"
    assert counts == {4, 5}
    assert step > 5


def test_who_has_read_it_goes_on_when_others_train(few):
    folder, faces, truth = few
    before = read_classifier(folder / "classifier.pkl").gallery
    embeddings, labels = drawn(30, 3, seed=2)
    write_folder(folder, embeddings, people_of(labels))
    train(folder, classifier="Nearest", jobs=1)
    assert np.mean(np.array(names_of(before, faces)) == truth) > 0.8


def test_a_folder_may_move(tmp_path, few):
    folder, faces, truth = few
    (tmp_path / "elsewhere").mkdir()
    for path in folder.glob("classifier*"):
        shutil.move(path, tmp_path / "elsewhere")
    found = read_classifier(tmp_path / "elsewhere" / "classifier.pkl").gallery
    assert np.mean(np.array(names_of(found, faces)) == truth) > 0.8


def damage(folder, how, place=0):
    path = stored(folder)
    data = bytearray(path.read_bytes())
    if how == "missing":
        path.unlink()
    elif how == "cut short":
        path.write_bytes(data[:-1])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "another one":
        path.write_bytes(bytes(len(data)))
    elif how == "a folder":
        path.unlink()
        path.mkdir()
    else:
        data[place % len(data)] ^= 1
        path.write_bytes(data)


@pytest.mark.parametrize("how", ["missing", "cut short", "empty", "another one", "a folder"])
def test_a_damaged_file_is_one_line_with_the_cure(few, how):
    folder, faces, _ = few
    name = stored(folder).name
    damage(folder, how)
    with pytest.raises(StoredError, match=r"run classifier\.py train again$") as error:
        read_classifier(folder / "classifier.pkl").gallery.identify(faces)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("place", [0, 1000, 30_000, 70_000, -10, -1])
def test_a_changed_bit_is_found_before_it_counts(few, place):
    folder, faces, _ = few
    damage(folder, "bit", place)
    with pytest.raises(StoredError, match="damaged, or not the one"):
        read_classifier(folder / "classifier.pkl").gallery.identify(faces)


def test_a_file_that_is_cut_while_it_is_read(few):
    """A process that had mapped it would die."""
    folder, faces, truth = few
    found = read_classifier(folder / "classifier.pkl").gallery
    assert np.mean(np.array(names_of(found, faces)) == truth) > 0.8
    os.truncate(stored(folder), 100)
    with pytest.raises(StoredError, match="damaged"):
        found.identify(faces)


VALUES = [-1, 1, 2**40, 2**70, 0.5, float("nan"), "x", None, [], {}, np.zeros(3), np.zeros(3, np.int64), [2**62, 4]]


def every_place(value, path=()):
    """The paths to all values in nested dicts."""
    if isinstance(value, dict):
        return [place for key in value for place in every_place(value[key], (*path, key))] + [path] * bool(path)
    return [path]


def test_hostile_records_never_crash(few):
    folder, faces, _ = few
    path = folder / "classifier.pkl"
    content = pickles.load(path)
    places = every_place({key: content[key] for key in ("arrays", "gallery")})
    refused = 0
    for place in places:
        for value in VALUES:
            changed = pickles.load(path)
            part = changed
            for key in place[:-1]:
                part = part[key]
            if type(part[place[-1]]) is type(value) and isinstance(value, str | dict):
                continue
            part[place[-1]] = value
            pickles.dump(changed, folder / "hostile.pkl")
            try:
                read_classifier(folder / "hostile.pkl").gallery.identify(faces[:2])
            except FacelineError as error:
                refused += 1
                assert "\n" not in str(error)
    assert refused > 0.8 * len(places) * len(VALUES)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scorer subjects", 10**6),
        ("scorer subjects", -1),
        ("scorer means", np.nan),
        ("scorer numbers", np.inf),
        ("scorer codes", 127),
        ("folders", 10**6),
        ("folder_stops", -5),
        ("stops", 2**60),
        ("embeddings", np.nan),
        ("people ends", -(2**60)),
        ("crops ends", 2**60),
        ("people", 255),
        ("persons", -1),
        ("subjects", 2**30),
    ],
)
def test_a_hostile_file_whose_checksums_are_right(few, name, value):
    folder, faces, _ = few
    content = pickles.load(folder / "classifier.pkl")
    arrays = {key: np.array(array[:]) for key, array in open_arrays(folder, content["arrays"]).items()}
    arrays[name][...] = value
    content["arrays"] = write_arrays(folder, arrays)
    pickles.dump(content, folder / "hostile.pkl")
    try:
        read_classifier(folder / "hostile.pkl").gallery.identify(faces, top=5)
    except FacelineError as error:
        assert "damaged" in str(error)
    else:
        assert name in ("scorer codes", "people", "persons", "subjects", "embeddings")


def test_texts_keep_their_bytes():
    texts = ["", "anna", "ü/ß", "caf\udce9", "", "日本"]
    stored = StoredTexts.of(texts)
    assert list(stored) == texts
    assert [stored[number] for number in range(-6, 6)] == texts + texts
    assert stored[1:4] == texts[1:4]
    with pytest.raises(IndexError):
        stored[6]
    with pytest.raises(FacelineError, match="damaged"):
        list(StoredTexts(stored.ends[::-1], stored.data))


def test_it_is_learnt_again_as_it_was_asked_for(few, gallery):
    """Also where the people are few again: the classifier that was asked for is remembered, not what became of it."""
    folder, _, _ = few
    model = read_classifier(folder / "classifier.pkl")
    assert options_of(model) == {"fpir": 0.01, "classifier": "Nearest", "lda_dim": None}
    assert options_of(replace(model, gallery=gallery))["classifier"] == "LinearSvm"


def test_nothing_of_it_is_left_where_it_is_removed(few):
    folder, _, _ = few
    shutil.copy(stored(folder), folder / "classifier-0123456789abcdef.people")
    (folder / ".classifier.people.part").write_bytes(b"half of it")
    (folder / "classifier-mine.people").write_bytes(b"no file of ours")
    remove_classifier(folder / "classifier.pkl")
    assert [path.name for path in folder.glob("*classifier*")] == ["classifier-mine.people"]


def test_lda_is_refused(few):
    folder, _, _ = few
    with pytest.raises(FacelineError, match="Nearest has not; leave it out"):
        train(folder, classifier="Nearest", lda_dim=3)


@pytest.fixture(scope="module")
def of_photographs(pipeline, tmp_path_factory):
    """What the pipeline made of photographs, learnt without SVMs by the command."""
    folder = tmp_path_factory.mktemp("photographs") / "embeddings"
    shutil.copytree(pipeline / "embeddings", folder)
    done = run_script(CLASSIFIER, "train", folder, "--classifier", "Nearest")
    assert done.returncode == 0, done.stderr
    return folder


def test_photographs_are_named(of_photographs, photographs):
    recognizer = Recognizer.load(of_photographs)
    gallery = recognizer.gallery
    assert isinstance(gallery, ManyPeople)
    for path, name in photographs.probes:
        (face,) = recognizer.faces(path, every=False)
        assert face.identity is not None
        assert face.identity.candidates[0].name == name
    asking = Asking(of_photographs)
    served = asking.recognizer().gallery
    assert served is not None
    assert list(served.people) == list(gallery.people)
    asking.close()


def test_the_command_says_what_is_wrong(of_photographs, photographs, tmp_path):
    path, name = photographs.probes[0]
    done = run_script(CLASSIFIER, "infer", of_photographs / "classifier.pkl", path)
    assert name in done.stdout
    shutil.copy(of_photographs / "classifier.pkl", tmp_path)
    done = run_script(CLASSIFIER, "infer", tmp_path / "classifier.pkl", path)
    assert done.returncode == 2
    assert "no such file, which belongs to classifier.pkl; put it back beside that" in done.stderr
    assert done.stderr.count("\n") == 1
