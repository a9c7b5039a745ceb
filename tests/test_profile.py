"""`profile`: where the time goes between a photograph and its names."""

import json
import re

import pytest
from conftest import ROOT, run_script
from PIL import Image

from faceline import profile

PROFILE = ROOT / "util" / "profile-pipeline.py"
STEPS = ["read", "detect", "landmarks", "crop", "embed", "name", "all"]


@pytest.fixture
def album(tmp_path, encoded, classifier):
    """A folder to run in, with two small photographs of a person, one without a face, and a damaged one."""
    (tmp_path / "photos é").mkdir()
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "photos é" / name).write_bytes(encoded("JPEG"))
    Image.new("RGB", (120, 120), (90, 120, 90)).save(tmp_path / "photos é" / "meadow.png")
    (tmp_path / "photos é" / "broken.jpg").write_bytes(b"hello")
    return tmp_path


def test_a_table_of_all_steps(album, classifier):
    done = run_script(PROFILE, classifier, "photos é", "--numIters", "2", cwd=album)
    assert (done.returncode, done.stderr) == (0, "")
    head, columns, *rows, first, bare, unread = done.stdout.splitlines()
    assert re.fullmatch(r"3 pictures, 2 faces, 2 rounds; dlib by onnx, cpu, \d+ threads?\.", head)
    assert columns == "ms a picture  median  9 of 10 below"
    assert [row.split()[0] for row in rows] == STEPS
    assert all(re.fullmatch(r"\w+ +\d+\.\d +\d+\.\d", row) for row in rows)
    assert re.fullmatch(r"Loading, and the first picture: \d+ ms\.", first)
    assert bare == "No face in 1 picture: photos é/meadow.png."
    assert unread == "Not read: photos é/broken.jpg (not a picture)."


def test_as_json_without_a_classifier(album):
    command = ["-m", "faceline", "profile", "--json", "photos é/a.jpg", "--num-iters", "3", "--threads", "1"]
    found = json.loads(run_script(*command, cwd=album).stdout)
    assert list(found["steps"]) == [step for step in STEPS if step != "name"]
    assert (found["pictures"], found["faces"], found["rounds"], found["threads"]) == (1, 1, 3, 1)
    assert all(step["count"] == 3 and 0 < step["median_ms"] <= step["p90_ms"] for step in found["steps"].values())
    page = (ROOT / "docs" / "fields.md").read_text().partition("## `profile --json`")[2].partition("\n## ")[0]
    for name in [*found, *found["steps"]["read"]]:
        assert f"`{name}`" in page, name


def test_what_is_measured_is_what_names_people(album, classifier):
    """A step that was counted twice, or within another, would show: all of them are parts of the whole."""
    found = profile(str(album / "photos é" / "a.jpg"), classifier, num_iters=5)
    times = found.milliseconds
    parts = sum(times[name] for name in STEPS[:-1])
    assert (parts <= times["all"]).all()
    assert all((times[name] > 0).all() for name in STEPS)


def test_every_face_of_a_photograph(faces):
    two = faces / "photos" / "longoria-cooper.jpg"
    assert profile(two, num_iters=1).faces == 1
    assert profile(two, multi=True, num_iters=1).faces == 2


def test_a_link_that_leads_nowhere_is_told_and_left(album):
    (album / "photos é" / "gone.jpg").symlink_to(album / "nowhere.jpg")
    try:
        found = profile(album / "photos é", num_iters=1)
    finally:
        (album / "photos é" / "gone.jpg").unlink()
    assert any("gone.jpg (" in one for one in found.unreadable)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "the following arguments are required: picture"),
        (["gone.jpg"], "gone.jpg: no such picture; correct the path"),
        (["photos é/a.jpg", "gone.jpg"], "gone.jpg: no such picture; correct the path"),
        (["empty"], "empty: no picture in this folder"),
        (["http://x.org/a.jpg"], "http://x.org/a.jpg: a URL, and nothing is fetched from a network"),
        (["photos é/broken.jpg"], "no picture could be read: photos é/broken.jpg (not a picture)"),
        (["none.pkl"], "no picture named; "),
        (["none.pkl", "photos é/a.jpg"], "none.pkl: no such file"),
        (["photos é/a.jpg", "--numIters", "0"], "number of iterations 0 is out of range; choose 1 or more"),
        (["photos é/a.jpg", "--threads", "0"], "threads 0 is out of range; choose 1 or more"),
        (["photos é/a.jpg", "--network", "vgg"], "unknown network 'vgg'; choose from"),
    ],
)
def test_a_mistake_takes_one_line(album, arguments, complaint):
    (album / "empty").mkdir()
    done = run_script(PROFILE, *arguments, cwd=album)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert complaint in done.stderr
