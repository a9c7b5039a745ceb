"""`annotate`: boxes, landmarks and names drawn on copies of photographs."""

import json
import re
import shutil

import numpy as np
import pytest
from conftest import CLASSIFIER, ROOT, run_script, tree
from PIL import Image

from faceline import Recognizer, annotate
from faceline.disk.pictures.images import decode_image
from faceline.report.drawing.points import draw_points

ANNOTATE = ROOT / "util" / "annotate-image.py"
INK, PAPER, DOT = (0, 0, 0), (255, 212, 0), (255, 255, 255)


@pytest.fixture
def album(tmp_path, encoded, photographs):
    """A folder to run in, with a photograph of a person, one without a face, and a damaged one."""
    (tmp_path / "photos é").mkdir()
    (tmp_path / "photos é" / "portrait.png").write_bytes(encoded("PNG"))
    Image.new("RGB", (120, 120), (90, 120, 90)).save(tmp_path / "photos é" / "meadow.png")
    (tmp_path / "photos é" / "broken.jpg").write_bytes(b"hello")
    return tmp_path


def answers(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_copies_of_all_that_can_be_read(album):
    before = tree(album / "photos é")
    done = run_script(ANNOTATE, "photos é", cwd=album)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("3 pictures: 1 no-face, 1 ok, 1 unreadable; 1 face; in ")
    broken, meadow, portrait = done.stdout.split("===\n")[1:]
    assert broken.startswith("Not a usable picture: not a picture.")
    assert meadow.startswith("No face found.\nWritten to annotated/meadow-annotated.png\n")
    place = r"  \d+ x \d+ pixels at x=\d+, y=\d+, hog \d\.\d\d"
    assert re.fullmatch(rf"Found 1 face\.\n{place}\nWritten to annotated/portrait-annotated.png\n", portrait)
    assert tree(album / "photos é") == before
    original, copy = (
        decode_image((album / name).read_bytes())
        for name in ("photos é/portrait.png", "annotated/portrait-annotated.png")
    )
    assert original.shape == copy.shape
    assert 0.005 < (original != copy).any(axis=2).mean() < 0.5
    assert (album / "annotated" / "meadow-annotated.png").exists()


def test_as_json_every_landmark_lies_on_its_face_and_is_drawn(album):
    """The corners of eyes and mouth are where those of the recognizer are."""
    done = run_script("-m", "faceline", "annotate", "photos é/portrait.png", "--json", "--save", "out", cwd=album)
    (answer,) = answers(done)
    (face,) = answer["faces"]
    points = np.array(face["landmarks"])
    assert points.shape == (68, 2)
    left, top, right, bottom = face["box"]
    inside = (points > (left, top)) & (points < (right, bottom))
    assert inside.all(axis=1).mean() > 0.7
    (same,) = Recognizer.load(threads=1).faces(album / "photos é" / "portrait.png")
    assert same.box_ltrb == tuple(face["box"])
    corners = same.landmarks[[2, 3, 1, 0, 4]]  # of the five-point predictor
    assert np.abs(points[[36, 39, 42, 45, 33]] - corners).max() < 0.1 * (right - left)
    copy = decode_image((album / answer["copy"]).read_bytes()).astype(int)
    light = [copy[round(y), round(x)].min() for x, y in points[17:]]  # those of the jaw may lie under the box
    assert np.mean(np.array(light) > 200) > 0.9
    page = (ROOT / "docs" / "fields.md").read_text().partition("## `annotate --json`")[2].partition("\n## ")[0]
    for name in [*answer, *face, "name", "confidence", "reason"]:
        assert f"`{name}`" in page, name


def test_names_are_those_of_infer(album, classifier, photographs):
    path, name = photographs.probes[0]
    done = run_script(ANNOTATE, "--json", classifier, path, cwd=album)
    (answer,) = answers(done)
    told = json.loads(run_script(CLASSIFIER, "infer", classifier, path, "--multi", "--json").stdout)
    for key in ("box", "name", "confidence", "turn"):
        assert [face[key] for face in answer["faces"]] == [face[key] for face in told["faces"]]
    assert name in {face["name"] for face in answer["faces"]}
    said = run_script(ANNOTATE, classifier.parent, path, cwd=album).stdout
    assert re.search(rf", hog \d\.\d\d: {name} with \d\.\d\d confidence\n", said)


def test_openface_s_word_makes_landmarks_stand_out(album):
    pictures = []
    for words in ([], ["outerEyesAndNose"], ["innerEyesAndBottomLip"]):
        done = run_script(ANNOTATE, "photos é/portrait.png", *words, "--json", cwd=album)
        (answer,) = answers(done)
        pictures.append(decode_image((album / answer["copy"]).read_bytes()))
    x, y = np.array(answer["faces"][0]["landmarks"]).round().astype(int).T
    for picture, outstanding in zip(pictures, ([], [36, 45, 33], [39, 42, 57]), strict=True):
        for point in (36, 45, 33, 39, 42, 57):
            is_paper = np.abs(picture[y[point], x[point]].astype(int) - PAPER).max() < 40
            assert is_paper == (point in outstanding), point


def test_every_face_from_left_to_right(faces, tmp_path):
    (picture,) = annotate(faces / "photos" / "longoria-cooper.jpg", tmp_path / "out")
    first, second = picture.faces
    assert first.box_ltrb[0] < second.box_ltrb[0]
    assert (tmp_path / "out" / "longoria-cooper-annotated.jpg").stat().st_size > 10_000


def test_a_picture_that_lies_on_its_side(album):
    with Image.open(album / "photos é" / "portrait.png") as image:
        image.transpose(Image.Transpose.ROTATE_90).save(album / "lying.png")
        width = image.width
    upright, lying = annotate([album / "photos é" / "portrait.png", album / "lying.png"], album / "out")
    (face,), (other,) = upright.faces, lying.faces
    assert (face.turn, other.turn) == (0, 90)
    back = np.column_stack([width - 1 - other.landmarks[:, 1], other.landmarks[:, 0]])
    assert np.abs(back - face.landmarks).max() < 0.1 * (face.box_ltrb[2] - face.box_ltrb[0])


def test_dots(tmp_path):
    canvas = np.full((60, 90, 3), 128, np.uint8)
    draw_points(canvas, np.array([(20, 30), (60.5, 30), (200, 30), (-5, -5)]), 200, {1})
    assert tuple(canvas[30, 20]) == DOT
    assert tuple(canvas[30, 60]) == tuple(canvas[30, 61]) == PAPER
    changed = (canvas != 128).any(axis=2)
    assert 9 < changed[:, :40].sum() < changed[:, 40:].sum() < 100


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        ([], 2, "the following arguments are required: picture"),
        (["outerEyesAndNose"], 2, "no picture named; "),
        (["gone.jpg"], 2, "gone.jpg: no such picture (1 in all); correct the path"),
        (["http://x.org/a.jpg"], 2, "http://x.org/a.jpg: a URL, and nothing is fetched from a network"),
        (["none.pkl", "photos é"], 2, "none.pkl: no such file"),
        (["photos é", "--detector", "foo"], 2, "argument --detector: invalid choice: 'foo'"),
        (["photos é", "--threshold", "-1"], 2, "threshold -1.0 is no distance"),
        (["photos é", "--upsample", "9"], 2, "upsample 9 is out of range"),
        (["photos é", "--save", ""], 2, "an empty path names nothing"),
        (["photos é", "--save", "file"], 2, "file: cannot be written"),
        (["photos é", "classifier.pkl", "--detector", "hog"], 2, "the detector is the classifier's"),
    ],
)
def test_a_mistake_takes_one_line(album, classifier, arguments, status, complaint):
    (album / "file").touch()
    shutil.copy(classifier, album / "classifier.pkl")
    done = run_script(ANNOTATE, *arguments, cwd=album)
    assert (done.returncode, done.stderr.count("\n")) == (status, 1)
    assert complaint in done.stderr


def test_no_picture_that_can_be_read(album):
    done = run_script(ANNOTATE, "photos é/broken.jpg", cwd=album)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == "=== photos é/broken.jpg ===\nNot a usable picture: not a picture.\n"
    assert not list((album / "annotated").iterdir())
