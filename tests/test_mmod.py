"""The detector on ONNX Runtime finds what dlib's finds: the same rectangles, in the same order."""

from typing import TYPE_CHECKING

import dlib
import numpy as np
import pytest
from PIL import Image

from faceline.disk.pictures.images import decode_image
from faceline.faces.mmod import MEANS, detect_mmod, place_levels, suppress, tiled_pyramid
from faceline.networks.converter import convert, convolution_of
from faceline.networks.dlib_format import DlibNetwork, read_mmod
from faceline.networks.dlib_layers import Convolution
from faceline.networks.telemetry import import_onnxruntime
from faceline.networks.weights import DLIB_MMOD, weights_path

if TYPE_CHECKING:
    import onnxruntime

ort = import_onnxruntime()


@pytest.fixture(scope="module")
def network() -> DlibNetwork:
    return read_mmod(weights_path(DLIB_MMOD).read_bytes())


def start(network: DlibNetwork) -> "onnxruntime.InferenceSession":
    options = ort.SessionOptions()
    options.intra_op_num_threads = 2
    model = convert(network, None).SerializeToString()
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def session(network) -> "onnxruntime.InferenceSession":
    return start(network)


@pytest.fixture(scope="module")
def reference():
    return dlib.cnn_face_detection_model_v1(str(weights_path(DLIB_MMOD)))


def resized(image: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.array(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))


def assert_same(session, reference, image: np.ndarray, upsample: int = 0) -> int:
    """Compare with dlib, and say how many faces there are."""
    expected, found = reference(image, upsample), detect_mmod(session, image, upsample)
    rectangles = [face.rect for face in expected]
    assert [box for box, _ in found] == [(r.left(), r.top(), r.right() + 1, r.bottom() + 1) for r in rectangles]
    assert [score for _, score in found] == pytest.approx([face.confidence for face in expected], abs=1e-4)
    return len(found)


def test_finds_the_same_face(session, reference, portrait):
    assert assert_same(session, reference, portrait) == 1


def test_a_box_is_plain_numbers_around_the_face(session, portrait):
    [(box, confidence)] = detect_mmod(session, portrait, 0)
    assert [type(value) for value in (*box, confidence)] == [int] * 4 + [float]
    left, top, right, bottom = box
    assert 0 < right - left < portrait.shape[1]
    assert 0 < bottom - top < portrait.shape[0]
    assert confidence > 0.9


