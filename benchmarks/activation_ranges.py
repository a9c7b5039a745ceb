#!/usr/bin/env python3
"""Find where the activations of a network lie, for `--precision int8`: what `faceline/networks/ranges/` holds.

Reads   <aligned crops>, which serve the network
Writes  <out>, JSON: the network, the SHA-256 of its file, and the smallest and the largest value of each activation
        that becomes integers
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from faceline.disk.pictures.images import decode_image
from faceline.disk.rows import Status
from faceline.faces.embedder import resized_crops
from faceline.faces.reframing import reframed
from faceline.networks.precision import plain_graph
from faceline.networks.preparation import prepared
from faceline.networks.runtime import Runtime, open_session
from faceline.networks.table import network_named
from faceline.stages.represent import read_aligned

# Crops that go through the network together: all activations of each are there at once.
AT_ONCE = 8

# What can be done with integers. The last convolution before the embedding stays, as does what follows it.
WHOLE = ("Conv", "Add", "MaxPool", "AveragePool", "Pad")


def whole_activations(graph: onnx.GraphProto) -> list[str]:
    """The activations that become integers: what such nodes take, and what they give to such nodes."""
    users: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    constants = {entry.name for entry in graph.initializer}
    found: dict[str, None] = {}
    for node in graph.node:
        if node.op_type not in WHOLE or sums_many(node):
            continue
        result = node.output[0]
        following = users.get(result, [])
        if len(following) == 1 and following[0].op_type in ("Relu", "Clip"):
            result = following[0].output[0]
        if any(user.op_type in WHOLE and not sums_many(user) for user in users.get(result, [])):
            found |= dict.fromkeys(name for name in node.input if name not in constants)
            found[result] = None
    return list(found)


def sums_many(node: onnx.NodeProto) -> bool:
    """Whether a convolution adds up a whole picture, channel by channel: then what small values lose adds up, too."""
    attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    return attributes.get("group", 1) > 1 and max(attributes["kernel_shape"]) > 3


def extremes(graph: bytes, inputs: np.ndarray, names: list[str]) -> dict[str, tuple[float, float]]:
    """The smallest and the largest value of each activation, for inputs as the network takes them."""
    proto = onnx.load_from_string(graph)
    (given,) = (entry.name for entry in proto.graph.input)
    del proto.graph.output[:]
    made = [name for name in names if name != given]
    proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in made)
    session = open_session(proto.SerializeToString(), Runtime())
    low = dict.fromkeys(names, 0.0)
    high = dict.fromkeys(names, 0.0)
    for start in range(0, len(inputs), AT_ONCE):
        part = inputs[start : start + AT_ONCE]
        for name, values in zip([*made, given], [*session.run(made, {given: part}), part], strict=True):
            if name in low:
                low[name], high[name] = min(low[name], float(values.min())), max(high[name], float(values.max()))
    return {name: (low[name], high[name]) for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", help="a network of the table")
    parser.add_argument("crops", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=256, help="how many crops are looked at (default: %(default)s)")
    options = parser.parse_args()
    network = network_named(options.network)
    rows, alignment = read_aligned(options.crops, network)
    usable = [row.crop for row in rows if row.status == Status.OK]
    drawn = np.random.default_rng(0).choice(len(usable), options.count, replace=False)
    crops = np.stack([decode_image((options.crops / usable[index]).read_bytes()) for index in sorted(drawn)])
    frame = alignment["frame"]
    own = frame == network.frame
    pixels = (
        resized_crops(crops, network.input_size) if own else reframed(crops, frame, network.frame, network.input_size)
    )
    inputs = pixels if network.is_of_dlib else prepared(network, False, pixels)
    graph = plain_graph(network)
    found = extremes(graph, inputs, whole_activations(onnx.load_from_string(graph).graph))
    content = {
        "network": network.name,
        "sha256": network.sha256,
        "ranges": {name: [float(f"{low:.5g}"), float(f"{high:.5g}")] for name, (low, high) in found.items()},
    }
    options.out.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    print(f"{len(found)} activations of {network.name}, written to {options.out}")


if __name__ == "__main__":
    main()
