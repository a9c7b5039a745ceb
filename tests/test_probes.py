"""Which photographs and which classifier are meant by what a user names."""

import os
import shutil

import pytest

from faceline.errors import FacelineError
from faceline.stages.classifier_paths import split_classifier
from faceline.stages.probes import list_probes, misfit


@pytest.fixture
def album(tmp_path, monkeypatch):
    """A folder of photographs, by their names at least, in which the test runs."""
    for name in (
        *("photos/b.JPG", "photos/a.png", "photos/notes.txt", "photos/clip.mp4", "photos/.hidden.jpg"),
        *("photos/2019/c.jpg", "photos/2019/d e.heic", "photos/@eaDir/a.png/thumb.jpg", "photos/.thumbnails/a.jpg"),
        *("photos [1]/f.jpg", "photos1/g.jpg", "photos/list.dat", "empty/readme"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


INSIDE = ["photos/2019/c.jpg", "photos/2019/d e.heic", "photos/a.png", "photos/b.JPG"]


@pytest.mark.parametrize(
    ("named", "paths"),
    [
        (["photos"], INSIDE),
        (["photos/"], INSIDE),
        (["./photos", "photos/a.png"], [f"./{path}" for path in INSIDE] + ["photos/a.png"]),
        (["photos/@eaDir"], ["photos/@eaDir/a.png/thumb.jpg"]),
        (["photos/*"], INSIDE),
        (["photos/*.png", "photos/*.JPG"], ["photos/a.png", "photos/b.JPG"]),
        (["photos/**/*.jpg"], ["photos/2019/c.jpg"]),
        (["photos/**"], INSIDE),
        (["**/201?"], INSIDE[:2]),
        (["*/*.jpg"], ["photos [1]/f.jpg", "photos1/g.jpg"]),
        (["**/[fg].jpg"], ["photos [1]/f.jpg", "photos1/g.jpg"]),
        (["photos [1]/*.jpg"], ["photos [1]/f.jpg"]),
        (["photos [1]"], ["photos [1]/f.jpg"]),
        (["photos[1]"], ["photos1/g.jpg"]),
        (["photos/*.dat"], ["photos/list.dat"]),
        (["photos/list.dat", "photos/notes.txt"], ["photos/list.dat", "photos/notes.txt"]),
        (["photos/*.gif", "gone.jpg", "empty"], ["photos/*.gif", "gone.jpg", "empty"]),
        (["http://x.org/a?b=*.jpg"], ["http://x.org/a?b=*.jpg"]),
        (["photos/a.png", "photos/a.png"], ["photos/a.png", "photos/a.png"]),
    ],
)
def test_folders_and_patterns_mean_the_pictures_in_them(album, named, paths):
    assert list_probes(named).paths == paths


def test_what_is_left_aside_is_counted(album):
    probes = list_probes("photos")
    assert probes.expanded
    assert probes.ignored == {".txt": 1, ".mp4": 1, ".dat": 1, "@eaDir/": 1}
    assert not list_probes(["photos/a.png"]).expanded


def test_a_file_that_is_called_like_a_pattern_is_meant_itself(album):
    (album / "*.jpg").touch()
    (album / "photos" / "**").mkdir()
    (album / "photos" / "**" / "x.jpg").touch()
    (album / "y.jpg").touch()
    assert list_probes(["*.jpg"]).paths == ["*.jpg"]
    assert list_probes(["photos/**"]).paths == ["photos/**/x.jpg"]


def test_links_are_followed_and_each_folder_is_listed_once(album):
    (album / "photos" / "2019" / "loop").symlink_to(album / "photos")
    (album / "photos" / "1").symlink_to(album / "photos" / "2019")
    (album / "photos" / "other").symlink_to(album / "photos1")
    (album / "photos" / "z.jpg").symlink_to("nowhere")
    assert list_probes(["photos"]).paths == [*INSIDE, "photos/other/g.jpg", "photos/z.jpg"]
    assert list_probes(["photos/**/*.jpg"]).paths == ["photos/2019/c.jpg", "photos/other/g.jpg", "photos/z.jpg"]


def test_the_folder_for_the_results_is_no_input(album):
    (album / "photos" / "marked").mkdir()
    (album / "photos" / "marked" / "a-faces.png").touch()
    assert list_probes("photos", "photos/marked").paths == INSIDE
    assert "photos/marked/a-faces.png" in list_probes("photos").paths


def test_an_empty_path_is_a_mistake(album):
    for named in ("", ["photos", ""]):
        with pytest.raises(FacelineError, match="an empty path names nothing"):
            list_probes(named)


@pytest.mark.parametrize(
    ("path", "what", "cure"),
    [
        ("https://x.org/a.jpg", "a URL, and nothing is fetched", "download the picture"),
        ("HTTP://x.org/a.mp4", "a URL, and nothing is fetched", "download the picture"),
        ("rtsp://camera/1", "a camera or stream", "ffmpeg -i URL"),
        ("file:///home/x%20y/a.jpg", "a URL, not a path", "name the file itself: /home/x y/a.jpg"),
        ("photos/clip.mp4", "a video", "take pictures out of it"),
        ("-", "standard input is not read", "save the picture to a file"),
    ],
)
def test_what_cannot_be_a_photograph_gets_advice(album, path, what, cure):
    found = misfit(path)
    assert found is not None
    assert found.what.startswith(what)
    assert cure in found.cure


def test_what_is_just_missing_or_damaged_gets_none(album):
    for path in ("gone.mp4", "gone.jpg", "photos/a.png", "photos", "empty"):
        assert misfit(path) is None
    (album / "-").touch()
    (album / "http:").mkdir()
    (album / "http:" / "x").touch()
    assert misfit("-") is None
    assert misfit("http://x") is None


def test_a_classifier_is_found_wherever_it_stands(album, classifier):
    for name in ("model.pkl", "other.pk", "no-ending", "photos/a.model", "picture.jpg"):
        shutil.copy(classifier, album / name)
        assert split_classifier(["photos", name, "x.jpg"]) == (name, ["photos", "x.jpg"])
        assert split_classifier(["x.jpg", name]) == (name, ["x.jpg"])
    assert split_classifier(["photos", "gone.jpg", "photos/a.png"]) == (None, ["photos", "gone.jpg", "photos/a.png"])
    # By its name alone, if it is missing or no pickle: no other classifier may answer in its place.
    (album / "text.joblib").write_text("text")
    for name in ("gone.pkl", "gone.PK", "gone.pickle", "text.joblib"):
        assert split_classifier(["x.jpg", name]) == (name, ["x.jpg"])
    assert split_classifier(["model.pkl", "x.jpg", "./model.pkl"]) == ("model.pkl", ["x.jpg"])
    with pytest.raises(FacelineError, match=r"model\.pkl and other\.pk are two classifiers; name one"):
        split_classifier(["model.pkl", "x.jpg", "other.pk"])
    with pytest.raises(FacelineError, match="a URL, and nothing is fetched"):
        split_classifier(["https://x.org/model.pkl", "x.jpg"])


def test_a_folder_that_holds_the_classifier_is_meant_as_one(album, classifier):
    embeddings = str(classifier.parent)
    assert split_classifier(["a.jpg", embeddings]) == (str(classifier), ["a.jpg"])
    assert split_classifier([embeddings, "a.jpg", str(classifier)]) == (str(classifier), ["a.jpg"])
    # Before `train` has run: its absence is complained of, and no other one answers.
    (album / "new").mkdir()
    (album / "new" / "reps.csv").touch()
    assert split_classifier(["new", "a.jpg"]) == ("new/classifier.pkl", ["a.jpg"])
    # A copied classifier alone, and one among photographs.
    shutil.copy(classifier, album / "empty" / "classifier.pkl")
    assert split_classifier(["empty", "a.jpg"]) == ("empty/classifier.pkl", ["a.jpg"])
    shutil.copy(classifier, album / "photos" / "classifier.pkl")
    assert split_classifier(["photos"]) == ("photos/classifier.pkl", ["photos"])
    assert split_classifier(["photos", embeddings]) == (str(classifier), ["photos"])
    with pytest.raises(FacelineError, match="are two classifiers"):
        split_classifier(["empty", embeddings, "a.jpg"])


def test_a_work_folder_is_the_classifier_in_it(album, classifier):
    for folder in ("work/generated-embeddings", "work/training-images/anna", "second/generated-embeddings"):
        (album / folder).mkdir(parents=True)
    for name in ("classifier.pkl", "reps.csv"):
        (album / "work" / "generated-embeddings" / name).touch()
    (album / "second" / "generated-embeddings" / "reps.csv").touch()
    found = "work/generated-embeddings/classifier.pkl"
    assert split_classifier(["work", "a.jpg", "work/training-images"]) == (found, ["a.jpg", "work/training-images"])
    # Nothing else is named: all pictures below. Another classifier is: the same.
    assert split_classifier(["work"]) == (found, ["work"])
    assert split_classifier(["a.jpg", "work", str(classifier), "b.jpg"]) == (
        str(classifier),
        ["a.jpg", "work", "b.jpg"],
    )
    # A folder that is both stays photographs beside it.
    shutil.copy(classifier, album / "photos" / "classifier.pkl")
    assert split_classifier(["photos", "work"]) == (found, ["photos"])
    with pytest.raises(FacelineError, match="are two classifiers"):
        split_classifier(["work", "second", "a.jpg"])


def test_no_pipe_or_device_is_waited_for(album):
    os.mkfifo("pipe.jpg")
    assert split_classifier(["pipe.jpg", "/dev/zero"]) == (None, ["pipe.jpg", "/dev/zero"])
