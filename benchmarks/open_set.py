#!/usr/bin/env python3
"""Who is named, who ought to be, and what the confidence is worth: known people and strangers of real photographs.

Writes the stages' folders into <work>, where a second run finds them, and reliability.png. Prints the tables of
docs/accuracy.md. The folder of photographs holds lfw-dev/, its lists of known people and of strangers, and
east-asian-dev/.
"""

import argparse
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.svm import SVC

from faceline import align_folder, represent_folder
from faceline.calibration import DEFAULT_FPIR
from faceline.classifiers import CLASSIFIERS, DEFAULT_CLASSIFIER_NAME
from faceline.formats import person_of, read_embeddings
from faceline.gallery import UNKNOWN, Gallery
from faceline.networks import DEFAULT_NETWORK, NETWORKS
from faceline.parallel import all_cores
from faceline.scoring import unit

NETWORK = NETWORKS[DEFAULT_NETWORK]
RATES = (0.1, 0.01, 0.001)
ASKED = (0.1, 0.03, 0.01, 0.003)
PICTURES = 4  # of each person of LFW that are enrolled
HALVES = 40
DRAWS = 5

# Strangers by their names, not by their faces: a known man under another spelling, and a picture of two people, of whom
# the known one has the main face.
MISLABELLED = ("Sung_Hong_Choi", "Elena_de_Chavez")


