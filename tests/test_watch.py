"""`watch`: faces of videos, cameras and streams, followed and named."""

import contextlib
import csv
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import ROOT, drawn, run_script
from PIL import Image

import faceline.stages.watch
from faceline import FacelineError, enrol, watch
from faceline.disk.pictures.boxes import Box
from faceline.disk.videos import open_video, without_password
from faceline.networks.table import network_named
from faceline.people.gallery import Gallery
from faceline.people.quality import GOOD
from faceline.recognition.tracking import Tracker, overlap
from faceline.recognition.tracks import Sighting
from faceline.report.tracks import clock

VIDEO = ROOT / "demos" / "video.py"
FRAMES, SHORT = 275, 24
OPTIONS: dict[str, Any] = {"fpir": 0.01, "classifier": "LinearSvm", "lda_dim": None, "jobs": 1}


def frames_of(path: Path) -> Iterator[np.ndarray]:
    capture = cv2.VideoCapture(str(path))
    while (read := capture.read())[0]:
        yield np.asarray(read[1])[..., ::-1]


@pytest.fixture(scope="module")
def concert(faces: Path) -> Path:
    return faces / "video" / "three-people.mp4"


@pytest.fixture(scope="module")
def people(faces: Path, concert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder with the known people, and the singer from two frames."""
    home = tmp_path_factory.mktemp("people")
    shutil.copytree(faces / "known-people" / "train", home / "photos")
    (home / "photos" / "singer").mkdir()
    for number, pixels in enumerate(frames_of(concert)):
        if number in (88, 128):
            Image.fromarray(pixels).save(home / "photos" / "singer" / f"{number}.png")
    enrol(home / "photos", home / "work")
    return home / "work"


@pytest.fixture(scope="module")
def short(concert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames with the singer."""
    path = tmp_path_factory.mktemp("short") / "short é.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (640, 360))
    for number, pixels in enumerate(frames_of(concert)):
        if 120 <= number < 144:
            writer.write(pixels[..., ::-1].copy())
    writer.release()
    return path


def test_a_concert(concert, people, tmp_path):
    options = ("--classifier", people, "--json", "--table", tmp_path / "faces.csv")
    done = run_script(VIDEO, concert, *options)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(set(face) == {"track", "name", "confidence", "start", "end", "frames", "best"} for face in found)
    assert {face["name"] for face in found} <= {"singer", "unknown"}
    meanwhile = [face for face in found if face["start"] < 7.0 and face["end"] > 2.8]
    assert [face["name"] for face in meanwhile] == ["singer"]
    assert sum(face["frames"] for face in meanwhile) >= 100
    assert all(face["name"] == "unknown" for face in found if face["start"] >= 7.0), "somebody of the audience is named"
    assert meanwhile[0]["start"] <= meanwhile[0]["best"]["time"] <= meanwhile[0]["end"]
    with (tmp_path / "faces.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(int(row["track"]), row["name"]) for row in rows] == [(face["track"], face["name"]) for face in found]
    assert [int(row["left"]) for row in rows] == [face["best"]["box"][0] for face in found]


def test_names_in_the_video(short, people, tmp_path):
    done = run_script(VIDEO, short, "--classifier", people, "--save", tmp_path / "named é.mp4")
    assert done.returncode == 0, done.stderr
    named = list(frames_of(tmp_path / "named é.mp4"))
    assert len(named) == SHORT
    yellow = [np.count_nonzero((frame[..., 0] > 200) & (frame[..., 1] > 170) & (frame[..., 2] < 90)) for frame in named]
    assert min(yellow[6:-1]) > 300 > max(yellow[:3])  # the name comes with the third look, the last frame has none


def test_the_same_with_any_number_of_threads(short, people, monkeypatch):
    found = []
    for threads in (1, 2):
        monkeypatch.setattr(faceline.stages.watch, "all_cores", lambda count=threads: count)
        found.append(list(watch(short, people)))
    assert found[0] == found[1]
    assert [face.name for face in found[0]] == ["singer"]
    assert found[0][0].frames == SHORT - 1  # the last look is at the last frame but one
    every = list(watch(short, people, every=1))
    assert [face.frames for face in every] == [SHORT]


@pytest.mark.parametrize(
    ("source", "options", "complaint"),
    [
        ("nowhere.mp4", (), "nowhere.mp4: no such file; name a video"),
        ("", (), "an empty path names nothing"),
        ("text.mp4", (), "text.mp4: no video that can be read, or a damaged one"),
        (".", (), ".: is a folder; name a video"),
        ("picture.png", (), "picture.png: a picture, no video; infer names the people in it"),
        ("hello.png", (), "hello.png: no video that can be read, or a damaged one"),
        ("-i.mp4", (), "-i.mp4: no video that can be read"),
        ("list.m3u8", (), "list.m3u8: no video that can be read"),
        ("7", (), "camera 7: cannot be opened; is it there"),
        ("rtsp://me:secret@127.0.0.1:9/x", (), "rtsp://127.0.0.1:9/x: cannot be opened"),
        ("short é.avi", ("--every", "0"), "every 0 is out of range; choose 1 or more"),
        ("short é.avi", ("--save", "copy.jpg"), "copy.jpg: no ending of a video that can be written"),
        ("short é.avi", ("--save", "./short é.avi"), "short é.avi: is watched itself; name another file"),
        ("short é.avi", ("--table", "text.mp4"), "text.mp4: holds something else than such a table"),
        ("short é.avi", ("--classifier", "nowhere"), "nowhere: no such file"),
    ],
)
def test_a_mistake_is_one_line(source, options, complaint, short, people, tmp_path):
    shutil.copy(short, tmp_path)
    (tmp_path / "text.mp4").write_text("hello\n")
    (tmp_path / "hello.png").write_text("hello\n")
    Image.new("RGB", (64, 64)).save(tmp_path / "picture.png")
    (tmp_path / "-i.mp4").write_text("hello\n")
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n")
    before = sorted(path.name for path in tmp_path.iterdir())
    done = run_script(VIDEO, "--classifier", people, *options, "--", source, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"video.py: error: {complaint}")
    assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_video_of_before_stays_until_the_new_one_is_there(short, people, tmp_path):
    shutil.copy(short, tmp_path / "named.avi")
    before = (tmp_path / "named.avi").read_bytes()
    found = watch(short, people, save_path=tmp_path / "named.avi")
    next(found)
    assert (tmp_path / "named.avi").read_bytes() == before
    assert list(found) == []
    assert (tmp_path / "named.avi").read_bytes() != before
    assert [path.name for path in tmp_path.iterdir()] == ["named.avi"]


def test_a_video_that_is_cut_off_is_watched_as_far_as_it_goes(short, people, tmp_path):
    content = short.read_bytes()
    (tmp_path / "cut.avi").write_bytes(content[: len(content) * 3 // 4])
    done = run_script(VIDEO, tmp_path / "cut.avi", "--classifier", people, "--json")
    assert done.returncode == 0
    assert f"of {SHORT} frames; it is cut off or damaged" in done.stderr
    (face,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert face["name"] == "singer"
    assert SHORT / 2 < face["frames"] < SHORT - 4


def test_interrupted_it_says_what_was_seen(concert, people, tmp_path):
    table, copy = tmp_path / "faces.csv", tmp_path / "named.avi"
    command = [sys.executable, str(VIDEO), str(concert), "--classifier", str(people), "--every", "1"]
    with started([*command, "--table", str(table), "--save", str(copy)]) as running:
        until(lambda: table.exists() and table.read_text().count("\n") > 1)
        running.send_signal(signal.SIGINT)
        said = running.communicate(timeout=60)[1].decode()
    assert running.returncode == 130
    assert said.endswith("interrupted; run the same command again to begin anew\n")
    assert "Traceback" not in said
    assert table.read_text().startswith("track,name,confidence,start,end,frames,best_time,left,top,right,bottom\n1,")
    assert 0 < len(list(frames_of(copy))) < FRAMES


def until(happens, seconds=60):
    for _ in range(seconds * 20):
        if happens():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")


@contextlib.contextmanager
def started(command):
    """A process, which is killed in the end: whatever fails, nobody waits for one that goes on."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        try:
            yield running
        finally:
            running.kill()


class Camera:
    """A stream of pictures as network cameras send them; each who asks gets some, then the connection ends."""

    def __init__(self, pictures: list[bytes]) -> None:
        self.asked = 0

        class Handler(BaseHTTPRequestHandler):
            def do_GET(handler) -> None:  # noqa: N805
                self.asked += 1
                handler.send_response(200)
                handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=part")
                handler.end_headers()
                with contextlib.suppress(OSError):
                    for picture in pictures:
                        head = f"--part\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                        handler.wfile.write(head.encode() + picture + b"\r\n")
                        time.sleep(0.04)

            def log_message(handler, *arguments: object) -> None:  # noqa: N805
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}/camera"


def test_a_camera_that_goes_and_comes_back(short, people, tmp_path):
    pictures = [cv2.imencode(".jpg", frame[..., ::-1])[1].tobytes() for frame in frames_of(short)]
    camera = Camera(pictures * 2)  # long enough for a busy machine to see something
    table = tmp_path / "faces.csv"
    command = [sys.executable, str(VIDEO), camera.address, "--classifier", str(people), "--table", str(table), "--json"]
    with started(command) as running:
        until(lambda: camera.asked >= 4)
        running.send_signal(signal.SIGINT)
        said, complaints = (stream.decode() for stream in running.communicate(timeout=60))
    camera.server.shutdown()
    camera.server.server_close()
    assert running.returncode == 0
    assert f"{camera.address}: gone; waiting for it" in complaints
    assert f"{camera.address}: there again" in complaints
    found = [json.loads(line) for line in said.splitlines()]
    assert {face["name"] for face in found} == {"singer"}
    assert table.read_text().count("\n") == len(found) + 1


def test_a_stream_that_is_a_file_ends_with_it(short, tmp_path):
    """What somebody serves as a file has an end, and is not asked for again."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = short.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with open_video(f"http://127.0.0.1:{server.server_port}/short.avi") as video:
        assert not video.is_live
        assert len(list(video.frames())) == SHORT
    server.shutdown()
    server.server_close()


def sighting(frame: int, box: Box, embedding: np.ndarray) -> Sighting:
    return Sighting(frame, frame / 25, box, embedding, GOOD)


@pytest.fixture(scope="module")
def two():
    """A gallery of ten people, and the embeddings of two of them."""
    embeddings, people = drawn(10, 4)
    rows = [row for row in range(len(people)) if row % 4]
    crops = [f"{people[row]}/{row}.png" for row in rows]
    network = network_named("dlib")
    gallery, _ = Gallery.enrol([str(people[row]) for row in rows], embeddings[rows], crops, network, **OPTIONS)
    return network, gallery, [embeddings[0], embeddings[4]]


def test_two_who_cross_keep_their_tracks(two):
    network, gallery, (one, other) = two
    tracker = Tracker(network, gallery, 25)
    for frame in range(0, 50, 2):
        left, right = 10 + 4 * frame, 210 - 4 * frame
        tracker.advance(
            frame / 25,
            [sighting(frame, (left, 0, left + 80, 80), one), sighting(frame, (right, 0, right + 80, 80), other)],
        )
    assert len(tracker.tracks) == 2
    for track, embedding in zip(tracker.tracks, (one, other), strict=True):
        assert track.seen == 25
        assert track.frames == 49
        assert np.allclose(track.embedding, embedding, atol=1e-5)


def test_a_cut_to_somebody_else_ends_a_track_and_a_short_gap_does_not(two):
    network, gallery, (one, other) = two
    tracker, box = Tracker(network, gallery, 25), (0, 0, 80, 80)
    for frame in (0, 2, 4, 20, 22):
        assert tracker.advance(frame / 25, [sighting(frame, box, one)]) == []
    (track,) = tracker.tracks
    assert (track.seen, track.frames) == (5, 8)  # 16 frames between are too many to be sure of
    for frame in range(24, 80, 2):
        tracker.advance(frame / 25, [sighting(frame, box, other)])
    assert len(tracker.tracks) == 1
    assert tracker.tracks[0].number == 2


def test_a_name_is_taken_back_once_at_most(two):
    network, gallery, (one, other) = two
    tracker = Tracker(network, gallery, 25)
    names: list[str] = []
    track = None
    for frame, embedding in enumerate([one] * 6 + [other] * 60 + [one] * 400):
        if track is None:
            tracker.advance(0, [sighting(0, (0, 0, 80, 80), embedding)])
            (track,) = tracker.tracks
        else:
            track.add(sighting(5 * frame, (0, 0, 80, 80), embedding), 10)
        if not names or names[-1] != track.name:
            names.append(track.name)
    assert names[0] == "unknown"
    assert len(names) <= 3


def test_times_overlaps_and_addresses():
    assert [clock(seconds) for seconds in (0, 59.96, 61.04, 3661)] == ["00:00.0", "01:00.0", "01:01.0", "1:01:01.0"]
    assert overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert overlap((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 10, 10), (20, 20, 30, 30)) == 0
    assert without_password("rtsp://a:b@host/x@y") == "rtsp://host/x@y"


def test_no_camera_is_a_mistake_in_a_program_too():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(FacelineError, match="cannot be opened"):
            open_video(f"http://127.0.0.1:{nobody.getsockname()[1]}/camera")
