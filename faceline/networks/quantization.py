"""ONNX graphs whose convolutions reckon with integers of 8 bits (int8), a third of the time of float32.

The graph says so by pairs of QuantizeLinear and DequantizeLinear around convolutions, sums and poolings, which ONNX
Runtime turns into arithmetic of integers. Where activations lie was found once, on pictures
(`benchmarks/activation_ranges.py`), and comes with the package: so a network gives the same graph everywhere, and needs
no pictures for it.

Weights have 7 bits, with a scale for each filter. Processors without instructions for this (VNNI) add two products in
16 bits, which activations of 8 bits and weights of 7 never exceed (2 * 255 * 63 < 2 ** 15): all give the same sums.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

# Raised when the graphs change, so that a cached one is made again, and embeddings are not mixed.
VERSION = 1

# The largest weight and the largest activation, as integers; the smallest are its negative, and 0.
LARGEST_WEIGHT, LARGEST_ACTIVATION = 63, 255

# The smallest scale, as filters of zeros need one too.
SMALLEST = 1e-12

Range = tuple[float, float]


def shipped_ranges(sha256: str) -> dict[str, Range] | None:
    """Where the activations of a network lie, by the SHA-256 of its file; None for one that was not looked at."""
    for entry in (files("faceline.networks") / "ranges").iterdir():
        if entry.name.endswith(".json"):
            content = json.loads(entry.read_text("utf-8"))
            if content["sha256"] == sha256:
                return {name: (low, high) for name, (low, high) in content["ranges"].items()}
    return None


def quantized(model: bytes, ranges: Mapping[str, Range]) -> bytes:
    """A model that reckons with integers.

    Parameters
    ----------
    model : bytes
        An ONNX model in float32.
    ranges : mapping of str to (float, float)
        The activations that become integers, and between what they lie; what lies beyond is cut off. A convolution
        becomes one of integers if its input and its output, or what follows and limits that (Relu, Clip), are here.

    Raises
    ------
    ValueError
        If the model has no activation of such a name.
    """
    import onnx

    proto = onnx.load_from_string(model)
    missing = ranges.keys() - {name for node in proto.graph.node for name in (*node.input, *node.output)}
    if missing:
        raise ValueError(f"no activation is called {min(missing)}")
    Quantizer(proto.graph, ranges).work()
    return proto.SerializeToString(deterministic=True)


@dataclass
class Quantizer:
    """A graph that is being changed."""

    graph: "onnx.GraphProto"
    ranges: Mapping[str, Range]
    nodes: "list[onnx.NodeProto]" = field(default_factory=list)

    def work(self) -> None:
        from onnx import numpy_helper

        constants = {entry.name: numpy_helper.to_array(entry) for entry in self.graph.initializer}
        limits = {
            node.input[0]: node.output[0] for node in self.graph.node if node.op_type in ("Relu", "Clip") and node.input
        }
        for entry in self.graph.input:
            self.round_off(entry.name)
        for node in self.graph.node:
            result = node.output[0]
            is_whole = result in self.ranges or limits.get(result) in self.ranges
            if node.op_type == "Conv" and node.input[0] in self.ranges and is_whole:
                scale = scale_and_zero(self.ranges[node.input[0]])[0]
                filters, biases = (constants[name] for name in node.input[1:3])
                node.input[1:3] = self.weights(result, scale, filters, biases)
            for place, name in enumerate(node.input):
                if name in self.ranges:
                    node.input[place] = f"{name}/rounded"
            self.nodes.append(node)
            self.round_off(result)
        del self.graph.node[:]
        self.graph.node.extend(self.nodes)
        used = {name for node in self.nodes for name in node.input}
        kept = [entry for entry in self.graph.initializer if entry.name in used]
        del self.graph.initializer[:]
        self.graph.initializer.extend(kept)

    def round_off(self, name: str) -> None:
        """Round an activation off to integers, if it is to be one."""
        if name not in self.ranges:
            return
        scale, zero = scale_and_zero(self.ranges[name])
        scaling = [self.constant(f"{name}/scale", scale), self.constant(f"{name}/zero", zero)]
        self.add("QuantizeLinear", [name, *scaling], f"{name}/integers")
        self.add("DequantizeLinear", [f"{name}/integers", *scaling], f"{name}/rounded")

    def weights(self, prefix: str, scale: np.float32, filters: np.ndarray, biases: np.ndarray) -> list[str]:
        """The names of a convolution's filters and biases as integers, for activations of this scale."""
        whole, steps = whole_filters(filters)
        bias_steps = (steps.astype(np.float64) * scale).astype(np.float32)
        whole_biases = np.clip(np.round(biases.astype(np.float64) / bias_steps), -(2**31), 2**31 - 1).astype(np.int32)
        names = []
        for kind, values, step in (("filters", whole, steps), ("biases", whole_biases, bias_steps)):
            name = f"{prefix}/{kind}"
            zeros = np.zeros(len(values), values.dtype)
            parts = {"integers": values, "scale": step, "zero": zeros}
            inputs = [self.constant(f"{name}/{part}", array) for part, array in parts.items()]
            self.add("DequantizeLinear", inputs, name, axis=0)
            names.append(name)
        return names

    def constant(self, name: str, values: "np.ndarray | np.generic") -> str:
        from onnx import numpy_helper

        self.graph.initializer.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def add(self, operation: str, inputs: list[str], output: str, **attributes: Any) -> None:
        from onnx import helper

        self.nodes.append(helper.make_node(operation, inputs, [output], **attributes))


