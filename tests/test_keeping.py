"""Worker processes that are kept from one call to the next: who uses them, and when they end."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from test_parallel import has_ended

from faceline import keep_workers
from faceline.errors import FacelineError
from faceline.runs.parallel import map_batches

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="looks into /proc")


def meet(items):
    """The process that works here, once so many have come."""
    ((folder, count),) = items
    with open(f"{folder}/{os.getpid()}", "w"):
        deadline = time.monotonic() + 30
        while len(os.listdir(folder)) < count and time.monotonic() < deadline:
            time.sleep(0.001)
    return [os.getpid()]


def workers(jobs=2):
    """The processes that work in a call."""
    with tempfile.TemporaryDirectory() as folder:
        return set(map_batches(meet, [(folder, jobs)] * jobs, jobs, "test", batch=1))


def test_without_a_block_each_call_has_its_own():
    first, second = workers(), workers()
    assert not first & second
    assert all(map(has_ended, first | second))


def test_calls_share_them_until_the_block_ends():
    with keep_workers():
        first = workers()
        assert len(first) == 2
        assert workers() == first
        assert map_batches(sorted, range(4), 2, "test", batch=1) == [0, 1, 2, 3]  # another function
        assert len(workers(3) - first) == 1
    assert all(map(has_ended, first))
    assert not workers() & first


def test_overlapping_blocks_end_with_the_last():
    with keep_workers():
        with keep_workers():
            first = workers()
        assert workers() == first
    assert all(map(has_ended, first))


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_gives_them_back(error):
    with pytest.raises(error), keep_workers():
        first = workers()
        raise error
    assert all(map(has_ended, first))


def test_one_that_was_killed_while_it_waited_is_replaced():
    with keep_workers():
        killed, other = workers()
        os.kill(killed, signal.SIGKILL)
        while not has_ended(killed):
            time.sleep(0.01)
        found = workers()
        assert other in found and killed not in found and len(found) == 2


def kill_itself_or_wait(items):
    """One of those that have come kills itself, while the others are at work."""
    ((folder, _),) = items
    if meet(items) == [int(min(os.listdir(folder)))]:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def test_one_that_is_killed_at_work_is_reported_once(tmp_path):
    with keep_workers():
        first = workers()
        with pytest.raises(FacelineError, match="a worker process was killed"):
            map_batches(kill_itself_or_wait, [(tmp_path, 2)] * 2, 2, "test", batch=1)
        assert all(map(has_ended, first))  # what the other one is at, nobody wants
        second = workers()
        assert workers() == second


def test_each_serves_one_thread_at_a_time():
    together = threading.Barrier(2)

    def call(_):
        together.wait()
        return workers()

    with keep_workers():
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(call, range(2))
        assert not first & second
        assert workers(4) == first | second
    assert all(map(has_ended, first | second))


def folder_and_variable(items):
    return [(os.getcwd(), os.environ.get("SAID"))] * len(items)


def test_a_program_that_moves_gets_new_ones(tmp_path, monkeypatch):
    with keep_workers():
        first = workers()
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("SAID", "so")
        assert map_batches(folder_and_variable, range(2), 2, "test", batch=1) == [(str(tmp_path), "so")] * 2
        assert all(map(has_ended, first))


def test_a_forked_child_has_its_own():
    with keep_workers():
        first = workers()
        child = os.fork()
        if not child:
            own = workers()
            os._exit(0 if len(own) == 2 and not own & first and all(map(has_ended, own)) else 1)
        assert workers() == first
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert all(map(has_ended, first))


def test_they_end_with_a_killed_parent():
    code = "import test_keeping, time\nwith test_keeping.keep_workers(): print(*test_keeping.workers()); input()"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdin=pipe, stdout=pipe) as parent:
        assert parent.stdout is not None
        kept = parent.stdout.readline().split()
        parent.kill()
    assert len(kept) == 2
    deadline = time.monotonic() + 15
    while not all(map(has_ended, kept)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
