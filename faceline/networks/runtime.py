"""Running networks on ONNX Runtime: where the graphs come from, and on what they run."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from faceline.disk.cache import cache_folder, keep
from faceline.disk.reading import file_sha256, read_bytes
from faceline.errors import FacelineError, cure
from faceline.host.interruptions import pass_on
from faceline.host.sharing import once_in_each_process
from faceline.networks import converter, cuda
from faceline.networks.dlib_format import DlibNetwork, read_mmod, read_resnet
from faceline.networks.telemetry import import_onnxruntime
from faceline.networks.weights import AGAIN, DLIB_MMOD, DLIB_RESNET, TAGUCHI_RESNET, Download, Weights, path_of
from faceline.wording import one_line

if TYPE_CHECKING:
    import onnxruntime

# "onnx" does dlib's arithmetic on ONNX Runtime; "dlib" is the reference, and for a dlib that was built with CUDA.
ENGINES = ("onnx", "dlib")
DEFAULT_ENGINE = "onnx"

DEVICES = ("cpu", "cuda")
DEFAULT_DEVICE = "cpu"

# How many crops a GPU gets at once where a core gets fewer: 64 of dlib's network are 35 GFLOP, some milliseconds for
# it, and take some 300 MB of its memory.
GPU_BATCH = 64

# What a network is, from arrays to arrays.
Function = Callable[[np.ndarray], np.ndarray]

Opened = TypeVar("Opened")

# How a file of dlib's becomes a graph: its reader, and the edge of the pictures that the graph takes.
CONVERSIONS: dict[Weights | Download, tuple[Callable[[bytes], DlibNetwork], int | None]] = {
    DLIB_RESNET: (read_resnet, 150),
    TAGUCHI_RESNET: (read_resnet, 150),
    DLIB_MMOD: (read_mmod, None),
}


def check_device(device: str) -> None:
    """Raise FacelineError if the device is not there, or ONNX Runtime as installed cannot use it."""
    if device not in DEVICES:
        raise FacelineError(f"unknown device {device!r}; choose from {', '.join(DEVICES)}")
    if device == "cuda":
        cuda.check_cuda(import_onnxruntime())


def processes_on(gpus: int, cores: int, a_gpu: int) -> int:
    return max(1, gpus, min(cores, a_gpu * gpus))


@dataclass(frozen=True)
class Runtime:
    """What networks run on: an engine of ENGINES, a device of DEVICES, and a number of threads."""

    engine: str = DEFAULT_ENGINE
    device: str = DEFAULT_DEVICE
    threads: int = 1

    def check(self) -> None:
        """Raise FacelineError if it is not there."""
        if self.engine not in ENGINES:
            raise FacelineError(f"unknown engine {self.engine!r}; choose from {', '.join(ENGINES)}")
        if self.engine == "dlib" and self.device != "cpu":
            raise FacelineError(f"the engine dlib chooses its device itself; leave out --device {self.device}")
        check_device(self.device)

    def batch(self, on_a_core: int) -> int:
        """How many crops are computed at once, where a core would get so many."""
        return on_a_core if self.device == "cpu" else GPU_BATCH

    def processes(self, cores: int, a_gpu: int = 1) -> int:
        """How many processes do the work where the user does not say: one on each core; on GPUs one on each, or up to
        `a_gpu` on each as far as there are cores."""
        return cores if self.device == "cpu" else processes_on(cuda.gpu_count(), cores, a_gpu)


@once_in_each_process
def dlib_session(weights: Weights | Download, runtime: Runtime) -> "onnxruntime.InferenceSession | cuda.GpuSession":
    """A session of a network in dlib's format (a key of CONVERSIONS), converted at first use and then kept in the
    user's cache."""
    return opened(cache_path(weights), lambda: dlib_graph(weights), lambda model: open_session(model, runtime))


def opened(path: Path, make: Callable[[], bytes], open_model: Callable[[bytes], Opened]) -> Opened:
    """What `open_model` gives for a graph that is kept in the user's cache, made where there is none that it takes."""
    with contextlib.suppress(FacelineError):
        return open_model(read_bytes(path))
    model = make()
    found = open_model(model)
    keep(path, lambda scratch: scratch.write_bytes(model))
    return found


def dlib_graph(weights: Weights | Download) -> bytes:
    """The ONNX graph of a network in dlib's format; raises FacelineError if the file is none."""
    read, size = CONVERSIONS[weights]
    source = path_of(weights)
    with cure(f"install it again: {AGAIN}" if isinstance(weights, Weights) else "bring another one: faceline networks"):
        try:
            network = read(read_bytes(source))
        except FacelineError as error:
            raise FacelineError(f"{one_line(source)}: {error}") from None
    return converter.convert(network, size).SerializeToString()


def cache_path(weights: Weights | Download) -> Path:
    """Where the graph made from a weight file is kept; another converter makes another file."""
    digest = weights.sha256 or file_sha256(path_of(weights))
    return cache_folder() / f"{Path(weights.file).stem}-{digest[:16]}-{converter.VERSION}.onnx"


def open_session(model: bytes, runtime: Runtime) -> "onnxruntime.InferenceSession | cuda.GpuSession":
    """Open a session of an ONNX model.

    Raises
    ------
    FacelineError
        If the model cannot be used, or the device is not there.
    """
    check_device(runtime.device)
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = runtime.threads
    options.inter_op_num_threads = 1
    # Threads that wait by spinning take the cores from the next network, and from other processes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_mem_pattern = False  # it keeps a plan, and memory for it, for every size of picture it has seen
    options.log_severity_level = 3  # errors only: the rest speaks to developers of ONNX Runtime
    if runtime.device == "cuda":
        return cuda.open_on_gpu(onnxruntime, model, options)
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common base
        pass_on(error)
        raise FacelineError(f"ONNX Runtime refuses the network: {one_line(str(error).strip())[:200]}") from None


def function_of(session: "onnxruntime.InferenceSession | cuda.GpuSession") -> Function:
    """A session of one input and output as a function of arrays."""
    (name,) = (entry.name for entry in session.get_inputs())
    return lambda values: session.run(None, {name: values})[0]
