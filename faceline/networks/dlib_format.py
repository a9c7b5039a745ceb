"""Reading the weights of dlib's two networks out of its serialization format.

dlib stores no names and no layer types, only numbers in the order of its C++ types; so the list of layers has to be
known, and everything that can be checked is: versions, shapes, and that the file ends where the last layer does.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from faceline.errors import FacelineError
from faceline.wording import counted


class Reader:
    """Takes dlib's primitive types off the front of `data`; raises FacelineError where it holds something else."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        part = self._data[self._at : self._at + count]
        if count < 0 or len(part) < count:
            raise FacelineError("cut off")
        self._at += count
        return part

    def expect(self, found: object, *allowed: object) -> object:
        """Return `found` if it is one of the values that are allowed."""
        if found not in allowed:
            raise FacelineError(f"damaged before byte {self._at}: {found!r:.60} instead of {allowed[0]!r:.60}")
        return found

    def integer(self) -> int:
        # Control byte: the low four bits count the bytes that follow, the high one is the sign.
        (control,) = self.take(1)
        self.expect(control & 0x70, 0)
        size = self.expect(control & 0x0F, 1, 2, 3, 4, 5, 6, 7, 8)
        magnitude = int.from_bytes(self.take(size), "little")
        return -magnitude if control & 0x80 else magnitude

    def boolean(self) -> bool:
        return self.expect(self.take(1), b"0", b"1") == b"1"

    def string(self) -> str:
        return self.take(self.expect(self.integer(), *range(64))).decode("latin-1")

    def number(self) -> float:
        mantissa, exponent = self.integer(), self.integer()
        # 32000 and above stand for infinities and NaN, which nothing here is; and no float needs more than 900.
        if abs(exponent) > 900:
            raise FacelineError(f"damaged before byte {self._at}: {exponent} as an exponent")
        return mantissa * 2.0**exponent

    def numbers(self, count: int) -> list[float]:
        return [self.number() for _ in range(count)]

    def integers(self, *expected: int) -> None:
        for value in expected:
            self.expect(self.integer(), value)

    def tensor(self, *shape: int) -> np.ndarray:
        """A tensor of the given shape (samples, channels, rows, columns), float32."""
        self.integers(2, *shape)
        count = shape[0] * shape[1] * shape[2] * shape[3]
        values = np.frombuffer(self.take(4 * count), "<f4")
        if not np.isfinite(values).all():
            raise FacelineError(f"damaged before byte {self._at}: weights that are no numbers")
        return values.reshape(shape)

    def alias(self, *shape: int) -> tuple[int, ...]:
        self.integers(1, *shape)
        return shape

    def end(self) -> None:
        if self._at != len(self._data):
            raise FacelineError(f"{counted(len(self._data) - self._at, 'byte')} too many")

    def empty_tensors(self, count: int) -> None:
        for _ in range(count):
            self.integers(2, 0, 0, 0, 0)


@dataclass(frozen=True)
class Convolution:
    """`parameters` are filters (outputs, inputs, size, size) and biases (outputs,), float32."""

    outputs: int
    inputs: int
    size: int
    stride: int = 1
    padding: int = 0
    parameters: tuple[np.ndarray, np.ndarray] | None = None

    def read(self, reader: Reader) -> Self:
        version = reader.expect(reader.string(), "con_4", "con_5", "con_6")
        count = self.outputs * self.inputs * self.size * self.size
        values = reader.tensor(count + self.outputs, 1, 1, 1).ravel()
        reader.integers(self.outputs, *[self.size] * 2, *[self.stride] * 2, *[self.padding] * 2)
        filters = reader.alias(self.outputs, self.inputs, self.size, self.size)
        reader.alias(1, self.outputs, 1, 1)
        reader.numbers(4)  # multipliers of learning rate and weight decay
        if version != "con_4":
            reader.expect(reader.boolean(), True)  # has biases
        if version == "con_6":
            reader.expect(reader.boolean(), False)  # has no rectifier of its own
        return replace(self, parameters=(values[:count].reshape(filters), values[count:]))


@dataclass(frozen=True)
class Affine:
    """Scales and shifts each channel; `parameters` are gains and shifts, (channels,) float64 each."""

    channels: int
    parameters: tuple[np.ndarray, np.ndarray] | None = None

    def read(self, reader: Reader) -> Self:
        def values() -> np.ndarray:
            return reader.tensor(1, self.channels, 1, 1).ravel().astype(np.float64)

        version = reader.expect(reader.string(), "affine_", "affine_2", "bn_con2")
        gain_and_shift = reader.tensor(2 * self.channels, 1, 1, 1).ravel().astype(np.float64)
        gain, shift = gain_and_shift[: self.channels], gain_and_shift[self.channels :]
        reader.alias(1, self.channels, 1, 1)
        reader.alias(1, self.channels, 1, 1)
        if version == "bn_con2":
            _means, _invstds, means, variances = values(), values(), values(), values()
            reader.integer()  # updates
            reader.integer()  # window
            reader.numbers(4)
            variances = variances + reader.number()
            reader.expect(bool((variances > 0).all()), True)
            gain = gain / np.sqrt(variances)
            shift = shift - gain * means
        else:
            reader.integers(0)  # mode: convolutional
            if version == "affine_2":
                reader.expect(reader.boolean(), False)
        return replace(self, parameters=(gain, shift))


@dataclass(frozen=True)
class Rectifier:
    def read(self, reader: Reader) -> Self:
        if reader.expect(reader.string(), "relu_", "relu_2") == "relu_2":
            reader.boolean()
        return self


