"""Processes that are killed: one of the workers, or the one that started them."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import joblib
import pytest

from faceline.errors import FacelineError
from faceline.runs.parallel import map_batches, process_count, spread


def kill_itself(items):
    if 3 in items:
        os.kill(os.getpid(), signal.SIGKILL)
    return items


def test_a_killed_worker_takes_one_line():
    with (
        pytest.raises(FacelineError, match=r"a worker process was killed, .* run again with fewer --jobs"),
        contextlib.closing(spread(kill_itself, list(range(6)), 2, "test")) as results,
    ):
        list(results)


def test_jobs_must_be_a_number_of_processes():
    assert process_count(3) == 3
    assert process_count(None) >= 1
    for jobs in (0, -1):
        with pytest.raises(FacelineError, match=f"jobs {jobs} is out of range; choose 1 or more"):
            process_count(jobs)


def test_without_processes_the_work_is_done_here():
    """As joblib does in a process that may have no children; this one must not end."""
    with joblib.parallel_config("sequential"):
        assert list(spread(list, [1, 2, 3], 2, "test")) == [1, 2, 3]
    time.sleep(0.1)


def tenfold(items):
    time.sleep(0.05 * (items[0] == 0))  # the first comes last
    return [10 * item for item in items]


@pytest.mark.parametrize("jobs", [1, 2, 9])
def test_batches_give_their_results_in_order(jobs):
    assert map_batches(tenfold, range(11), jobs, "test", batch=2) == list(range(0, 110, 10))
    assert map_batches(tenfold, [], jobs, "test", batch=2) == []


def test_batches_run_on_another_backend():
    with joblib.parallel_config("threading"):
        assert map_batches(tenfold, range(11), 2, "test", batch=2) == list(range(0, 110, 10))
    time.sleep(0.1)


def test_a_killed_worker_of_batches_takes_one_line():
    with pytest.raises(FacelineError, match=r"a worker process was killed, .* run again with fewer --jobs"):
        map_batches(kill_itself, list(range(6)), 2, "test", batch=1)


def sign_in(items):
    with open(f"{os.environ['FOLDER']}/{os.getpid()}", "w"):
        time.sleep(0.3)
    return items


def has_ended(process_id):
    try:
        with open(f"/proc/{process_id}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="looks into /proc")
def test_workers_end_with_their_parent(tmp_path):
    code = "import test_parallel; list(test_parallel.spread(test_parallel.sign_in, list(range(10_000)), 2, 'test'))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "FOLDER": str(tmp_path)}
    parent = subprocess.Popen([sys.executable, "-c", code], env=environment)
    try:
        while len(workers := os.listdir(tmp_path)) < 2:
            assert parent.poll() is None
            time.sleep(0.05)
    finally:
        parent.kill()
        parent.wait()
    assert str(parent.pid) not in workers
    deadline = time.monotonic() + 15
    while not all(map(has_ended, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
