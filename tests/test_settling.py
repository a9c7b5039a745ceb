"""Pictures that show several people: which face is their person's."""

import csv
import shutil

import numpy as np
import pytest
from conftest import ALIGN, CLASSIFIER, REPRESENT, run_script, tree
from PIL import Image

from faceline import align_folder, represent_folder
from faceline.disk.crop_embeddings import read_crop_embeddings
from faceline.disk.embeddings import read_embeddings
from faceline.disk.names import CROP_EMBEDDINGS_FILE
from faceline.disk.run_records import read_record
from faceline.networks.table import NETWORKS
from faceline.people.agreement import choose_faces, disagreeing
from faceline.people.scoring import unit
from faceline.stages.settling import NOT_LIKE, OTHER_FACE

NETWORK = NETWORKS["dlib"]


def rows_of(aligned):
    with (aligned / "manifest.csv").open(newline="") as file:
        return {row["image"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def shared_photographs(faces, tmp_path_factory):
    """Two photographs of two known people each, in both people's folders; a picture of Biden in Obama's."""
    folder = tmp_path_factory.mktemp("shared")
    people = folder / "people"
    shutil.copytree(faces / "known-people" / "train", people)
    test = faces / "known-people" / "test"
    for name, owners in (
        ("obama_and_biden.jpg", ("obama", "biden")),
        ("kit_with_rose.jpg", ("kit_harington", "rose_leslie")),
    ):
        for owner in owners:
            shutil.copy(test / name, people / owner)
    shutil.copy(faces / "photos" / "biden.jpg", people / "obama" / "wrong.jpg")
    align_folder(people, folder / "aligned")
    return folder


def test_the_face_is_taken_that_the_person_s_other_pictures_show(shared_photographs):
    rows = rows_of(shared_photographs / "aligned")
    reasons = {image: row["reason"] for image, row in rows.items() if row["reason"]}
    # The main faces are Biden's and Kit Harington's.
    assert reasons == {
        "obama/obama_and_biden.jpg": OTHER_FACE,
        "rose_leslie/kit_with_rose.jpg": OTHER_FACE,
        "obama/wrong.jpg": NOT_LIKE,
    }
    assert all(row["status"] == "ok" for row in rows.values())
    left = {owner: int(rows[f"{owner}/obama_and_biden.jpg"]["left"]) for owner in ("obama", "biden")}
    assert left["obama"] > left["biden"] + 300
    assert rows["obama/obama_and_biden.jpg"]["faces"] == rows["biden/obama_and_biden.jpg"]["faces"]


def test_what_is_chosen_depends_on_the_pictures_alone(shared_photographs, tmp_path):
    """Run again, in steps, after a picture went and came back, and by several processes: always the same bytes."""
    people, aligned = shared_photographs / "people", shared_photographs / "aligned"
    summary = align_folder(people, aligned)
    assert (summary.done, summary.kept) == (0, 14)
    shutil.copytree(people, tmp_path / "people")
    away = tmp_path / "away.jpg"
    for name in ("obama/obama.jpg", "obama/obama_and_biden.jpg", "rose_leslie/img1.jpg"):
        (tmp_path / "people" / name).rename(away)
        align_folder(tmp_path / "people", tmp_path / "aligned", jobs=1)
        away.rename(tmp_path / "people" / name)
    align_folder(tmp_path / "people", tmp_path / "aligned", jobs=2)
    assert tree(tmp_path / "aligned") == tree(aligned)


def test_stage_2_takes_what_stage_1_has_embedded(shared_photographs, tmp_path):
    aligned = shared_photographs / "aligned"
    given = read_crop_embeddings(aligned, NETWORK.sha256, 128, read_record(aligned))
    rows = rows_of(aligned)
    assert given.keys() == {row["crop_sha256"] for row in rows.values() if row["person"] != "alex_lacamoire"}
    represent_folder(aligned, tmp_path / "with")
    embeddings, crops = read_embeddings(tmp_path / "with", 128)
    by_crop = {row["crop"]: row["crop_sha256"] for row in rows.values()}
    for embedding, crop in zip(embeddings, crops, strict=True):
        assert np.array_equal(embedding, given.get(by_crop[crop], embedding))
    shutil.copytree(aligned, tmp_path / "aligned")
    for content in (None, b"", b"forged"):  # without the file, or with another one, all is computed
        (tmp_path / "aligned" / CROP_EMBEDDINGS_FILE).unlink()
        if content is not None:
            (tmp_path / "aligned" / CROP_EMBEDDINGS_FILE).write_bytes(content)
        assert read_crop_embeddings(tmp_path / "aligned", NETWORK.sha256, 128, read_record(aligned)) == {}
        if content is None:
            represent_folder(tmp_path / "aligned", tmp_path / "without")
            assert (tmp_path / "without" / "reps.csv").read_bytes() == (tmp_path / "with" / "reps.csv").read_bytes()
            (tmp_path / "aligned" / CROP_EMBEDDINGS_FILE).write_bytes(b"")
    align_folder(shared_photographs / "people", tmp_path / "aligned")
    assert (tmp_path / "aligned" / CROP_EMBEDDINGS_FILE).read_bytes() == (aligned / CROP_EMBEDDINGS_FILE).read_bytes()


def test_commands_say_what_they_found(shared_photographs, faces, tmp_path):
    """All of it as a user types it: wrong pictures, doubles, distinct people, strangers."""
    people, test = tmp_path / "people", faces / "known-people" / "test"
    shutil.copytree(shared_photographs / "people", people)
    (people / "Obama" / "2018").mkdir(parents=True)
    shutil.copy(faces / "photos" / "obama3.jpg", people / "Obama" / "2018")
    aligned, embeddings = tmp_path / "aligned", tmp_path / "embeddings"
    shutil.copytree(shared_photographs / "aligned", aligned)
    done = run_script(ALIGN, people, "align", "outerEyesAndNose", aligned, "--size", 96)
    assert done.returncode == 0, done.stderr
    assert (
        "Not the main face, but the one that the person's other pictures show: obama/obama_and_biden.jpg" in done.stdout
    )
    assert "Not like the person's other pictures, look at these: obama/wrong.jpg." in done.stdout
    assert run_script(REPRESENT, "-outDir", embeddings, "-data", aligned).returncode == 0
    assert len((embeddings / "reps.csv").read_text().splitlines()) == 15
    trained = run_script(CLASSIFIER, "train", embeddings)
    assert "Learned 6 people from 15 embeddings." in trained.stdout
    assert "Look at: Obama and obama are probably one person (" in trained.stdout
    assert "train --distinct 'Obama' 'obama'" in trained.stdout
    assert "Look at: obama/wrong.jpg.png is nearer to biden than to obama (" in trained.stdout

    pictures = [tmp_path / name for name in ("both.jpg", "kit_with_rose.jpg", "obama3.jpg")]
    for source, copy in zip(
        (test / "obama_and_biden.jpg", test / "kit_with_rose.jpg", faces / "photos" / "obama3.jpg"),
        pictures,
        strict=True,
    ):
        with Image.open(source) as picture:
            picture.thumbnail((1000, 1000))
            picture.save(copy, quality=95)

    def named():
        done = run_script(CLASSIFIER, "infer", embeddings, *pictures, "--multi")
        assert done.returncode == 0, done.stderr
        return [line for line in done.stdout.splitlines() if not line.startswith("===")]

    def person(line):
        return line.split(" @ ")[0].removeprefix("Predict ")

    lines = named()
    assert [person(line) for line in lines if line.startswith("Predict")][:5] == [
        *("biden", "obama", "unknown", "rose_leslie", "kit_harington")
    ]
    assert next(line for line in lines if line.startswith("  same as")) == "  same as: Obama"
    assert len([line for line in lines if line.startswith("  same as")]) == 2

    trained = run_script(CLASSIFIER, "train", embeddings, "--distinct", "Obama", "obama")
    assert trained.returncode == 0
    assert "one person" not in trained.stdout
    assert (embeddings / "distinct.csv").read_text() == "Obama,obama\n"
    assert "one person" not in run_script(CLASSIFIER, "train", embeddings).stdout  # remembered
    lines = named()
    assert not [line for line in lines if line.startswith("  same as")]
    assert person(lines[-1]) == "Obama"

    wrong = run_script(CLASSIFIER, "train", embeddings, "--distinct", "Obama", "obma")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "nobody is called 'obma'" in wrong.stderr

    strangers = tmp_path / "strangers"
    (strangers / "nobody").mkdir(parents=True)
    for name in ("adams", "carell", "clapton-1", "lennon-1", "obama"):
        shutil.copy(faces / "photos" / f"{name}.jpg", strangers / "nobody")
    align_folder(strangers, tmp_path / "strangers-aligned")
    represent_folder(tmp_path / "strangers-aligned", tmp_path / "strangers-embeddings")
    trained = run_script(CLASSIFIER, "train", embeddings, "--strangers", tmp_path / "strangers-embeddings")
    assert trained.returncode == 0, trained.stderr
    assert "nobody/obama.jpg.png of the strangers looks like Obama (" in trained.stdout
    assert "adams" not in trained.stdout
    for folder, complaint in ((embeddings, "is the gallery itself"), (tmp_path / "none", "No such file or directory")):
        done = run_script(CLASSIFIER, "train", embeddings, "--strangers", folder)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert complaint in done.stderr


def faces_of(lfw, people, counts):
    """For each count a picture with so many faces: its own person's, `people[0]`, stands last."""
    own = lfw.rows(people[0])
    pictures = []
    for number, count in enumerate(counts):
        others = [lfw.rows(name)[number % len(lfw.rows(name))] for name in people[1:count]]
        pictures.append(unit(lfw.embeddings[[*others, own[number]]]))
    return pictures


def test_the_face_that_is_in_most_pictures(lfw):
    people = [name for name in np.unique(lfw.names) if len(lfw.rows(name)) >= 5][:4]
    scale = NETWORK.metric.as_cosine(NETWORK.threshold, lfw.embeddings)
    chosen, support = choose_faces(faces_of(lfw, people, [1, 3, 1, 2, 1]), scale)
    assert chosen == [0, 2, 0, 1, 0]
    assert (support > -1).all()
    # Alone, or all of different people: the main faces stay.
    alone = [unit(lfw.embeddings[lfw.rows(name)[:1]]) for name in people]
    chosen, support = choose_faces(alone, scale)
    assert chosen == [0, 0, 0, 0]
    assert (support < -1).all()


def test_many_pictures_of_one_person(lfw):
    """Each face is compared with some of the others: with all of them, this would take ten minutes."""
    person = max(np.unique(lfw.names), key=lambda name: len(lfw.rows(name)))
    generator = np.random.default_rng(0)
    own = lfw.embeddings[generator.choice(lfw.rows(person), 3000)] + generator.normal(0, 0.01, (3000, 128))
    others = lfw.embeddings[generator.choice(len(lfw.names), 3000)]
    swapped = np.arange(0, 3000, 10)
    faces = [unit(np.stack(pair).astype(np.float32)) for pair in zip(own, others, strict=True)]
    for picture in swapped:
        faces[picture] = faces[picture][::-1]
    chosen, _ = choose_faces(faces, NETWORK.metric.as_cosine(NETWORK.threshold, lfw.embeddings))
    assert np.mean(np.array(chosen)[swapped] == 1) > 0.95
    assert np.mean(np.delete(chosen, swapped) == 0) > 0.99


def test_main_faces_that_disagree(lfw):
    """Only those are looked at closer; a heap of strangers, of whom no two agree, is not."""
    person, *others = sorted(np.unique(lfw.names), key=lambda name: -len(lfw.rows(name)))
    own = unit(lfw.embeddings[lfw.rows(person)])
    strangers = unit(np.stack([lfw.embeddings[lfw.rows(name)[0]] for name in others[:12]]))
    scale = NETWORK.metric.as_cosine(NETWORK.threshold, lfw.embeddings)
    assert disagreeing(np.concatenate([own[:5], strangers[:2]]), scale).tolist() == [False] * 5 + [True] * 2
    assert disagreeing(np.concatenate([own[:1], strangers[:1]]), scale).all()
    assert not disagreeing(strangers, scale).any()
    assert disagreeing(np.concatenate([own[:2], strangers]), scale)[2:].all()


def test_a_face_that_the_others_chose_goes_with_them(shared_photographs, tmp_path):
    """The only picture that is left of a person shows the main face again, as if the others had never been there."""
    (tmp_path / "people").mkdir()
    for name in ("obama", "rose_leslie"):
        shutil.copytree(shared_photographs / "people" / name, tmp_path / "people" / name)
    align_folder(tmp_path / "people", tmp_path / "aligned")
    assert rows_of(tmp_path / "aligned")["rose_leslie/kit_with_rose.jpg"]["reason"] == OTHER_FACE
    for path in (tmp_path / "people").glob("*/*.jpg"):
        if path.name not in ("kit_with_rose.jpg", "wrong.jpg"):
            path.unlink()
    align_folder(tmp_path / "people", tmp_path / "aligned")
    align_folder(tmp_path / "people", tmp_path / "fresh")
    assert tree(tmp_path / "aligned") == tree(tmp_path / "fresh")
    assert {row["reason"] for row in rows_of(tmp_path / "aligned").values()} == {""}
