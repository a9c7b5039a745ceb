"""Programs that use the library, each run by `test_programs.py` in a process of its own: `programs.py NAME ARGUMENT…`.

Each prints a line of JSON with what it found.
"""

import asyncio
import functools
import json
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from faceline import align_folder, infer, represent_folder
from faceline.faces.cutting import warped


def tables(folder):
    """What a stage left in a folder, but for the seconds it took."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "run.json"
    }


def children():
    """The processes that this one has started and that are still there, zombies too."""
    found = []
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/children") as file:
            found += file.read().split()
    return found


def state():
    """What belongs to the program and not to the library."""
    import cv2
    from cv2.utils import logging as opencv

    found = {
        "OpenCV's threads": cv2.getNumThreads(),
        "OpenCV's messages": opencv.getLogLevel(),
        "filters of warnings": list(warnings.filters),
        "signals": [signal.getsignal(number) for number in signal.valid_signals()],
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "log": (logging.getLogger().handlers, logging.getLogger().level),
        "Pillow's limit": Image.MAX_IMAGE_PIXELS,
        "numpy's errors": np.geterr(),
        "start method": multiprocessing.get_start_method(allow_none=True),
        "threads": [thread.name for thread in threading.enumerate()],
        "processes": children(),
    }
    return {name: repr(value) for name, value in found.items()}


def changed(before):
    """What has changed of it."""
    after = state()
    return {name: [before[name], after[name]] for name in before if before[name] != after[name]}


def threads(classifier, pictures):
    """500 answers for pictures of different sizes, in 4 threads that all begin at once; then one after the other."""
    before = state()
    paths = sorted(Path(pictures).glob("*/*"))
    order = np.random.default_rng(0).permutation(np.arange(500) % len(paths)).tolist()

    def answers(part):
        return [repr(answer) for answer in infer([paths[number] for number in part], classifier)]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(answers, [order[start::4] for start in range(4)]))
    serial = [repr(answer) for answer in infer(paths, classifier)]
    return {
        "wrong": sum(found[number % 4][number // 4] != serial[place] for number, place in enumerate(order)),
        "faces": sum("status=<Status.OK" in answer for answer in serial),
        "pictures": len(paths),
        "changed": changed(before),
    }


def folders(pictures, out):
    """Both stages, with one process, in two threads at once, then alone."""
    before = state()

    def stages(name):
        align_folder(pictures, Path(out) / name / "aligned", jobs=1, upsample=0)
        represent_folder(Path(out) / name / "aligned", Path(out) / name / "embeddings", jobs=1)
        return tables(Path(out) / name)

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(stages, ["a", "b"]))
    alone = stages("c")
    return {"same": found == [alone, alone], "files": len(alone), "changed": changed(before)}


def in_child(function, limit=120):
    """Call a function in a forked child, which then ends as a program does, and give what became of it."""
    begun = time.monotonic()
    child = os.fork()
    if not child:
        try:
            sys.exit(0 if function() else 1)
        finally:
            sys.stdout.flush()
    while time.monotonic() < begun + limit:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hangs"


def align_again(pictures, out, jobs=None):
    align_folder(pictures, out, jobs=jobs, upsample=0)


def forks(classifier, pictures, out):
    """Children of a program that has used everything: forked, or started by multiprocessing in any way."""
    out = Path(out)
    paths = sorted(Path(pictures).glob("*/*"))[:6]
    expected = [repr(answer) for answer in infer(paths, classifier)]
    align_again(pictures, out / "alone", 1)
    aligned = tables(out / "alone")

    def same(name, jobs):
        align_again(pictures, out / name, jobs)
        return tables(out / name) == aligned

    found = {
        "infer": in_child(lambda: [repr(answer) for answer in infer(paths, classifier)] == expected),
        "align": in_child(lambda: same("one", 1)),
        "align, processes": in_child(lambda: same("two", 2)),
    }
    for method in ("fork", "spawn", "forkserver"):
        context: Any = multiprocessing.get_context(method)  # the type that is common to all has no processes
        for is_daemon in (False, True):
            name = f"{method}{', daemon' * is_daemon}"
            process = context.Process(target=align_again, args=(pictures, out / name), daemon=is_daemon)
            process.start()
            process.join(120)  # joblib's workers took 300 s to end
            found[name] = process.exitcode if tables(out / name) == aligned else "another result"
    return found


def forks_beside_opencv(times):
    """Children that are forked off while OpenCV's threads go to sleep, on a busy machine; how many hang in OpenCV."""
    import cv2

    crop = functools.partial(warped, drawn_pixels(), np.array([[1, 0.1, 3], [0.1, 1, 3]]), 150, 4)
    expected, random = crop(), np.random.default_rng(0)
    found: Counter[object] = Counter()
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        for _ in range(int(times)):
            crop()
            until = time.perf_counter() + random.uniform(0, 3e-4)
            while time.perf_counter() < until:
                pass
            found[in_child(lambda: np.array_equal(crop(), expected), limit=10)] += 1
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
    return {"ended": dict(found), "OpenCV's threads": cv2.getNumThreads()}


