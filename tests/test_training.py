"""Learning people from the embeddings that stage 2 wrote."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import names

from faceline import align_folder, infer, represent_folder, train
from faceline.disk.people_paths import UNKNOWN
from faceline.disk.pictures.images import encode_png
from faceline.disk.reading import read_json
from faceline.disk.writing import write_json
from faceline.errors import FacelineError
from faceline.recognition.classifier_file import read_classifier


def gallery_of(folder, tmp_path):
    """Run all stages on a folder of people; the classifier's path."""
    align_folder(folder, tmp_path / "aligned", jobs=1)
    represent_folder(tmp_path / "aligned", tmp_path / "embeddings", jobs=1)
    return train(tmp_path / "embeddings").path


def test_one_person_with_one_picture(photographs, tmp_path):
    name = photographs.portrait.parent.name
    (tmp_path / "in" / name).mkdir(parents=True)
    shutil.copy(photographs.portrait, tmp_path / "in" / name)
    classifier = gallery_of(tmp_path / "in", tmp_path)
    probe = next(path for path, who in photographs.probes if who == name)
    assert [names(answer) for answer in infer([probe, photographs.stranger], classifier)] == [[name], [UNKNOWN]]


def test_nobody_is_learned_from_a_picture_without_a_face(tmp_path, portrait):
    for person, image in (("anna", portrait), ("anna", portrait * 0), ("bert", portrait[:, ::-1]), ("x", portrait * 0)):
        folder = tmp_path / "in" / person
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{len(list(folder.iterdir()))}.png").write_bytes(encode_png(np.ascontiguousarray(image)))
    options: dict[str, Any] = {"upsample": 0, "detector": "hog", "fallback": "centre", "jobs": 1}
    align_folder(tmp_path / "in", tmp_path / "aligned", **options)
    represent_folder(tmp_path / "aligned", tmp_path / "out", jobs=1)
    trained = train(tmp_path / "out")
    assert (trained.people, trained.embeddings, trained.left_out) == (2, 2, 2)
    assert str(trained).splitlines()[1] == "Left out: 2 of pictures without a face (fallback)."
    assert read_classifier(tmp_path / "out" / "classifier.pkl").gallery.crops == ["anna/0.png.png", "bert/0.png.png"]

    for person in ("anna", "bert"):
        (tmp_path / "in" / person / "0.png").unlink()
    align_folder(tmp_path / "in", tmp_path / "aligned", **options)
    represent_folder(tmp_path / "aligned", tmp_path / "out", jobs=1)
    with pytest.raises(FacelineError, match=r"out: no crop shows a face that was found; see manifest\.csv there"):
        train(tmp_path / "out")


def test_two_people_with_one_picture_each(photographs, tmp_path):
    name = photographs.portrait.parent.name
    for person, path in ((name, photographs.portrait), ('x/ other, "one"', photographs.stranger)):
        (tmp_path / "in" / person).mkdir(parents=True)
        shutil.copy(path, tmp_path / "in" / person)
    with pytest.raises(FacelineError, match="--ldaDim needs people with more than one picture; leave it out"):
        train(Path(gallery_of(tmp_path / "in", tmp_path)).parent, lda_dim=2)
    trained = train(tmp_path / "embeddings", fpir=1e-6, jobs=1)
    assert "name 0.0001 % of strangers" in str(trained)
    assert "(from a background, as there are too few to hold out)" in str(trained)
    classifier = train(tmp_path / "embeddings").path
    probe = next(path for path, who in photographs.probes if who == name)
    found = [names(answer) for answer in infer([probe, photographs.stranger], classifier)]
    assert found == [[name], ['x/ other, "one"']]


@pytest.mark.parametrize("jobs", [None, 1, 3])
def test_training_again_gives_the_same_bytes(pipeline, classifier, jobs):
    before = classifier.read_bytes()
    train(pipeline / "embeddings", jobs=jobs)
    assert classifier.read_bytes() == before


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda folder: shutil.rmtree(folder), "No such file or directory; run batch_represent first"),
        (
            lambda folder: (folder / "run.json").unlink(),
            "No such file or directory; run batch_represent, which writes it",
        ),
        (
            lambda folder: (folder / "reps.csv").write_text("1,2\n"),
            r"reps\.csv: line 1 has 2 numbers instead of 128; run",
        ),
        (
            lambda folder: (folder / "reps.csv").unlink(),
            r"reps\.csv: No such file or directory; run batch_represent again",
        ),
        (lambda folder: (folder / "labels.csv").write_text(""), "embeddings but 0 labels; run batch_represent again"),
        (
            lambda folder: write_json(
                folder / "run.json", read_json(folder / "run.json") | {"options": {"network": "x"}}
            ),
            "unknown network 'x'",
        ),
        (
            lambda folder: write_json(folder / "run.json", read_json(folder / "run.json") | {"counts": {"ok": 1000}}),
            "rows have been added, removed or changed",
        ),
        (lambda folder: write_json(folder / "run.json", {"options": []}), "lacks its stage"),
    ],
)
def test_train_distrusts_the_stage_before(pipeline, tmp_path, damage, complaint):
    folder = tmp_path / "embeddings"
    shutil.copytree(pipeline / "embeddings", folder)
    damage(folder)
    with pytest.raises(FacelineError, match=complaint) as caught:
        train(folder)
    assert "\n" not in str(caught.value)


def test_train_wants_the_labels_of_the_rows(pipeline, tmp_path):
    folder = tmp_path / "embeddings"
    shutil.copytree(pipeline / "embeddings", folder)
    lines = (folder / "labels.csv").read_text().splitlines()
    (folder / "labels.csv").write_text("\n".join(lines[::-1]) + "\n")
    with pytest.raises(FacelineError, match="do not tell of the same crops; run batch_represent again"):
        train(folder)


def test_nobody_may_be_called_unknown(photographs, tmp_path):
    (tmp_path / "in" / UNKNOWN).mkdir(parents=True)
    shutil.copy(photographs.portrait, tmp_path / "in" / UNKNOWN)
    with pytest.raises(FacelineError, match=r"nobody may be called unknown.*train --strangers"):
        gallery_of(tmp_path / "in", tmp_path)
