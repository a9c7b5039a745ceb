#!/usr/bin/env python3
"""Who is named, who ought to be, and what the confidence is worth: known people and strangers of real photographs.

Writes the stages' folders into <work>, where a second run finds them, and reliability.png and .pdf. Prints the tables
of docs/accuracy.md. The folder of photographs holds lfw-dev/, its lists of known people and of strangers, and
east-asian-dev/.
"""

import argparse
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.svm import SVC

from faceline import align_folder, represent_folder
from faceline.disk.embeddings import read_embeddings
from faceline.disk.people_paths import person_of
from faceline.evaluation.identification.plots import plot_reliability
from faceline.evaluation.identification.rates import Bin, bins_of, calibration_error, rates_found
from faceline.evaluation.identification.trials import Answers, NearestNeighbour, Trial, answers_of, halves
from faceline.networks.table import DEFAULT_NETWORK, NETWORKS
from faceline.people import galleries
from faceline.people.calibration import DEFAULT_FPIR
from faceline.people.classifiers.table import CLASSIFIER_NAMES, DEFAULT_CLASSIFIER_NAME
from faceline.people.naming import Naming
from faceline.people.scoring import unit
from faceline.runs.parallel import all_cores

NETWORK = NETWORKS[DEFAULT_NETWORK]
RATES = (0.1, 0.01, 0.001)
ASKED = (0.1, 0.03, 0.01, 0.003)
PICTURES = 4  # of each person of LFW that are enrolled
HALVES = 40
DRAWS = 5

# Strangers by their names, not by their faces: a known man under another spelling, and a picture of two people, of whom
# the known one has the main face.
MISLABELLED = ("Sung_Hong_Choi", "Elena_de_Chavez")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("work", type=Path)
    options = parser.parse_args()
    known, unknown = (
        (options.photographs / f"lfw-dev-{name}.txt").read_text().split() for name in ("known", "unknown")
    )
    lfw = embeddings_of(options.photographs / "lfw-dev", options.work / "lfw")
    asian = embeddings_of(options.photographs / "east-asian-dev", options.work / "east-asian")
    of_lfw = [draw_lfw(*lfw, known, unknown, np.random.default_rng(seed)) for seed in range(DRAWS)]
    of_asian = [draw_half(*asian, np.random.default_rng(seed)) for seed in range(HALVES)]
    of_both = [mixed(*pair) for pair in zip(of_lfw, of_asian, strict=False)]
    trials = {"LFW": of_lfw, "East Asian halves": of_asian, "both mixed": of_both}

    print("| gallery | scores | 10 % | 1 % | 0.1 % | closed set |\n|---|---|---|---|---|---|")
    for name, scorers in (
        ("LFW", tuple(SCORERS)),
        ("LFW, without 2 who are no strangers", ("nearest neighbour", "Faceline")),
        ("East Asian halves", tuple(SCORERS)),
        ("both mixed", ("nearest neighbour", "cosine to the mean", "Faceline")),
    ):
        chosen = [leave_out(trial) for trial in of_lfw] if "without" in name else trials[name]
        for scorer in scorers:
            rates = np.mean([identification_rates(trial, SCORERS[scorer]) for trial in chosen], axis=0)
            print(f"| {name} | {scorer} | " + " | ".join(f"{rate:.3f}" for rate in rates) + " |", flush=True)

    print(
        "\n| gallery | asked | strangers named | known people found | expected | calibration error | each face alike |"
    )
    print("|---|---|---|---|---|---|---|")
    reliability: dict[str, list[Bin]] = {}
    for name, chosen in trials.items():
        for fpir in ASKED:
            print_row(name, fpir, [answers(trial, fpir) for trial in chosen], reliability)
    plot_reliability(reliability, options.work / "reliability")

    print("\n| classifier, on LFW | strangers named at 1 % | known people found | closed set | calibration error |")
    print("|---|---|---|---|---|")
    for classifier in CLASSIFIER_NAMES:
        found = answers(of_lfw[0], DEFAULT_FPIR, classifier)
        print(
            f"| {classifier} | {found.strangers_named:.4f} | {found.found:.3f} | {found.closed:.3f}"
            f" | {calibration_error(bins_of(found.confidence, found.right, found.people)):.3f} |",
            flush=True,
        )


def embeddings_of(pictures: Path, work: Path) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings (n, 128) of all pictures by the pipeline's defaults, and the person of each."""
    align_folder(pictures, work / "aligned")
    represent_folder(work / "aligned", work / "embeddings")
    embeddings, crops = read_embeddings(work / "embeddings", NETWORK.dimensions)
    return embeddings, np.array([person_of(crop) for crop in crops])


