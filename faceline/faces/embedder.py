"""From crops to embeddings."""

import math
from collections.abc import Callable
from functools import partial, reduce
from typing import TYPE_CHECKING

import numpy as np

from faceline.disk.reading import read_bytes
from faceline.errors import FacelineError
from faceline.faces.reframing import reframed
from faceline.faces.test_time_augmentation import ALONE, Augmentation
from faceline.host.interruptions import pass_on
from faceline.host.sharing import Guard, once, once_in_each_process
from faceline.networks.batches import sample_pictures, takes_colours_last, takes_one, with_free_batch
from faceline.networks.dead_channels import black_and_white, without_dead_channels
from faceline.networks.network import Network
from faceline.networks.runtime import Runtime, dlib_session, open_session
from faceline.networks.weights import Download, Weights, path_of

if TYPE_CHECKING:
    import dlib
    import onnxruntime

# As quick a crop as more at once, from 8 on; fewer take less memory (150 MB for 32 in dlib's network), and keep fewer
# processes waiting for the last one.
BATCH = 16

# MobileFaceNet makes 1.6 MB of a picture: 16 of these leave a core's own memory, and take 6 % longer each than 4 do.
ONNX_BATCH = 4

# How much an embedding may change, as a part of its length, when a network's file is changed to be quicker.
ROUNDING = 1e-5

# dlib's network works in memory of its own, and does not let other threads of Python run: one is enough.
DLIB_GUARD = Guard()


def check_network(network: Network, runtime: Runtime) -> None:
    """Get the network's file, and raise FacelineError if the two do not go together; before the work is spread."""
    runtime.check()
    for part in network.parts or (network,):
        part.path()
        if runtime.engine == "dlib":
            dlib_weights(part)


def dlib_weights(network: Network) -> Weights | Download:
    """The network's file in dlib's format; raises FacelineError if it has none."""
    if not isinstance(network.source, Weights | Download) or not network.is_of_dlib:
        raise FacelineError(f"the engine dlib does not run the network {network.name}; leave out --engine dlib")
    return network.source


def embed(
    network: Network,
    crops: np.ndarray,
    runtime: Runtime,
    augmentation: Augmentation = ALONE,
    frame: str | None = None,
) -> np.ndarray:
    """Embed aligned faces. The weights are loaded at first use, once a process.

    Parameters
    ----------
    network : Network
    crops : ndarray of shape (n, size, size, 3), uint8
        RGB.
    runtime : Runtime
    augmentation : Augmentation
        Which copies of a crop an embedding is the mean of.
    frame : str or None
        The frame that the crops were cut for, one that `serves` the network's; None for the network's own.

    Returns
    -------
    ndarray of shape (n, network.dimensions), float32
        Of length 1 where the network's distance is the cosine. An embedding depends neither on the other crops nor on
        the number of threads.

    Raises
    ------
    FacelineError
        If the network is not what its description says.
    """
    frame = frame or network.frame
    if network.parts:
        return np.concatenate(
            [
                np.float32(math.sqrt(weight)) * directions(embed(part, crops, runtime, augmentation, frame))
                for part, weight in zip(network.parts, network.weights, strict=True)
            ],
            axis=1,
        )
    if frame == network.frame:
        crops = resized_crops(crops, network.input_size)
    else:
        crops = reframed(crops, frame, network.frame, network.input_size)
    if augmentation == ALONE:
        embeddings = run_network(network, crops, runtime)
    else:
        embeddings = np.empty((len(crops), network.dimensions), np.float32)
        several = max(1, BATCH // augmentation.count)
        for start in range(0, len(crops), several):
            part = slice(start, start + several)
            copies = np.concatenate([augmentation.copies(crop) for crop in crops[part]])
            found = run_network(network, copies, runtime)
            embeddings[part] = found.reshape(-1, augmentation.count, network.dimensions).mean(axis=1)
    return directions(embeddings) if network.distance == "cosine" else embeddings


def directions(embeddings: np.ndarray) -> np.ndarray:
    """Embeddings, (n, d), each divided by its length."""
    return embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)


def resized_crops(crops: np.ndarray, size: int) -> np.ndarray:
    """Square crops, (n, any, any, 3) uint8, at the size that a network takes."""
    import cv2

    if crops.shape[1] == size:
        return crops
    way = cv2.INTER_LINEAR if crops.shape[1] < size else cv2.INTER_AREA
    larger = np.empty((len(crops), size, size, 3), np.uint8)
    for index, crop in enumerate(crops):
        larger[index] = cv2.resize(crop, (size, size), interpolation=way)
    return larger


