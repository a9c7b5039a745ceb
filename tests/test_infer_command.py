"""`classifier.py infer` as people type it: folders, patterns, several classifiers, mistakes among photographs."""

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import termios
from typing import Any

import pytest
from conftest import CLASSIFIER, run_script


@pytest.fixture
def album(tmp_path, encoded, classifier, photographs):
    """A folder to run in, with small photographs of one person, a damaged one, and a classifier of another name."""
    for name in ("photos/b.JPG", "photos/sub dir/a.jpg", "photos/@eaDir/b.JPG/thumb.jpg", "photos/.hidden.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(encoded("JPEG"))
    (tmp_path / "photos" / "damaged.jpg").write_bytes(b"hello")
    (tmp_path / "photos" / "notes.txt").touch()
    (tmp_path / "clip.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42")
    shutil.copy(classifier, tmp_path / "other.pk")
    return tmp_path


def test_a_folder_and_the_embeddings_folder_as_json(album, classifier, photographs):
    done = run_script(CLASSIFIER, "infer", "photos", "--json", classifier.parent, cwd=album)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    paths = ["photos/b.JPG", "photos/damaged.jpg", "photos/sub dir/a.jpg"]
    assert [(answer["image"], answer["status"]) for answer in answers] == [
        *zip(paths, ("ok", "unreadable", "ok"), strict=True)
    ]
    assert answers[0]["faces"][0]["name"] == photographs.portrait.parent.name
    count, left_aside = done.stderr.splitlines()
    assert count.startswith("3 pictures: 2 ok, 1 unreadable; 2 faces, 2 named; in ")
    assert left_aside == "Left aside, no pictures by their names: 1 @eaDir/, 1 .txt."


def test_any_file_that_is_a_classifier_answers_wherever_it_stands(album, photographs):
    """The default classifier is not there, and was never asked."""
    done = run_script(CLASSIFIER, "infer", "photos/b.JPG", "other.pk", cwd=album)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Predict {photographs.portrait.parent.name} with " in done.stdout
    (album / "evil").write_bytes(b'\x80\x04cos\nsystem\n(S"touch pwned"\ntR.')
    for arguments, complaint in (
        (["photos/b.JPG", "evil"], "evil: refused, it holds os.system; use only classifiers that you trained"),
        (
            ["photos/b.JPG", "gone.pk"],
            "gone.pk: no such file; run classifier.py train first",
        ),
        (["other.pk", "evil", "photos/b.JPG"], "other.pk and evil are two classifiers; name one"),
    ):
        done = run_script(CLASSIFIER, "infer", *arguments, cwd=album)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"classifier.py: error: {complaint}\n"
    assert not (album / "pwned").exists()


def test_mistakes_are_told_when_all_others_are_answered(album):
    named = ["http://x.org/a.jpg", "clip.mp4", "gone.jpg", "none/*.jpg", "photos/b.JPG", "-"]
    done = run_script(CLASSIFIER, "infer", "other.pk", *named, "--json", cwd=album)
    assert done.returncode == 2
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["image"] for answer in answers] == named
    assert [answer["status"] for answer in answers] == ["missing", "unreadable", "missing", "missing", "ok", "missing"]
    (line,) = done.stderr.splitlines()
    for part in (
        "http://x.org/a.jpg: a URL, and nothing is fetched from a network (1 in all); download the picture and name",
        "clip.mp4: a video (1 in all); take pictures out of it, as with ffmpeg -i VIDEO",
        "gone.jpg: no such picture (2 in all); correct the path",
        "-: standard input is not read (1 in all); save the picture to a file",
    ):
        assert part in line


@pytest.mark.parametrize("named", [["photos/damaged.jpg"], ["photos/damaged.jpg", "empty"], ["photos/dam*"]])
def test_status_1_if_no_picture_was_readable(album, named):
    (album / "empty").mkdir()
    done = run_script(CLASSIFIER, "infer", "other.pk", *named, cwd=album)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.count("Not a usable picture") == len(named)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["infer", "--webcam"], "infer: error: unrecognized arguments: --webcam; see classifier.py infer --help"),
        (["train", "--webcam"], "train: error: unrecognized arguments: --webcam; see classifier.py train --help"),
        (["infer", "-a.jpg"], "unrecognized arguments: -a.jpg; for the file write ./-a.jpg; see classifier.py infer"),
        (["infer", "other.pk"], "no picture named; classifier.py infer classifier.pkl photo.jpg"),
    ],
)
def test_a_mistake_names_the_help_of_its_own_command(album, arguments, complaint):
    (album / "-a.jpg").touch()
    done = run_script(CLASSIFIER, *arguments, cwd=album)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert complaint in done.stderr


def test_names_that_begin_with_a_dash_go_behind_two(album, encoded):
    (album / "-a.jpg").write_bytes(encoded("JPEG"))
    for arguments in (["--", "-a.jpg", "other.pk"], ["other.pk", "--multi", "--", "-a.jpg"]):
        done = run_script(CLASSIFIER, "infer", *arguments, cwd=album)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("=== -a.jpg ===\n")


def many(album, count):
    (album / "many").mkdir()
    for number in range(count):
        (album / "many" / f"{number}.jpg").symlink_to(album / "photos" / "b.JPG")
    return [sys.executable, str(CLASSIFIER), "infer", "other.pk", "many"]


def test_interrupted_it_says_how_far_it_came(album):
    heed: dict[str, Any] = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(many(album, 1000), cwd=album, text=True, **pipes, **heed)
    assert process.stdout is not None
    for _ in range(4):
        process.stdout.readline()
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate()
    assert process.returncode == 130
    answered = 2 + rest.count("=== many")
    assert errors == f"classifier.py: interrupted; {answered} of 1000 pictures answered\n"


def test_a_bar_on_a_terminal_and_nothing_of_it_in_the_output(album):
    terminal, side = pty.openpty()
    termios.tcsetwinsize(side, (24, 80))
    with subprocess.Popen([*many(album, 20), "--json"], cwd=album, stdout=subprocess.PIPE, stderr=side) as process:
        os.close(side)
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
    shown = b""
    while chunk := read_terminal(terminal):
        shown += chunk
    os.close(terminal)
    assert [json.loads(line)["status"] for line in lines] == ["ok"] * 20
    assert b"/20 [" in shown
    assert b"20 pictures: 20 ok; 20 faces, 20 named; in " in shown.splitlines()[-1]


def read_terminal(descriptor):
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux says so when nobody has the other side open any more
        return b""


def test_the_rest_of_a_folder_is_quiet_when_nobody_reads(album):
    command = f'"{sys.executable}" "{CLASSIFIER}" infer other.pk photos | head -1'
    done = subprocess.run(["bash", "-c", command], cwd=album, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("=== photos/b.JPG ===\n", "")
