#!/usr/bin/env python3
"""How much `faceline serve` answers: photographs of 640 x 480 with one face, asked for by several clients at once.

    benchmarks/service.py <photographs of people> <pictures> [--deepface PYTHON]

The people are enrolled in a work folder of its own. Of the pictures so many as are wanted are taken, evenly from the
whole folder, and fitted into 640 x 480; those in which `infer --multi` finds one face are sent, again and again. Each
answer is compared with what `infer --json` says of the same picture.

Measured are answers a second and how long they take, the memory of the server, how long `/health` takes meanwhile, what
becomes of a crowd that asks at one moment, and, where the Python of an environment that has it is named, DeepFace's
API, by turns. The clients are threads of this process, the server is another one. "Elsewhere" is how many cores are
busy with neither: where it is not near 0, the figures are too low. On Linux, for memory and times are read from /proc.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from clients import NO_ANSWER, Probe, Question, Reply, ask_all, ask_together, form
from measure import machine
from PIL import Image, ImageOps
from servers import Server, busy_seconds, deepface, serving

from faceline.disk.names import EMBEDDINGS_DIR
from faceline.runs.parallel import all_cores

EDGES = 640, 480
SUFFIXES = {".jpg", ".jpeg", ".png"}
MAIN, EVERY = "/faces", "/faces?multi=true"  # the main face of a picture, and every face
AS_INFER = {MAIN: (), EVERY: ("--multi",)}  # how `infer` is asked the same
EVERY_SHARE = 5  # in so many times fewer requests every face is asked for, which takes longer
LEGS = 10  # parts of a run, each a row
TURNS = 3  # of the peer and the service
PEER_FIELDS = {"model_name": "Dlib", "detector_backend": "dlib"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--crowd", type=int, nargs="*", default=[64, 256], help="how many ask at one moment")
    parser.add_argument("--photographs", type=int, default=300, help="how many pictures to take")
    parser.add_argument("--limit", type=float, default=600.0, help="most seconds of a run or a crowd")
    parser.add_argument("--deepface", metavar="PYTHON", help="of an environment with deepface[api]")
    parser.add_argument("--turn", type=float, default=20.0, help="seconds of each of the peer's turns")
    options = parser.parse_args()
    print(f"{machine()}\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        work, probes = Path(folder) / "work", Path(folder) / "probes"
        faceline("enrol", str(options.people), str(work), "-q")
        make_probes(options.pictures, probes, options.photographs)
        known = {path: expected(work, probes, *extra) for path, extra in AS_INFER.items()}
        names = [name for name, answer in known[EVERY].items() if len(answer["faces"]) == 1]
        photographs = {name: (probes / name).read_bytes() for name in names}
        asked = {path: Asked.of(path, photographs, known[path]) for path in AS_INFER}
        print(f"{len(names)} photographs with one face, {mean_size(photographs):.0f} kB on average\n")
        with serving(work) as server:
            run(server, asked[MAIN], options.requests, options.clients, options.limit)
            run(server, asked[EVERY], options.requests // EVERY_SHARE, options.clients, options.limit)
            crowds(server, list(asked.values()), options.crowd, options.limit)
            if options.deepface is None:
                print("DeepFace was left out: --deepface names the Python of an environment that has it.")
                return
            peers = [form("/represent", "img", name, content, PEER_FIELDS) for name, content in photographs.items()]
            compare(server, list(asked.values()), peers, Path(folder) / "deepface", options)


def faceline(*arguments: str) -> str:
    """What a command prints."""
    command = [sys.executable, "-m", "faceline", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def make_probes(pictures: Path, folder: Path, count: int) -> None:
    """Fit pictures of a folder into EDGES, with black beside them."""
    folder.mkdir()
    found = sorted(path for path in pictures.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        sys.exit(f"{pictures}: no pictures")
    for number in np.unique(np.linspace(0, len(found) - 1, count).astype(int)):
        with Image.open(found[number]) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGB")
            ImageOps.pad(upright, EDGES).save(folder / f"{number:06}.jpg", quality=92)


def expected(work: Path, probes: Path, *extra: str) -> dict[str, dict]:
    """What `infer --json` says of each picture, by its name."""
    lines = faceline("infer", str(work / EMBEDDINGS_DIR), str(probes), "--json", "-q", *extra).splitlines()
    answers = [json.loads(line) for line in lines]
    named = [(Path(answer["image"]).name, answer) for answer in answers]
    return {name: answer | {"image": name} for name, answer in named}


def mean_size(photographs: dict[str, bytes]) -> float:
    return float(np.mean([len(content) for content in photographs.values()])) / 1000


@dataclass(frozen=True)
class Asked:
    """Questions of one kind, and what is to be answered to each."""

    path: str
    questions: list[Question]
    answers: list[dict]

    @classmethod
    def of(cls, path: str, photographs: dict[str, bytes], known: dict[str, dict]) -> "Asked":
        questions = [form(path, "picture", name, content) for name, content in photographs.items()]
        return cls(path, questions, [known[name] for name in photographs])

    def right(self, replies: Sequence[Reply]) -> int:
        """How many are answered as they have to be."""
        good = [reply for reply in replies if reply.status == 200]
        return sum(json.loads(reply.content) == self.answers[reply.question] for reply in good)

    def some(self, begin: int, end: int) -> list[int]:
        """The questions of some requests, which are asked in turn."""
        return [place % len(self.questions) for place in range(begin, end)]


def used(server: Server) -> np.ndarray:
    """Seconds: the time, what the server has used of processors, and what others than it and the clients have."""
    mine = server.processor_seconds()
    return np.array([time.perf_counter(), mine, busy_seconds() - mine - time.process_time()])


def run(server: Server, asked: Asked, requests: int, clients: int, limit: float) -> None:
    """Ask for a long time, and print a row for each part of it."""
    print(f"`{asked.path}`, {clients} clients; times in ms, memory in MB\n")
    print("| requests | answers a second | p50 | p95 | max | as `infer` | others | ", end="")
    print("`/health` p95 | max | cores | elsewhere | memory |\n" + "|---" * 12 + "|")
    ask_all(server.port, asked.questions, asked.some(0, 2 * clients), clients, limit)  # to warm up
    print(f"| warmed up | | | | | | | | | | | {server.memory():.0f} |", flush=True)
    until = time.monotonic() + limit
    replies: list[Reply] = []
    rates: list[float] = []
    watched: list[Reply] = []
    for leg in range(LEGS):
        numbers = asked.some(requests * leg // LEGS, requests * (leg + 1) // LEGS)
        before = used(server)
        with Probe(server.port, "/health") as health:
            found = ask_all(server.port, asked.questions, numbers, clients, until - time.monotonic())
        seconds, mine, elsewhere = used(server) - before
        replies, watched = replies + found, watched + health.replies
        rates.append(answered(found) / seconds)
        busy = f"{mine / seconds:.2f} | {max(elsewhere / seconds, 0):.2f} | {server.memory():.0f}"
        print(f"| {len(replies)} | {row(asked, found, rates[-1], health.replies)} | {busy} |", flush=True)
        if len(found) < len(numbers):
            print(f"Stopped after {limit:.0f} s.")
            break
    print(f"| all, median rate | {row(asked, replies, float(np.median(rates)), watched)} | | | |\n", flush=True)


def answered(replies: Sequence[Reply]) -> int:
    """How many have an answer, be it that nothing could be found; not those that hung or are to come again."""
    return sum(reply.status not in (NO_ANSWER, 503) for reply in replies)


def row(asked: Asked, replies: Sequence[Reply], rate: float, health: Sequence[Reply]) -> str:
    """Cells: the rate, times, how many are right, what the others are, and times of `/health`."""
    times, watched = cells(replies, 50, 95, 100), cells(health, 95, 100)
    return f"{rate:.1f} | {times} | {asked.right(replies)} of {len(replies)} | {others(replies)} | {watched}"


def cells(replies: Sequence[Reply], *percentiles: float) -> str:
    """Percentiles of times in ms."""
    if not replies:
        return " | ".join("-" for _ in percentiles)
    return " | ".join(f"{ms:.0f}" for ms in np.percentile([1000 * reply.seconds for reply in replies], percentiles))


def others(replies: Sequence[Reply]) -> str:
    """The statuses that are not 200, and how often."""
    found = Counter(reply.status for reply in replies if reply.status != 200)
    return ", ".join(f"{number} x {status}" for status, number in sorted(found.items())) or "none"


def crowds(server: Server, kinds: Sequence[Asked], sizes: Sequence[int], limit: float) -> None:
    """Ask from many clients at one moment, and print what becomes of them; who is refused comes again when told."""
    print(
        "| at one moment | answered | after ms, at most | 503 with `Retry-After` | after ms, at most | hung, other | ",
        end="",
    )
    print("answered as `infer` in the end | after s | refusals | `/health` max |\n" + "|---" * 10 + "|")
    for asked in kinds:
        for clients in sizes:
            begun = time.perf_counter()
            with Probe(server.port, "/health") as health:
                stories = ask_together(server.port, asked.questions, clients, limit)
            seconds = time.perf_counter() - begun
            first = [story[0] for story in stories]
            good = [reply for reply in first if reply.status == 200]
            refused = [reply for reply in first if reply.status == 503 and reply.retry_after]
            every = [reply for story in stories for reply in story]
            again = sum(reply.status == 503 for reply in every)
            hung = sum(reply.status == NO_ANSWER for reply in every)
            strange = sum(reply.status not in (200, NO_ANSWER) for reply in every) - again
            in_the_end = asked.right([story[-1] for story in stories])
            print(
                f"| {clients}, `{asked.path}` | {len(good)} | {cells(good, 100)} | {len(refused)} | "
                f"{cells(refused, 100)} | {hung}, {strange} | {in_the_end} of {clients} | {seconds:.1f} | {again} | "
                f"{cells(health.replies, 100)} |",
                flush=True,
            )
    print()


def compare(
    server: Server, kinds: Sequence[Asked], peers: list[Question], folder: Path, options: argparse.Namespace
) -> None:
    """Ask the service and DeepFace by turns, for as long each, and print the medians."""
    found: dict[str, list[tuple[float, list[Reply]]]] = {}
    for processes in sorted({1, all_cores()}):
        with deepface(options.deepface, folder, processes) as peer:
            candidates = {f"Faceline, `{asked.path}`": (server.port, asked.questions) for asked in kinds}
            name = f"DeepFace, `/represent`, {processes} {'process' if processes == 1 else 'processes'}"
            candidates[name] = peer.port, peers
            ask_all(peer.port, peers, range(4 * processes), options.clients, options.limit)  # to warm up
            for _ in range(TURNS):
                for name, (port, questions) in candidates.items():
                    numbers = [place % len(questions) for place in range(int(1000 * options.turn))]
                    begun = time.perf_counter()
                    replies = ask_all(port, questions, numbers, options.clients, options.turn)
                    rate = answered(replies) / (time.perf_counter() - begun)
                    found.setdefault(name, []).append((rate, replies))
    print(f"{options.clients} clients, turns of {options.turn:.0f} s; times in ms\n")
    print("| | answers a second, each turn | median | p50 | p95 | max | others |\n" + "|---" * 7 + "|")
    for name, turns in found.items():
        rates, replies = [rate for rate, _ in turns], [reply for _, turn in turns for reply in turn]
        each = ", ".join(f"{rate:.1f}" for rate in rates)
        print(f"| {name} | {each} | {np.median(rates):.1f} | {cells(replies, 50, 95, 100)} | {others(replies)} |")


if __name__ == "__main__":
    main()
