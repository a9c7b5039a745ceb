"""The classifier: against `SVC(probability=True)`, which OpenFace uses, and by the number of people.

The embeddings are drawn at random, with the mean of real ones and their scatter within and between people: those of all
pictures of lfw-dev, through the pipeline. `train` runs as a command, on a folder like the one that stage 2 writes.
"""

import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from measure import interleaved, median_seconds

from faceline import align_folder, represent_folder
from faceline.disk.embeddings import (
    read_embeddings,
    read_people,
    reps_digests,
    write_embeddings,
)
from faceline.disk.manifests import write_manifest
from faceline.disk.names import CLASSIFIER_FILE, MANIFEST_FILE, RUN_FILE
from faceline.disk.people_paths import person_of
from faceline.disk.reading import read_json
from faceline.disk.rows import CropRow, Status
from faceline.disk.run_records import run_record
from faceline.disk.writing import write_json
from faceline.networks.table import DEFAULT_NETWORK, NETWORKS
from faceline.people.calibration import DEFAULT_FPIR
from faceline.people.classifiers.liblinear import by_liblinear, by_scikit_learn
from faceline.people.classifiers.table import DEFAULT_CLASSIFIER_NAME
from faceline.people.gallery import Gallery
from faceline.people.scoring import unit
from faceline.recognition.classifier_file import read_classifier
from faceline.runs.parallel import all_cores

if TYPE_CHECKING:
    from sklearn.svm import SVC

ROOT = Path(__file__).resolve().parent.parent
NETWORK = NETWORKS[DEFAULT_NETWORK]

AGAINST_SVC = (50, 150, 300)
PICTURES_AGAINST_SVC = 50  # as in the gallery of OpenFace's user who reports minutes
# People, and pictures of each. The last takes 2 GB of memory, 2 GB of the temporary folder, and minutes: where there is
# no room, or with these cut short, it is left out.
SIZES = ((1000, 10), (1000, 80), (3000, 80), (10_000, 80))
BYTES_OF_EACH = 2500  # of one embedding in all its files

POINTS, OWN = (20, 60, 300, 1050), 5  # that an SVM is made of, and those of its person

SHOWN = 2000  # people whose new pictures are shown, and strangers
LEAST_PICTURES = 4  # of a person who tells of the scatter within people


@dataclass(frozen=True)
class Population:
    """Where embeddings are drawn from: a normal distribution of people, and one around each of them.

    Attributes
    ----------
    mean : ndarray of shape (d,)
    between, within : ndarrays of shape (d, d)
        Standard normal numbers times these have the covariance of the people, and of one person's pictures.
    """

    mean: np.ndarray
    between: np.ndarray
    within: np.ndarray

    @classmethod
    def like(cls, embeddings: np.ndarray, names: list[str]) -> "Population":
        """The one that embeddings, (n, d), of the people `names` are most likely from."""
        _, labels, counts = np.unique(names, return_inverse=True, return_counts=True)
        means = np.stack([embeddings[labels == person].mean(axis=0) for person in range(len(counts))])
        several = counts >= LEAST_PICTURES
        rows = several[labels]
        residuals = embeddings[rows] - means[labels[rows]]
        within = residuals.T @ residuals / (rows.sum() - several.sum())
        # A mean of k pictures scatters by a k-th of what pictures do, beside what people do.
        between = np.cov(means.T) - within * (1 / counts).mean()
        return cls(means.mean(axis=0), root(between), root(within))

    def people(self, generator: np.random.Generator, count: int) -> np.ndarray:
        """The means of people, (count, d)."""
        return self.mean + generator.standard_normal((count, len(self.mean))) @ self.between

    def pictures(self, generator: np.random.Generator, people: np.ndarray, each: int) -> np.ndarray:
        """Embeddings of people, person by person: (len(people) * each, d) float32."""
        drawn = np.repeat(people, each, axis=0).astype(np.float32)
        for start in range(0, len(drawn), 10_000):
            part = drawn[start : start + 10_000]
            part += generator.standard_normal(part.shape) @ self.within
        return drawn


def root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def main(faces: Path) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        align_folder(faces / "lfw-dev", root / "aligned", size=96)
        represent_folder(root / "aligned", root / "lfw")
        embeddings, crops = read_embeddings(root / "lfw", NETWORK.dimensions)
        names = [person_of(crop) for crop in crops]
        population = Population.like(embeddings, names)
        return [against_svc(population), one_svm(embeddings, np.array(names)), by_size(population, root)]


