"""NVIDIA's GPUs: how many there are, which is a process's own, and a session of ONNX Runtime on it.

Written where there was no GPU: docs/speed.md says what of it has run.
"""

import contextlib
import ctypes
import io
import re
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from faceline.errors import FacelineError
from faceline.host.interruptions import pass_on
from faceline.host.sharing import Pool, once_in_each_process
from faceline.runs import worker
from faceline.wording import one_line

if TYPE_CHECKING:
    import onnxruntime

PROVIDER = "CUDAExecutionProvider"
INSTALL = "pip install 'onnxruntime-gpu[cuda,cudnn]'"

# How ONNX Runtime, CUDA and cuDNN say that the GPU's memory is full; they have no exception for it.
NO_MEMORY = re.compile("out of memory|allocate memory|ALLOC_FAILED|smaller than requested bytes", re.IGNORECASE)

# What takes the size of a piece of memory and gives it, or None.
Allocate = Callable[[int], np.ndarray | None]


@once_in_each_process
def driver() -> ctypes.CDLL | None:
    """NVIDIA's driver, which shows the GPUs that CUDA_VISIBLE_DEVICES leaves; None where it is not there, or has none.

    ONNX Runtime has nothing that counts them.
    """
    try:
        library = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    return library if library.cuInit(0) == 0 else None


def gpu_count() -> int:
    """How many GPUs this process may use."""
    library, count = driver(), ctypes.c_int(0)
    if library is None or library.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def gpu_of(number: int, gpus: int) -> int:
    """Which of the GPUs, counted from 0, is that of the process of a number: the processes go round."""
    return number % gpus


def check_cuda(onnxruntime: ModuleType) -> None:
    """Raise FacelineError if ONNX Runtime is one for the CPU only, or there is no GPU."""
    if PROVIDER not in onnxruntime.get_available_providers():
        raise FacelineError(
            f"device cuda: the installed onnxruntime {onnxruntime.__version__} runs on the CPU only;"
            f" pip uninstall onnxruntime, then {INSTALL}"
        )
    if not gpu_count():
        raise FacelineError(
            "device cuda: no GPU is there: NVIDIA's driver is missing or shows none, as nvidia-smi tells, or"
            " CUDA_VISIBLE_DEVICES hides all"
        )


def provider_options(gpu: int) -> dict[str, object]:
    """How ONNX Runtime is to compute on a GPU."""
    return {
        "device_id": gpu,
        # TF32 keeps 10 of the 23 bits of a number: embeddings would not be those of the CPU.
        "use_tf32": 0,
        # The default tries out what is quickest, again for every shape of input, and may find another way each time,
        # which rounds otherwise. Pictures to look for faces in have any shape.
        "cudnn_conv_algo_search": "HEURISTIC",
        # The default doubles what it takes of the memory whenever it needs more; processes share a GPU.
        "arena_extend_strategy": "kSameAsRequested",
    }


def open_on_gpu(onnxruntime: ModuleType, model: bytes, options: "onnxruntime.SessionOptions") -> "GpuSession":
    """Open a session of an ONNX model on this process's GPU, once `check_cuda` has passed.

    Raises
    ------
    FacelineError
        If CUDA does not start, or the GPU cannot take the model.
    """
    missing = missing_library(onnxruntime)
    # Errors only, as `options` has it; those of a missing library are said in one line instead.
    onnxruntime.set_default_logger_severity(4 if missing else 3)
    providers = [(PROVIDER, provider_options(gpu_of(worker.number, gpu_count())))]
    try:
        # It would say on standard output that it goes on on the CPU, and do so.
        session = onnxruntime.InferenceSession(model, options, providers=providers, enable_fallback=0)
    except Exception as error:  # its exceptions have no common base
        pass_on(error)
        raise complaint(error) from None
    if session.get_providers()[0] != PROVIDER:
        raise FacelineError(
            f"device cuda: ONNX Runtime cannot start CUDA{missing and f': {missing}'}; {INSTALL} brings it"
        )
    return GpuSession(session)


