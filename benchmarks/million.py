#!/usr/bin/env python3
"""Galleries of very many people: what training takes, how soon a face is named, and what answers that costs.

The embeddings are drawn at random, with the mean of real ones and their scatter within and between people: those of all
pictures of lfw-dev, through the pipeline. Drawn people differ more neatly than real ones, so what is said of answers
flatters; so LFW's own people are enrolled among them, too. Writes the stages' folders into <work>, where a second run
finds them, and prints the tables of docs/speed.md.
"""

import argparse
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from classifier import NETWORK, Population, run_watched
from measure import machine, median_seconds

from faceline import align_folder, represent_folder
from faceline.disk import pickles
from faceline.disk.embeddings import read_embeddings, reps_digests, write_embeddings
from faceline.disk.manifests import write_manifest
from faceline.disk.names import CLASSIFIER_FILE, MANIFEST_FILE, RUN_FILE
from faceline.disk.people_paths import UNKNOWN, person_of
from faceline.disk.reading import file_sha256, read_json
from faceline.disk.rows import CropRow, Status
from faceline.disk.run_records import run_record
from faceline.disk.stored import open_arrays, write_arrays
from faceline.disk.writing import write_json
from faceline.evaluation.identification.trials import Trial, answers_of
from faceline.people import galleries
from faceline.people.calibration import DEFAULT_FPIR
from faceline.people.classifiers.table import DEFAULT_CLASSIFIER_NAME, NEAREST
from faceline.people.many.gallery import ManyPeople
from faceline.people.many.lists import centres_of, nearest_centres
from faceline.people.many.scorer import ListedScorer, in_bytes
from faceline.people.scoring import unit
from faceline.recognition.classifier_file import read_classifier
from faceline.runs.parallel import all_cores

ROOT = Path(__file__).resolve().parent.parent
SHOWN = 1000  # people whose new pictures are shown, and strangers
PICTURES, DRAWS = 4, 3  # of LFW's people that are enrolled; how often they are drawn
CHANGED = 100  # people who are added or removed


