"""Channels of an ONNX file that are 0 whatever the picture shows, taken out of it.

Training with weight decay leaves many: of the 128 that MobileFaceNet computes at half of the picture's edge, a ReLU6
holds 37 at 0. Which ones follows from the weights, as the pixels have a range, and each layer carries the range of its
inputs to one of its outputs.
"""

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from faceline.networks.converter import CHANNEL_BLOCK

if TYPE_CHECKING:
    import onnx

# The least and the largest value of each channel, (channels,) float64.
Range = tuple[np.ndarray, np.ndarray]


class ChannelRanges:
    """What the channels of a graph can be.

    Parameters
    ----------
    graph : onnx.GraphProto
    pictures : ndarray of shape (2, channels, rows, columns)
        A black and a white one: all others lie between.

    Attributes
    ----------
    constants : name -> ndarray
    of : name -> Range
        Where something can be said: behind convolutions, sums, and functions that cut off.
    """

    def __init__(self, graph: "onnx.GraphProto", pictures: np.ndarray) -> None:
        from onnx import numpy_helper

        self.constants = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                self.constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        (name,) = (entry.name for entry in graph.input if entry.name not in self.constants)
        first, second = pictures[:, :, 0, 0].astype(float)
        self.of: dict[str, Range] = {name: (np.minimum(first, second), np.maximum(first, second))}
        for node in graph.node:
            found = self.after(node)
            if found is not None:
                self.of[node.output[0]] = found

    def after(self, node: "onnx.NodeProto") -> Range | None:
        ranges = [self.of.get(name) for name in node.input]
        if not ranges or ranges[0] is None:
            return None
        low, high = ranges[0]
        match node.op_type:
            case "Conv" if self.parameters(node):
                return self.after_convolution(node, low, high)
            case "Relu":
                return np.maximum(low, 0), np.maximum(high, 0)
            case "Clip" if len(node.input) == 3 and {*node.input[1:]} <= self.constants.keys():
                least, most = (float(self.constants[name]) for name in node.input[1:])
                return np.clip(low, least, most), np.clip(high, least, most)
            case "Add" if ranges[1] is not None:
                return low + ranges[1][0], high + ranges[1][1]
        return None

    def after_convolution(self, node: "onnx.NodeProto", low: np.ndarray, high: np.ndarray) -> Range | None:
        filters, biases = (values.astype(float) for values in self.parameters(node))
        if not is_channelwise(node, filters) and group_of(node) != 1:
            return None
        low, high = np.minimum(low, 0), np.maximum(high, 0)  # at the edge there are zeros
        rising, falling = (part.sum(axis=(2, 3)) for part in (np.maximum(filters, 0), np.minimum(filters, 0)))
        if is_channelwise(node, filters):
            rising, falling = (np.diag(part[:, 0]) for part in (rising, falling))
        return rising @ low + falling @ high + biases, rising @ high + falling @ low + biases

    def parameters(self, node: "onnx.NodeProto") -> list[np.ndarray]:
        """Filters and biases of a convolution of two dimensions, empty where they are not known beforehand."""
        found = [self.constants[name] for name in node.input[1:] if name in self.constants]
        return found if len(found) == 2 and found[0].ndim == 4 else []

    def dead(self, name: str) -> np.ndarray:
        """Which channels are 0 in every picture."""
        low, high = self.of[name]
        return (low == 0) & (high == 0)


def group_of(node: "onnx.NodeProto") -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)


def is_channelwise(node: "onnx.NodeProto", filters: np.ndarray) -> bool:
    """Whether each channel of a convolution is made of one channel alone."""
    return filters.shape[1] == 1 and group_of(node) == len(filters)


def black_and_white(size: int) -> np.ndarray:
    """A black picture and a white one, (2, size, size, 3) uint8."""
    return np.stack([np.full((size, size, 3), value, np.uint8) for value in (0, 255)])


def without_dead_channels(model: bytes, pictures: np.ndarray) -> bytes:
    """A model without its dead channels, as far as that makes it quicker; the same one if it does not.

    Parameters
    ----------
    model : bytes
        As ONNX.
    pictures : ndarray of shape (2, channels, rows, columns)
        A black and a white one, as the model is given them: all others lie between.
    """
    import onnx

    proto = onnx.load_from_string(model)
    graph = proto.graph
    if any(attribute.HasField("g") or attribute.graphs for node in graph.node for attribute in node.attribute):
        return model  # what is used inside is not seen here
    ranges = ChannelRanges(graph, pictures)
    makers = {node.output[0]: node for node in graph.node}
    uses = Counter([name for node in graph.node for name in node.input] + [entry.name for entry in graph.output])
    found = False
    for node in graph.node:
        if node.op_type != "Conv" or group_of(node) != 1 or not ranges.parameters(node):
            continue
        chain = chain_before(node, makers, uses, ranges)
        living = living_channels(ranges.dead(node.input[0])) if chain else None
        if living is not None:
            keep_inputs(graph, node, ranges, living)
            for before in chain:
                keep_outputs(graph, before, ranges, living)
            found = True
    if not found:
        return model
    del graph.value_info[:]
    return proto.SerializeToString()


def chain_before(
    node: "onnx.NodeProto", makers: "dict[str, onnx.NodeProto]", uses: Counter[str], ranges: ChannelRanges
) -> "list[onnx.NodeProto]":
    """The convolutions that make the channels which a convolution takes, the last first: the one that mixes channels,
    and those after it that leave them apart. Empty if anything else uses these channels, too."""
    chain: list[onnx.NodeProto] = []
    name = node.input[0]
    while name in makers and name in ranges.of and uses[name] == 1:
        before = makers[name]
        if before.op_type == "Conv":
            chain.append(before)
            if not is_channelwise(before, ranges.parameters(before)[0]):
                return chain
        elif before.op_type not in ("Relu", "Clip"):
            break
        name = before.input[0]
    return []


def living_channels(dead: np.ndarray) -> np.ndarray | None:
    """The channels to be kept, whole blocks of them, with dead ones where a block is not full; None if that is no
    block less than before."""
    blocks = math.ceil(int((~dead).sum()) / CHANNEL_BLOCK)
    spared = len(dead) - max(1, blocks) * CHANNEL_BLOCK
    return np.delete(np.arange(len(dead)), np.flatnonzero(dead)[:spared]) if spared > 0 else None


def keep_inputs(graph: "onnx.GraphProto", node: "onnx.NodeProto", ranges: ChannelRanges, living: np.ndarray) -> None:
    filters, _ = ranges.parameters(node)
    replace_constant(graph, node, 1, ranges, filters[:, living])


def keep_outputs(graph: "onnx.GraphProto", node: "onnx.NodeProto", ranges: ChannelRanges, living: np.ndarray) -> None:
    for place, values in enumerate(ranges.parameters(node), 1):
        replace_constant(graph, node, place, ranges, values[living])
    for attribute in node.attribute:
        if attribute.name == "group" and attribute.i > 1:
            attribute.i = len(living)


def replace_constant(
    graph: "onnx.GraphProto", node: "onnx.NodeProto", place: int, ranges: ChannelRanges, values: np.ndarray
) -> None:
    """Give a node another constant; the old one stays for whoever else has it."""
    from onnx import numpy_helper

    name = f"{node.output[0]}/{place}/living"
    entries = [entry for entry in graph.initializer if entry.name == name] or [graph.initializer.add()]
    entries[0].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), name))
    node.input[place] = name
    ranges.constants[name] = values
