"""JPEG files that end too early."""

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from faceline.disk.pictures.images import decode_image
from faceline.errors import UnreadableError

KINDS: dict[str, dict[str, Any]] = {
    "usual": {},
    "progressive": {"progressive": True},
    "fine": {"quality": 95, "subsampling": 0},
    "with restarts": {"restart_marker_rows": 1},
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_bytes_may_lack(encoded, kind):
    data = encoded("JPEG", **KINDS[kind])
    whole = decode_image(data)
    assert np.array_equal(decode_image(data[:-2]), whole)
    assert np.array_equal(decode_image(data[:-1]), whole)
    assert np.array_equal(decode_image(data[:-2] + b"\xff"), whole)
    almost = decode_image(data[:-40])
    assert almost.shape == whole.shape
    assert np.array_equal(almost[: len(whole) * 9 // 10], whole[: len(whole) * 9 // 10])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.2, 0.5, 0.7, 0.9])
def test_a_part_is_not_the_picture(encoded, kind, part):
    data = encoded("JPEG", **KINDS[kind])
    with pytest.raises(UnreadableError, match="damaged picture: image file is truncated"):
        decode_image(data[: int(len(data) * part)])


def test_grey_and_four_colours(portrait):
    for mode in ("L", "CMYK"):
        file = io.BytesIO()
        Image.fromarray(portrait).convert(mode).save(file, "JPEG")
        assert np.array_equal(decode_image(file.getvalue()[:-2]), decode_image(file.getvalue()))


def test_cut_anywhere_it_raises_nothing_else(encoded):
    for options in KINDS.values():
        data = encoded("JPEG", **options)
        for end in range(0, len(data), len(data) // 25):
            with contextlib.suppress(UnreadableError):
                decode_image(data[:end])
