"""Large pictures: what is read, at what scale, and what is refused."""

import io
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceline import align_folder, infer
from faceline.disk.manifests import read_manifest
from faceline.disk.names import MANIFEST_FILE
from faceline.disk.pictures import limits
from faceline.disk.pictures.images import decode_picture, read_picture
from faceline.disk.rows import PictureRow
from faceline.errors import ShortOfMemoryError, UnreadableError
from faceline.host import memory


def encode(pixels, kind, **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def small_limit(monkeypatch):
    """Pictures count as large from this many pixels, so that the tests need not make any that are."""
    monkeypatch.setattr(limits, "MAX_PIXELS", 20_000)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF", "JPEG2000", "BMP", "GIF"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_picture_is_read_at_a_reduced_scale(small_limit, portrait, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    turns = orientation == 6 and kind in ("JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF")
    stored = np.ascontiguousarray(np.rot90(portrait)) if turns else portrait
    options = {"exif": exif} if turns else {}
    picture = decode_picture(encode(stored, kind, **options))
    assert picture.scale == 4
    assert (picture.width, picture.height) == portrait.shape[1::-1]
    height, width = picture.pixels.shape[:2]
    assert (width, height) == (-(-picture.width // 4), -(-picture.height // 4))
    expected = Image.fromarray(portrait).resize((width, height), Image.Resampling.BOX)
    assert np.abs(np.asarray(expected).astype(int) - picture.pixels).mean() < (14 if kind == "GIF" else 6)
    assert picture.whole_box((1, 2, width, height)) == (4, 8, picture.width, picture.height)


def test_progressive_jpegs_and_those_without_an_end_too(small_limit, portrait):
    for options in ({"progressive": True}, {}):
        data = encode(portrait, "JPEG", **options)
        assert decode_picture(data[:-2]).pixels.tobytes() == decode_picture(data).pixels.tobytes()


def test_the_scale_is_the_largest_that_leaves_few_enough_pixels():
    sizes = (12_000, 10_000), (12_001, 10_000), (16_320, 12_240), (65_535, 65_535)
    assert [limits.reduction(*size) for size in sizes] == [1, 2, 2, 8]


def test_a_photograph_of_200_megapixels(photographs, classifier, tmp_path):
    """As a telephone makes it; the boxes are in its own pixels."""
    small = Image.open(photographs.probes[-1][0]).convert("L")
    factor = (200e6 / (small.width * small.height)) ** 0.5
    size = round(small.width * factor), round(small.height * factor)
    small.resize(size, Image.Resampling.NEAREST).save(tmp_path / "large.jpg", quality=50)
    large, usual = infer([tmp_path / "large.jpg", photographs.probes[-1][0]], classifier)
    assert [face.identity.name for face in large.faces] == [photographs.probes[-1][1]]
    box, expected = np.array(large.faces[0].box_ltrb), np.array(usual.faces[0].box_ltrb) * factor
    assert np.abs(box - expected).max() < 0.2 * (expected[2] - expected[0])


def test_the_manifest_has_boxes_in_the_whole_picture(small_limit, photographs, tmp_path, monkeypatch):
    (tmp_path / "in" / "person").mkdir(parents=True)
    Image.open(photographs.portrait).convert("RGB").resize((800, 1000)).save(tmp_path / "in" / "person" / "a.jpg")
    boxes = []
    for limit in (300_000, 800_000):
        monkeypatch.setattr(limits, "MAX_PIXELS", limit)
        align_folder(tmp_path / "in", tmp_path / f"out{limit}", jobs=1)
        (row,) = read_manifest(tmp_path / f"out{limit}" / MANIFEST_FILE, PictureRow)
        boxes.append(np.array([row.left, row.top, row.right, row.bottom], int))
    assert np.abs(boxes[0] - boxes[1]).max() < 0.15 * (boxes[1][2] - boxes[1][0])


def test_what_needs_more_than_half_of_the_free_memory_is_refused(small_limit, portrait, monkeypatch):
    data = encode(portrait, "PNG")
    monkeypatch.setattr(limits, "free_memory", lambda: 1_000_000)
    with pytest.raises(ShortOfMemoryError, match=r"GB to decode; .* may take half of the memory that is free, 0\.0 GB"):
        decode_picture(data)
    decode_picture(encode(portrait, "JPEG"))  # decoded at the reduced scale


def test_it_is_tried_again_when_more_is_free(small_limit, encoded, tmp_path, monkeypatch):
    (tmp_path / "in" / "anna").mkdir(parents=True)
    (tmp_path / "in" / "anna" / "a.png").write_bytes(encoded("PNG"))
    with monkeypatch.context() as context:
        context.setattr(limits, "free_memory", lambda: 1_000_000)
        assert align_folder(tmp_path / "in", tmp_path / "out", jobs=1).counts == {"unreadable": 1}
    assert "unreadable" not in align_folder(tmp_path / "in", tmp_path / "out", jobs=1).counts


def test_a_picture_that_is_too_empty_is_refused():
    flat = encode(np.zeros((11_000, 11_000), np.uint8), "PNG")
    with pytest.raises(UnreadableError, match=r"in a file of [\d,]+ bytes; a photograph has at least a byte for 256"):
        decode_picture(flat)


def test_a_large_file_is_read_if_it_is_a_picture(monkeypatch, tmp_path, encoded):
    monkeypatch.setattr("faceline.disk.pictures.images.MAX_BYTES", 1000)
    for name, data in {"a.tif": encoded("TIFF"), "a.png": encoded("PNG")}.items():
        (tmp_path / name).write_bytes(data)
        assert read_picture(tmp_path / name) == data
    (tmp_path / "text.png").write_bytes(b"x" * 2000)
    with pytest.raises(UnreadableError, match="2,000 bytes, the limit is 1,000 for what is no picture"):
        read_picture(tmp_path / "text.png")
    monkeypatch.setattr(limits, "free_memory", lambda: 3000)
    with pytest.raises(ShortOfMemoryError, match="bytes, more than half of the memory that is free"):
        read_picture(tmp_path / "a.png")


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of a process as Linux does")
def test_free_memory_knows_the_limits_of_the_process():
    code = """
import resource
from faceline.host.memory import free_memory
assert free_memory() > 2**28
resource.setrlimit(resource.RLIMIT_AS, (2**28, resource.RLIM_INFINITY))
assert 2**20 < free_memory() < 2**28
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")
def test_free_memory_knows_the_limits_of_the_container(tmp_path, monkeypatch):
    """Files as the kernel shows them, in version 2 and in version 1; the tightest of all groups around counts."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        controllers, group = line.split(":", 2)[1:]
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        root = tmp_path / "memory"
        if not controllers:
            names, root = ("memory.max", "memory.current", "inactive_file"), tmp_path
        for folder, limit in ((root, 3_000_000), (root / group.lstrip("/"), 2_000_000)):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / names[0]).write_text(f"{limit}\n")
            (folder / names[1]).write_text("500000\n")
            (folder / "memory.stat").write_text(f"{names[2]} 100000\nother 5\n")
    monkeypatch.setattr(memory, "CGROUPS", tmp_path)
    assert memory.free_memory() == 1_600_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.free_memory() <= 2_600_000


def test_large_pictures_are_decoded_one_at_a_time():
    inside, most = 0, 0

    def work():
        nonlocal inside, most
        with memory.one_at_a_time():
            inside += 1
            most = max(most, inside)
            threading.Event().wait(0.02)
            inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