def missing_library(onnxruntime: ModuleType) -> str:
    """Have CUDA's libraries loaded, also from where pip puts them; returns what ONNX Runtime says of the first that is
    missing."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        getattr(onnxruntime, "preload_dlls", lambda: None)()  # from 1.21 on
    return next((line for line in said.getvalue().splitlines() if line.startswith("Failed")), "")


def complaint(error: Exception) -> FacelineError:
    """What went wrong on a GPU, in one line."""
    if NO_MEMORY.search(str(error)):
        return FacelineError(
            "device cuda: the GPU's memory is full; run again with fewer --jobs, or when less else runs on it"
        )
    return FacelineError(f"device cuda: ONNX Runtime fails: {one_line(str(error).strip())[:200]}")


class GpuSession:
    """A session on a GPU, with as much of the methods of ONNX Runtime's as is used here, for any number of threads."""

    def __init__(self, session: "onnxruntime.InferenceSession") -> None:
        self._session = session
        self._bound = Pool(partial(Bound, session, page_locked))

    def get_inputs(self) -> "Sequence[onnxruntime.NodeArg]":
        return self._session.get_inputs()

    def run(self, names: Sequence[str] | None, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Raises FacelineError if the GPU cannot do it."""
        try:
            with self._bound.lent() as bound:
                return bound.run(names, feeds)
        except MemoryError:  # of the host
            raise
        except Exception as error:  # ONNX Runtime's have no common base
            pass_on(error)
            raise complaint(error) from None


class Bound:
    """A session with memory of its own that inputs come from, for one thread at a time.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    allocate : callable
        Gives that memory.
    """

    def __init__(self, session: "onnxruntime.InferenceSession", allocate: Allocate) -> None:
        self._session, self._allocate = session, allocate
        self._held: dict[str, np.ndarray] = {}

    def run(self, names: Sequence[str] | None, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """The same as `session.run`."""
        binding = self._session.io_binding()
        for name, values in feeds.items():
            binding.bind_cpu_input(name, self._holding(name, values))  # which copies it to the GPU, and waits for it
        for name in names or [output.name for output in self._session.get_outputs()]:
            binding.bind_output(name)  # a few kilobytes: ordinary memory does
        self._session.run_with_iobinding(binding)
        return binding.copy_outputs_to_cpu()

    def _holding(self, name: str, values: np.ndarray) -> np.ndarray:
        """A copy in memory that stays from one input to the next, and grows with the largest."""
        held = self._held.get(name)
        if held is None or held.nbytes < values.nbytes:
            held = self._allocate(values.nbytes)
            if held is None:  # it is slower, and nothing else
                held = np.empty(values.nbytes, np.uint8)
            self._held[name] = held
        copy = held[: values.nbytes].view(values.dtype).reshape(values.shape)
        copy[...] = values
        return copy


def page_locked(size: int) -> np.ndarray | None:
    """Memory that the system leaves in its place, so that the GPU fetches from it by itself, (size,) uint8; None where
    the driver gives none.

    Of the driver, since ONNX Runtime gives Python programs none where CUDA is built in, as it is in its wheels. It has
    some for the thread that opened the session, or has run it.
    """
    library, address = driver(), ctypes.c_void_p()
    if library is None or library.cuMemHostAlloc(ctypes.byref(address), ctypes.c_size_t(size), 0) != 0:
        return None
    return memory_at(address, size, library.cuMemFreeHost)


def memory_at(address: ctypes.c_void_p, size: int, free: Callable[[ctypes.c_void_p], object]) -> np.ndarray:
    """Memory of others, (size,) uint8, which is given back when nobody has the array or a part of it any more; at the
    end of the process the system takes it, when those who gave it may be gone."""
    memory = (ctypes.c_uint8 * size).from_address(address.value or 0)
    weakref.finalize(memory, free, address).atexit = False
    return np.frombuffer(memoryview(memory), np.uint8)