def scale_and_zero(limits: Range) -> tuple[np.float32, np.uint8]:
    """What one step of an activation's integers is worth, and which of them is 0."""
    low, high = min(limits[0], 0.0), max(limits[1], 0.0)
    scale = np.float32(max((high - low) / LARGEST_ACTIVATION, SMALLEST))
    return scale, np.uint8(round(-low / float(scale)))


def whole_filters(filters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Filters as integers.

    Neighbours in a picture are alike, so that what counts is that the errors of a filter's weights add up to nothing:
    in each of its channels, and then over them, the fewest weights are rounded to their other side. After Guo et al.,
    "SQuant: On-the-fly data-free quantization via diagonal Hessian approximation", ICLR 2022.

    Parameters
    ----------
    filters : ndarray of shape (o, i, rows, columns), float32

    Returns
    -------
    ndarray of the same shape, int8
        At most LARGEST_WEIGHT, in both directions.
    ndarray of shape (o,), float32
        What one step is worth.
    """
    exact = filters.reshape(*filters.shape[:2], -1).astype(np.float64)
    steps = np.maximum(np.abs(exact).max(axis=(1, 2)) / LARGEST_WEIGHT, SMALLEST).astype(np.float32)
    exact /= steps[:, None, None].astype(np.float64)
    whole = np.round(exact)
    whole += corrections(exact - whole)
    errors = exact - whole
    # One weight of a channel at most, the one that minds the least, in the channels that are off the most.
    turns = corrections(errors.sum(axis=2))
    weight = np.argmax(errors * np.sign(turns)[:, :, None], axis=2)
    np.put_along_axis(
        whole, weight[:, :, None], np.take_along_axis(whole, weight[:, :, None], 2) + turns[:, :, None], 2
    )
    whole = np.clip(whole, -LARGEST_WEIGHT, LARGEST_WEIGHT)
    return whole.astype(np.int8).reshape(filters.shape), steps


def corrections(errors: np.ndarray) -> np.ndarray:
    """What is added along the last axis, 1 or -1 where errors are the largest, so that their sum is less than 1."""
    sums = np.round(errors.sum(axis=-1, keepdims=True))
    order = np.argsort(-errors * np.sign(sums), axis=-1, kind="stable")
    places = np.argsort(order, axis=-1, kind="stable")
    return np.where(places < np.abs(sums), np.sign(sums), 0)
