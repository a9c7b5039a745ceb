"""`faceline-recognition` and `faceline-detection`, beside the commands that they stand in for."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from faceline.disk.reading import sha256
from faceline.disk.remembered_encodings import FILE, read_encodings, write_encodings
from faceline.stages.known_faces import made_by

RECOGNITION, DETECTION = (
    str(Path(sys.executable).parent / f"faceline-{name}") for name in ("recognition", "detection")
)


def run(*command: object, **options) -> subprocess.CompletedProcess:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **options)


def run_original(module: str, *arguments: object) -> list[str]:
    """The lines that the original prints, sorted, as it takes a folder's files in any order."""
    folder = ROOT / ".venv" / "face_recognition-1.3.0"
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONWARNINGS": "ignore"}
    done = run(sys.executable, "-m", f"face_recognition.{module}", *arguments, env=environment)
    assert done.returncode == 0, done.stderr
    return sorted(line for line in done.stdout.splitlines() if not line.startswith("WARNING"))


@pytest.fixture(scope="module")
def known(faces, tmp_path_factory):
    """A picture of each known person, called by the name; one of nobody, one of two, and one that is none."""
    folder = tmp_path_factory.mktemp("known é")
    for person in sorted((faces / "known-people" / "train").iterdir()):
        save_small(min(person.iterdir()), folder / f"{person.name}.jpg")
    shutil.copy(faces / "photos" / "longoria-cooper.jpg", folder / "two.JPG")
    Image.new("RGB", (200, 200)).save(folder / "nobody.png")
    (folder / "notes.txt").write_text("hello")
    return folder


@pytest.fixture(scope="module")
def album(faces, tmp_path_factory):
    """Small pictures to be named: people alone, two at once, nobody."""
    folder = tmp_path_factory.mktemp("album")
    for name in ("obama1.jpg", "kit_with_rose.jpg", "johnsnow_test1.jpg"):
        save_small(faces / "known-people" / "test" / name, folder / name)
    save_small(faces / "groups" / "dogs.jpg", folder / "dogs.jpg")
    save_small(faces / "photos" / "adams.jpg", folder / "adams.jpg")
    return folder


def save_small(path: Path, copy: Path) -> None:
    with Image.open(path) as picture:
        picture.thumbnail((400, 400))
        picture.save(copy, quality=95)


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(text.splitlines()))


def test_the_same_lines_as_the_original(original, known, album):
    done = run(RECOGNITION, known, album, "--show-distance", "true", "--cpus", -1)
    assert done.returncode == 0, done.stderr
    ours = sorted(rows_of(done.stdout))
    theirs = sorted(
        line.split(",") for line in run_original("face_recognition_cli", known, album, "--show-distance", 1)
    )
    assert [row[:2] for row in ours] == [row[:2] for row in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one[2] == other[2] == "None" or abs(float(one[2]) - float(other[2])) < 1e-5
    assert {row[1] for row in ours} == {"obama", "kit_harington", "rose_leslie", "unknown_person", "no_persons_found"}
    assert "faceline-recognition: warning: No faces found in " in done.stderr
    assert "two.JPG. Only considering the first face." in done.stderr
    # In the order of the pictures, with or without processors to spare.
    assert done.stdout == run(RECOGNITION, known, album, "--show-distance", "yes").stdout
    strict = run(RECOGNITION, known, album / "obama1.jpg", "--tolerance", "0.1")
    assert strict.stdout == f"{album / 'obama1.jpg'},unknown_person\n"


def test_the_same_boxes_as_the_original(original, album):
    for options in ((), ("--model", "cnn")):
        where = album if not options else album / "kit_with_rose.jpg"
        done = run(DETECTION, where, *options, "--cpus", 2)
        assert done.returncode == 0, done.stderr
        assert sorted(done.stdout.splitlines()) == run_original("face_detection_cli", where, *options)
    closer = run(DETECTION, album / "kit_with_rose.jpg", "--upsample", 1)
    assert len(closer.stdout.splitlines()) == 2


@pytest.mark.parametrize("named", ["./album", "album/", "./album/obama1.jpg"])
def test_paths_begin_as_they_were_written(named, known, album, tmp_path):
    (tmp_path / "album").mkdir()
    shutil.copy(album / "obama1.jpg", tmp_path / "album")
    expected = f"{named.partition('album')[0]}album/obama1.jpg,"
    for done in (run(RECOGNITION, known, named, cwd=tmp_path), run(DETECTION, named, cwd=tmp_path)):
        assert done.stdout.startswith(expected), done.stderr


def test_names_and_paths_with_commas_are_quoted(known, album, tmp_path):
    people, pictures = tmp_path / "people", tmp_path / "a, b"
    people.mkdir()
    pictures.mkdir()
    shutil.copy(known / "obama.jpg", people / 'Obama, "B".jpg')
    shutil.copy(album / "obama1.jpg", pictures)
    done = run(RECOGNITION, people, pictures)
    assert rows_of(done.stdout) == [[str(pictures / "obama1.jpg"), 'Obama, "B"']]
    assert run(DETECTION, pictures).stdout.startswith('"')


def test_pictures_are_turned_as_a_viewer_turns_them(album, tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    with Image.open(album / "obama1.jpg") as picture:
        picture.rotate(90, expand=True).save(tmp_path / "turned.jpg", exif=exif)
    assert len(run(DETECTION, tmp_path / "turned.jpg").stdout.splitlines()) == 1


def test_known_people_are_remembered_by_content(faces, known, album, tmp_path):
    people = shutil.copytree(known, tmp_path / "people")
    (people / FILE).unlink(missing_ok=True)
    first = run(RECOGNITION, people, album / "obama1.jpg")
    remembered = read_encodings(people, made_by())
    assert len(remembered) == 7
    assert sorted(faces for faces, _ in remembered.values()) == [0, 1, 1, 1, 1, 1, 2]
    (people / "obama.jpg").rename(people / "barack.jpg")
    (people / "two.JPG").unlink()
    second = run(RECOGNITION, people, album / "obama1.jpg")
    assert first.stdout == f"{album / 'obama1.jpg'},obama\n"
    assert second.stdout == f"{album / 'obama1.jpg'},barack\n"
    assert len(read_encodings(people, made_by())) == 6
    # It is what counts: with two people's encodings exchanged, the names are, too.
    stored = json.loads((people / FILE).read_text())
    one, other = (sha256((people / f"{name}.jpg").read_bytes()) for name in ("barack", "biden"))
    entries = stored["encodings"]
    entries[one], entries[other] = entries[other], entries[one]
    (people / FILE).write_text(json.dumps(stored))
    assert run(RECOGNITION, people, album / "obama1.jpg").stdout == f"{album / 'obama1.jpg'},biden\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"made_by": 3}',
        b'{"made_by": "MADE", "encodings": {"0": [1, "AAAA"]}}',
        b'{"made_by": "MADE", "encodings": {"0": [-1, null]}}',
        b'{"made_by": "MADE", "encodings": {"0": [1, null, 2]}}',
        b'{"made_by": "MADE", "encodings": 7}',
        b"[" * 100_000,
    ],
)
def test_a_memory_that_is_none_is_made_again(content, known, album, tmp_path):
    people = tmp_path / "people"
    people.mkdir()
    shutil.copy(known / "obama.jpg", people)
    (people / FILE).write_bytes(content.replace(b"MADE", made_by().encode()))
    assert read_encodings(people, made_by()) == {}
    if content == b"[]":
        done = run(RECOGNITION, people, album / "obama1.jpg")
        assert done.stdout == f"{album / 'obama1.jpg'},obama\n"
        assert len(read_encodings(people, made_by())) == 1


