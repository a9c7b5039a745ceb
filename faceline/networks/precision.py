"""Networks in other arithmetic than float32: quicker, with embeddings that lie a little beside."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceline.disk.cache import cache_folder
from faceline.disk.reading import read_bytes
from faceline.errors import FacelineError
from faceline.host.interruptions import pass_on
from faceline.host.sharing import Pool, once_in_each_process
from faceline.networks import converter, quantization
from faceline.networks.batches import with_free_batch
from faceline.networks.dead_channels import black_and_white, without_dead_channels
from faceline.networks.network import BFLOAT16, FLOAT32, INT8, PRECISIONS, Network
from faceline.networks.preparation import prepared
from faceline.networks.runtime import Function, Runtime, dlib_graph, function_of, open_session, opened
from faceline.networks.telemetry import import_openvino
from faceline.networks.weights import Download, Weights
from faceline.wording import one_line

if TYPE_CHECKING:
    import openvino

ADVICE = f"choose {INT8} or {FLOAT32}; faceline migrate makes a work folder anew"


def with_precision(network: Network, precision: str) -> Network:
    """A network, or each part of a combination, in another precision, one of PRECISIONS.

    Raises
    ------
    FacelineError
        If there is no such precision, or it is int8 and nobody has looked where the network's activations lie.
    """
    if precision not in PRECISIONS:
        raise FacelineError(f"unknown precision {one_line(precision)!r}; choose from {', '.join(PRECISIONS)}")
    parts = tuple(replace(part, precision=precision) for part in network.parts)
    if precision == INT8:
        for part in parts or (network,):
            if not quantization.shipped_ranges(part.sha256):
                raise FacelineError(
                    f"precision {INT8}: is for the networks of which it is known where activations lie, dlib and"
                    f" mobilefacenet, not for {one_line(part.name)}; choose {BFLOAT16} or {FLOAT32}"
                )
    return replace(network, precision=precision, parts=parts)


def check_precision(network: Network, runtime: Runtime) -> None:
    """Raise FacelineError unless the engine, the device and the processor have the precision of a network."""
    if network.precision == FLOAT32:
        return
    if runtime.engine != "onnx":
        raise FacelineError(f"the engine {runtime.engine} knows {FLOAT32} only, not {network.precision}; leave one out")
    if runtime.device != "cpu":
        raise FacelineError(f"precision {network.precision}: is for processors, not for --device {runtime.device}")
    if network.precision == BFLOAT16 and "BF16" not in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise FacelineError(f"precision {BFLOAT16}: this processor has no instructions for it; {ADVICE}")


def integer_function(network: Network, runtime: Runtime) -> Function:
    """A network in integers; its graph is made at first use, from the network's file alone, and kept in the cache."""
    version = f"{converter.VERSION}.{quantization.VERSION}"
    place = cache_folder() / f"{Path(file_of(network)).stem}-{network.sha256[:16]}-{INT8}-{version}.onnx"
    return opened(place, lambda: integer_graph(network), lambda model: function_of(open_session(model, runtime)))


def integer_graph(network: Network) -> bytes:
    """The graph of a network of which ranges are shipped."""
    ranges = quantization.shipped_ranges(network.sha256)
    assert ranges is not None  # or `with_precision` had refused it
    return quantization.quantized(plain_graph(network), ranges)


def plain_graph(network: Network) -> bytes:
    """The graph in float32 that the integers are made from: for any number of pictures, without dead channels."""
    if network.is_of_dlib:
        assert isinstance(network.source, Weights | Download)
        return dlib_graph(network.source)
    pictures = prepared(network, False, black_and_white(network.input_size))
    return without_dead_channels(with_free_batch(read_bytes(network.path())), pictures)


def file_of(network: Network) -> str:
    return network.source.file if isinstance(network.source, Weights | Download) else str(network.source)


def bfloat16_function(model: bytes, runtime: Runtime) -> Function:
    """An ONNX model in bfloat16, by OpenVINO; raises FacelineError if that is not there, or refuses the model."""
    core = openvino_core()
    hints = {
        "INFERENCE_PRECISION_HINT": BFLOAT16,
        "INFERENCE_NUM_THREADS": runtime.threads,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,  # processes of ours would all be tied to the same core
    }
    try:
        compiled = core.compile_model(core.read_model(model), "CPU", hints)
    except Exception as error:  # its exceptions have no common base
        pass_on(error)
        raise FacelineError(f"OpenVINO refuses the network: {one_line(str(error).strip())[:200]}; {ADVICE}") from None
    return lending(compiled)


def lending(compiled: "openvino.CompiledModel") -> Function:
    """A compiled model as a function of arrays that several threads may call at once."""
    requests = Pool(compiled.create_infer_request)

    def compute(values: np.ndarray) -> np.ndarray:
        with requests.lent() as request:
            return request.infer({0: values})[0].copy()

    return compute


@once_in_each_process
def openvino_core() -> "openvino.Core":
    """OpenVINO; raises FacelineError if it is not installed."""
    return import_openvino().Core()
