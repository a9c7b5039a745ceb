"""Running an embedding network: from crops of its own size to embeddings."""

from dataclasses import replace
from functools import partial, reduce
from typing import TYPE_CHECKING

import numpy as np

from faceline.disk.reading import read_bytes
from faceline.errors import FacelineError
from faceline.host.interruptions import pass_on
from faceline.host.sharing import Guard, once, once_in_each_process
from faceline.networks.batches import sample_pictures, takes_colours_last, takes_one, with_free_batch
from faceline.networks.dead_channels import black_and_white, without_dead_channels
from faceline.networks.network import BFLOAT16, FLOAT32, INT8, Network
from faceline.networks.precision import bfloat16_function, check_precision, integer_function
from faceline.networks.preparation import prepared
from faceline.networks.runtime import (
    Function,
    Runtime,
    cache_path,
    dlib_graph,
    dlib_session,
    function_of,
    open_session,
    opened,
)
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
        check_precision(part, runtime)


def dlib_weights(network: Network) -> Weights | Download:
    """The network's file in dlib's format; raises FacelineError if it has none."""
    if not isinstance(network.source, Weights | Download) or not network.is_of_dlib:
        raise FacelineError(f"the engine dlib does not run the network {network.name}; leave out --engine dlib")
    return network.source


def run_network(network: Network, pixels: np.ndarray, runtime: Runtime) -> np.ndarray:
    """What a network makes, (n, network.dimensions) float32, of crops of its own size, (n, size, size, 3) uint8."""
    embeddings = np.empty((len(pixels), network.dimensions), np.float32)
    if runtime.engine == "dlib":
        with DLIB_GUARD.lock:
            model = load_dlib(dlib_weights(network))
            for row, crop in enumerate(pixels):
                embeddings[row] = model.compute_face_descriptor(np.ascontiguousarray(crop))
        return embeddings
    prepare, compute, batch = ready(network, runtime)
    for start in range(0, len(pixels), batch):
        part = slice(start, start + batch)
        found = compute(prepare(pixels[part]))
        if found.shape != embeddings[part].shape:
            raise FacelineError(f"the network {network.name} gives {found.shape[1:]}, not {network.dimensions} numbers")
        embeddings[part] = found
    return embeddings


def ready(network: Network, runtime: Runtime) -> tuple[Function, Function, int]:
    """What makes of crops what a network takes, what makes embeddings of that, and how many at once."""
    if network.is_of_dlib:
        return np.ascontiguousarray, dlib_function(network, runtime), runtime.batch(BATCH)
    if network.precision == INT8:
        return partial(prepared, network, False), integer_network(network, runtime), ONNX_BATCH
    session = onnx_session(replace(network, precision=FLOAT32), runtime)
    shape = session.get_inputs()[0].shape
    batch = shape[0] if isinstance(shape[0], int) else runtime.batch(ONNX_BATCH)
    compute = bfloat16_network(network, runtime) if network.precision == BFLOAT16 else function_of(session)
    return partial(prepared, network, takes_colours_last(shape)), compute, batch


def dlib_function(network: Network, runtime: Runtime) -> Function:
    """A network in dlib's format as a function of its crops."""
    match network.precision:
        case "int8":
            return integer_network(network, runtime)
        case "bf16":
            return bfloat16_network(network, runtime)
    return function_of(dlib_session(dlib_weights(network), runtime))


integer_network = once_in_each_process(integer_function)


@once_in_each_process
def bfloat16_network(network: Network, runtime: Runtime) -> Function:
    if network.is_of_dlib:
        weights = dlib_weights(network)
        return opened(cache_path(weights), lambda: dlib_graph(weights), lambda model: bfloat16_function(model, runtime))
    return bfloat16_function(onnx_network(replace(network, precision=FLOAT32), runtime)[1], runtime)


@once
def load_dlib(weights: Weights | Download) -> "dlib.face_recognition_model_v1":
    import dlib

    return dlib.face_recognition_model_v1(str(path_of(weights)))


def onnx_session(network: Network, runtime: Runtime) -> "onnxruntime.InferenceSession":
    """A session of an ONNX file, whose input must be what the description says."""
    return onnx_network(network, runtime)[0]


@once_in_each_process
def onnx_network(network: Network, runtime: Runtime) -> "tuple[onnxruntime.InferenceSession, bytes]":
    """A session of an ONNX file, whose input must be what the description says, and the model that it is of."""
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
) -> "tuple[onnxruntime.InferenceSession, bytes]":
    """A session of a file that was changed to take any number of pictures, and to leave out dead channels; the one of
    the file as it is where neither can be, or gives other numbers. And the model that it is of."""
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
                return other, changed
        except Exception as error:  # those of ONNX and of ONNX Runtime have no common base
            pass_on(error)
    return session, model


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
