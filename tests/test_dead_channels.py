"""Channels that are always 0 are left out of a network, and its numbers stay."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from faceline.disk.pictures.images import decode_image
from faceline.faces.embedder import directions, embed, resized_crops
from faceline.networks import inference
from faceline.networks.batches import with_free_batch
from faceline.networks.dead_channels import black_and_white, without_dead_channels
from faceline.networks.inference import onnx_network, onnx_session
from faceline.networks.preparation import prepared
from faceline.networks.runtime import Runtime, open_session
from faceline.networks.table import NETWORKS

NETWORK, RUNTIME = NETWORKS["mobilefacenet"], Runtime()


@pytest.fixture(scope="module")
def crops(faces):
    """johns/ as they are; black, white, and noise."""
    found = [decode_image(path.read_bytes()) for path in sorted((faces / "johns").rglob("*.jpg"))]
    noise = np.random.default_rng(1).integers(0, 256, (3, 112, 112, 3), np.uint8)
    return np.concatenate([resized_crops(np.stack(found), 112), black_and_white(112), noise])


def outputs(model, pictures):
    """What a model gives, one picture at a time."""
    session = open_session(model, RUNTIME)
    (name,) = (entry.name for entry in session.get_inputs())
    return np.concatenate([session.run(None, {name: picture[None]})[0] for picture in pictures])


def filters_of(model):
    """The shapes of all convolutions' filters."""
    proto = onnx.load_from_string(model)
    shapes = {entry.name: [*entry.dims] for entry in proto.graph.initializer}
    return [shapes[node.input[1]] for node in proto.graph.node if node.op_type == "Conv"]


def test_mobilefacenet_without_dead_channels_gives_its_numbers(mobilefacenet, crops):
    expected = directions(outputs(mobilefacenet.read_bytes(), prepared(NETWORK, False, crops)))
    embeddings = embed(NETWORK, crops, RUNTIME)
    assert len(crops) > 50
    assert 0 < np.linalg.norm(embeddings - expected, axis=1).max() < 1e-5
    for size in (1, 3, 5):
        parts = [embed(NETWORK, crops[start : start + size], RUNTIME) for start in range(0, len(crops), size)]
        assert np.array_equal(embeddings, np.concatenate(parts))
    assert np.array_equal(embeddings, embed(NETWORK, crops, Runtime(threads=2)))


def test_what_is_left_out_of_mobilefacenet(mobilefacenet):
    model = with_free_batch(mobilefacenet.read_bytes())
    lean = without_dead_channels(model, prepared(NETWORK, False, black_and_white(112)))
    changed = [pair for pair in zip(filters_of(model), filters_of(lean), strict=True) if pair[0] != pair[1]]
    assert [after[0] for before, after in changed if before[0] != after[0]] == [48, 48, 96, 96, 112, 112, 240, 240]
    assert [after[1] for before, after in changed if before[1] != after[1]] == [48, 96, 112, 240]


def test_a_change_that_gives_other_numbers_is_not_taken(mobilefacenet, crops, monkeypatch):
    def damaged(model, pictures):
        proto = onnx.load_from_string(model)
        filters = next(entry for entry in proto.graph.initializer if len(entry.dims) == 4)
        filters.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(filters) * np.float32(1.001), filters.name))
        return proto.SerializeToString()

    monkeypatch.setattr(inference, "without_dead_channels", damaged)
    onnx_network.cache_clear()
    try:
        session = onnx_session(NETWORK, RUNTIME)
        pictures = prepared(NETWORK, False, crops[:3])
        assert session.get_inputs()[0].shape[0] == "pictures"
        expected = outputs(mobilefacenet.read_bytes(), pictures)
        assert np.array_equal(session.run(None, {session.get_inputs()[0].name: pictures})[0], expected)
    finally:
        onnx_network.cache_clear()


def drawn(generator, *shape):
    return generator.normal(size=shape).astype(np.float32)


def small_network(*, dead, least=0.0, second_use=False):
    """Convolution, Clip, depthwise convolution, Relu, convolution: 32 channels, of which the last `dead` end as 0."""
    generator = np.random.default_rng(2)
    spread, biases = drawn(generator, 32, 1, 3, 3), drawn(generator, 32)
    spread[32 - dead :] = -np.abs(spread[32 - dead :])
    biases[32 - dead :] = -np.abs(biases[32 - dead :])
    constants = {
        "first": drawn(generator, 32, 3, 3, 3),
        "first biases": drawn(generator, 32),
        "least": np.float32(least),
        "most": np.float32(6),
        "spread": spread,
        "biases": biases,
        "last": drawn(generator, 8, 32, 1, 1),
        "last biases": drawn(generator, 8),
    }
    nodes = [
        helper.make_node("Conv", ["pixels", "first", "first biases"], ["a"], pads=[1] * 4),
        helper.make_node("Clip", ["a", "least", "most"], ["b"]),
        helper.make_node("Conv", ["b", "spread", "biases"], ["c"], pads=[1] * 4, group=32),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("Conv", ["d", "last", "last biases"], ["e"]),
        helper.make_node("GlobalAveragePool", ["d" if second_use else "e"], ["pooled"]),
        helper.make_node("Flatten", ["e"], ["flat"]),
        helper.make_node("Flatten", ["pooled"], ["means"]),
        helper.make_node("Concat", ["flat", "means"], ["output"], axis=1),
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 12, 12])
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", None])
    entries = [numpy_helper.from_array(np.asarray(values), name) for name, values in constants.items()]
    graph = helper.make_graph(nodes, "small", [pixels], [output], entries)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


BLACK_AND_WHITE = np.stack([np.full((3, 12, 12), value, np.float32) for value in (-1, 1)])


def test_whole_blocks_are_left_out():
    model = small_network(dead=20)
    lean = without_dead_channels(model, BLACK_AND_WHITE)
    assert filters_of(lean) == [[16, 3, 3, 3], [16, 1, 3, 3], [8, 16, 1, 1]]
    pictures = np.random.default_rng(3).uniform(-1, 1, (20, 3, 12, 12)).astype(np.float32)
    pictures = np.concatenate([BLACK_AND_WHITE, np.sign(pictures[:5]), pictures])
    expected = outputs(model, pictures)
    assert np.abs(outputs(lean, pictures) - expected).max() < 1e-6 * np.abs(expected).max()


@pytest.mark.parametrize(
    "network",
    [
        small_network(dead=15),  # less than a block
        small_network(dead=20, least=-1.0),  # what is cut off below 0 may rise again
        small_network(dead=20, second_use=True),  # somebody else wants these channels
    ],
    ids=["few", "negative", "shared"],
)
def test_a_model_stays_as_it_is(network):
    assert without_dead_channels(network, BLACK_AND_WHITE) == network
