"""Pictures that lie on their side or upside down."""

import csv
import json

import numpy as np
import pytest
from conftest import names
from PIL import Image

from faceline import align_folder, infer
from faceline.disk.manifests import read_manifest
from faceline.disk.pictures.boxes import TURNS, turned
from faceline.disk.pictures.images import decode_image, encode_png
from faceline.disk.rows import PictureRow
from faceline.faces.aligner import Aligner
from faceline.faces.options import AlignmentOptions
from faceline.networks.runtime import Runtime

ALIGNER = Aligner(AlignmentOptions(), Runtime())


def shown(picture, face):
    left, top, right, bottom = face.visible_box(picture)
    return picture[top:bottom, left:right]


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("detector", ["hog", "cnn", "auto"])
def test_a_turned_picture_gives_the_crop_of_the_upright_one(portrait, detector, turn):
    aligner = Aligner(AlignmentOptions(detector=detector, upsample=0), Runtime())
    (upright,) = aligner.find(portrait)
    picture = turned(portrait, -turn % 360)
    (face,) = aligner.find(picture)
    assert (upright.turn, face.turn) == (0, turn)
    assert np.array_equal(aligner.crop(picture, face), aligner.crop(portrait, upright))
    seen = turned(shown(picture, face), turn)  # the box is where the face is in the picture as it lies there
    assert np.array_equal(seen, shown(portrait, upright))


@pytest.fixture(scope="module")
def lying(photographs, tmp_path_factory):
    """Photographs of known people, turned, with who they show and how they have to be turned back."""
    folder = tmp_path_factory.mktemp("lying")
    pictures = []
    for (path, name), turn in zip(photographs.probes, (270, 180, 90, 90), strict=False):
        picture = folder / f"{turn}-{path.stem}.png"
        picture.write_bytes(encode_png(turned(decode_image(path.read_bytes()), -turn % 360)))
        pictures.append((picture, name, turn))
    return pictures


def test_people_who_lie_are_named(lying, photographs, classifier, tmp_path):
    upright = list(infer([path for path, _ in photographs.probes], classifier))
    answers = list(infer([path for path, _, _ in lying], classifier, save_dir=tmp_path))
    for answer, before, (path, name, turn) in zip(answers, upright, lying, strict=True):
        assert names(answer) == [name]
        (face,) = json.loads(answer.to_json())["faces"]
        (expected,) = json.loads(before.to_json())["faces"]
        assert (face["turn"], expected["turn"]) == (turn, 0)
        assert face | {"box": None, "turn": None} == expected | {"box": None, "turn": None}
        assert str(answer).split("\n")[1:] == str(before).split("\n")[1:]
        # The mark is where the face is: along the upper edge of the box.
        marked = np.array(Image.open(tmp_path / f"{path.stem}-faces.png"))
        left, top, right, _ = face["box"]
        assert (marked[top, left:right] == marked[top, left]).all()


def test_the_table_says_how_a_picture_was_turned(lying, photographs, tmp_path):
    paths = [(name, path) for path, name, _ in lying] + [(name, path) for path, name in photographs.probes]
    for name, path in paths:
        (tmp_path / "in" / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name / path.name).symlink_to(path)
    align_folder(tmp_path / "in", tmp_path / "out", jobs=1)
    with (tmp_path / "out" / "manifest.csv").open() as file:
        table = {row["image"]: row for row in csv.DictReader(file)}
    for (path, name, turn), (before, _) in zip(lying, photographs.probes, strict=True):
        row, upright = table[f"{name}/{path.name}"], table[f"{name}/{before.name}"]
        assert (row["status"], row["turn"], upright["turn"]) == ("ok", str(turn), "0")
        assert row["crop_sha256"] == upright["crop_sha256"]
        with Image.open(path) as picture:
            assert 0 <= int(row["left"]) < int(row["right"]) <= picture.width
            assert 0 <= int(row["top"]) < int(row["bottom"]) <= picture.height
    assert all(type(row.turn) is int for row in read_manifest(tmp_path / "out" / "manifest.csv", PictureRow))


@pytest.mark.parametrize("turn", [180, 270])  # turned by 90 degrees, a small man on a box in the background is upright
def test_dogs_are_no_people_however_they_lie(faces, turn):
    picture = decode_image((faces / "groups" / "dogs.jpg").read_bytes())
    assert ALIGNER.find(turned(picture, turn)) == []


def test_what_hardly_looks_like_a_face_gives_way_to_one_that_lies(faces):
    """Turned, the pattern of a dress is a face to HOG, which scores 0.09."""
    picture = decode_image((faces / "photos" / "adams.jpg").read_bytes())
    (face,) = ALIGNER.find(turned(picture, 270))
    assert face.turn == 90
