"""Many workers: measured from 1 to 4 on this machine, simulated from there to 1,000, and reckoned for 100 million.

    benchmarks/scale.py /path/to/photographs [--pictures N] [--rounds N] [--write]

Measured: stage 1 with processes of its own, in shards that run at once, and on a Dask cluster of processes; and what
the simulation rests on: the processor time of each picture, the bytes of its file, crop and rows, and what listing,
writing and merging cost for each. Simulated: pictures and people drawn from these, workers that fail, shards against
batches that one process hands out. `--write` puts the tables in docs/scale.md.
"""

import argparse
import heapq
import re
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from measure import interleaved, machine
from PIL import Image

from faceline import align_folder, merge, represent_folder
from faceline.disk.rows import PictureRow
from faceline.disk.scan import list_pictures
from faceline.faces.options import AlignmentOptions
from faceline.networks.frames import DEFAULT_LANDMARKS
from faceline.networks.runtime import Runtime
from faceline.networks.table import NETWORKS
from faceline.runs.folder_run import FolderRun
from faceline.stages.alignment import Compared, Outcome, PictureTask, align_picture
from faceline.stages.crop_files import put_crops

PAGE = Path(__file__).resolve().parent.parent / "docs" / "scale.md"
WORKERS = (1, 2, 4)
BLANKS = 3_000  # pictures without a face, which cost little but what every picture costs

# What could not be measured here. A worker fails once in a hundred hours, as one may that is rented until somebody pays
# more; another one starts a minute later. Prices are round ones of rented machines.
HOURS_TO_FAILURE, SECONDS_TO_RESTART, SECONDS_TO_START = 100.0, 60.0, 5.0
DOLLARS_A_CORE_HOUR, DOLLARS_A_TERABYTE_MONTH = 0.04, 20.0

SIMULATED, SIMULATED_WORKERS, SEED = 1_000_000, (1, 4, 10, 100, 1_000), 0
PLANNED, FOLDERS, PLANNED_CORES = 100_000_000, 100, 1_000


@dataclass(frozen=True)
class Costs:
    """What was measured of one picture: seconds of work, and bytes; and of the rest, for each picture."""

    work: np.ndarray  # seconds, of each picture of the sample
    photograph: np.ndarray  # bytes, likewise
    people: np.ndarray  # how many pictures each person has
    crop: float
    rows: float  # bytes of the tables of both stages
    listing: float  # seconds
    writing: float
    merging: float
    memory: float  # bytes that the merger holds


@contextmanager
def dask_cluster(folder: Path, workers: int) -> Iterator[str]:
    """The address of a cluster of processes with a thread each."""
    log = folder / f"scheduler-{time.monotonic_ns()}.log"
    common = [sys.executable, "-m"]
    started = [
        subprocess.Popen(
            [*common, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"],
            stdout=subprocess.DEVNULL,
            stderr=log.open("wb"),
        )
    ]
    try:
        while not (found := re.search(r"Scheduler at:\s+(tcp://\S+)", log.read_text())):
            time.sleep(0.05)
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0"]
        for number in range(workers):
            log = folder / f"worker-{number}-{time.monotonic_ns()}.log"
            command = [*common, "distributed.cli.dask_worker", found[1], *options]
            started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log.open("wb")))
            while "Registered to" not in log.read_text():
                time.sleep(0.05)
        yield found[1]
    finally:
        for process in started:
            process.kill()
            process.wait()


def command(*words: object) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-m", "faceline", "-q", *map(str, words)])


