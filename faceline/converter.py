"""Building ONNX graphs that do what dlib's networks do.

Both take uint8 RGB as it comes out of a picture; subtracting the mean, scaling, and the affine layers are folded into
the convolutions in double precision, so that nothing is done at run time that can be done once.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from faceline.dlib_format import Add, Affine, Convolution, Dense, DlibNetwork, Pool, Rectifier, Tag

if TYPE_CHECKING:
    import onnx

# Raised when the graphs change, so that a cached one is built again.
VERSION = 1

# dlib scales pixels by this after the mean is subtracted.
PIXEL_SCALE = 1 / 256

# Every runtime of the last years reads these.
OPSET, IR_VERSION = 17, 8


def fold(network: DlibNetwork) -> list:
    """The layers with every affine layer, and the preparation of the picture, inside the convolution beside it."""
    import numpy as np

    layers = []
    for layer in network.layers:
        if isinstance(layer, Affine):
            convolution = layers.pop()
            filters, biases = convolution.parameters
            gain, shift = layer.parameters
            layers.append(replace(convolution, parameters=(filters * gain[:, None, None, None], biases * gain + shift)))
        else:
            layers.append(layer)
    # The first convolution has no padding, so a constant that is subtracted from the picture is one from its output.
    first = layers[0]
    filters, biases = (np.asarray(part, np.float64) for part in first.parameters)
    filters = filters * PIXEL_SCALE
    biases = biases - np.einsum("oihw,i->o", filters, np.array(network.means))
    return [replace(first, parameters=(filters, biases)), *layers[1:]]


@dataclass
class Graph:
    """An ONNX graph under construction; `shape` is (channels, rows, columns) of its end, where that is known."""

    nodes: list
    constants: list
    end: str
    shape: tuple[int, int, int] | None

    def add(self, operation: str, *inputs: str, **attributes: object) -> str:
        from onnx import helper

        output = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, [self.end, *inputs], [output], **attributes))
        self.end = output
        return output

    def constant(self, values: object, kind: str = "float32") -> str:
        import numpy as np
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values, kind), name))
        return name

    def pool(self, size: int, stride: int, padding: int = 0) -> None:
        if self.shape:
            _, rows, columns = self.shape
            rows, columns = ((extent + 2 * padding - size) // stride + 1 for extent in (rows, columns))
            self.shape = self.shape[0], rows, columns

    def extend(self, shape: tuple[int, int, int]) -> None:
        """Continue the end with zeros at the bottom, at the right, and in further channels."""
        missing = [wanted - extent for wanted, extent in zip(shape, self.shape, strict=True)]
        if any(missing):
            self.add("Pad", self.constant([0, 0, 0, 0, 0, *missing], "int64"))
            self.shape = shape

    def add_layers(self, layers: list) -> None:
        remembered = {}
        for layer in layers:
            match layer:
                case Convolution(stride=stride, padding=padding, parameters=(filters, biases)):
                    parameters = self.constant(filters), self.constant(biases)
                    self.add("Conv", *parameters, strides=[stride] * 2, pads=[padding] * 4)
                    self.pool(layer.size, stride, padding)
                    self.shape = self.shape and (layer.outputs, *self.shape[1:])
                case Rectifier():
                    self.add("Relu")
                case Pool(size=0):
                    self.add("GlobalAveragePool")
                    self.add("Flatten")
                case Pool(kind=kind, size=size, stride=stride):
                    operation = {"max": "MaxPool", "avg": "AveragePool"}[kind]
                    self.add(operation, kernel_shape=[size] * 2, strides=[stride] * 2)
                    self.pool(size, stride)
                case Tag(number=number, skip=False):
                    remembered[number] = self.end, self.shape
                case Tag(number=number):
                    self.end, self.shape = remembered[number]
                case Add(tag=tag):
                    common = tuple(map(max, self.shape, remembered[tag][1]))
                    self.extend(common)
                    first, (self.end, self.shape) = self.end, remembered[tag]
                    self.extend(common)
                    self.add("Add", first)
                case Dense(parameters=weights):
                    self.add("MatMul", self.constant(weights))


def convert(network: DlibNetwork, size: int | None) -> "onnx.ModelProto":
    """Build the graph of a network.

    Parameters
    ----------
    network : DlibNetwork
    size : int or None
        Edge of the pictures, in pixels; None takes pictures of any size.

    Returns
    -------
    onnx.ModelProto
        Input "pixels" of shape (n, rows, columns, 3), uint8, RGB; output "output", float32: (n, 128) embeddings or
        (n, 1, rows, columns) scores.
    """
    from onnx import TensorProto, checker, helper

    graph = Graph([], [], "pixels", (3, size, size) if size else None)
    graph.add("Cast", to=TensorProto.FLOAT)
    graph.add("Transpose", perm=[0, 3, 1, 2])
    graph.add_layers(fold(network))
    graph.nodes[-1].output[0] = "output"
    rows, columns = (size, size) if size else ("rows", "columns")
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", rows, columns, 3])
    shape = ["n", 128] if size else ["n", 1, "score_rows", "score_columns"]
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, shape)
    built = helper.make_graph(graph.nodes, "dlib", [pixels], [output], graph.constants)
    model = helper.make_model(built, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    checker.check_model(model)
    return model
