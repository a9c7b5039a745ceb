"""Weights of several networks that are learnt from a gallery."""

import shutil

import numpy as np
import pytest
from conftest import drawn, run_script

from faceline import align_folder, infer, represent_folder, train
from faceline.evaluation import identify
from faceline.people.part_weights import learnt_weights, weights_for
from faceline.recognition.classifier_file import read_classifier

BOTH = "dlib+mobilefacenet"


def test_a_part_that_is_noise_counts_little():
    telling, labels = drawn(100, 4)
    noise = np.random.default_rng(0).normal(size=telling.shape).astype(np.float32)
    weights = learnt_weights(np.concatenate([telling, noise], axis=1), labels, [128, 128])
    assert weights.sum() == pytest.approx(1)
    assert weights[0] > 0.8
    assert (weights >= 0).all()


def test_parts_that_tell_as_much_count_alike_and_few_people_change_little():
    one, labels = drawn(100, 4)
    two, _ = drawn(100, 4, seed=1)
    embeddings = np.concatenate([one, two], axis=1)
    assert learnt_weights(embeddings, labels, [128, 128]) == pytest.approx([0.5, 0.5], abs=0.08)
    noise = np.random.default_rng(0).normal(size=one.shape).astype(np.float32)
    embeddings = np.concatenate([one, noise], axis=1)
    many, few = (learnt_weights(embeddings[:rows], labels[:rows], [128, 128])[0] for rows in (400, 40))
    assert 0.5 < few < many


@pytest.fixture(scope="module")
def gallery(faces, mobilefacenet, tmp_path_factory):
    """44 people of LFW with two pictures each, by both networks."""
    folder = tmp_path_factory.mktemp("weights")
    known = (faces / "lfw-dev-known.txt").read_text().split()[::4][:44]
    for name in known:
        for path in sorted((faces / "lfw-dev" / name).glob("*.jpg"))[:2]:
            (folder / "in" / name).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / "in" / name)
    align_folder(folder / "in", folder / "aligned", network=BOTH, upsample=0)
    represent_folder(folder / "aligned", folder / "embeddings", network=BOTH)
    return folder


def test_train_learns_the_weights_and_says_so(gallery, tmp_path):
    done = run_script("demos/classifier.py", "train", gallery / "embeddings")
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("Weights"))
    model = read_classifier(gallery / "embeddings/classifier.pkl").gallery
    weights = weights_for(model.factors, [0.5, 0.5], [128, 128])
    said = ", ".join(f"{name} {weight:.2f}" for name, weight in zip(BOTH.split("+"), weights, strict=True))
    assert line == f"Weights of the networks, learnt from these people: {said}."
    assert sum(weights) == pytest.approx(1)
    assert weights != pytest.approx([0.5, 0.5])
    # The parts of the embeddings that are compared weigh so much.
    lengths = np.square(model.embeddings.reshape(-1, 2, 128)).sum(axis=2)
    assert lengths / lengths.sum(axis=1, keepdims=True) == pytest.approx(np.tile(weights, (len(lengths), 1)))
    person = sorted((gallery / "in").iterdir())[7]
    (answer,) = infer(sorted(person.iterdir())[0], gallery / "embeddings")
    assert answer.faces[0].identity.name == person.name
    assert answer.faces[0].identity.candidates[0].distance < 0.02  # the picture is enrolled

    found = identify(gallery / "embeddings", enrolled=1, draws=1, output_dir=tmp_path / "out")
    assert found.closed["LinearSvm"][0].mean > 0.9


def test_few_people_leave_the_weights_as_they_are(gallery, tmp_path):
    for person in sorted((gallery / "in").iterdir())[:10]:
        shutil.copytree(person, tmp_path / "in" / person.name)
    align_folder(tmp_path / "in", tmp_path / "aligned", network=BOTH, upsample=0)
    represent_folder(tmp_path / "aligned", tmp_path / "embeddings", network=BOTH)
    trained = train(tmp_path / "embeddings", jobs=1)
    assert (
        "Weights of the networks: dlib 0.50, mobilefacenet 0.50; to learn them takes 40 people with several pictures.\n"
        in str(trained)
    )
    assert read_classifier(tmp_path / "embeddings/classifier.pkl").gallery.factors == pytest.approx(1)
