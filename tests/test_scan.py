"""Finding pictures, without looking into them."""

import subprocess

import pytest

from faceline import align_folder
from faceline.disk.manifests import read_manifest
from faceline.disk.rows import PictureRow
from faceline.disk.scan import list_pictures
from faceline.errors import FacelineError


def put(folder, *names, data=b""):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def reasons(listing):
    return {row.image: row.reason for row in listing.refused}


def test_folders_are_listed_under_their_own_path_before_any_link(tmp_path):
    put(tmp_path, "in/z/1.jpg", "in/z/deep/2.jpg", "elsewhere/3.jpg")
    (tmp_path / "in" / "a").symlink_to("z/deep")
    for name in ("c", "b"):
        (tmp_path / "in" / name).symlink_to(tmp_path / "elsewhere")
    listing = list_pictures(tmp_path / "in")
    assert listing.images == ["b/3.jpg", "z/1.jpg", "z/deep/2.jpg"]
    assert reasons(listing) == {
        "a/": "the same folder as z/deep/, which is listed",
        "c/": "the same folder as b/, which is listed",
    }


def test_folders_that_link_to_each_other_are_looked_into_once(tmp_path):
    for number in range(8):
        put(tmp_path, f"{number}/1.jpg")
        for other in range(8):
            (tmp_path / str(number) / f"to{other}").symlink_to(tmp_path / str(other))
    listing = list_pictures(tmp_path)
    assert listing.images == [f"{number}/1.jpg" for number in range(8)]
    assert len(listing.refused) == 64


def test_a_link_to_a_folder_above_the_input_lists_the_others_there(tmp_path):
    put(tmp_path, "in/anna/1.jpg", "bert/2.jpg")
    (tmp_path / "in" / "up").symlink_to(tmp_path)
    listing = list_pictures(tmp_path / "in")
    assert listing.images == ["anna/1.jpg", "up/bert/2.jpg"]
    assert reasons(listing) == {"up/in/": "the same folder as the input, which is listed"}


def test_folders_may_be_nested_deeply(tmp_path, encoded):
    """More deeply than Python's functions may call each other."""
    deep = "d/" * 1100
    subprocess.run(["mkdir", "-p", tmp_path / "in" / deep], check=True)
    try:
        (tmp_path / "in" / deep / "1.jpg").write_bytes(encoded("JPEG"))
        assert list_pictures(tmp_path / "in").images == [f"{deep}1.jpg"]
        assert align_folder(tmp_path / "in", tmp_path / "out", upsample=0, jobs=1).counts == {"ok": 1}
        assert (tmp_path / "out" / deep / "1.jpg.png").exists()
        (tmp_path / "in" / deep / "1.jpg").rename(tmp_path / "in" / "d" / "2.jpg")
        assert align_folder(tmp_path / "in", tmp_path / "out", upsample=0, jobs=1).removed == 1
        assert sorted(path.name for path in (tmp_path / "out" / "d").iterdir()) == ["2.jpg.png"]
    finally:
        subprocess.run(["rm", "-rf", tmp_path / "in", tmp_path / "out"], check=True)


def test_crops_that_would_collide_are_refused(tmp_path):
    put(tmp_path, "x/a.jpg", "x/a.jpg.png/b.jpg", "x/a.jpg.png/c/d.jpg", "x/e.jpg", "x/e.jpg.png/notes.txt")
    put(tmp_path, "manifest.csv/1.jpg", "run.json/1.jpg", "journal.jsonl/x/1.jpg", "x/manifest.csv/1.jpg")
    listing = list_pictures(tmp_path)
    assert listing.images == ["x/a.jpg.png/b.jpg", "x/a.jpg.png/c/d.jpg", "x/e.jpg", "x/manifest.csv/1.jpg"]
    assert reasons(listing) == {
        "x/a.jpg": "its crop would lie where the crops of the folder x/a.jpg.png go; rename it",
        "manifest.csv/1.jpg": "its crop would need a folder where manifest.csv is written; rename the folder",
        "run.json/1.jpg": "its crop would need a folder where run.json is written; rename the folder",
        "journal.jsonl/x/1.jpg": "its crop would need a folder where journal.jsonl is written; rename the folder",
    }


def test_a_place_passes_from_a_crop_to_a_folder_and_back(tmp_path, encoded):
    def aligned():
        align_folder(tmp_path / "in", tmp_path / "out", upsample=0, jobs=1)
        rows = read_manifest(tmp_path / "out" / "manifest.csv", PictureRow)
        crops = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.jpg.png")}
        assert {row.crop for row in rows if row.crop} <= crops
        return {row.image: row.status for row in rows}

    put(tmp_path / "in", "x/a.jpg", data=encoded("JPEG"))
    assert aligned() == {"x/a.jpg": "ok"}
    put(tmp_path / "in", "x/a.jpg.png/b.jpg", data=encoded("JPEG"))
    assert aligned() == {"x/a.jpg": "unreadable", "x/a.jpg.png/b.jpg": "ok"}
    (tmp_path / "in" / "x" / "a.jpg.png" / "b.jpg").unlink()
    assert aligned() == {"x/a.jpg": "ok"}
    assert (tmp_path / "out" / "x" / "a.jpg.png").is_file()


@pytest.mark.parametrize("name", ["x" * 300, "loop"])
def test_a_folder_that_cannot_be_takes_one_line(tmp_path, name):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(FacelineError, match="name the folder that holds a folder for each person"):
        list_pictures(tmp_path / name)