def run_network(network: Network, pixels: np.ndarray, runtime: Runtime) -> np.ndarray:
    """What a network makes, (n, network.dimensions) float32, of crops of its own size, (n, size, size, 3) uint8."""
    embeddings = np.empty((len(pixels), network.dimensions), np.float32)
    if runtime.engine == "dlib":
        with DLIB_GUARD.lock:
            model = load_dlib(dlib_weights(network))
            for row, crop in enumerate(pixels):
                embeddings[row] = model.compute_face_descriptor(np.ascontiguousarray(crop))
        return embeddings
    prepare: Callable[[np.ndarray], np.ndarray] = np.ascontiguousarray
    if network.is_of_dlib:
        session, batch = dlib_session(dlib_weights(network), runtime), BATCH
    else:
        session = onnx_session(network, runtime)
        shape = session.get_inputs()[0].shape
        batch = shape[0] if isinstance(shape[0], int) else ONNX_BATCH
        prepare = partial(prepared, network, takes_colours_last(shape))
    (name,) = (entry.name for entry in session.get_inputs())
    for start in range(0, len(pixels), batch):
        part = slice(start, start + batch)
        found = session.run(None, {name: prepare(pixels[part])})[0]
        if found.shape != embeddings[part].shape:
            raise FacelineError(f"the network {network.name} gives {found.shape[1:]}, not {network.dimensions} numbers")
        embeddings[part] = found
    return embeddings


def prepared(network: Network, colours_last: bool, pixels: np.ndarray) -> np.ndarray:
    """Crops as an ONNX file takes them: in its order of axes and colours, its mean subtracted, by its deviation."""
    order = slice(None, None, -1) if network.channels == "bgr" else slice(None)
    mean, deviation = np.array(network.mean, np.float32), np.array(network.deviation, np.float32)
    values = pixels[..., order]
    if not colours_last:  # HWC to CHW first, so that NumPy goes along rows of pixels, not three values at a time
        values, mean, deviation = values.transpose(0, 3, 1, 2), mean[:, None, None], deviation[:, None, None]
    values = np.ascontiguousarray(values).astype(np.float32)
    values -= mean
    values /= deviation
    return values


@once
def load_dlib(weights: Weights | Download) -> "dlib.face_recognition_model_v1":
    import dlib

    return dlib.face_recognition_model_v1(str(path_of(weights)))


@once_in_each_process
def onnx_session(network: Network, runtime: Runtime) -> "onnxruntime.InferenceSession":
    """A session of an ONNX file, whose input must be what the description says."""
    model = read_bytes(network.path())
    session = open_session(model, runtime)
    inputs = session.get_inputs()
    size = network.input_size
    shape = inputs[0].shape
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(shape) != 4:
        raise FacelineError(f"the network {network.name} takes something else than a picture of float32")
    picture = (size, size, 3) if takes_colours_last(shape) else (3, size, size)
    if any(found != wanted for found, wanted in zip(shape[1:], picture, strict=True) if isinstance(found, int)):
        raise FacelineError(f"the network {network.name} takes {shape}, not 3 x {size} x {size}; see its description")
    return quicker_session(session, model, network, runtime)


def quicker_session(
    session: "onnxruntime.InferenceSession", model: bytes, network: Network, runtime: Runtime
) -> "onnxruntime.InferenceSession":
    """A session of a file that was changed to take any number of pictures, and to leave out dead channels; the one of
    the file as it is where neither can be, or gives other numbers."""
    shape = session.get_inputs()[0].shape
    prepare = partial(prepared, network, takes_colours_last(shape))
    pictures = prepare(sample_pictures(network.input_size))
    free = [with_free_batch] if takes_one(shape) else []
    spare = partial(without_dead_channels, pictures=prepare(black_and_white(network.input_size)))
    for changes in (free if takes_colours_last(shape) else [*free, spare], free):
        try:
            changed = reduce(lambda content, change: change(content), changes, model)
            if changed == model:
                break
            other = open_session(changed, runtime)
            if gives_the_same(other, session, pictures):
                return other
        except Exception as error:  # those of ONNX and of ONNX Runtime have no common base
            pass_on(error)
    return session


def gives_the_same(
    session: "onnxruntime.InferenceSession", original: "onnxruntime.InferenceSession", pictures: np.ndarray
) -> bool:
    """Whether a session gives a network's numbers but for rounding, and these whatever else a picture comes with."""
    (name,) = (entry.name for entry in original.get_inputs())
    alone, expected = (
        np.concatenate([one.run(None, {name: picture[None]})[0] for picture in pictures]) for one in (session, original)
    )
    together = session.run(None, {name: pictures})[0]
    difference = np.linalg.norm(together - expected, axis=1)
    return np.array_equal(together, alone) and bool((difference <= ROUNDING * np.linalg.norm(expected, axis=1)).all())