def draw_lfw(
    embeddings: np.ndarray, names: np.ndarray, known: list[str], strangers: list[str], generator: np.random.Generator
) -> Trial:
    """Some pictures of each known person are enrolled, the others are the probes."""
    return Trial.draw(embeddings, names, known, strangers, lambda count: PICTURES, generator)


def draw_half(embeddings: np.ndarray, names: np.ndarray, generator: np.random.Generator) -> Trial:
    """Half of the people are enrolled with half of their pictures; the other people are the strangers."""
    known, strangers = halves(np.unique(names).tolist(), generator)
    return Trial.draw(embeddings, names, known, strangers, lambda count: (count + 1) // 2, generator)


def mixed(one: Trial, other: Trial) -> Trial:
    return Trial(*(np.concatenate(pair) for pair in zip(vars(one).values(), vars(other).values(), strict=True)))


def leave_out(trial: Trial) -> Trial:
    kept = ~np.isin(trial.stranger_names, MISLABELLED)
    return Trial(**vars(trial) | {"strangers": trial.strangers[kept], "stranger_names": trial.stranger_names[kept]})


def svc(trial: Trial, faces: np.ndarray, penalty: float) -> tuple[np.ndarray, np.ndarray]:
    """OpenFace's classifier, which has the penalty 1: the most probable person, and that probability."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        model = SVC(C=penalty, kernel="linear", probability=True, random_state=0)
        probabilities = model.fit(trial.gallery, trial.gallery_names).predict_proba(faces)
    return model.classes_[probabilities.argmax(axis=1)], probabilities.max(axis=1)


def nearest_neighbour(trial: Trial, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    neighbours = NearestNeighbour.fit(trial.gallery_names, trial.gallery, NETWORK.metric)
    scores, _ = neighbours.score(faces)
    return neighbours.people[scores.argmax(axis=1)], scores.max(axis=1)


def mean_cosine(trial: Trial, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    people = np.unique(trial.gallery_names)
    means = unit(np.stack([unit(trial.gallery[trial.gallery_names == name]).mean(axis=0) for name in people]))
    cosines = unit(faces) @ means.T
    return people[cosines.argmax(axis=1)], cosines.max(axis=1)


def faceline(trial: Trial, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    identities = fit(trial, DEFAULT_FPIR).identify(faces, threshold=np.inf)
    return np.array([who.name for who in identities]), np.array([who.likeliest.score for who in identities])


SCORERS: dict[str, Callable] = {
    "SVC(probability=True), C = 1": partial(svc, penalty=1),
    "SVC(probability=True), C = 10": partial(svc, penalty=10),
    "nearest neighbour": nearest_neighbour,
    "cosine to the mean": mean_cosine,
    "Faceline": faceline,
}


def fit(trial: Trial, fpir: float, classifier: str = DEFAULT_CLASSIFIER_NAME) -> Naming:
    names = trial.gallery_names.tolist()
    return galleries.fit(
        names, trial.gallery, names, NETWORK, fpir=fpir, classifier=classifier, lda_dim=None, jobs=all_cores()
    )


def identification_rates(trial: Trial, score: Callable) -> list[float]:
    """The rates of known people named rightly where the limit is set so that RATES of the strangers are named, and in
    the closed set."""
    names, scores = score(trial, np.concatenate([trial.probes, trial.strangers]))
    count = len(trial.probes)
    right = names[:count] == trial.probe_names
    return [*rates_found(right, scores[:count], scores[count:], RATES), right.mean()]


def answers(trial: Trial, fpir: float, classifier: str = DEFAULT_CLASSIFIER_NAME) -> Answers:
    return answers_of(fit(trial, fpir, classifier), trial)


def print_row(name: str, fpir: float, found: list[Answers], reliability: dict) -> None:
    parts = ("confidence", "right", "people", "faces")
    confidence, right, *weights = (np.concatenate([getattr(one, part) for one in found]) for part in parts)
    sorted_in = [bins_of(confidence, right, weight) for weight in weights]
    errors = [calibration_error(bins) for bins in sorted_in]
    if fpir == DEFAULT_FPIR:
        reliability[f"{name}, error {errors[0]:.3f}"] = sorted_in[0]
    means = [np.mean([getattr(one, part) for one in found]) for part in ("strangers_named", "found", "expected")]
    print(
        f"| {name} | {fpir} | {means[0]:.4f} | {means[1]:.3f} | {means[2]:.3f} | {errors[0]:.3f} | {errors[1]:.3f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