def measured_table(pictures: Path, count: int, root: Path, rounds: int) -> str:
    """Stage 1 as commands, from their start to their end, with 1 to 4 workers of each kind."""

    def out() -> Path:
        return Path(tempfile.mkdtemp(dir=root)) / "out"

    def processes(number: int) -> None:
        assert command("align", pictures, out(), "--jobs", number).wait() == 0

    def shards(number: int) -> None:
        place = out()
        options = ["--jobs", 1]
        running = [command("align", pictures, place, "--shard", f"{i + 1}/{number}", *options) for i in range(number)]
        statuses = [process.wait() for process in running]
        assert not any(statuses)
        assert command("merge", place).wait() == 0

    def on_dask(address: str) -> None:
        assert command("align", pictures, out(), "--backend", "dask", "--scheduler", address).wait() == 0

    lines = [
        "| workers | processes: seconds | shards, with the merger | Dask, without its start |",
        "|---|---|---|---|",
    ]
    for number in WORKERS:
        with dask_cluster(root, number) as address:
            candidates: dict[str, Callable[[], object]] = {
                "processes": partial(processes, number),
                "shards": partial(shards, number),
                "dask": partial(on_dask, address),
            }
            medians = interleaved(candidates, rounds)
        cells = [f"{seconds:.1f} ({count / seconds:.0f} a second)" for seconds in medians.values()]
        lines.append(f"| {number} | {' | '.join(cells)} |")
    return "\n".join(lines)


def measured_costs(pictures: Path, root: Path) -> Costs:
    """What one picture costs, in this process and one thread."""
    network = NETWORKS["dlib"]
    listing = list_pictures(pictures)
    options = AlignmentOptions(DEFAULT_LANDMARKS, network.crop_size, frame=network.frame)
    fixed = (options, Runtime(), False, False, "none", network, (), Compared.MAIN)
    work, outcomes = [], []
    for image in [listing.images[0], *listing.images]:  # the first one loads the networks
        begun = time.process_time()
        outcomes.append(align_picture(PictureTask(pictures, root / "costs", image, *fixed)))
        work.append(time.process_time() - begun)
    crops = [len(outcome.png or b"") for outcome in outcomes[1:]]
    seconds = {"writing": writing_seconds(root / "writing", outcomes[1:]) / len(crops)}
    align_folder(pictures, root / "costs", jobs=1)
    represent_folder(root / "costs", root / "embeddings", jobs=1)
    tables = [path for folder in ("costs", "embeddings") for path in (root / folder).iterdir() if path.is_file()]
    rows = sum(path.stat().st_size for path in tables) / len(listing.images)
    counts = Counter(image.rpartition("/")[0] for image in listing.images)
    sizes = np.array([listing.sizes[image] for image in listing.images])
    blank = blank_pictures(root / "blank")
    seconds["listing"] = processor_seconds(lambda: list_pictures(blank)) / BLANKS
    for shard in ("1/2", "2/2"):
        align_folder(blank, root / "shards", detector="hog", upsample=0, jobs=1, shard=shard)
    seconds["merging"] = processor_seconds(lambda: merge(root / "shards")) / BLANKS
    people = np.array(list(counts.values()))
    return Costs(np.array(work[1:]), sizes, people, statistics.mean(crops), rows, memory=row_memory(), **seconds)


def processor_seconds(work: Callable[[], object]) -> float:
    """What this process takes: others are at work on the machine, too."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def writing_seconds(folder: Path, outcomes: list[Outcome]) -> float:
    """What the journal and the crops take."""
    run: FolderRun[PictureRow] = FolderRun(
        *(folder, "align", {}),
        read_row=PictureRow.from_json,
        read_finished=lambda folder, counts: [],
        outputs=(),
        overwrite=False,
        jobs=1,
        begun=0.0,
    )
    with run:
        return processor_seconds(lambda: [put_crops(run, outcome.all, ()) for outcome in outcomes])


def row_memory() -> float:
    """The bytes that a row of stage 1 takes in the merger, by Python's own count."""
    tracemalloc.start()
    rows = [
        PictureRow(
            f"{i}/{i}_0001.jpg", f"{i}", "ok", "", 1, f"{i}/{i}_0001.jpg.png", 1, 2, 3, i, f"{i:064}", f"{-i:064}"
        )
        for i in range(10_000)
    ]
    table = {row.key: row for row in rows}
    found = tracemalloc.get_traced_memory()[0] / len(table)
    tracemalloc.stop()
    return found


def blank_pictures(folder: Path) -> Path:
    for number in range(BLANKS):
        place = folder / f"person {number // 3}"
        place.mkdir(parents=True, exist_ok=True)
        Image.new("L", (48, 48), number % 256).save(place / f"{number}.png")
    return folder