def drawn_pixels():
    return np.random.default_rng(0).integers(0, 255, (700, 700, 3), np.uint8)


def give_back(pictures, out):
    """What is left of a stage's processes: when it returns, is closed by an error, or interrupted."""
    before = state()
    align_again(pictures, Path(out) / "whole", 2)
    found = {"returned": changed(before)}
    found["interrupted"] = after_interrupt(
        1, lambda: align_folder(pictures, Path(out) / "interrupted", jobs=2, overwrite=True)
    )
    return found


def after_interrupt(seconds, call):
    """The processes that are left when Ctrl-C comes after so many seconds of calls."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the background of a shell ignores it
    timer = threading.Timer(seconds, signal.raise_signal, [signal.SIGINT])
    try:
        timer.start()
        while True:
            call()
    except KeyboardInterrupt:
        return children()


def interrupts():
    """The processes that are left where Ctrl-C comes at 100 moments while others are started, kept and ended."""
    from faceline import keep_workers
    from faceline.runs.parallel import map_batches

    def call():
        with keep_workers():
            for _ in range(2):
                map_batches(list, range(4), 2, "test", batch=1)

    left = 0
    for number in range(100):
        left += len(after_interrupt(0.02 + 0.0017 * number, call))
    return left


def memory():
    """How much a process grows, in MB, by the CNN detector's canvases of 40 sizes, each seen twice."""
    from faceline.networks.runtime import Runtime, dlib_session
    from faceline.networks.weights import DLIB_MMOD

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    session = dlib_session(DLIB_MMOD, Runtime(threads=2))
    canvas = np.zeros((1, 3, 1000, 1000), np.float32)
    before = resident()
    for rows, columns in np.tile(np.random.default_rng(0).integers(125, 1000, (40, 2)), (2, 1)):
        session.run(None, {"pixels": np.ascontiguousarray(canvas[:, :, :rows, :columns])})
    return resident() - before


def hosts(pictures, out):
    """In a loop of asyncio, in its threads, and within joblib's workers of each kind."""
    import joblib

    out = Path(out)

    async def notebook():
        align_again(pictures, out / "loop", 2)
        await asyncio.gather(*(asyncio.to_thread(align_again, pictures, out / name) for name in ("to", "fro")))

    asyncio.run(notebook())
    for backend in ("loky", "threading", "multiprocessing", "sequential"):
        tasks = (joblib.delayed(align_again)(pictures, out / f"{backend}{number}") for number in range(2))
        joblib.Parallel(n_jobs=2, backend=backend)(tasks)
    results = [tables(folder) for folder in sorted(out.iterdir())]
    return {"runs": len(results), "same": all(result == results[0] for result in results)}


if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    print(json.dumps(globals()[name](*arguments)))
