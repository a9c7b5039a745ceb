"""`prune`: people with too few pictures, set aside."""

import os
import shutil

import pytest
from conftest import ROOT, run_script, tree

from faceline import FacelineError, align_folder, prune

PRUNE = ROOT / "util" / "prune-dataset.py"


@pytest.fixture
def home(tmp_path, photographs):
    """Photographs of people in `photos é/`: 3 of anna, 2 of berta with one in a folder of a year, 1 of carl."""
    for name in (
        *("anna/1.jpg", "anna/2.jpg", "anna/3.jpg"),
        *("berta/1.jpg", "berta/2019/2.jpg", "berta/.hidden", "berta/notes.txt", "berta/@eaDir/1.jpg/small.jpg"),
        "carl/1.jpg",
    ):
        path = tmp_path / "photos é" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photographs.portrait, path)
    return tmp_path


def run(home, *arguments):
    return run_script(PRUNE, "photos é", *arguments, cwd=home)


def test_without_an_option_it_only_says_who(home):
    before = tree(home)
    done = run(home, "--numImagesThreshold", "3")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "   1  carl",
        "   2  berta",
        "2 of 3 people with fewer than 3 pictures: 3 of 6 pictures.",
        "Nothing was changed: --move DIR sets them aside, --yes deletes them.",
    ]
    assert tree(home) == before
    assert "3 of 3 people with fewer than 10 pictures" in run(home).stdout
    assert "0 of 3 people with fewer than 1 picture: 0 of 6" in run(home, "--num-images-threshold", "1", "--yes").stdout
    assert tree(home) == before


def test_people_are_moved_with_all_that_is_theirs(home):
    before = tree(home / "photos é")
    done = run(home, "--numImagesThreshold", "3", "--move", "few")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("Moved to few\n")
    moved = tree(home / "few")
    assert tree(home / "photos é") | moved == before
    assert "berta/.hidden" in moved
    assert os.listdir(home / "photos é") == ["anna"]
    assert "Moved" not in run(home, "--numImagesThreshold", "3", "--move", "few").stdout


def test_what_was_set_aside_before_stays(home):
    """The same names, as those of cameras; both files are there then."""
    (home / "few" / "carl").mkdir(parents=True)
    (home / "few" / "carl" / "1.jpg").write_bytes(b"older")
    run(home, "--numImagesThreshold", "2", "--move", "few")
    assert (home / "few" / "carl" / "1.jpg").read_bytes() == b"older"
    assert (home / "few" / "carl" / "1-2.jpg").stat().st_size > 1000


def test_deleting_takes_yes(home):
    before = tree(home / "photos é")
    done = run(home, "--numImagesThreshold", "3", "--yes")
    assert done.stdout.endswith("They are deleted.\n")
    assert tree(home / "photos é") == {name: data for name, data in before.items() if name.startswith("anna")}


def test_people_within_the_folder_of_another_stay(home):
    """`family` has a single picture of its own, and `family/dora` has enough."""
    photos = home / "photos é"
    shutil.copytree(photos / "anna", photos / "family" / "dora")
    shutil.copy(photos / "anna" / "1.jpg", photos / "family")
    kept = tree(photos / "family" / "dora")
    prune(photos, num_images_threshold=2, move_dir=home / "few")
    assert tree(photos / "family") == {"dora/": b""} | {f"dora/{name}": data for name, data in kept.items()}
    assert sorted(tree(home / "few")) == ["carl/", "carl/1.jpg", "family/", "family/1.jpg"]


def test_links_lead_where_they_did(home):
    photos = home / "photos é"
    (home / "elsewhere" / "emil").mkdir(parents=True)
    shutil.copy(photos / "carl" / "1.jpg", home / "elsewhere" / "emil")
    (photos / "emil").symlink_to("../elsewhere/emil")
    (photos / "far").symlink_to("../elsewhere")
    (photos / "carl" / "2.jpg").symlink_to("../anna/2.jpg")
    (photos / "carl" / "again.txt").symlink_to("1.jpg")
    there = tree(home / "elsewhere")
    found = prune(photos, num_images_threshold=3, move_dir=home / "few")
    assert found.few == [("emil", 1), ("berta", 2), ("carl", 2)]
    assert os.path.samefile(home / "few" / "emil", home / "elsewhere" / "emil")
    assert (home / "few" / "carl" / "2.jpg").read_bytes() == (photos / "anna" / "2.jpg").read_bytes()
    assert os.path.samefile(home / "few" / "carl" / "again.txt", home / "few" / "carl" / "1.jpg")
    assert tree(home / "elsewhere") == there
    prune(photos, num_images_threshold=4, yes=True)
    assert tree(home / "elsewhere") == there


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_nobody_goes_of_whom_a_folder_cannot_be_read(home):
    (home / "photos é" / "berta" / "2019").chmod(0)
    assert [person for person, _ in prune(home / "photos é", num_images_threshold=3).few] == ["carl"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "the following arguments are required: input"),
        (["none"], "none: No such file or directory; name the folder that holds a folder for each person"),
        (["empty"], "empty: no pictures; put each person's pictures in a folder of their own"),
        (["photos é", "--numImagesThreshold", "0"], "threshold 0 is out of range; choose 1 or more"),
        (["photos é", "--numImagesThreshold", "few"], "invalid int value: 'few'"),
        (["photos é", "--move", "photos é/few"], "photos é/few: lies among the photographs; name a folder outside"),
        (["photos é", "--move", "file"], "file: is no folder; name another place"),
        (["photos é", "--move", ""], "an empty path names nothing"),
    ],
)
def test_a_mistake_takes_one_line(home, arguments, complaint):
    (home / "empty").mkdir()
    (home / "file").touch()
    before = tree(home)
    done = run_script(PRUNE, *arguments, cwd=home)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert complaint in done.stderr
    assert tree(home) == before


def test_what_a_stage_wrote_is_left_alone(home):
    align_folder(home / "photos é", home / "work" / "aligned-images", upsample=0)
    with pytest.raises(FacelineError, match="a stage wrote what is in it; name the folder of photographs"):
        prune(home / "work" / "aligned-images", yes=True)
    with pytest.raises(FacelineError, match=r"a work folder; name its photographs, .*work/training-images"):
        prune(home / "work", yes=True)


def test_the_command_says_the_same(home):
    done = run_script("-m", "faceline", "prune", home / "photos é", "--numImagesThreshold", "3", cwd=home)
    assert done.stdout == run(home, "--numImagesThreshold", "3").stdout
