"""Stages 1 and 2 on a Dask cluster of processes on this machine, of which workers and the scheduler are killed."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from conftest import run_script, tree

from faceline import align_folder, represent_folder
from faceline.errors import FacelineError
from faceline.runs.cluster import Cluster, in_cluster

pytest.importorskip("distributed")

QUICKLY: dict[str, Any] = {"upsample": 0, "jobs": 1}


class LocalCluster:
    """`dask scheduler`, and a `dask worker` for each of its workers, as a user starts them; the dashboard is off."""

    def __init__(self, folder, workers):
        self._folder, self._started = folder, []
        self._environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0")
        self.address = self._wait_for(self.scheduler, r"Scheduler at:\s+(tcp://\S+)")
        self.workers = [self.add_worker() for _ in range(workers)]
        for worker in self.workers:
            self._wait_for(worker, r"Registered to:\s+(tcp://\S+)")

    def add_worker(self, **environment):
        self._environment |= environment
        options = ["--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", "--memory-limit", "0"]
        return self._start("worker", self.address, *options)

    def _start(self, kind, *options):
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}"]
        with self._log(len(self._started)).open("wb") as log:
            process = subprocess.Popen(
                [*command, *options, "--no-dashboard"],
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._started.append(process)
        return process

    def _log(self, number):
        return self._folder / f"process{number}.log"

    def _wait_for(self, process, pattern):
        log = self._log(self._started.index(process))
        deadline = time.monotonic() + 60
        while not (found := re.search(pattern, log.read_text())):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        return found[1]

    def end(self):
        for process in self._started:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Of two workers; no test ends it."""
    found = LocalCluster(tmp_path_factory.mktemp("cluster"), 2)
    yield found
    found.end()


@pytest.fixture(scope="module")
def people(small):
    return small.train


def on(cluster):
    return {"backend": "dask", "scheduler": cluster.address}


def kill_once(items):
    """Kill the worker that gets the third item first."""
    folder, numbers = items[0][0], [number for _, number in items]
    if 3 in numbers:
        with contextlib.suppress(FileExistsError), open(f"{folder}/killed", "x"):
            os.kill(os.getpid(), signal.SIGKILL)
    return [number * 10 for number in numbers]


def test_all_stages_on_a_cluster_make_the_same_bytes(cluster, people, tmp_path, monkeypatch):
    """Paths are relative, and the workers were started elsewhere; nobody but the scheduler is asked for anything."""
    align_folder(people, tmp_path / "fresh" / "aligned", **QUICKLY)
    represent_folder(tmp_path / "fresh" / "aligned", tmp_path / "fresh" / "embeddings", jobs=1)
    asked = []
    watching = [True]

    def hook(event, values):
        if watching and event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
            asked.append((event, values))

    sys.addaudithook(hook)
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    source = os.path.relpath(people)
    summary = align_folder(source, "aligned", **QUICKLY, **on(cluster))
    represent_folder("aligned", "embeddings", **on(cluster))
    watching.clear()
    assert summary.done == sum(summary.counts.values()) > 1
    port = int(cluster.address.rpartition(":")[2])
    assert {values[1] for event, values in asked if event == "socket.connect"} == {("127.0.0.1", port)}
    assert {values[0] for event, values in asked if event != "socket.connect"} <= {"127.0.0.1"}
    assert tree(tmp_path / "out") == tree(tmp_path / "fresh")


def test_a_shard_on_a_cluster(cluster, people, tmp_path):
    done = run_script(
        *("-m", "faceline", "-q", "align", people, tmp_path / "out", "--shard", "1/1", "--upsample", "0"),
        *("--backend", "dask", "--scheduler", cluster.address),
    )
    assert (done.returncode, done.stderr) == (0, "")
    run_script("-m", "faceline", "merge", tmp_path / "out")
    align_folder(people, tmp_path / "fresh", **QUICKLY)
    assert tree(tmp_path / "out") == tree(tmp_path / "fresh")


def test_errors_of_the_work_come_through(cluster):
    with pytest.raises(ZeroDivisionError):
        list(in_cluster(divide, [[1], [0]], Cluster(cluster.address)))
    assert not list(in_cluster(divide, [], Cluster(cluster.address)))
    found = dict(in_cluster(divide, ([number] for number in range(1, 40)), Cluster(cluster.address)))
    assert found == {number - 1: [1 / number] for number in range(1, 40)}