@dataclass(frozen=True)
class Trial:
    """A gallery, faces of the people in it, and faces of strangers: embeddings (n, 128) and names."""

    gallery: np.ndarray
    gallery_names: np.ndarray
    probes: np.ndarray
    probe_names: np.ndarray
    strangers: np.ndarray
    stranger_names: np.ndarray

    def __add__(self, other: "Trial") -> "Trial":
        return Trial(*(np.concatenate(pair) for pair in zip(vars(self).values(), vars(other).values(), strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("work", type=Path)
    options = parser.parse_args()
    lists = [(options.photographs / f"lfw-dev-{name}.txt").read_text().split() for name in ("known", "unknown")]
    lfw = embeddings_of(options.photographs / "lfw-dev", options.work / "lfw")
    asian = embeddings_of(options.photographs / "east-asian-dev", options.work / "east-asian")
    of_lfw = [draw_lfw(*lfw, *lists, np.random.default_rng(seed)) for seed in range(DRAWS)]
    of_asian = [draw_half(*asian, np.random.default_rng(seed)) for seed in range(HALVES)]
    mixed = [one + other for one, other in zip(of_lfw, of_asian, strict=False)]
    trials = {"LFW": of_lfw, "East Asian halves": of_asian, "both mixed": mixed}

    print("| gallery | scores | 10 % | 1 % | 0.1 % | closed set |\n|---|---|---|---|---|---|")
    for name, scorers in (
        ("LFW", tuple(SCORERS)),
        ("LFW, without 2 who are no strangers", ("nearest neighbour", "Faceline")),
        ("East Asian halves", tuple(SCORERS)),
        ("both mixed", ("nearest neighbour", "cosine to the mean", "Faceline")),
    ):
        chosen = [leave_out(trial) for trial in of_lfw] if "without" in name else trials.get(name)
        for scorer in scorers:
            rates = np.mean([identification_rates(trial, SCORERS[scorer]) for trial in chosen], axis=0)
            print(f"| {name} | {scorer} | " + " | ".join(f"{rate:.3f}" for rate in rates) + " |", flush=True)

    print(
        "\n| gallery | asked | strangers named | known people found | expected | calibration error | each face alike |"
    )
    print("|---|---|---|---|---|---|---|")
    reliability = {}
    for name, chosen in trials.items():
        for fpir in ASKED:
            print_row(name, fpir, [answers(trial, fpir) for trial in chosen], reliability)
    plot(reliability, options.work / "reliability.png")

    print("\n| classifier, on LFW | strangers named at 1 % | known people found | closed set | calibration error |")
    print("|---|---|---|---|---|")
    for classifier in CLASSIFIERS:
        found = answers(of_lfw[0], DEFAULT_FPIR, classifier)
        print(
            f"| {classifier} | {found.strangers_named:.4f} | {found.found:.3f} | {found.closed:.3f}"
            f" | {calibration_error(found.confidence, found.right, found.people):.3f} |",
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
    enrolled = np.zeros(len(names), bool)
    for name in known:
        enrolled[generator.permutation(np.flatnonzero(names == name))[:PICTURES]] = True
    probes = np.isin(names, known) & ~enrolled
    outside = np.isin(names, strangers)
    return Trial(*(part[rows] for rows in (enrolled, probes, outside) for part in (embeddings, names)))


def draw_half(embeddings: np.ndarray, names: np.ndarray, generator: np.random.Generator) -> Trial:
    """Half of the people are enrolled with half of their pictures; the other people are the strangers."""
    people = np.unique(names)
    chosen = generator.permutation(people)[: len(people) // 2]
    enrolled = np.zeros(len(names), bool)
    for name in chosen:
        rows = np.flatnonzero(names == name)
        enrolled[generator.permutation(rows)[: (len(rows) + 1) // 2]] = True
    inside = np.isin(names, chosen)
    return Trial(*(part[rows] for rows in (enrolled, inside & ~enrolled, ~inside) for part in (embeddings, names)))


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
    distances = np.stack([np.linalg.norm(trial.gallery - face, axis=1) for face in faces])
    return trial.gallery_names[distances.argmin(axis=1)], -distances.min(axis=1)


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


def fit(trial: Trial, fpir: float, classifier: str = DEFAULT_CLASSIFIER_NAME) -> Gallery:
    names = trial.gallery_names.tolist()
    return Gallery.fit(
        names, trial.gallery, names, NETWORK, fpir=fpir, classifier=classifier, lda_dim=None, jobs=all_cores()
    )


def identification_rates(trial: Trial, score: Callable) -> list[float]:
    """The rates of known people named rightly where the limit is set so that RATES of the strangers are named, and in
    the closed set."""
    names, scores = score(trial, np.concatenate([trial.probes, trial.strangers]))
    count = len(trial.probes)
    right, strangers = names[:count] == trial.probe_names, np.sort(scores[count:])[::-1]
    limits = [strangers[int(rate * len(strangers))] for rate in RATES]
    return [float(np.mean(right & (scores[:count] > limit))) for limit in limits] + [float(right.mean())]


@dataclass(frozen=True)
class Answers:
    """What a gallery said: rates, and of each answer its confidence, whether it was right, and its weights.

    Strangers and known people weigh the same in sum. Among them, each face does by `faces`, each person by `people`.
    """

    strangers_named: float
    found: float
    expected: float
    closed: float
    confidence: np.ndarray
    right: np.ndarray
    faces: np.ndarray
    people: np.ndarray


def answers(trial: Trial, fpir: float, classifier: str = DEFAULT_CLASSIFIER_NAME) -> Answers:
    gallery = fit(trial, fpir, classifier)
    known, strangers = gallery.identify(trial.probes), gallery.identify(trial.strangers)
    right = np.array([who.name == name for who, name in zip(known, trial.probe_names, strict=True)])
    unknown = np.array([who.name == UNKNOWN for who in strangers])
    closed = [who.candidates[0].name == name for who, name in zip(known, trial.probe_names, strict=True)]
    return Answers(
        float(1 - unknown.mean()),
        float(right.mean()),
        gallery.calibration.tpir,
        float(np.mean(closed)),
        np.array([who.confidence for who in known + strangers]),
        np.concatenate([right, unknown]),
        np.repeat([1 / len(known), 1 / len(strangers)], [len(known), len(strangers)]),
        np.concatenate([person_weights(names) for names in (trial.probe_names, trial.stranger_names)]),
    )


def person_weights(names: np.ndarray) -> np.ndarray:
    people, who, counts = np.unique(names, return_inverse=True, return_counts=True)
    return 1 / counts[who] / len(people)


def print_row(name: str, fpir: float, found: list[Answers], reliability: dict) -> None:
    parts = ("confidence", "right", "people", "faces")
    confidence, right, *weights = (np.concatenate([getattr(one, part) for one in found]) for part in parts)
    errors = [calibration_error(confidence, right, weight) for weight in weights]
    if fpir == DEFAULT_FPIR:
        reliability[f"{name}, error {errors[0]:.3f}"] = list(bins(confidence, right, weights[0]))
    means = [np.mean([getattr(one, part) for one in found]) for part in ("strangers_named", "found", "expected")]
    print(
        f"| {name} | {fpir} | {means[0]:.4f} | {means[1]:.3f} | {means[2]:.3f} | {errors[0]:.3f} | {errors[1]:.3f} |",
        flush=True,
    )


def bins(confidence: np.ndarray, right: np.ndarray, weights: np.ndarray) -> Iterator[tuple[float, float, float]]:
    """For each of ten bins of equal width that holds answers: their share, mean confidence, and how many are right."""
    number = np.minimum((confidence * 10).astype(int), 9)
    for index in np.unique(number):
        inside = number == index
        weight = weights[inside]
        yield weight.sum() / weights.sum(), *(np.average(part[inside], weights=weight) for part in (confidence, right))


def calibration_error(confidence: np.ndarray, right: np.ndarray, weights: np.ndarray) -> float:
    """The expected calibration error: Naeini, Cooper, Hauskrecht, "Obtaining well calibrated probabilities using
    Bayesian binning", AAAI 2015."""
    return float(sum(share * abs(mean - rate) for share, mean, rate in bins(confidence, right, weights)))


def plot(reliability: dict, path: Path) -> None:
    """The reliability diagram: of the answers with a confidence, how many are right."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 5), layout="constrained")
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for (name, values), marker in zip(reliability.items(), "os^", strict=False):
        shares, confidence, right = zip(*values, strict=True)
        axes.plot(confidence, right, linewidth=1, alpha=0.5, color=(line := f"C{'os^'.index(marker)}"))
        axes.scatter(confidence, right, 10 + 300 * np.array(shares), marker=marker, color=line, label=name)
    axes.set(xlabel="confidence of the answers", ylabel="rate of right ones", xlim=(0, 1), ylim=(0, 1))
    legend = axes.legend(loc="upper left", title="size: share of the answers")
    for handle in legend.legend_handles:
        handle.set_sizes([40])
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
