"""Pictures with more than 8 bits, and with numbers that have no range."""

import io

import cv2
import numpy as np
import pillow_heif
import pytest

from faceline import infer
from faceline.disk.pictures.images import decode_image
from faceline.errors import UnreadableError


def encoded_by_opencv(ending, rgb):
    bgr = np.ascontiguousarray(rgb[..., ::-1]) if rgb.ndim == 3 else rgb
    return cv2.imencode(ending, bgr)[1].tobytes()


def difference(decoded, portrait):
    assert decoded.shape == portrait.shape
    return np.abs(decoded.astype(int) - portrait).mean()


@pytest.mark.parametrize("ending", [".png", ".tif", ".jp2", ".ppm"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_few_bits_in_sixteen_are_scaled_by_what_is_there(portrait, ending, bits):
    deep = np.round(portrait * ((2**bits - 1) / 255)).astype(np.uint16)
    assert difference(decode_image(encoded_by_opencv(ending, deep)), portrait) < 1
    grey = deep[..., 1]
    expected = np.dstack([portrait[..., 1]] * 3)
    assert difference(decode_image(encoded_by_opencv(".pgm" if ending == ".ppm" else ending, grey)), expected) < 1.5


@pytest.mark.parametrize("alpha", [2**12 - 1, 2**16 - 1])
def test_few_bits_beside_transparency(portrait, alpha):
    deep = np.round(portrait * (4095 / 255)).astype(np.uint16)
    with_alpha = np.dstack([deep[..., ::-1], np.full(deep.shape[:2], alpha, np.uint16)])
    for ending in (".png", ".tif"):
        assert difference(decode_image(cv2.imencode(ending, with_alpha)[1].tobytes()), portrait) < 1


def test_a_dark_picture_of_eight_bits_stays_dark(portrait):
    dark = portrait // 8
    for ending in (".png", ".tif", ".ppm"):
        assert np.array_equal(decode_image(encoded_by_opencv(ending, dark)), dark)


@pytest.mark.parametrize("bits", [10, 12])
def test_heic_with_more_bits(portrait, bits, monkeypatch):
    monkeypatch.setattr(pillow_heif.options, "SAVE_HDR_TO_12_BIT", bits == 12)
    deep = (portrait.astype(np.uint16) * 257).tobytes()
    file = io.BytesIO()
    pillow_heif.from_bytes("RGB;16", portrait.shape[1::-1], deep).save(file, quality=90)
    assert difference(decode_image(file.getvalue()), portrait) < 4


FLOATS = {
    "from 0 to 1": lambda shares: shares,
    "from 0 to 255": lambda shares: shares * 255,
    "proportional to the light": lambda shares: shares**2.2,
    "brighter": lambda shares: shares**2.2 * 50,
    "with lamps": lambda shares: np.where(
        np.arange(shares[..., :1].size).reshape(shares[..., :1].shape) % 997, shares, 99
    ),
    "with holes": lambda shares: np.where(np.arange(shares.size).reshape(shares.shape) % 499, shares, np.nan),
    "with infinities": lambda shares: np.where(np.arange(shares.size).reshape(shares.shape) % 499, shares, np.inf),
}


@pytest.mark.parametrize(
    ("name", "ending"),
    # Radiance has no holes and infinities, and shares its exponents among the colours.
    [(name, ending) for name in FLOATS for ending in (".tif", ".pfm")]
    + [(name, ".hdr") for name in FLOATS if not name.startswith("with")],
)
def test_floats_are_pictures(portrait, name, ending):
    values = FLOATS[name](portrait / 255).astype(np.float32)
    assert difference(decode_image(encoded_by_opencv(ending, values)), portrait) < 5
    if ending != ".hdr":
        expected = np.dstack([portrait[..., 1]] * 3)
        assert difference(decode_image(encoded_by_opencv(ending, values[..., 1])), expected) < 5


@pytest.mark.parametrize("name", ["a.hdr", "a.pic", "a.tiff"])
def test_faces_in_them_are_named(photographs, classifier, tmp_path, name):
    path, person = photographs.probes[-1]
    values = (decode_image(path.read_bytes()) / 255.0).astype(np.float32) ** 2.2
    (tmp_path / name).write_bytes(encoded_by_opencv(".tif" if name == "a.tiff" else ".hdr", values))
    (answer,) = infer(tmp_path / name, classifier)
    assert person in [face.identity.name for face in answer.faces]


@pytest.mark.parametrize(
    "data",
    [
        b"#?RADIANCE\n",
        b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 90000 +X 90000\n" + bytes(1000),
        b"#?RGBE\n\n-Y 20 +X 20\n" + b"\xff" * 50,
        b"#?RADIANCE\n" + b"x\n" * 100_000,
        b"II*\0" + b"\xff" * 100,
        b"MM\0*\0\0\0\x08\0\x01\x01\0\0\x04\0\0\0\x01\xff\xff\xff\xff\0\0\0\0",
    ],
)
def test_hostile_floats_are_refused(data):
    with pytest.raises(UnreadableError):
        decode_image(data)


@pytest.mark.parametrize("ending", [".tif", ".hdr"])
def test_altered_floats_raise_nothing_else(portrait, ending, capfd):
    data = np.frombuffer(encoded_by_opencv(ending, (portrait / 255).astype(np.float32)), np.uint8)
    generator = np.random.default_rng(0)
    for _ in range(30):
        altered = data.copy()
        altered[generator.integers(0, 200 if ending == ".hdr" else len(data), 8)] = generator.integers(0, 256, 8)
        try:
            assert decode_image(altered.tobytes()).dtype == np.uint8
        except UnreadableError as error:
            assert "\n" not in str(error)
    assert capfd.readouterr() == ("", "")
