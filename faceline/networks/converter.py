"""Building ONNX graphs that do what dlib's networks do.

Affine layers are folded into the convolutions in double precision, and so are subtracting the mean and scaling where a
network takes pictures as they are; so nothing is done at run time that can be done once.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from faceline.networks.dlib_format import DlibNetwork
from faceline.networks.dlib_layers import Add, Affine, Convolution, Dense, Layer, Pooling, Rectifier, Tag

if TYPE_CHECKING:
    import onnx

# Raised when the graphs change, so that a cached one is built again.
VERSION = 2

# dlib scales pixels by this after the mean is subtracted.
PIXEL_SCALE = 1 / 256

# Every runtime of the last years reads these.
OPSET, IR_VERSION = 17, 8


# ONNX Runtime's fast convolutions take this many channels at a time; slower ones step in where they do not come out.
CHANNEL_BLOCK = 16


# Channels, rows and columns.
Shape = tuple[int, int, int]


def convolution_of(layer: Layer) -> tuple[Convolution, np.ndarray, np.ndarray]:
    """A layer that is a convolution, its filters and its biases."""
    if not isinstance(layer, Convolution) or layer.parameters is None:
        raise TypeError(f"{type(layer).__name__} where there should be a convolution that has been read")
    return layer, *layer.parameters


def fold_affine(layers: list[Layer]) -> list[Layer]:
    """The layers with every affine layer inside the convolution before it."""
    folded: list[Layer] = []
    for layer in layers:
        if isinstance(layer, Affine) and layer.parameters is not None:
            convolution, filters, biases = convolution_of(folded.pop())
            gain, shift = layer.parameters
            folded.append(replace(convolution, parameters=(filters * gain[:, None, None, None], biases * gain + shift)))
        else:
            folded.append(layer)
    return folded


def fold_preparation(layers: list[Layer], means: list[float]) -> list[Layer]:
    """The layers with what dlib does to a picture before inside the first convolution."""
    # The first convolution has no padding, so a constant that is subtracted from the picture is one from its output.
    first, filters, biases = convolution_of(layers[0])
    filters = np.asarray(filters, np.float64) * PIXEL_SCALE
    biases = np.asarray(biases, np.float64) - np.einsum("oihw,i->o", filters, np.array(means))
    return [replace(first, parameters=(filters, biases)), *layers[1:]]


def fill_blocks(layers: list[Layer]) -> list[Layer]:
    """The layers with channels of zeros where a convolution's outputs are not a multiple of the block."""
    filled: list[Layer] = []
    inputs = convolution_of(layers[0])[0].inputs
    for layer in layers:
        if isinstance(layer, Convolution):
            layer, filters, biases = convolution_of(layer)
            missing = -layer.outputs % CHANNEL_BLOCK if layer.outputs > 1 else 0
            filters = np.pad(filters, [(0, missing), (0, inputs - layer.inputs), (0, 0), (0, 0)])
            inputs = layer.outputs + missing
            layer = replace(layer, outputs=inputs, parameters=(filters, np.pad(biases, (0, missing))))
        filled.append(layer)
    return filled


