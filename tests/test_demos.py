"""The everyday programs in `demos/`, as their users run them."""

import contextlib
import io
import re
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, run_script
from PIL import Image

DEMOS = ROOT / "demos"
PROGRAMS = [DEMOS / f"{name}.py" for name in ("recognize", "draw_names", "knn_or_svm", "makeup", "blink", "web_form")]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_they_are_short_and_say_what_they_do(program):
    assert len(program.read_text().splitlines()) < 60
    assert program.stat().st_mode & 0o111
    done = run_script(program, "--help")
    assert done.returncode == 0
    assert f"demos/{program.name}" in done.stdout


@pytest.mark.parametrize(
    ("program", "arguments", "complaint"),
    [
        ("recognize", ("nowhere", "photo.jpg"), "nowhere"),
        ("draw_names", ("photo.jpg", "copy.jpg"), "generated-embeddings"),
        ("knn_or_svm", ("svm", "nowhere", "photo.jpg"), "nowhere"),
        ("makeup", ("photo.jpg", "copy.jpg"), "photo.jpg"),
        ("blink", ("nowhere.mp4",), "nowhere.mp4"),
        ("web_form", (), "generated-embeddings"),
    ],
)
def test_a_mistake_is_one_line(program, arguments, complaint, tmp_path):
    done = run_script(DEMOS / f"{program}.py", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert re.fullmatch(rf"{program}\.py: error: .*{complaint}.*\n", done.stderr)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("makeup", ("bomb.png", "copy.jpg")),
        ("blink", ("bomb.png",)),
        ("blink", ("7",)),
        ("web_form", ("--classifier", "work", "--port", "99999")),
    ],
)
def test_what_is_too_large_or_not_there_is_one_line(program, arguments, tmp_path, classifier):
    file = io.BytesIO()
    Image.new("1", (1, 1)).save(file, "PNG")
    size = file.getvalue().index(b"IHDR") + 4
    content = bytearray(file.getvalue())
    content[size : size + 8] = struct.pack(">II", 60_000, 60_000)
    content[size + 13 : size + 17] = struct.pack(">I", zlib.crc32(content[size - 4 : size + 13]))
    (tmp_path / "bomb.png").write_bytes(content)
    (tmp_path / "work").symlink_to(classifier)
    done = run_script(DEMOS / f"{program}.py", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    said = [line for line in done.stderr.splitlines() if not line.startswith("[ WARN")]
    assert len(said) == 1, done.stderr
    assert said[0].startswith(f"{program}.py: error: ")


def test_names_by_folders_of_people(small, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"hello")
    probe, name = small.probes[0]
    arguments = (small.train, broken, probe, small.stranger)
    done = run_script(DEMOS / "recognize.py", *arguments, cwd=tmp_path)
    assert done.returncode == 2  # one of them could not be read
    assert done.stderr.splitlines()[-1] == f"recognize.py: error: {broken}: not a picture"
    said = done.stdout.splitlines()
    assert re.match(rf"{re.escape(str(probe))}: {name} with (0\.9\d|1\.00) confidence, at \(", said[0])
    assert f"{small.stranger}: unknown with " in done.stdout


@pytest.mark.parametrize("by", ["knn", "svm"])
def test_names_by_nearest_neighbours_and_by_svms(by, small, tmp_path):
    probe, name = small.probes[0]
    done = run_script(DEMOS / "knn_or_svm.py", by, small.train, probe, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Learned ")
    assert f"=== {probe} ===\nPredict {name} " in done.stdout


def test_names_are_drawn(small, classifier, tmp_path):
    probe, name = small.probes[0]
    done = run_script(DEMOS / "draw_names.py", probe, tmp_path / "named.png", "--classifier", classifier)
    assert done.returncode == 0, done.stderr
    assert name in done.stdout
    with Image.open(probe) as before, Image.open(tmp_path / "named.png") as after:
        changed = np.any(np.array(before.convert("RGB")) != np.array(after), axis=2)
    assert 0 < changed.mean() < 0.2


def test_make_up_is_put_on(small, tmp_path):
    probe, _ = small.probes[0]
    done = run_script(DEMOS / "makeup.py", probe, tmp_path / "made-up.png")
    assert done.returncode == 0, done.stderr
    assert "'left_eyebrow': (" in done.stdout
    with Image.open(probe) as before, Image.open(tmp_path / "made-up.png") as after:
        changed = np.any(np.array(before.convert("RGB")) != np.array(after), axis=2)
    assert 0 < changed.mean() < 0.2


def test_a_blink_is_seen(faces, tmp_path):
    """A woman who looks ahead, then down, then ahead again; and then somebody else, which is no blink."""
    ahead, down = (faces / f"lfw-dev/Denise_Johnson/Denise_Johnson_000{number}.jpg" for number in (1, 2))
    other = faces / "lfw-dev/Dave_Johnson/Dave_Johnson_0001.jpg"
    frames = [ahead] * 10 + [down] * 3 + [ahead] * 10
    pictures = [Image.open(path) for path in frames]
    moved = Image.new("RGB", (500, 250))  # to where she was not
    moved.paste(Image.open(other), (250, 0))
    for number, picture in enumerate([*pictures, *[moved] * 5]):
        picture.save(tmp_path / f"frame{number:03d}.png")
    done = run_script(DEMOS / "blink.py", tmp_path / "frame%03d.png")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "0.40 s: the eyes close\n0.52 s: the eyes open\n"


@contextlib.contextmanager
def served(classifier: Path) -> Iterator[str]:
    """The page's address while the program runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(DEMOS / "web_form.py"), "--classifier", str(classifier), "--port", str(port)]
    with subprocess.Popen(command) as program:
        try:
            for _ in range(300):
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                assert program.poll() is None
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/"
        finally:
            program.terminate()


def sent(address: str, content: bytes) -> str:
    mark = uuid.uuid4().hex
    head = f'--{mark}\r\nContent-Disposition: form-data; name="picture"; filename="<b>.jpg"\r\n\r\n'.encode()
    body = head + content + f"\r\n--{mark}--\r\n".encode()
    request = urllib.request.Request(address, body, {"Content-Type": f"multipart/form-data; boundary={mark}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read().decode()


def test_a_page_names_the_people_in_a_picture(small, classifier):
    probe, name = small.probes[0]
    with served(classifier) as address:
        with urllib.request.urlopen(address, timeout=60) as answer:
            assert 'type="file"' in answer.read().decode()
        assert f"<li>{name} with " in sent(address, probe.read_bytes())
        with pytest.raises(urllib.error.HTTPError) as refused:
            sent(address, b"<script>")
        assert refused.value.code == 422
        assert "not a picture" in refused.value.read().decode()