def one_run(work: float, generator: np.random.Generator, start: float) -> float:
    """The seconds that a worker takes for a shard, which begins anew, but not with what is done, when it fails."""
    seconds = start
    left = work
    while left > 0:
        alive = generator.exponential(HOURS_TO_FAILURE * 3600)
        if alive >= start + left:
            return seconds + left
        left -= max(0.0, alive - start)
        seconds += alive + SECONDS_TO_RESTART + start
    return seconds


def shards_seconds(totals: np.ndarray, workers: int, start: float, generator: np.random.Generator) -> float:
    """When the last of a queue of shards is done that workers take one after the other."""
    free = [0.0] * workers
    for total in totals:
        heapq.heappush(free, heapq.heappop(free) + one_run(float(total), generator, start))
    return max(free)


def batches_seconds(batches: list[float], workers: int, writing: float, generator: np.random.Generator) -> float:
    """The same of batches that one process hands out, and whose results it writes one after the other."""

    def life() -> float:
        return generator.exponential(HOURS_TO_FAILURE * 3600)

    # When something happens to a worker, when it is going to fail, and which batch it brings back, as it has failed.
    events: list[tuple[float, float, float]] = [(0.0, life(), 0.0) for _ in range(workers)]
    heapq.heapify(events)
    waiting, written, is_begun = list(batches), 0.0, 0
    while events:
        now, fails, lost = heapq.heappop(events)
        if lost:
            waiting.append(lost)
        elif is_begun >= workers:
            written = max(written, now) + writing
            # Two results may wait for each worker; then it waits for the writer.
            now = max(now, written - 2 * workers * writing)
        is_begun += 1
        if waiting:
            seconds = waiting.pop()
            back = max(now, fails) + SECONDS_TO_RESTART
            failing = (back, back + life(), seconds)
            heapq.heappush(events, failing if now + seconds > fails else (now + seconds, fails, 0.0))
    return written