def divide(items):
    return [1 / item for item in items]


def test_workers_of_another_version(tmp_path):
    """As one of before there was this module; it stays as it was."""
    (tmp_path / "older" / "faceline").mkdir(parents=True)
    (tmp_path / "older" / "faceline" / "__init__.py").write_text("__version__ = '0.0.9'\n")
    cluster = LocalCluster(tmp_path, 0)
    try:
        worker = cluster.add_worker(PYTHONPATH=str(tmp_path / "older"))
        for _ in range(2):
            # Of an installation in a clone, the modules that it lacks are found there.
            complaint = "a Dask worker lacks Faceline, or has another version|a worker has faceline 0.0.9, not"
            with pytest.raises(FacelineError, match=complaint):
                list(in_cluster(sorted, [[1]], Cluster(cluster.address)))  # which all workers have
        assert worker.poll() is None
    finally:
        cluster.end()


@pytest.mark.parametrize(
    ("backend", "scheduler", "complaint"),
    [
        ("ray", None, "unknown backend 'ray'; choose from processes, dask"),
        ("dask", None, "--backend dask needs --scheduler ADDRESS, which dask scheduler prints"),
        ("processes", "tcp://localhost:1", "--scheduler goes with --backend dask"),
        (
            "dask",
            "tcp://127.0.0.1:1",
            "tcp://127.0.0.1:1: no Dask scheduler answers there; start one with dask scheduler",
        ),
        ("dask", "no such scheme://x", "no such scheme://x: no Dask scheduler answers there"),
    ],
)
def test_mistakes_take_one_line(people, tmp_path, monkeypatch, backend, scheduler, complaint):
    monkeypatch.setattr("faceline.runs.cluster.CONNECTING", 1.0)
    with pytest.raises(FacelineError, match=re.escape(complaint)) as found:
        align_folder(people, tmp_path / "out", **QUICKLY, backend=backend, scheduler=scheduler)
    assert "\n" not in str(found.value)


def lines_of(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_workers_and_the_scheduler_are_killed(people, tmp_path, monkeypatch):
    """A worker in the middle of a batch, the last one in the middle of a stage, then the scheduler: one line, status 2,
    and nothing is lost."""
    monkeypatch.setattr("faceline.runs.cluster.WAITING", 0.5)
    for name in "xyz":
        shutil.copytree(people, tmp_path / "in" / name)
    command = [
        sys.executable,
        "-m",
        "faceline",
        "align",
        str(tmp_path / "in"),
        str(tmp_path / "out"),
        "--upsample",
        "0",
    ]
    journal = tmp_path / "out" / "journal.jsonl"
    cluster = LocalCluster(tmp_path, 2)
    try:
        batches = [[(str(tmp_path), number)] for number in range(8)]
        found = dict(in_cluster(kill_once, batches, Cluster(cluster.address)))
        assert found == {number: [number * 10] for number in range(8)}
        (alive,) = (worker for worker in cluster.workers if worker.poll() is None)
        options = ["--backend", "dask", "--scheduler", cluster.address]
        process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

        def wait_for_lines(count):
            while lines_of(journal) < count:
                assert process.poll() is None, process.communicate()
                time.sleep(0.002)

        wait_for_lines(2)
        alive.kill()
        alive.wait()
        with pytest.raises(FacelineError, match=f"{cluster.address}: this Dask cluster has no worker; start one with"):
            list(in_cluster(sorted, [[1]], Cluster(cluster.address)))  # all workers have it
        done = lines_of(journal)
        another = cluster.add_worker()
        wait_for_lines(done + 1)
        another.send_signal(signal.SIGSTOP)  # what it is at is not done
        cluster.scheduler.kill()
        said = process.communicate(timeout=60)
    finally:
        cluster.end()
    advice = "this Dask scheduler is lost; start one and run the same command again, which goes on"
    assert said == ("", f"faceline: error: {cluster.address}: {advice}\n")
    assert process.returncode == 2
    done = lines_of(journal)
    summary = align_folder(tmp_path / "in", tmp_path / "out", **QUICKLY)
    assert 5 < summary.kept < sum(summary.counts.values())
    assert summary.kept == done - 1  # all but the header
    align_folder(tmp_path / "in", tmp_path / "fresh", **QUICKLY)
    assert tree(tmp_path / "out") == tree(tmp_path / "fresh")