class Drawn(Sequence[CropRow]):
    """The rows of stage 2 for embeddings, (k * each, d), made when they are asked for."""

    def __init__(self, embeddings: np.ndarray, each: int) -> None:
        self.embeddings, self.each = embeddings, each

    def __len__(self) -> int:
        return len(self.embeddings)

    def __getitem__(self, row: Any) -> Any:
        if not 0 <= row < len(self):
            raise IndexError(row)
        person = person_named(row // self.each)
        crop = f"{person}/{row % self.each:04}.png"
        return CropRow(crop, person, Status.OK, "", "0" * 64, embedding=self.embeddings[row])


def person_named(number: int) -> str:
    return f"{number:08}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, epilog="0 leaves a part out.")
    parser.add_argument("photographs", type=Path, help="with lfw-dev and its lists of known people and of strangers")
    parser.add_argument("work", type=Path)
    parser.add_argument("--people", type=int, nargs="*", default=[100_000, 1_000_000], help="of the first table")
    parser.add_argument("--each", type=int, default=2, help="embeddings of each of them")
    parser.add_argument(
        "--changed", type=int, default=100_000, help=f"people of whom {CHANGED} come and go; 0: leave out"
    )
    parser.add_argument("--among", type=int, nargs="*", default=[0, 100_000], help="drawn people that LFW's are among")
    parser.add_argument("--faces", type=int, default=10_000_000, help="searched from disk")
    parser.add_argument("--search", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.search is not None:
        search(options.search)
        return
    names, embeddings = lfw(options.photographs, options.work / "lfw")
    population = Population.like(embeddings, names)
    print(f"{machine()}\n", flush=True)
    if options.people:
        trained(population, options.people, options.each, options.work)
    if options.changed:
        changed(population, options.changed, options.each, options.work)
    if options.among:
        among(population, np.array(names), embeddings, options.photographs, options.among)
    if options.faces:
        from_disk(population, options.faces, options.work)


def lfw(photographs: Path, work: Path) -> tuple[list[str], np.ndarray]:
    align_folder(photographs / "lfw-dev", work / "aligned")
    represent_folder(work / "aligned", work / "embeddings")
    embeddings, crops = read_embeddings(work / "embeddings", NETWORK.dimensions)
    return [person_of(crop) for crop in crops], embeddings


def write_folder(folder: Path, embeddings: np.ndarray, each: int, work: Path) -> None:
    """Write embeddings as stage 2 does."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = Drawn(embeddings, each)
    write_embeddings(folder, rows)
    write_manifest(folder / MANIFEST_FILE, rows)
    options = NETWORK.record() | {"engine": "onnx", "device": "cpu", "passes": 1, "jitters": 0}
    alignment = read_json(work / "lfw" / "embeddings" / RUN_FILE)["alignment"]
    counts = Counter({str(Status.OK): len(rows)})
    record = run_record("represent", options, counts, 0, alignment=alignment, sha256=reps_digests(folder))
    write_json(folder / RUN_FILE, record)


def train_command(folder: Path, *more: str) -> list[str]:
    return [sys.executable, str(ROOT / "demos" / "classifier.py"), "train", str(folder), *more]


def trained(population: Population, sizes: list[int], each: int, work: Path) -> None:
    print(
        f"| people x {each} | `train`, s | its CPU time, s | memory, GB | files, MB | loading, s | lists, of"
        " | naming a face, ms | comparing everybody, ms | the same answers | known people found | most similar is right"
        f" | strangers named, {DEFAULT_FPIR:.0%} asked |\n" + "|---" * 13 + "|"
    )
    for count in sizes:
        print(f"| {count:,} | {row(population, count, each, work)} |", flush=True)


def row(population: Population, count: int, each: int, work: Path) -> str:
    folder = work / f"drawn-{count}"
    generator = np.random.default_rng(count)
    people = population.people(generator, count).astype(np.float32)
    write_folder(folder, population.pictures(generator, people, each), each, work)
    shown = generator.choice(count, min(count, SHOWN), replace=False)
    probes = population.pictures(generator, people[shown], 1)
    strangers = population.pictures(generator, population.people(generator, SHOWN), 1)
    del people
    seconds, cpu, memory = run_watched(train_command(folder, "--classifier", NEAREST))
    path = folder / CLASSIFIER_FILE
    loading = median_seconds(lambda: read_classifier(path), 5)
    gallery = read_classifier(path).gallery
    assert isinstance(gallery, ManyPeople)
    size = sum(one.stat().st_size for one in folder.glob("classifier*"))
    turns = iter(range(1_000_000))

    def name_one(gallery: ManyPeople) -> None:
        gallery.identify(probes[[next(turns) % len(probes)]])

    naming = median_seconds(partial(name_one, gallery), 300)
    everybody = median_seconds(partial(name_one, gallery.searching(count)), 10)
    truth = [person_named(person) for person in shown]
    answers, exact = (
        [gallery_answers(gallery, faces) for faces in (probes, strangers)],
        [exact_answers(gallery, faces) for faces in (probes, strangers)],
    )
    same = [np.mean(np.array(one) == np.array(other)) for one, other in zip(answers, exact, strict=True)]
    identities = gallery.identify(probes)
    found = np.mean([who.name == name for who, name in zip(identities, truth, strict=True)])
    similar = np.mean([who.candidates[0].name == name for who, name in zip(identities, truth, strict=True)])
    named = np.mean([who.name != UNKNOWN for who in gallery.identify(strangers)])
    shutil.rmtree(folder)
    return (
        f"{seconds:.0f} | {cpu:.0f} | {memory / 1e9:.2f} | {size / 1e6:.0f} | {loading:.3f}"
        f" | {gallery.scorer.probes:,} of {len(gallery.scorer.centres):,} | {1e3 * naming:.1f} | {1e3 * everybody:.0f}"
        f" | {same[0]:.4f} known, {same[1]:.4f} strangers | {found:.4f} | {similar:.4f} | {named:.4f}"
    )


def gallery_answers(gallery: ManyPeople, faces: np.ndarray) -> list[str]:
    """The most similar person of each face, if the score is beyond the limit."""
    best = [who.candidates[0] for who in gallery.identify(faces)]
    return [one.name if one.score >= gallery.calibration.limit else UNKNOWN for one in best]


def exact_answers(gallery: ManyPeople, faces: np.ndarray) -> list[str]:
    """The same where each face is compared with everybody in float32."""
    scores, subjects, _ = gallery.scorer.best_two(unit(faces))
    names = [gallery.people[gallery.folders_of(int(subject))[0]] for subject in subjects]
    return [name if score >= gallery.calibration.limit else UNKNOWN for name, score in zip(names, scores, strict=True)]


def changed(population: Population, count: int, each: int, work: Path) -> None:
    """Some of the people go, and come again: seconds, and whether the bytes are those of a fresh training."""
    generator = np.random.default_rng(0)
    embeddings = population.pictures(generator, population.people(generator, count), each)
    kept, fresh = work / "changed", work / "fresh"
    print(
        f"\n| {count:,} people x {each} | `train`, s | its CPU time, s | the bytes of a fresh training |\n"
        + "|---" * 4
        + "|"
    )
    few = embeddings[: -CHANGED * each]
    for name, now in (("all of them", embeddings), (f"{CHANGED} removed", few), (f"{CHANGED} added", embeddings)):
        write_folder(kept, now, each, work)
        seconds, cpu, _ = run_watched(train_command(kept, "--classifier", NEAREST))
        write_folder(fresh, now, each, work)
        run_watched(train_command(fresh, "--classifier", NEAREST))
        digests = [sorted((one.name, file_sha256(one)) for one in at.glob("classifier*")) for at in (kept, fresh)]
        print(f"| {name} | {seconds:.1f} | {cpu:.1f} | {'yes' if digests[0] == digests[1] else 'no'} |", flush=True)
        shutil.rmtree(fresh)
    shutil.rmtree(kept)


def among(
    population: Population, names: np.ndarray, embeddings: np.ndarray, photographs: Path, sizes: list[int]
) -> None:
    """LFW's known people and strangers, with the known ones enrolled among drawn people."""
    known, unknown = ((photographs / f"lfw-dev-{name}.txt").read_text().split() for name in ("known", "unknown"))
    print(
        f"\n| LFW's {len(known)} known people x {PICTURES}, {len(unknown)} strangers | classifier | known people found"
        " | expected | most similar is right | strangers named |\n" + "|---" * 6 + "|"
    )
    for size in sizes:
        generator = np.random.default_rng(size)
        drawn = population.pictures(generator, population.people(generator, size), 2)
        drawn_names = np.repeat([f"drawn {person_named(number)}" for number in range(size)], 2)
        for classifier in (DEFAULT_CLASSIFIER_NAME, NEAREST) if size == 0 else (NEAREST,):
            rates = []
            for draw in range(DRAWS):
                trial = Trial.draw(
                    embeddings, names, known, unknown, lambda count: PICTURES, np.random.default_rng(draw)
                )
                learnt = [*trial.gallery_names.tolist(), *drawn_names.tolist()]
                options = {"fpir": DEFAULT_FPIR, "classifier": classifier, "lda_dim": None, "jobs": all_cores()}
                everybody = np.concatenate([trial.gallery, drawn])
                gallery = galleries.fit(learnt, everybody, learnt, NETWORK, **options)
                found = answers_of(gallery, trial)
                rates.append([found.found, found.expected, found.closed, found.strangers_named])
            means = " | ".join(f"{rate:.4f}" for rate in np.mean(rates, axis=0))
            where = f"among {size:,} drawn people x 2" if size else "alone"
            print(f"| {where} | {classifier} | {means} |", flush=True)


class Gathered:
    """The rows of an array in another order, gathered when they are asked for."""

    def __init__(self, array: Any, order: np.ndarray, of_rows: Any = np.asarray, dtype: Any = np.float32) -> None:
        self.array, self.order, self.of_rows = array, order, of_rows
        self.shape, self.dtype = array.shape, np.dtype(dtype)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, rows: slice) -> np.ndarray:
        return self.of_rows(self.array[self.order[rows]])


def from_disk(population: Population, count: int, work: Path) -> None:
    """Search so many drawn faces, one a person, in a process that has only the file of them."""
    folder = work / "disk"
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(1)
    shown = np.sort(generator.choice(count, SHOWN, replace=False))
    faces = []  # other pictures of some of them
    begun, cpu = time.perf_counter(), time.process_time()
    means = np.lib.format.open_memmap(folder / "drawn.npy", "w+", np.float32, (count, NETWORK.dimensions))
    for start in range(0, count, 100_000):
        people = population.people(generator, min(100_000, count - start)).astype(np.float32)
        means[start : start + len(people)] = unit(population.pictures(generator, people, 1))
        some = shown[(shown >= start) & (shown < start + len(people))] - start
        faces.append(unit(population.pictures(generator, people[some], 1)))
    drawn = time.perf_counter() - begun, time.process_time() - cpu
    begun, cpu = time.perf_counter(), time.process_time()
    centres = centres_of(means, all_cores())
    lists = nearest_centres(means, centres, all_cores())
    order = np.argsort(lists, kind="stable").astype(np.int32)
    numbers = np.zeros((count, 2), np.float32)
    for start in range(0, count, 100_000):
        numbers[start : start + 100_000, 0] = in_bytes(means[order[start : start + 100_000]])[1]
    arrays = {
        "subjects": order,
        "means": Gathered(means, order),
        "codes": Gathered(means, order, lambda rows: in_bytes(rows)[0], np.int8),
        "numbers": numbers,
    }
    record = write_arrays(folder, arrays)  # type: ignore[arg-type]
    starts = np.searchsorted(lists[order], np.arange(len(centres) + 1)).astype(np.int64)
    pickles.dump(
        {"record": record, "centres": centres, "starts": starts, "faces": np.concatenate(faces)}, folder / "index"
    )
    built = time.perf_counter() - begun, time.process_time() - cpu
    for what, (seconds, of_cpu) in {"Drawn": drawn, "Put into lists and written": built}.items():
        print(f"{what} in {seconds:.0f} s, {of_cpu:.0f} s of CPU time.", flush=True)
    del means
    subprocess.run([sys.executable, __file__, ".", ".", "--search", str(folder)], check=True)
    shutil.rmtree(folder)


def search(folder: Path) -> None:
    """Search the file that `from_disk` has written."""
    index = pickles.load(folder / "index")
    arrays: dict[str, Any] = open_arrays(folder, index["record"])  # type: ignore[assignment]
    arrays |= {name: arrays[name][:] for name in ("subjects", "numbers")}  # as a gallery has them
    faces = index["faces"]
    lists = len(index["centres"])
    scorer = ListedScorer(1.0, index["centres"], index["starts"], **arrays, probes=lists, classifier=NEAREST)
    size = sum(one.stat().st_size for one in folder.glob("*.people"))
    print(
        f"\n| {scorer.count:,} faces in a file of {size / 1e9:.1f} GB | a face, ms | the most similar one is that of"
        " comparing everybody | memory so far, GB |\n|---|---|---|---|"
    )
    begun = time.perf_counter()
    exact = scorer.best_two(faces)[1]
    each = 1e3 * (time.perf_counter() - begun) / len(faces)
    print(f"| comparing everybody in float32, {len(faces)} faces at once | {each:.0f} | | {peak():.2f} |", flush=True)
    for probes in (lists // 200, lists // 50, lists // 20, lists // 10, lists // 5, lists):
        some, count = scorer.searching(probes), len(faces) if probes < lists else 10
        found, seconds = [], []
        for face in faces[:count]:
            begun = time.perf_counter()
            found.append(some.best(face, 2)[0][0])
            seconds.append(time.perf_counter() - begun)
        same, ms = np.mean(found == exact[:count]), 1e3 * np.median(seconds)
        print(f"| {probes:,} of {lists:,} lists | {ms:.1f} | {same:.4f} | {peak():.2f} |", flush=True)


def peak() -> float:
    """The most memory this program has had, in GB; what `resource` tells counts that of the program before it, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1e6


if __name__ == "__main__":
    main()
