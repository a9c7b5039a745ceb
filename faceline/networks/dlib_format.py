"""Reading the weights of dlib's two networks out of its serialization format.

dlib stores no names and no layer types, only numbers in the order of its C++ types; so the list of layers has to be
known, and everything that can be checked is: versions, shapes, and that the file ends where the last layer does.
"""

from dataclasses import dataclass

from faceline.networks.dlib_layers import MMOD, RESNET, Layer, Tag
from faceline.networks.dlib_primitives import Reader


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
    found: list[Layer] = []
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
