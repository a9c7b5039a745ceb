"""Pictures that only their metadata turn upright."""

import io

import numpy as np
import pytest
from PIL import Image
from PIL.Image import Transpose

from faceline.disk.pictures.heif import TURNS, boxes, turns_itself
from faceline.disk.pictures.images import decode_image

# What has to be done to an upright picture so that the orientation describes it.
UNDO = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_90,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_270,
}


def stored(portrait, number, kind, **options):
    file = io.BytesIO()
    Image.fromarray(portrait).transpose(UNDO[number]).save(file, kind, **options)
    return file.getvalue()


def exif(number, tag=0x0112):
    values = Image.Exif()
    values[tag] = number
    return values


def is_upright(data, portrait):
    decoded = decode_image(data)
    return decoded.shape == portrait.shape and np.abs(decoded.astype(int) - portrait).mean() < 6


def without_turns(data):
    """A HEIF file whose properties of turning are given to nobody: the size stands in their places."""
    meta = dict(boxes(data, *dict(boxes(data, 0, len(data)))[b"meta"], header=4))
    properties = dict(boxes(data, *meta[b"iprp"]))
    kinds = [kind for kind, _ in boxes(data, *properties[b"ipco"])]
    start, end = properties[b"ipma"]
    altered = bytearray(data)
    for place in range(start + 11, end):  # behind the number of properties of the first item, the only one with any
        if kinds[(data[place] & 127) - 1] in TURNS:
            altered[place] = kinds.index(b"ispe") + 1
    return bytes(altered)


@pytest.mark.parametrize("number", UNDO)
def test_heic(portrait, number):
    """pillow-heif makes both kinds: the bytes of EXIF let it turn the picture, the object does not."""
    by_itself = stored(portrait, number, "HEIF", exif=exif(number).tobytes())
    assert turns_itself(by_itself)
    assert is_upright(by_itself, portrait)
    by_exif = stored(portrait, number, "HEIF", exif=exif(number))
    if turns_itself(by_exif):  # in other versions
        by_exif = without_turns(by_exif)
    assert is_upright(by_exif, portrait)
    assert is_upright(without_turns(by_itself), portrait)


@pytest.mark.parametrize("number", UNDO)
def test_avif(portrait, number):
    by_itself = stored(portrait, number, "AVIF", exif=exif(number))
    assert turns_itself(by_itself)
    assert is_upright(by_itself, portrait)
    # Pillow makes no other: so the number hides under another tag, the next one, while it writes.
    by_exif = stored(portrait, number, "AVIF", exif=exif(number, tag=0x0113))
    assert by_exif.count(b"\x01\x13\0\x03") == 1
    by_exif = by_exif.replace(b"\x01\x13\0\x03", b"\x01\x12\0\x03")
    assert not turns_itself(by_exif)
    assert is_upright(by_exif, portrait)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF"])
def test_xmp(portrait, kind):
    from PIL.PngImagePlugin import PngInfo

    text = '<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", text)
    options = {"pnginfo": info} if kind == "PNG" else {"xmp": text.encode()}
    assert is_upright(stored(portrait, 6, kind, **options), portrait)


def test_several_pictures_in_one(portrait):
    second = Image.fromarray(portrait).rotate(180)
    data = stored(portrait, 6, "MPO", exif=exif(6).tobytes(), save_all=True, append_images=[second])
    assert is_upright(data, portrait)


def test_a_damaged_container_raises_nothing_else(portrait):
    data = np.frombuffer(stored(portrait, 6, "HEIF", exif=exif(6)), np.uint8)
    generator = np.random.default_rng(0)
    for _ in range(200):
        altered = data.copy()
        altered[generator.integers(0, 400, 8)] = generator.integers(0, 256, 8)
        try:
            turns_itself(altered.tobytes())
        except Exception as error:
            assert type(error).__name__ in ("ValueError", "IndexError", "KeyError", "error")
