#!/usr/bin/env python3
"""Large photographs: stage 1 against the package face_recognition 1.3.0, in pictures a minute and faces found.

Makes 40 JPEG photographs of 8 to 24 megapixels in <work>, half of large faces, half of small ones. Commands take turns,
each started anew and with a process for each core: Faceline's stage 1 for the main face and for every face, which
writes crops and a manifest; and a script with face_recognition's defaults that finds all faces (HOG in the enlarged
picture) and their landmarks, which is what stage 1 does but for the crops, and writes nothing. Prints the tables of
docs/speed.md.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from large_photographs import make
from measure import machine

from faceline.disk.pictures.boxes import Box
from faceline.faces.options import AlignmentOptions
from faceline.faces.tiles import is_same
from faceline.host.steps import measured
from faceline.networks.runtime import Runtime
from faceline.networks.table import DEFAULT_NETWORK, network_named
from faceline.runs.parallel import all_cores
from faceline.stages.alignment import PictureTask, align_picture

ALIGN = Path(__file__).resolve().parent.parent / "util" / "align-dlib.py"
PEER = Path(__file__).with_name("peer_photographs.py")
PEER_NAME = "face_recognition"
STEPS = ("read", "detect", "landmarks", "crop", "write")

# Picture -> boxes of its faces.
Boxes = Mapping[str, list[Box]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--peer", type=Path, help="folder with face_recognition, if it is not installed")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    truth = make(options.photographs, options.work)
    print(f"Measured on {machine()}.\n")
    speed = "pictures a minute | times as fast | seconds of computing a picture | times less"
    print(f"| photographs | by | {speed} | pictures with a face found | faces found | other boxes |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for half, expected in truth.items():
        for line in compared(half, options.work / half, expected, options.rounds, options.peer):
            print(line, flush=True)
    print("\n| ms a picture, one process | " + " | ".join((*STEPS, "all")) + " |\n|---|" + "---|" * (len(STEPS) + 1))
    for half in truth:
        for every in (False, True):
            print(steps_of(half, options.work / half, every), flush=True)


def compared(half: str, folder: Path, expected: Boxes, rounds: int, peer: Path | None) -> list[str]:
    """A line for each way to look at half of the photographs."""
    found: dict[str, Boxes] = {}

    def theirs() -> None:
        search = os.pathsep.join(filter(None, [str(peer or ""), os.environ.get("PYTHONPATH", "")]))
        command = [sys.executable, str(PEER), str(folder), str(all_cores())]
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": search}
        )
        found[PEER_NAME] = json.loads(done.stdout)

    def ours(name: str, *more: str) -> Callable[[], None]:
        def run() -> None:
            with tempfile.TemporaryDirectory() as out:
                command = [sys.executable, ALIGN, folder, "align", "outerEyesAndNose", f"{out}/aligned", *more]
                subprocess.run(list(map(str, command)), check=True, capture_output=True)
                found[name] = boxes_of(Path(out) / "aligned" / "manifest.csv")

        return run

    candidates = {
        PEER_NAME: theirs,
        "Faceline, the main face": ours("Faceline, the main face"),
        "Faceline, every face": ours("Faceline, every face", "--every"),
    }
    rounded = [{name: timed(look) for name, look in candidates.items()} for _ in range(rounds)]
    medians = {name: np.median([times[name] for times in rounded], axis=0) for name in candidates}
    return [line(half, name, expected, found[name], taken, medians[PEER_NAME]) for name, taken in medians.items()]


def timed(look: Callable[[], None]) -> tuple[float, float]:
    """How long a command takes by the clock, and how many seconds of computing, in all its processes."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    look()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    computing = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - begun, computing


def line(half: str, name: str, expected: Boxes, found: Boxes, taken: np.ndarray, peer: np.ndarray) -> str:
    """The line of one way to look, `taken` and that of the peer being what `timed` gives for all pictures."""
    hits = {image: [is_there(box, found.get(image, [])) for box in boxes] for image, boxes in expected.items()}
    others = sum(not is_there(box, expected[image]) for image, boxes in found.items() for box in boxes)
    faced = f"{sum(map(any, hits.values()))} of {len(hits)}"
    faces = f"{sum(map(sum, hits.values()))} of {sum(map(len, hits.values()))}"
    (seconds, computing), (times, less) = taken, peer / taken
    speed = f"{60 * len(expected) / seconds:.0f} | {times:.1f} | {computing / len(expected):.2f} | {less:.1f}"
    return f"| {half} faces | {name} | {speed} | {faced} | {faces} | {others} |"


def is_there(box: Box, others: list[Box]) -> bool:
    return any(is_same(box, other) for other in others)


def boxes_of(manifest: Path) -> Boxes:
    boxes: dict[str, list[Box]] = defaultdict(list)
    with manifest.open() as file:
        for row in csv.DictReader(file):
            if row["left"]:
                left, top, right, bottom = (int(row[key]) for key in ("left", "top", "right", "bottom"))
                boxes[Path(row["image"]).name].append((left, top, right, bottom))
    return boxes


def steps_of(half: str, folder: Path, every: bool) -> str:
    """A line with where the time goes."""
    total: Counter[str] = Counter()
    is_warm = False
    paths = sorted(folder.rglob("*.jpg"))
    network = network_named(DEFAULT_NETWORK)
    options = AlignmentOptions(frame=network.frame, size=network.crop_size)
    for path in (paths[0], *paths):  # the first one twice: it loads the models
        image = path.relative_to(folder).as_posix()
        with measured() as steps:
            align_picture(
                PictureTask(folder, folder, image, options, Runtime(threads=1), False, every, "none", network)
            )
        total.update(steps)
        if not is_warm:
            total.clear()
        is_warm = True
    values = [1000 * total[name] / len(paths) for name in STEPS]
    what = "every face" if every else "the main face"
    return f"| {half} faces, {what} | " + " | ".join(f"{value:.0f}" for value in (*values, sum(values))) + " |"


if __name__ == "__main__":
    main()
