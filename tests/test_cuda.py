"""What can be known of GPUs where there is none: counting them, sharing them out, memory of their own, what is said."""

import ctypes
import os
import subprocess
import sys
import threading

import numpy as np
import onnx
import pytest
from conftest import ROOT
from onnx import TensorProto, helper

from faceline import keep_workers
from faceline.errors import FacelineError
from faceline.faces.detectors import DETECTORS
from faceline.faces.embedder import embed
from faceline.faces.mmod import detect_mmod, tiled_pyramid
from faceline.networks.cuda import (
    PROVIDER,
    Bound,
    GpuSession,
    gpu_count,
    gpu_of,
    memory_at,
    page_locked,
)
from faceline.networks.inference import BATCH, ONNX_BATCH, ready
from faceline.networks.runtime import Runtime, dlib_session, open_session, processes_on
from faceline.networks.table import NETWORKS
from faceline.networks.telemetry import import_onnxruntime
from faceline.networks.weights import DLIB_MMOD, DLIB_RESNET
from faceline.runs import worker
from faceline.runs.parallel import map_batches, process_count
from faceline.stages.align import processes

CPU, CUDA = Runtime(), Runtime(device="cuda")


def test_gpus_that_are_hidden_are_not_counted():
    code = "from faceline.networks.cuda import gpu_count; print(gpu_count())"
    hidden = dict(os.environ, CUDA_VISIBLE_DEVICES="")
    done = subprocess.run(
        [sys.executable, "-c", code], env=hidden, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_processes_go_round_the_gpus():
    assert [gpu_of(number, 1) for number in range(3)] == [0, 0, 0]
    assert [gpu_of(number, 3) for number in range(7)] == [0, 1, 2, 0, 1, 2, 0]


def test_a_process_for_each_gpu():
    assert [processes_on(gpus, cores=4, a_gpu=1) for gpus in (0, 1, 2, 8)] == [1, 1, 2, 8]
    assert [processes_on(gpus, cores=20, a_gpu=8) for gpus in (0, 1, 2, 4, 40)] == [1, 8, 16, 20, 40]
    assert process_count(3, CUDA.processes) == 3
    assert process_count(None, CUDA.processes) == max(1, gpu_count())
    assert process_count(None, CPU.processes) == process_count(None)


def test_detectors_of_the_cpu_have_all_cores_whatever_the_device():
    assert {name for name, detector in DETECTORS.items() if detector.is_for_devices} == {"auto", "cnn", "retinaface"}
    assert processes(CUDA, "hog", 1000) == processes(CUDA, "yunet", 1000) == processes(CPU, "cnn", 1000) == 1000
    assert processes(CUDA, "cnn", 1000) == max(1, 8 * gpu_count())


def test_a_gpu_gets_more_crops_at_once():
    assert (CPU.batch(BATCH), CPU.batch(ONNX_BATCH)) == (BATCH, ONNX_BATCH) == (16, 4)
    assert CUDA.batch(BATCH) == CUDA.batch(ONNX_BATCH) == 64
    assert ready(NETWORKS["dlib"], CPU)[2] == BATCH


def numbers_of(items):
    """The number of this process, when as many have come as there are."""
    ((folder, count),) = items
    (folder / str(os.getpid())).touch()
    while len(list(folder.iterdir())) < count:
        pass
    return [(worker.number, os.getpid())]


def test_every_worker_has_a_number_of_its_own_and_keeps_it(tmp_path):
    def workers(jobs, name):
        (tmp_path / name).mkdir()
        return dict(map_batches(numbers_of, [(tmp_path / name, jobs)] * jobs, jobs, "test", batch=1))

    with keep_workers():
        three = workers(3, "three")
        assert set(three) == {0, 1, 2}
        assert workers(2, "two") == {number: three[number] for number in (0, 1)}
    assert worker.number == 0  # of the process that has none


@pytest.mark.parametrize("allocate", [lambda size: None, lambda size: np.zeros(size, np.uint8)])
def test_a_session_with_memory_of_its_own_gives_the_same(allocate):
    session = dlib_session(DLIB_RESNET, CPU)
    bound, random = Bound(session, allocate), np.random.default_rng(0)
    (name,) = (entry.name for entry in session.get_inputs())
    batches = [random.integers(0, 256, (count, 150, 150, 3), np.uint8) for count in (2, 1, 3, 2)]
    found = [bound.run(None, {name: crops}) for crops in batches]
    for (embeddings,), crops in zip(found, batches, strict=True):  # none of them overwritten by the next
        assert np.array_equal(embeddings, session.run(None, {name: crops})[0])


def test_a_detector_with_memory_of_its_own_finds_the_same(portrait):
    session = dlib_session(DLIB_MMOD, CPU)
    bound = GpuSession(session)
    for image in (portrait, portrait[::2, ::2], portrait[:, ::-1]):
        canvas, _ = tiled_pyramid(np.ascontiguousarray(image))
        feeds = {"pixels": canvas}
        assert np.array_equal(bound.run(["output"], feeds)[0], session.run(["output"], feeds)[0])
        assert detect_mmod(bound, image, 0) == detect_mmod(session, image, 0)


def test_several_threads_each_have_memory_of_their_own():
    session = GpuSession(dlib_session(DLIB_RESNET, CPU))
    (name,) = (entry.name for entry in session.get_inputs())
    crops = np.random.default_rng(0).integers(0, 256, (6, 1, 150, 150, 3), np.uint8)
    found = {}

    def embed(index):
        for _ in range(3):
            (found[index],) = session.run(None, {name: crops[index]})

    threads = [threading.Thread(target=embed, args=(index,)) for index in range(len(crops))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    together = np.concatenate([found[index] for index in range(len(crops))])
    assert np.array_equal(together, session.run(None, {name: np.concatenate(crops)})[0])


def expanding(extent: int) -> bytes:
    """A graph that makes of one number so many."""
    shape = helper.make_tensor("shape", TensorProto.INT64, [1], [extent])
    graph = helper.make_graph(
        [helper.make_node("Expand", ["in", "shape"], ["out"])],
        "expanding",
        [helper.make_tensor_value_info("in", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [extent])],
        [shape],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return onnx.ModelProto.SerializeToString(model)


def test_what_fails_on_a_gpu_is_said_in_one_line():
    one = {"in": np.ones(1, np.float32)}
    assert GpuSession(open_session(expanding(3), CPU)).run(None, one)[0].tolist() == [1, 1, 1]
    with pytest.raises(FacelineError, match=r"device cuda: ONNX Runtime fails: .*Got invalid dimensions") as caught:
        GpuSession(open_session(expanding(3), CPU)).run(None, {"in": np.ones(2, np.float32)})
    assert "\n" not in str(caught.value)
    # Of the processor's memory, which ONNX Runtime keeps by the same code, and tells of by the same words.
    with pytest.raises(FacelineError, match="device cuda: the GPU's memory is full; run again with fewer --jobs"):
        GpuSession(open_session(expanding(2**50), CPU)).run(None, one)


def test_memory_of_others_is_given_back_after_the_last_view():
    library, given_back = ctypes.CDLL(None), []
    library.malloc.restype = ctypes.c_void_p
    address = ctypes.c_void_p(library.malloc(ctypes.c_size_t(1000)))

    def free(place):
        given_back.append(place.value)
        library.free(place)

    memory = memory_at(address, 1000, free)
    part = memory[:400].view(np.float32).reshape(10, 10)
    part[...] = 1
    assert (memory.shape, part.ctypes.data) == ((1000,), address.value)
    del memory
    assert not given_back and part.sum() == 100
    del part
    assert given_back == [address.value]


@pytest.mark.skipif(gpu_count() > 0, reason="there is a GPU")
def test_without_a_driver_there_is_no_page_locked_memory():
    assert page_locked(1000) is None


def test_a_gpu_gives_what_the_processor_gives_but_for_rounding(portrait):
    if PROVIDER not in import_onnxruntime().get_available_providers() or not gpu_count():
        pytest.skip("no GPU, or ONNX Runtime for the CPU only")
    crops = np.random.default_rng(0).integers(0, 256, (70, 150, 150, 3), np.uint8)
    assert np.allclose(embed(NETWORKS["dlib"], crops, CUDA), embed(NETWORKS["dlib"], crops, CPU), atol=1e-4)
    found, expected = (detect_mmod(dlib_session(DLIB_MMOD, runtime), portrait, 0) for runtime in (CUDA, CPU))
    assert [box for box, _ in found] == [box for box, _ in expected]


@pytest.mark.parametrize("command", [["align"], ["represent", "-data"], ["enrol"]])
def test_commands_say_that_there_is_no_gpu(command, photographs, tmp_path):
    onnxruntime = import_onnxruntime()
    has_provider = PROVIDER in onnxruntime.get_available_providers()
    if has_provider and gpu_count():
        pytest.skip("there is a GPU")
    out = ["-outDir", tmp_path / "out"] if command[0] == "represent" else [tmp_path / "out"]
    line = [sys.executable, "-m", "faceline", *command, photographs.train, *out, "--device", "cuda"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    reason = (
        "no GPU is there" if has_provider else f"the installed onnxruntime {onnxruntime.__version__} runs on the CPU"
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"faceline: error: device cuda: {reason}") and done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
