"""Servers that benchmarks ask: `faceline serve` and DeepFace's API, each a process of its own, and what they use."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clients import Client, Question

START_SECONDS = 120.0
STOP_SECONDS = 30.0
PEER = Path(__file__).with_name("peer_deepface.py")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A server that runs: its port and its process."""

    port: int
    process: subprocess.Popen

    def memory(self) -> float:
        """What the process holds in memory, in MB."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(dict(line.split(":", 1) for line in lines)["VmRSS"].split()[0]) / 1024

    def processor_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


def busy_seconds() -> float:
    """How long all cores have been busy since the machine was started."""
    user, nice, system, _, _, interrupts, soft, stolen = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + interrupts + soft + stolen) / TICKS


@contextlib.contextmanager
def serving(work: Path) -> Iterator[Server]:
    """A service on a work folder, while the block runs."""
    command = [sys.executable, "-m", "faceline", "serve", str(work), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, stopped(process):
        assert process.stdout is not None
        said = process.stdout.readline()
        if not said:
            sys.exit("faceline serve does not start")
        yield Server(int(said.rpartition(":")[2]), process)


@contextlib.contextmanager
def deepface(python: str, folder: Path, processes: int) -> Iterator[Server]:
    """DeepFace's API in so many processes, while the block runs; its weights and its log lie in the folder."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [python, str(PEER), str(folder), str(port), str(processes)]
    path = folder / "deepface.log"
    folder.mkdir(exist_ok=True)
    with path.open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process, stopped(process):
        client, until = Client(port), time.monotonic() + START_SECONDS
        while client.ask([Question("/")], 0).status != 200:
            if process.poll() is not None or time.monotonic() > until:
                sys.exit("DeepFace does not start:\n" + "\n".join(path.read_text().splitlines()[-20:]))
            time.sleep(0.5)
        client.close()
        yield Server(port, process)


@contextlib.contextmanager
def stopped(process: subprocess.Popen) -> Iterator[None]:
    """A process ends with the block."""
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