def test_a_folder_that_cannot_be_written_is_read_all_the_same(known, album, tmp_path):
    people = tmp_path / "people"
    people.mkdir()
    shutil.copy(known / "obama.jpg", people)
    (people / FILE).mkdir()  # nobody can write a file there
    assert run(RECOGNITION, people, album / "obama1.jpg").stdout == f"{album / 'obama1.jpg'},obama\n"


def test_broken_pictures_stop_nothing(album, known, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(album, broken)
    (broken / "a.jpg").write_text("hello")
    (broken / "b.png").write_bytes((album / "adams.jpg").read_bytes()[:5000])
    (broken / "z.jpeg").mkdir()
    done = run(DETECTION, broken)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == len(run(DETECTION, album).stdout.splitlines()) > 0
    assert f"warning: {broken}/a.jpg: not a picture; left out\n" in done.stderr
    assert len(done.stderr.splitlines()) == 3
    alone = run(RECOGNITION, known, broken / "a.jpg")
    assert (alone.returncode, alone.stdout) == (1, "")


@pytest.mark.parametrize(
    ("command", "arguments", "complaint"),
    [
        (RECOGNITION, ("nowhere", "album"), "nowhere: no such folder; name one with a picture of each person"),
        (RECOGNITION, ("empty", "album"), "empty: holds no picture of a face"),
        (RECOGNITION, ("album", "nowhere"), "nowhere: no such file or folder; name a picture"),
        (RECOGNITION, ("album",), "the following arguments are required: image_to_check"),
        (RECOGNITION, ("album", "album", "--cpus", "0"), "cpus 0 is out of range"),
        (RECOGNITION, ("album", "album", "--show-distance", "perhaps"), "argument --show-distance: invalid"),
        (DETECTION, ("nowhere",), "nowhere: no such file or folder"),
        (DETECTION, ("album", "--model", "HOG"), "argument --model: invalid choice"),
        (DETECTION, ("album", "--upsample", "-1"), "upsample -1 is out of range"),
    ],
)
def test_a_mistake_is_one_line(command, arguments, complaint, album, tmp_path):
    (tmp_path / "album").symlink_to(album)
    (tmp_path / "empty").mkdir()
    done = run(command, *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{Path(command).name}: error: {complaint}")
    assert done.stderr.count("\n") == 1


def test_memory_is_of_numbers_only(tmp_path):
    encoding = np.linspace(-1, 1, 128)
    write_encodings(tmp_path, "me", {"ab": (2, encoding), "cd": (0, None)})
    found = read_encodings(tmp_path, "me")
    assert found["cd"] == (0, None)
    faces, remembered = found["ab"]
    assert faces == 2
    assert remembered is not None
    assert np.array_equal(remembered, encoding)
    assert read_encodings(tmp_path, "somebody else") == {}