@dataclass(frozen=True)
class Pool:
    """Maximum or average of squares of `size` pixels; of the whole picture where `size` is 0."""

    kind: str
    size: int
    stride: int

    def read(self, reader: Reader) -> Self:
        reader.expect(reader.string(), f"{self.kind}_pool_2")
        reader.integers(self.size, self.size, self.stride, self.stride, 0, 0)
        return self


@dataclass(frozen=True)
class Add:
    """Adds what the tag of this number remembers; where it is smaller, it is continued with zeros."""

    tag: int

    def read(self, reader: Reader) -> Self:
        reader.expect(reader.string(), "add_prev_")
        return self


@dataclass(frozen=True)
class Dense:
    """`parameters` are weights (inputs, outputs), float32."""

    inputs: int
    outputs: int
    parameters: np.ndarray | None = None

    def read(self, reader: Reader) -> Self:
        version = reader.expect(reader.string(), "fc_2", "fc_3")
        reader.integers(self.outputs, self.inputs)
        weights = reader.tensor(self.inputs, self.outputs, 1, 1).reshape(self.inputs, self.outputs)
        reader.alias(self.inputs, self.outputs, 1, 1)
        reader.alias(0, 0, 0, 0)
        reader.integers(1)  # no biases
        reader.numbers(4)
        if version == "fc_3":
            reader.boolean()
        return replace(self, parameters=weights)


@dataclass(frozen=True)
class Tag:
    """Remembers what comes by, or with `skip`, brings back what the tag of this number remembers."""

    number: int
    skip: bool = False


Layer = Convolution | Affine | Rectifier | Pool | Add | Dense | Tag


def block(outputs: int, inputs: int, stride: int) -> list[Layer]:
    first = Convolution(outputs, inputs, 3, stride, padding=1 if stride == 1 else 0)
    return [first, Affine(outputs), Rectifier(), Convolution(outputs, outputs, 3, 1, 1), Affine(outputs)]


def residual(channels: int) -> list[Layer]:
    return [Tag(1), *block(channels, channels, 1), Add(1), Rectifier()]


def residual_down(outputs: int, inputs: int) -> list[Layer]:
    halve = [Tag(2), Tag(1, skip=True), Pool("avg", 2, 2), Add(2), Rectifier()]
    return [Tag(1), *block(outputs, inputs, 2), *halve]


# From the input to the output; dlib's source has these as C++ types, in dnn_face_recognition_ex.cpp and
# dnn_mmod_face_detection_ex.cpp.
RESNET = [
    Convolution(32, 3, 7, 2),
    Affine(32),
    Rectifier(),
    Pool("max", 3, 2),
    *residual(32) * 3,
    *residual_down(64, 32),
    *residual(64) * 3,
    *residual_down(128, 64),
    *residual(128) * 2,
    *residual_down(256, 128),
    *residual(256) * 2,
    *residual_down(256, 256),
    Pool("avg", 0, 1),
    Dense(256, 128),
]
MMOD = [
    *(Convolution(16, 3, 5, 2), Affine(16), Rectifier()),
    *(Convolution(32, 16, 5, 2), Affine(32), Rectifier()),
    *(Convolution(32, 32, 5, 2), Affine(32), Rectifier()),
    *(Convolution(45, 32, 5, 1, 2), Affine(45), Rectifier()),
    *(Convolution(45, 45, 5, 1, 2), Affine(45), Rectifier()) * 2,
    Convolution(1, 45, 9, 1, 4),
]


@dataclass(frozen=True)
class DlibNetwork:
    """`layers` with their parameters, from the input to the output; `means` are subtracted from R, G, B before."""

    means: list[float]
    layers: list[Layer]


def read_resnet(data: bytes) -> DlibNetwork:
    """Read `dlib_face_recognition_resnet_model_v1.dat`.

    Raises
    ------
    FacelineError
        If it is cut off, altered, or another network.
    """
    reader = Reader(data)
    reader.integers(1)
    reader.expect(reader.string(), "loss_metric_2")
    reader.numbers(2)  # margin and threshold
    return read_layers(reader, RESNET, "input_rgb_image_sized", (150, 150))


def read_mmod(data: bytes) -> DlibNetwork:
    """Read `mmod_human_face_detector.dat`; raises FacelineError as `read_resnet` does."""
    reader = Reader(data)
    reader.integers(1)
    reader.expect(reader.string(), "loss_mmod_")
    reader.integers(1, 80, 80)
    reader.numbers(3)  # losses per false alarm and per miss, truth match
    suppression = [round(value, 5) for value in reader.numbers(2)]
    reader.expect(suppression, [0.33828, 1.0])
    reader.numbers(2)  # which boxes were ignored in training
    return read_layers(reader, MMOD, "input_rgb_image_pyramid", ())


def read_layers(reader: Reader, layers: list[Layer], input_name: str, input_size: tuple[int, ...]) -> DlibNetwork:
    """Read a network's layers: all versions, the output's first, then all details, the input's first."""
    versions = [
        reader.expect(reader.integer(), *((1,) if isinstance(layer, Tag) else (1, 2))) for layer in layers[:0:-1]
    ]
    innermost = reader.expect(reader.integer(), 2, 3)
    reader.expect(reader.string(), input_name)
    means = reader.numbers(3)
    reader.integers(*input_size)
    found = []
    for layer, version in zip(layers, [innermost, *reversed(versions)], strict=True):
        if isinstance(layer, Tag):
            found.append(layer)
            continue
        found.append(layer.read(reader))
        for _ in range(3):
            reader.boolean()
        if layer is layers[0]:
            reader.empty_tensors(3)
            if version == 3:
                reader.integer()
        else:
            reader.empty_tensors(version + 1)
    reader.end()
    return DlibNetwork(means, found)