def simulated_table(costs: Costs) -> str:
    """Hours, and how many of the workers were busy on average."""
    generator = np.random.default_rng(SEED)
    people = generator.choice(costs.people, SIMULATED)
    people = people[: np.searchsorted(np.cumsum(people), SIMULATED) + 1]
    work = generator.choice(costs.work, int(people.sum()))
    owner = np.repeat(np.arange(len(people)), people)
    lines = [
        "| cores | a shard each: hours (busy) | 8 shards each | batches, one writer | the work alone |",
        "|---|---|---|---|---|",
    ]
    for workers in SIMULATED_WORKERS:
        cells = []
        for each in (1, 8):
            shard_of = generator.integers(0, workers * each, len(people))[owner]
            totals = np.bincount(shard_of, work, workers * each)
            start = SECONDS_TO_START + costs.listing * len(work)
            seconds = shards_seconds(totals, workers, start, generator) + costs.merging * len(work)
            cells.append(f"{seconds / 3600:.2f} ({work.sum() / seconds / workers:.0%})")
        batches = work[: len(work) // 4 * 4].reshape(-1, 4).sum(axis=1).tolist()
        seconds = costs.listing * len(work) + batches_seconds(batches, workers, 4 * costs.writing, generator)
        cells.append(f"{seconds / 3600:.2f} ({work.sum() / seconds / workers:.0%})")
        lines.append(f"| {workers:,} | {' | '.join(cells)} | {work.sum() / workers / 3600:.2f} |")
    return "\n".join(lines)


def costs_table(costs: Costs) -> str:
    work, photograph = costs.work * 1e3, costs.photograph / 1e3
    spread = [", ".join(f"{q:.1f}" for q in np.quantile(v, (0.05, 0.5, 0.95))) for v in (work, photograph)]
    rows = [
        (
            "work of stage 1, one thread",
            f"{work.mean():.1f} ms; 5, 50, 95 %: {spread[0]}",
        ),
        ("photograph", f"{photograph.mean():.1f} kB; 5, 50, 95 %: {spread[1]}"),
        ("crop of 96 pixels", f"{costs.crop / 1e3:.1f} kB"),
        ("tables of both stages", f"{costs.rows / 1e3:.1f} kB"),
        ("listing, by each shard", f"{costs.listing * 1e6:.0f} µs"),
        ("journal and tables, by the one who writes", f"{costs.writing * 1e6:.0f} µs"),
        ("merging", f"{costs.merging * 1e6:.0f} µs"),
        ("a row in the merger's memory", f"{costs.memory / 1e3:.1f} kB"),
    ]
    return "\n".join(["| for each picture | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def plan_table(costs: Costs) -> str:
    """100 million photographs as one folder, and as folders that each have their own shards and merger."""
    hours = costs.work.mean() * PLANNED / 3600
    shards = PLANNED_CORES // FOLDERS
    rows = [
        ("work of stage 1", f"{hours:,.0f} core hours", "the same"),
        (f"the same on {PLANNED_CORES:,} cores", f"{hours / PLANNED_CORES:.1f} hours", "the same"),
        ("its price", f"{hours * DOLLARS_A_CORE_HOUR:,.0f} dollars", "the same"),
        ("photographs", f"{costs.photograph.mean() * PLANNED / 1e12:.1f} TB", "the same"),
        ("crops", f"{costs.crop * PLANNED / 1e12:.1f} TB in {PLANNED:,} files", "the same"),
        ("tables", f"{costs.rows * PLANNED / 1e12:.2f} TB", "the same"),
        (
            "crops and tables, a month",
            f"{(costs.crop + costs.rows) * PLANNED / 1e12 * DOLLARS_A_TERABYTE_MONTH:,.0f} dollars",
            "the same",
        ),
        (
            "files that shards look at when they list",
            f"{PLANNED * PLANNED_CORES:.0e}, {costs.listing * PLANNED / 3600:.1f} hours for each",
            f"{PLANNED * shards:.0e}, {costs.listing * PLANNED / FOLDERS:.0f} s for each",
        ),
        (
            "memory of a merger",
            f"{costs.memory * PLANNED / 1e9:,.0f} GB",
            f"{costs.memory * PLANNED / FOLDERS / 1e9:.1f} GB",
        ),
        (
            "merging",
            f"{costs.merging * PLANNED / 3600:.1f} hours",
            f"{costs.merging * PLANNED / FOLDERS:.0f} s each",
        ),
    ]
    lines = [f"| {PLANNED:,} photographs | one folder | {FOLDERS} folders of {PLANNED // FOLDERS:,} |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def sample_of(faces: Path, root: Path, count: int) -> Path:
    """Whole people of LFW, up to about so many pictures."""
    taken = 0
    people = sorted((faces / "lfw-dev").iterdir())
    for person in people[:: max(1, len(people) * 2 // count)]:
        taken += len(list(person.iterdir()))
        if taken > count:
            break
        (root / "pictures" / person.name).parent.mkdir(exist_ok=True)
        (root / "pictures" / person.name).symlink_to(person.resolve())
    return root / "pictures"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--pictures", type=int, default=240)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        pictures = sample_of(options.faces, root, options.pictures)
        costs = measured_costs(pictures, root)
        count = len(costs.work)
        load = Path("/proc/loadavg").read_text().split()[1]
        on = f"{count} pictures of LFW; {machine()}; rounds: {options.rounds}; load of the machine before: {load}."
        tables = {
            "measured": f"{textwrap.fill(on, 120)}\n\n{measured_table(pictures, count, root, options.rounds)}",
            "costs": costs_table(costs),
            "simulated": simulated_table(costs),
            "plan": plan_table(costs),
        }
    for name, table in tables.items():
        print(table, end="\n\n")
        if options.write:
            PAGE.write_text(with_table(PAGE.read_text(), name, table))


def with_table(page: str, name: str, table: str) -> str:
    """A page with a table in its place, between two marks."""
    begin, end = f"<!-- {name}: benchmarks/scale.py -->\n", "\n<!-- end -->"
    before, _, rest = page.partition(begin)
    return before + begin + table + end + rest.partition(end)[2]


if __name__ == "__main__":
    main()
