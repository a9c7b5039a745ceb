"""The reader of dlib's files takes the two that it is for, and nothing that differs from them in more than numbers."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from faceline.errors import FacelineError
from faceline.networks.dlib_format import DlibNetwork, read_mmod, read_resnet
from faceline.networks.dlib_layers import MMOD, RESNET, Convolution
from faceline.networks.dlib_primitives import Reader
from faceline.networks.weights import DLIB_MMOD, DLIB_RESNET, weights_path
from faceline.wording import counted


@dataclass(frozen=True)
class File:
    """A file of dlib's with `marks`, the positions of the bytes that are not weights."""

    data: bytes
    read: Callable[[bytes], DlibNetwork]
    marks: list[int]


def whole_file(weights, read) -> File:
    data = weights_path(weights).read_bytes()
    marks: list[int] = []

    class Noting(Reader):
        def take(self, count):
            if count <= 40:
                marks.extend(range(self._at, self._at + count))
            return super().take(count)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("faceline.networks.dlib_format.Reader", Noting)
        read(data)
    return File(data, read, marks)


@pytest.fixture(scope="module")
def mmod() -> File:
    return whole_file(DLIB_MMOD, read_mmod)


@pytest.fixture(scope="module")
def resnet() -> File:
    return whole_file(DLIB_RESNET, read_resnet)


def refusal(read: Callable[[bytes], DlibNetwork], data: bytes) -> str:
    with pytest.raises(FacelineError) as caught:
        read(data)
    assert str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def changed(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + bytes([value]) + data[at + 1 :]


def test_reads_the_detector(mmod):
    network = mmod.read(mmod.data)
    assert network.means == pytest.approx([122.782, 117.001, 104.298])
    assert [type(layer) for layer in network.layers] == [type(layer) for layer in MMOD]
    filters, biases = network.layers[-1].parameters
    assert filters.shape == (1, 45, 9, 9)
    assert biases.shape == (1,)


def test_reads_the_resnet(resnet):
    network = resnet.read(resnet.data)
    assert [type(layer) for layer in network.layers] == [type(layer) for layer in RESNET]
    assert network.layers[-1].parameters.shape == (256, 128)
    convolutions = [layer for layer in network.layers if isinstance(layer, Convolution)]
    assert len(convolutions) == 29
    assert all(np.isfinite(part).all() for layer in convolutions for part in layer.parameters or ())


def test_each_reader_refuses_the_other_file(mmod, resnet):
    refusal(mmod.read, resnet.data)
    refusal(resnet.read, mmod.data)


def test_refuses_a_file_cut_off_anywhere(mmod, resnet):
    chosen = random.Random(0)
    for file, count in ((mmod, 150), (resnet, 15)):
        ends = [0, 1, 2, len(file.data) - 1, *chosen.choices(file.marks, k=count)]
        for end in [*ends, *chosen.choices(range(len(file.data)), k=count)]:
            assert refusal(file.read, file.data[:end]) == "cut off"


@pytest.mark.parametrize("more", [b"\0", b"\1\1", b"\0" * 1000])
def test_refuses_bytes_after_the_end(mmod, resnet, more):
    for file in (mmod, resnet):
        assert refusal(file.read, file.data + more) == f"{counted(len(more), 'byte')} too many"


def test_refuses_other_text(mmod):
    assert "web page" in refusal(mmod.read, b"\1\1\1\x08web page" + mmod.data)
    for data in (
        b"",
        b"<!DOCTYPE html>\n",
        b"\0" * 5000,
        b"\xff" * 5000,
        b"version https://git-lfs.github.com/spec/v1\n",
    ):
        refusal(mmod.read, data)


def test_refuses_other_control_bytes(mmod):
    # The first byte is a control byte: one byte of magnitude follows.
    for control in [*range(1), *range(2, 256)]:
        refusal(mmod.read, changed(mmod.data, 0, control))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"loss_mmod_", b"loss_mmot_"),
        (b"input_rgb_image_pyramid", b"input_rgb_image_piramid"),
        (b"con_4", b"con_3"),
        (b"con_4", b"con\n4"),
        (b"bn_con2", b"bn_con1"),
        (b"\1\x50\1\x50", b"\1\x50\1\x51"),  # 80 by 80
        (b"\2\xc0\x04", b"\2\xc1\x04"),  # 16 filters of 3 channels and 5 by 5, and 16 biases: 1,216 numbers
        (b"\2\xc0\x04", b"\x08\xff\xff\xff\xff\xff\xff\xff\x7f"),
        (b"\2\xc0\x04", b"\x82\xc0\x04"),
    ],
)
def test_refuses_other_names_versions_and_shapes(mmod, old, new):
    assert old in mmod.data
    refusal(mmod.read, mmod.data.replace(old, new, 1))


def test_refuses_weights_that_are_no_numbers(mmod):
    at = mmod.data.index(b"\2\xc0\x04") + 9 + 4 * 7  # the eighth after the shape
    assert at not in mmod.marks
    for value in (float("nan"), float("inf"), float("-inf")):
        number = np.float32(value).tobytes()
        assert "no numbers" in refusal(mmod.read, mmod.data[:at] + number + mmod.data[at + 4 :])


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_changed_byte_is_read_or_refused_and_nothing_else(mmod, resnet, everywhere):
    chosen = random.Random(1)
    for file, count in ((mmod, 800), (resnet, 25)):
        places = range(len(file.data)) if everywhere else file.marks
        for at in chosen.choices(places, k=count):
            data = changed(file.data, at, chosen.randrange(256))
            try:
                file.read(data)
            except FacelineError as error:
                assert len(str(error).splitlines()) == 1


def test_large_exponents_are_refused():
    for exponent in (1000, 1024, 32000, 2**60):
        integer = bytes([8]) + exponent.to_bytes(8, "little")
        with pytest.raises(FacelineError, match="exponent"):
            Reader(b"\x08" + b"\xff" * 8 + integer).number()
    assert Reader(b"\x01\x03\x81\x01").number() == 1.5
