"""ONNX files that were exported for one picture at a time, made to take any number."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx


def takes_one(shape: list) -> bool:
    """Whether an input of this shape, as ONNX Runtime tells it, takes one picture at a time and no more."""
    return shape[0] == 1


def takes_colours_last(shape: list) -> bool:
    """Whether an input takes pictures as rows, columns, colours (NHWC), and not the colours first (NCHW)."""
    return shape[1] != 3 and shape[3] == 3


def with_free_batch(model: bytes) -> bytes:
    """A model for any number of pictures, made of one for a single picture: its first extents are free then.

    Whether its nodes bear that is to be tried: only the shapes that it gives to Reshape are changed with it.
    """
    import onnx

    proto = onnx.load_from_string(model)
    graph = proto.graph
    given = {entry.name for entry in graph.initializer}
    for entry in (*(one for one in graph.input if one.name not in given), *graph.output):
        extents = entry.type.tensor_type.shape.dim
        if extents and extents[0].dim_value == 1:
            extents[0].dim_param = "pictures"
    del graph.value_info[:]
    shapes = {node.input[1] for node in graph.node if node.op_type == "Reshape"}
    for node in graph.node:
        if node.op_type == "Constant" and node.output[0] in shapes:
            free_first(node.attribute[0].t)
    for entry in graph.initializer:
        if entry.name in shapes:
            free_first(entry)
    return proto.SerializeToString()


def free_first(shape: "onnx.TensorProto") -> None:
    """Let Reshape keep the first extent where its new shape has 1 there."""
    from onnx import numpy_helper

    values = numpy_helper.to_array(shape).copy()
    if values.ndim == 1 and values.size > 1 and values[0] == 1:
        values[0] = 0
        shape.CopyFrom(numpy_helper.from_array(values, shape.name))


def sample_pictures(size: int) -> np.ndarray:
    """Two different pictures, (2, size, size, 3) uint8, to compare a model with what it was made of."""
    return np.random.default_rng(0).integers(0, 256, (2, size, size, 3), np.uint8)