@dataclass
class Graph:
    """An ONNX graph under construction; `shape` is (channels, rows, columns) of its end, where that is known."""

    nodes: "list[onnx.NodeProto]"
    constants: "list[onnx.TensorProto]"
    end: str
    shape: Shape | None

    def add(self, operation: str, *inputs: str, **attributes: Any) -> str:
        from onnx import helper

        output = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, [self.end, *inputs], [output], **attributes))
        self.end = output
        return output

    def constant(self, values: "np.ndarray | list[int]", kind: str = "float32") -> str:
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values, kind), name))
        return name

    def pool(self, size: int, stride: int, padding: int = 0) -> None:
        if self.shape:
            _, rows, columns = self.shape
            rows, columns = ((extent + 2 * padding - size) // stride + 1 for extent in (rows, columns))
            self.shape = self.shape[0], rows, columns

    def extend(self, shape: Shape) -> None:
        """Continue the end with zeros at the bottom, at the right, and in further channels."""
        missing = [wanted - extent for wanted, extent in zip(shape, known(self.shape), strict=True)]
        if any(missing):
            self.add("Pad", self.constant([0, 0, 0, 0, 0, *missing], "int64"))
            self.shape = shape

    def add_layers(self, layers: list[Layer]) -> None:
        remembered: dict[int, tuple[str, Shape | None]] = {}
        for layer in layers:
            match layer:
                case Convolution(outputs=1, stride=1, padding=padding, parameters=(filters, biases)):
                    # With one output it is a matrix product and a sum when seen as its own transpose, which is six
                    # times faster.
                    turned = filters.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]
                    self.add("ConvTranspose", self.constant(turned), self.constant(biases), pads=[padding] * 4)
                case Convolution(stride=stride, padding=padding, parameters=(filters, biases)):
                    parameters = self.constant(filters), self.constant(biases)
                    self.add("Conv", *parameters, strides=[stride] * 2, pads=[padding] * 4)
                    self.pool(layer.size, stride, padding)
                    self.shape = self.shape and (layer.outputs, *self.shape[1:])
                case Rectifier():
                    self.add("Relu")
                case Pooling(size=0):
                    self.add("GlobalAveragePool")
                    self.add("Flatten")
                case Pooling(kind=kind, size=size, stride=stride):
                    operation = {"max": "MaxPool", "avg": "AveragePool"}[kind]
                    self.add(operation, kernel_shape=[size] * 2, strides=[stride] * 2)
                    self.pool(size, stride)
                case Tag(number=number, skip=False):
                    remembered[number] = self.end, self.shape
                case Tag(number=number):
                    self.end, self.shape = remembered[number]
                case Add(tag=tag):
                    channels, rows, columns = map(max, known(self.shape), known(remembered[tag][1]))
                    self.extend((channels, rows, columns))
                    first, (self.end, self.shape) = self.end, remembered[tag]
                    self.extend((channels, rows, columns))
                    self.add("Add", first)
                case Dense(parameters=np.ndarray() as weights):
                    self.add("MatMul", self.constant(weights))


def known(shape: Shape | None) -> Shape:
    if shape is None:
        raise ValueError("this network takes pictures of one size only")
    return shape


def convert(network: DlibNetwork, size: int | None) -> "onnx.ModelProto":
    """Build the graph of a network.

    Parameters
    ----------
    network : DlibNetwork
    size : int or None
        Edge of the pictures, in pixels; None takes any size, and what dlib makes of a picture.

    Returns
    -------
    onnx.ModelProto
        With a size: input "pixels" of shape (n, size, size, 3), uint8, RGB; output "output" of shape (n, 128), float32.
        Without: input "pixels" of shape (n, 3, rows, columns), float32, the mean subtracted and divided by 256; output
        "output" of shape (n, 1, rows, columns), float32.
    """
    from onnx import TensorProto, checker, helper

    layers = fold_affine(network.layers)
    shape: list[str | int | None]
    if size:
        graph = Graph([], [], "pixels", (3, size, size))
        graph.add("Cast", to=TensorProto.FLOAT)
        graph.add("Transpose", perm=[0, 3, 1, 2])
        graph.add_layers(fold_preparation(layers, network.means))
        pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", size, size, 3])
        shape = ["n", 128]
    else:
        graph = Graph([], [], "pixels", None)
        graph.add_layers(fill_blocks(layers))
        pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, "rows", "columns"])
        shape = ["n", 1, "score_rows", "score_columns"]
    graph.nodes[-1].output[0] = "output"
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, shape)
    built = helper.make_graph(graph.nodes, "dlib", [pixels], [output], graph.constants)
    model = helper.make_model(built, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    checker.check_model(model)
    return model
