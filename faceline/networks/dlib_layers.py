"""The layers of dlib's two networks, and how each is written in dlib's serialization format."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from faceline.networks.dlib_primitives import Reader


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
class Pooling:
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


Layer = Convolution | Affine | Rectifier | Pooling | Add | Dense | Tag


def convolutions(outputs: int, inputs: int, stride: int) -> list[Layer]:
    first = Convolution(outputs, inputs, 3, stride, padding=1 if stride == 1 else 0)
    return [first, Affine(outputs), Rectifier(), Convolution(outputs, outputs, 3, 1, 1), Affine(outputs)]


def residual(channels: int) -> list[Layer]:
    return [Tag(1), *convolutions(channels, channels, 1), Add(1), Rectifier()]


def residual_down(outputs: int, inputs: int) -> list[Layer]:
    halve: list[Layer] = [Tag(2), Tag(1, skip=True), Pooling("avg", 2, 2), Add(2), Rectifier()]
    return [Tag(1), *convolutions(outputs, inputs, 2), *halve]


# From the input to the output; dlib's source has these as C++ types, in dnn_face_recognition_ex.cpp and
# dnn_mmod_face_detection_ex.cpp.
RESNET: list[Layer] = [
    Convolution(32, 3, 7, 2),
    Affine(32),
    Rectifier(),
    Pooling("max", 3, 2),
    *residual(32) * 3,
    *residual_down(64, 32),
    *residual(64) * 3,
    *residual_down(128, 64),
    *residual(128) * 2,
    *residual_down(256, 128),
    *residual(256) * 2,
    *residual_down(256, 256),
    Pooling("avg", 0, 1),
    Dense(256, 128),
]
MMOD: list[Layer] = [
    *(Convolution(16, 3, 5, 2), Affine(16), Rectifier()),
    *(Convolution(32, 16, 5, 2), Affine(32), Rectifier()),
    *(Convolution(32, 32, 5, 2), Affine(32), Rectifier()),
    *(Convolution(45, 32, 5, 1, 2), Affine(45), Rectifier()),
    *(Convolution(45, 45, 5, 1, 2), Affine(45), Rectifier()) * 2,
    Convolution(1, 45, 9, 1, 4),
]
