import contextlib
import io
import struct
import subprocess
import sys
import threading
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from faceline.disk.pictures.images import MAX_BYTES, decode_image, encode_png, picture_suffixes, read_picture
from faceline.errors import UnreadableError


def encode(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def close(first, second, tolerance):
    return first.shape == second.shape and np.abs(first.astype(int) - second).mean() < tolerance


@pytest.mark.parametrize(
    ("kind", "tolerance"),
    [
        ("PNG", 0.01),
        ("BMP", 0.01),
        ("TIFF", 0.01),
        ("PPM", 0.01),
        ("TGA", 0.01),
        ("JPEG", 4),
        ("WEBP", 5),
        ("JPEG2000", 4),
        ("AVIF", 5),
        ("HEIF", 5),
        ("GIF", 12),
        ("MPO", 4),
    ],
)
def test_formats(portrait, kind, tolerance):
    assert close(decode_image(encode(Image.fromarray(portrait), kind)), portrait, tolerance)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "RGBX", "P", "CMYK", "YCbCr", "1", "I;16", "I", "F"])
def test_modes(portrait, mode):
    grey = Image.fromarray(portrait).convert("L")
    if mode in ("I;16", "I"):
        image = Image.fromarray(np.asarray(grey).astype(np.uint16 if mode == "I;16" else np.int32) * 257)
    else:
        image = Image.fromarray(portrait).convert(mode)
    assert image.mode == mode
    decoded = decode_image(encode(image, "PNG" if mode in ("L", "LA", "RGBA", "P", "1", "I;16") else "TIFF"))
    assert decoded.dtype == np.uint8
    expected = portrait if mode in ("RGBA", "RGBX", "P", "CMYK", "YCbCr") else np.asarray(grey.convert("RGB"))
    # Black and white dithers, a palette has few colours, and a float picture is stretched to the full range.
    assert close(decoded, expected, {"1": 90, "P": 20, "F": 20, "I": 20}.get(mode, 4))


def test_sixteen_bits_are_scaled_not_clipped():
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    assert np.array_equal(decode_image(encode(Image.fromarray(ramp)))[..., 0], np.arange(256).reshape(16, 16))


def test_transparent_parts_are_white():
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    image.putpixel((0, 0), (255, 0, 0, 255))
    decoded = decode_image(encode(image))
    assert decoded[0, 0].tolist() == [255, 0, 0]
    assert decoded[1, 1].tolist() == [255, 255, 255]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_turns_the_picture_upright(portrait, kind, orientation):
    turns = Image.Transpose
    undo = {
        2: turns.FLIP_LEFT_RIGHT,
        3: turns.ROTATE_180,
        4: turns.FLIP_TOP_BOTTOM,
        5: turns.TRANSPOSE,
        6: turns.ROTATE_90,
        7: turns.TRANSVERSE,
        8: turns.ROTATE_270,
    }
    image = Image.fromarray(portrait)
    stored = image.transpose(undo[orientation]) if orientation in undo else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert close(decode_image(encode(stored, kind, exif=exif)), portrait, 5)


def test_damaged_exif_does_not_cost_the_picture(encoded):
    data = encoded("JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff\xff\xff")
    assert decode_image(data).ndim == 3


def test_animations_show_their_first_frame(portrait):
    frames = [Image.fromarray(portrait), Image.new("RGB", portrait.shape[1::-1], "green")]
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
        assert close(decode_image(data), portrait, 12), kind


def test_the_name_does_not_matter_the_content_does(encoded, tmp_path, portrait):
    (tmp_path / "mislabelled.jpg").write_bytes(encoded("PNG"))
    assert np.array_equal(decode_image(read_picture(tmp_path / "mislabelled.jpg")), portrait)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "HEIF", "AVIF", "JPEG2000", "BMP"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.95])
def test_truncated_pictures_are_refused(encoded, kind, part):
    data = encoded(kind)
    with pytest.raises(UnreadableError, match=r"damaged|not a picture"):
        decode_image(data[: int(len(data) * part)])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "HEIF", "BMP"])
def test_altered_bytes_raise_nothing_else(encoded, kind):
    data = np.frombuffer(encoded(kind), np.uint8)
    generator = np.random.default_rng(0)
    for _ in range(30):
        altered = data.copy()
        altered[generator.integers(0, min(len(data), 2000), 8)] = generator.integers(0, 256, 8)
        with contextlib.suppress(UnreadableError):
            assert decode_image(altered.tobytes()).dtype == np.uint8


@pytest.mark.parametrize("data", [b"hello, I am no picture", b"\0" * 1000, b"<svg/>", b"%PDF-1.4", b"PK\3\4"])
def test_other_files_are_not_pictures(data):
    with pytest.raises(UnreadableError, match="not a picture"):
        decode_image(data)


def test_empty_file():
    with pytest.raises(UnreadableError, match="empty file"):
        decode_image(b"")


def png_claiming(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 10000)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(12001, 10000), (20000, 20000), (2**31 - 1, 2**31 - 1)])
def test_bombs_are_refused_before_they_are_decoded(width, height):
    with pytest.raises(UnreadableError, match="limit of 120,000,000"):
        decode_image(png_claiming(width, height))


def test_postscript_is_not_run():
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    with pytest.raises(UnreadableError, match="EPS are not read"):
        decode_image(eps)


def test_huge_files_are_not_even_read(tmp_path):
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(UnreadableError, match="the limit is 268,435,456"):
        read_picture(tmp_path / "huge.png")


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of a process as Linux does")
def test_a_want_of_memory_is_no_damage():
    """In a process that may not have the memory that the picture needs."""
    code = """
import io, resource, sys
from PIL import Image
from faceline.disk.pictures.images import decode_image

def encoded(*size):
    file = io.BytesIO()
    Image.new("1", size).save(file, "PNG")
    return file.getvalue()

large = encoded(10_000, 11_000)
decode_image(encoded(9, 9))
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 50_000_000, resource.RLIM_INFINITY))
try:
    decode_image(large)
except MemoryError:
    sys.exit(7)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stderr


def test_suffixes():
    assert {".jpg", ".jpeg", ".png", ".heic", ".avif", ".webp", ".tif", ".mpo", ".gif", ".bmp"} <= picture_suffixes()
    assert not {".eps", ".txt", ".pdf", ".csv", ""} & picture_suffixes()


def test_png_round_trip(portrait):
    assert np.array_equal(decode_image(encode_png(portrait)), portrait)


def test_threads_leave_the_warnings_and_pillow_s_limit_as_they_were(encoded):
    data, large = encoded("PNG"), png_claiming(20_000, 20_000)
    before = list(warnings.filters), Image.MAX_IMAGE_PIXELS

    def work():
        for _ in range(10):
            decode_image(data)
            with contextlib.suppress(UnreadableError):
                decode_image(large)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (list(warnings.filters), Image.MAX_IMAGE_PIXELS) == before