@pytest.mark.parametrize("times", [1, 2])
def test_finds_the_same_in_an_enlarged_picture(session, reference, portrait, times):
    small = resized(portrait, 151 // times, 189 // times)
    assert assert_same(session, reference, small, times) == 1


@pytest.mark.parametrize(
    "width, height", [(97, 211), (233, 141), (301, 89), (59, 173), (250, 250), (10, 300), (300, 7)]
)
def test_finds_the_same_at_odd_sizes(session, reference, portrait, width, height):
    assert_same(session, reference, resized(portrait, width, height))


def test_finds_the_same_in_many_faces(session, reference, portrait):
    # Two beside each other and a smaller one that covers part of both.
    height, width = portrait.shape[:2]
    canvas = np.hstack([portrait, portrait[:, ::-1]])
    canvas[: height // 2, width * 3 // 4 : width * 3 // 4 + width // 2] = resized(portrait, width // 2, height // 2)
    assert assert_same(session, reference, canvas) >= 2


def test_finds_the_same_in_photographs_of_groups(session, reference, faces):
    paths = sorted((faces / "groups").glob("200*.jpg"))[:4]
    assert paths
    found = 0
    for path in paths:
        image = Image.fromarray(decode_image(path.read_bytes()))
        image.thumbnail((400, 400))
        found += assert_same(session, reference, np.array(image))
    assert found >= 2


def test_finds_nothing_where_nobody_is(session, reference, portrait):
    height, width = portrait.shape[:2]
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    for image in (noise, np.zeros_like(noise), np.full_like(noise, 255), portrait[height - 60 :, : width // 3]):
        assert assert_same(session, reference, np.ascontiguousarray(image)) == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (5, 5), (9, 9), (6, 200), (200, 9), (2, 3)])
@pytest.mark.parametrize("upsample", [0, 1])
def test_tiny_pictures_have_no_faces(session, shape, upsample):
    # dlib itself ends the process, or raises, on most of these.
    assert detect_mmod(session, np.full((*shape, 3), 128, np.uint8), upsample) == []


def test_takes_pictures_that_do_not_lie_in_one_piece(session, portrait):
    assert detect_mmod(session, portrait[:, ::-1], 0) == detect_mmod(session, portrait[:, ::-1].copy(), 0)


def test_means_are_those_of_the_network(network):
    np.testing.assert_array_equal(MEANS, np.array(network.means, np.float32))


def test_levels_lie_on_the_canvas_and_apart():
    for height, width in ((480, 640), (640, 480), (33, 700), (700, 33), (250, 250), (61, 60)):
        (rows, columns), tiles = place_levels(height, width)
        assert tiles[0] == (11, 11, 11 + width, 11 + height)
        taken = np.zeros((rows, columns), np.int64)
        for left, top, right, bottom in tiles:
            assert 0 <= left < right <= columns
            assert 0 <= top < bottom <= rows
            taken[top:bottom, left:right] += 1
        assert taken.max() == 1


def test_places_levels_as_dlib_does():
    # Written down from dlib's compute_tiled_image_pyramid_details.
    left = [(11, 11, 61, 51), (11, 61, 52, 94), (11, 104, 45, 131), (11, 141, 39, 163), (11, 173, 34, 191)]
    left += [(11, 201, 30, 216)]
    right = [(46, 204, 61, 216), (49, 184, 61, 194), (51, 166, 61, 174), (53, 150, 61, 156), (55, 135, 61, 140)]
    assert place_levels(40, 50) == ((227, 72), left + right)


def test_the_canvas_is_zero_between_levels(portrait):
    canvas, tiles = tiled_pyramid(portrait)
    assert canvas.dtype == np.float32
    left, top, right, bottom = tiles[0]
    pixels = canvas[0, :, top:bottom, left:right].transpose(1, 2, 0) * 256 + MEANS
    np.testing.assert_array_equal(np.rint(pixels), portrait)
    for left, top, right, bottom in tiles:
        canvas[:, :, top:bottom, left:right] = 0
    assert not canvas.any()


def test_suppression_compares_with_the_rectangle_around_both():
    # Each 100 by 100, moved by 49, 50, and more: 51 / 149 is above the limit, 50 / 150 below.
    boxes = np.array([[left, 0, left + 99, 99] for left in (0, 49, 50, 300, -1000)])
    assert suppress(boxes) == [0, 2, 3, 4]
    assert suppress(boxes[:0]) == []


def test_converted_weights_do_what_the_layers_do(session, network, portrait):
    """Every layer in double precision, as dlib's file has it, against the folded graph."""
    pixels = tiled_pyramid(resized(portrait, 40, 30))[0]
    signal = pixels[0].astype(np.float64)
    for layer in network.layers:
        if isinstance(layer, Convolution):
            _, filters, biases = convolution_of(layer)
            padded = np.pad(signal, [(0, 0), (layer.padding,) * 2, (layer.padding,) * 2])
            windows = np.lib.stride_tricks.sliding_window_view(padded, (layer.size, layer.size), axis=(1, 2))
            windows = windows[:, :: layer.stride, :: layer.stride]
            signal = np.einsum("irckl,oikl->orc", windows, filters, optimize=True) + biases[:, None, None]
        elif hasattr(layer, "channels"):
            gain, shift = (part[:, None, None] for part in layer.parameters)
            signal = signal * gain + shift
        else:
            signal = signal.clip(min=0)
    (scores,) = session.run(["output"], {"pixels": pixels})
    assert scores.shape == (1, *signal.shape)
    np.testing.assert_allclose(scores[0], signal, atol=1e-5)
