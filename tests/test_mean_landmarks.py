"""`mean_landmarks`: where landmarks lie on average, as OpenFace's `computeMean` gave them."""

import shutil

import numpy as np
import pytest
from conftest import ALIGN, run_script
from PIL import Image

from faceline import mean_landmarks
from faceline.cli.align_dlib import command_for

# From OpenFace's table, in its align_dlib.py: the corners of the eyes and of the mouth, the nose and the chin.
OPENFACE = {
    8: (0.5318, 1.0608),
    33: (0.5207, 0.6343),
    36: (0.2524, 0.3311),
    39: (0.4037, 0.3387),
    42: (0.6313, 0.3341),
    45: (0.7829, 0.3213),
    48: (0.3532, 0.7462),
    54: (0.6995, 0.7394),
}


@pytest.fixture(scope="module")
def photos(faces, tmp_path_factory):
    """40 photographs of LFW, one without a face, a damaged one, and one that lies on its side."""
    folder = tmp_path_factory.mktemp("some photos é") / "photos"
    folder.mkdir()
    people = [path for path in sorted((faces / "lfw-dev").iterdir()) if path.is_dir()]
    for person in people[:40]:
        shutil.copy(min(person.iterdir()), folder)
    Image.new("RGB", (200, 200), (90, 120, 90)).save(folder / "meadow.png")
    (folder / "broken.jpg").write_bytes(b"hello")
    (folder / "notes.txt").touch()
    return folder


def table(path):
    return np.loadtxt(path, delimiter=",")


def test_openface_s_command(photos, tmp_path):
    done = run_script(ALIGN, photos, "computeMean", tmp_path / "out é")
    assert (done.returncode, done.stderr) == (0, "")
    counts, what, unread, ignored, written = done.stdout.splitlines()
    assert counts.startswith("42 pictures: 1 no-face, 40 ok, 1 unreadable; in ")
    assert what == "Mean and deviation of 68 landmarks, in widths and heights of the face's box."
    assert unread == f"Not read: {photos}/broken.jpg (not a picture)."
    assert ignored == "Left aside, no pictures by their names: 1 .txt."
    assert written == f"Written to {tmp_path / 'out é'}/mean.csv and std.csv"
    mean, std = table(tmp_path / "out é" / "mean.csv"), table(tmp_path / "out é" / "std.csv")
    assert mean.shape == std.shape == (68, 2)
    assert (std > 0.01).all()
    assert (std < 0.15).all()
    # Its detector's boxes lay a little otherwise: all points are moved alike.
    offsets = np.array([mean[point] - place for point, place in OPENFACE.items()])
    assert np.abs(offsets).max() < 0.08
    assert np.abs(offsets - offsets.mean(axis=0)).max() < 0.03


def test_the_command_the_function_and_five_points(photos, tmp_path):
    done = run_script("-m", "faceline", "mean-landmarks", photos, "--landmark-model", "5", cwd=tmp_path)
    assert done.stdout.endswith("Written to mean-landmarks/mean.csv and std.csv\n")
    found = mean_landmarks(photos, tmp_path / "other", landmark_model=5, jobs=1)
    assert np.allclose(table(tmp_path / "mean-landmarks" / "mean.csv"), found.mean, atol=1e-8)
    assert found.mean.shape == (5, 2)


def test_numimages_draws_the_same_pictures_each_time(photos, tmp_path):
    found = [mean_landmarks(photos, tmp_path / name, num_images=7, jobs=1) for name in "ab"]
    assert sum(found[0].counts.values()) == 7
    assert np.array_equal(found[0].mean, found[1].mean)


def test_a_picture_that_lies_on_its_side_counts_as_upright(faces, tmp_path):
    path = faces / "photos" / "obama3.jpg"
    for name, turn in (("upright", None), ("lying", Image.Transpose.ROTATE_90)):
        (tmp_path / name).mkdir()
        with Image.open(path) as image:
            (image if turn is None else image.transpose(turn)).save(tmp_path / name / "a.png")
    upright, lying = (mean_landmarks(tmp_path / name, tmp_path / "out", jobs=1).mean for name in ("upright", "lying"))
    assert np.abs(upright - lying).max() < 0.05


def test_the_word_is_the_command_s_where_it_stands_second():
    for words, name in (
        (["in", "computeMean"], "mean_landmarks"),
        (["in", "--jobs", "1", "computeMean", "out"], "mean_landmarks"),
        (["in", "align", "computeMean"], "align_dlib"),
        (["in", "outerEyesAndNose", "computeMean"], "align_dlib"),
        (["computeMean", "out"], "align_dlib"),
        (["in", "align", "outerEyesAndNose", "./computeMean"], "align_dlib"),
        ([], "align_dlib"),
    ):
        assert command_for(words).__name__ == f"faceline.cli.{name}", words


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["none", "computeMean"], "none: No such file or directory; name a folder of photographs"),
        (["empty", "computeMean"], "empty: no pictures; name a folder of photographs of people"),
        (["bare", "computeMean"], "bare: no face in 1 picture; name a folder of photographs of people"),
        (["bare", "computeMean", "a", "b"], "unrecognized arguments: b"),
        (["bare", "computeMean", "--size", "96"], "unrecognized arguments: --size 96"),
        (["bare", "computeMean", "--numImages", "-1"], "number of images -1 is out of range"),
        (["bare", "computeMean", "--detector", "foo"], "argument --detector: invalid choice: 'foo'"),
        (["bare", "align"], "the following arguments are required: output"),
    ],
)
def test_a_mistake_takes_one_line(tmp_path, arguments, complaint):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bare").mkdir()
    Image.new("RGB", (120, 120), (90, 120, 90)).save(tmp_path / "bare" / "meadow.png")
    done = run_script(ALIGN, *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert complaint in done.stderr
    assert not (tmp_path / "mean-landmarks").exists()


def test_where_it_is_a_command_of_its_own(tmp_path):
    done = run_script("-m", "faceline", "align", "in", "computeMean", cwd=tmp_path)
    assert done.returncode == 2
    assert "computeMean is a command of its own, mean-landmarks; a folder of that name is ./computeMean" in done.stderr