def one_svm(embeddings: np.ndarray, names: np.ndarray) -> str:
    """One person's SVM by scikit-learn's LinearSVC, and by the liblinear that is in it."""
    people, counts = np.unique(names, return_counts=True)
    person = people[(counts >= OWN).argmax()]
    rows = np.append(np.flatnonzero(names == person)[:OWN], np.flatnonzero(names != person))
    directions = unit(embeddings[rows])
    points = unit(directions - directions.mean(axis=0))  # as scoring.Scorer has them
    lines = [f"| points of {NETWORK.dimensions} numbers | `LinearSVC.fit`, ms | Faceline, ms |", "|---|---|---|"]
    for count in POINTS:
        own = np.arange(count) < OWN
        solvers = {"theirs": by_scikit_learn, "ours": by_liblinear}
        medians = interleaved({name: partial(solve, points[:count], own) for name, solve in solvers.items()}, 40)
        lines.append(f"| {count:,} | {1e3 * medians['theirs']:.2f} | {1e3 * medians['ours']:.2f} |")
    return "\n".join(lines)


def against_svc(population: Population) -> str:
    """Both learn the same embeddings and name the same new ones."""
    lines = [
        f"| {PICTURES_AGAINST_SVC} embeddings a person | people | training, s | naming a face, ms | identified"
        " | identified at 1 % of strangers named | pickle, MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for count in AGAINST_SVC:
        lines += compared(population, count)
    return "\n".join(lines)


def compared(population: Population, count: int) -> list[str]:
    """The rows of `against_svc` for so many people."""
    generator = np.random.default_rng(count)
    people = population.people(generator, count)
    names = [f"{person:05}" for person in range(count) for _ in range(PICTURES_AGAINST_SVC)]
    embeddings = population.pictures(generator, people, PICTURES_AGAINST_SVC)
    probes = population.pictures(generator, people, 10)
    truth = np.repeat(np.unique(names), 10)
    strangers = population.pictures(generator, population.people(generator, SHOWN), 1)
    candidates = {"SVC(probability=True)": (fit_svc, svc_answers), "Faceline": (fit_gallery, gallery_answers)}
    fitted = {}

    def learn(name: str) -> None:
        fitted[name] = candidates[name][0](embeddings, names)

    def answer(name: str, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return candidates[name][1](fitted[name], faces)

    training = interleaved({name: partial(learn, name) for name in candidates}, 1)
    naming = interleaved({name: partial(answer, name, probes[:1]) for name in candidates}, 200)
    lines = []
    for name, model in fitted.items():
        named, confidence = answer(name, probes)
        limit = np.quantile(answer(name, strangers)[1], 0.99)
        right = named == truth
        stored = model.record() if name == "Faceline" else model
        lines.append(
            f"| {name} | {count} | {training[name]:.3g} | {1e3 * naming[name]:.3g} | {right.mean():.4f}"
            f" | {(right & (confidence > limit)).mean():.4f} | {len(pickle.dumps(stored)) / 1e6:.3g} |"
        )
    return lines


def fit_svc(embeddings: np.ndarray, names: list[str]) -> "SVC":
    """What OpenFace's classifier.py learns."""
    from sklearn.svm import SVC

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn 1.9 would rather have it calibrated from outside
        return SVC(C=1, kernel="linear", probability=True, random_state=0).fit(embeddings, names)


def fit_gallery(embeddings: np.ndarray, names: list[str]) -> Gallery:
    crops = [f"{name}/{number}.png" for number, name in enumerate(names)]
    options: dict[str, Any] = {
        "fpir": DEFAULT_FPIR,
        "classifier": DEFAULT_CLASSIFIER_NAME,
        "lda_dim": None,
        "jobs": all_cores(),
    }
    return Gallery.fit(names, embeddings, crops, NETWORK, **options)


def svc_answers(svc: "SVC", embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The most probable person for each face, and how probable."""
    probabilities = svc.predict_proba(embeddings)
    return svc.classes_[probabilities.argmax(axis=1)], probabilities.max(axis=1)


def gallery_answers(gallery: Gallery, embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The most similar person for each face, and how probable that is."""
    best = [who.candidates[0] for who in gallery.identify(embeddings)]
    return np.array([candidate.name for candidate in best]), np.array([candidate.confidence for candidate in best])


def by_size(population: Population, root: Path) -> str:
    lines = [
        f"| {all_cores()} processes | people x embeddings | reading, s | `train`, s | its CPU time, s | peak memory, GB"
        " | classifier.pkl, MB | loading, s | naming a face, ms | most similar is right | identified"
        " | strangers named |",
        "|---" * 12 + "|",
    ]
    for people, each in SIZES:
        if shutil.disk_usage(root).free < 2 * people * each * BYTES_OF_EACH:
            lines.append(f"| no room for | {people:,} x {each} |" + " |" * 10)
            continue
        with tempfile.TemporaryDirectory(dir=root) as folder:
            lines.append(f"| Faceline | {people:,} x {each} | {measured(population, people, each, Path(folder))} |")
    return "\n".join(lines)


def measured(population: Population, count: int, each: int, folder: Path) -> str:
    """Cells of a row of `by_size`, from the reading on."""
    generator = np.random.default_rng(count)
    people = population.people(generator, count)
    write_folder(folder, population.pictures(generator, people, each), each)
    counts = read_json(folder / RUN_FILE)["counts"]
    reading = median_seconds(lambda: read_people(folder, NETWORK.dimensions, counts), 1)
    command = [sys.executable, str(ROOT / "demos" / "classifier.py"), "train", str(folder)]
    seconds, cpu, memory = run_watched(command)
    path = folder / CLASSIFIER_FILE
    loading = median_seconds(lambda: read_classifier(path), 5)
    gallery = read_classifier(path).gallery
    shown = generator.choice(count, min(count, SHOWN), replace=False)
    probes = population.pictures(generator, people[shown], 1)
    strangers = population.pictures(generator, population.people(generator, SHOWN), 1)
    turns = iter(range(10_000))

    def name_one() -> None:
        gallery.identify(probes[[next(turns) % len(probes)]])

    naming = median_seconds(name_one, 200)
    found, of_strangers = gallery.identify(probes), gallery.identify(strangers)
    truth = [f"{person:05}" for person in shown]
    similar = np.mean([who.candidates[0].name == name for who, name in zip(found, truth, strict=True)])
    identified = np.mean([who.name == name for who, name in zip(found, truth, strict=True)])
    named = np.mean([who.name != "unknown" for who in of_strangers])
    return (
        f"{reading:.1f} | {seconds:.1f} | {cpu:.1f} | {memory / 1e9:.2f} | {path.stat().st_size / 1e6:.1f}"
        f" | {loading:.3f} | {1e3 * naming:.2f} | {similar:.4f} | {identified:.4f} | {named:.4f}"
    )


def write_folder(folder: Path, embeddings: np.ndarray, each: int) -> None:
    """Write embeddings as stage 2 does."""
    rows = []
    for number, embedding in enumerate(embeddings):
        person = f"{number // each:05}"
        rows.append(CropRow(f"{person}/{number % each:04}.png", person, Status.OK, "", "0" * 64, embedding=embedding))
    write_embeddings(folder, rows)
    write_manifest(folder / MANIFEST_FILE, rows)
    options = NETWORK.record() | {"engine": "onnx", "device": "cpu", "passes": 1, "jitters": 0}
    alignment = read_json(folder.parent / "lfw" / RUN_FILE)["alignment"]
    counts = Counter(str(row.status) for row in rows)
    record = run_record("represent", options, counts, 0, alignment=alignment, sha256=reps_digests(folder))
    write_json(folder / RUN_FILE, record)


def run_watched(command: list[str]) -> tuple[float, float, float]:
    """Seconds, seconds of CPU time, and the largest sum of the memory, in bytes, of a command and its processes."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.25):
            peak = max(peak, sum(map(resident, family(process.pid))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    done.set()
    watcher.join()
    if process.returncode:
        sys.exit(f"{' '.join(command)} has failed")
    return seconds, usage.ru_utime + usage.ru_stime, peak


def family(process: int) -> list[int]:
    """A process and what it has started."""
    found = [process]
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:  # it has just ended
            continue
        for child in children:
            found += family(int(child))
    return found


def resident(process: int) -> int:
    """The bytes of memory that a process holds, what it shares with others divided among them."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
