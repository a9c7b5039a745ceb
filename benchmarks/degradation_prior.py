#!/usr/bin/env python3
"""Learns faceline/people/degradation_prior.py: what poor pictures do to scores, from photographs that are made worse.

Takes the folder of photographs, which holds lfw-dev/, its lists and east-asian-dev/, and a folder for the stages'
results and the degraded faces, where a second run finds them. Prints the module.
"""

import argparse
from pathlib import Path

import numpy as np
from degradations import LEARNING as WAYS
from degraded_faces import LEARNING, Photographs, draw, make_worse
from scipy.optimize import minimize
from scipy.special import expit, ndtr
from sklearn.linear_model import LogisticRegression

from faceline.people.degradation_prior import FEATURES
from faceline.people.doubt import STEEPEST
from faceline.people.prior import DLIB_PRIOR
from faceline.people.quality import excess

# How much the photographs as they are count, against each of the five kinds of degraded copies: half of all pictures
# are good ones. The more they count, the better they are believed, and the more is a face in a poor picture taken for a
# stranger's. And the penalty for the squares of weights, which hardly matters from 3e-4 to 3e-3.
CLEAN_WEIGHT, PENALTY = 5, 1e-3
UNCLEAR = 0.8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--pictures", type=int, default=800, help="how many photographs are made worse, in each way")
    options = parser.parse_args()
    photographs = Photographs.read(options.photographs, options.work, LEARNING)
    faces = make_worse(photographs, WAYS, options.pictures, options.work / "learning.npz")
    answers = columns_of(draw(photographs, faces))
    features = answers.pop("features")
    lowest, highest = np.percentile(features, (1, 99), axis=0)
    clipped = np.clip(features, lowest, highest)
    means, deviations = clipped.mean(axis=0), clipped.std(axis=0)
    inputs = np.column_stack([(clipped - means) / deviations, np.ones(len(clipped))])
    lost, shifted, shift, spread = fit(inputs, answers)

    loss, harm = excess(inputs @ lost), excess(inputs @ shifted)
    found = np.exp(-loss) * ndtr((1 - shift * harm) / np.sqrt(0.25 + spread * harm))
    # Enlarged again, a small picture is a blurred one.
    reasons = np.where(answers["way"] == "shrunk_and_enlarged", "blurred", answers["kind"])
    poor = (found < UNCLEAR) & (reasons != "clean")
    sorter = LogisticRegression(C=0.3, max_iter=2000, class_weight="balanced").fit(inputs[poor, :-1], reasons[poor])
    sorters = np.column_stack([sorter.coef_, sorter.intercept_])

    def raw(weights: np.ndarray) -> list[float]:
        """The weights of features as they are measured, from those of standardised ones."""
        slopes = weights[:-1] / deviations
        return [*slopes, weights[-1] - slopes @ means]

    of_reasons = dict(zip(sorter.classes_, map(raw, sorters), strict=True))
    print_module(lowest, highest, raw(lost), raw(shifted), shift, spread, of_reasons)


def columns_of(trials) -> dict[str, np.ndarray]:
    """Of all faces of all trials, what the fit needs; scores in halves of the way from strangers to known people."""
    parts = []
    for probes in trials:
        gallery = probes.gallery
        calibration = gallery.calibration
        found = [who.candidates[0] for who in gallery.identify(probes.faces.embeddings, threshold=np.inf)]
        score = np.array([candidate.score for candidate in found])
        is_right = probes.is_known & (np.array([candidate.name for candidate in found]) == probes.persons)
        known, right = calibration.known, calibration.right
        half = known.centre - DLIB_PRIOR.strangers(len(gallery.people))[0]
        parts.append(
            {
                "score": (score - known.centre) / half,
                "steepness": np.full(len(score), known.slope * half),
                "beyond": right.slope * (score - right.centre) - known.slope * (score - known.centre),
                "known": probes.is_known,
                "right": is_right,
                "weight": probes.weights * np.where(probes.faces.kinds == "clean", CLEAN_WEIGHT, 1),
                "kind": probes.faces.kinds,
                "way": probes.faces.ways,
                "features": probes.faces.features,
                "title": np.full(len(score), probes.title),
            }
        )
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    # Every kind of gallery counts alike, however many of them are drawn.
    for title in np.unique(columns["title"]):
        columns["weight"][columns["title"] == title] /= sum(part["title"][0] == title for part in parts)
    return columns


def fit(inputs: np.ndarray, answers: dict) -> tuple[np.ndarray, np.ndarray, float, float]:
    """The likeliest weights of `lost` and of `shifted`, and how much the latter shifts and spreads scores."""
    count = inputs.shape[1]

    weights = answers["weight"] / answers["weight"].sum()

    def cost(values: np.ndarray) -> tuple[float, np.ndarray]:
        slants = [inputs @ values[:count], inputs @ values[count : 2 * count]]
        misses, slopes = miss(answers, excess(slants[0]), excess(slants[1]), *values[-2:])
        steepness = (np.clip(slant, 0, 1) for slant in slants)
        parts = [inputs.T @ (weights * slope * steep) for slope, steep in zip(slopes, steepness, strict=False)]
        gradient = np.concatenate([*parts, [weights @ slope for slope in slopes[2:]]])
        penalized = values.copy()
        penalized[[count - 1, 2 * count - 1, -2, -1]] = 0
        return float(weights @ misses + PENALTY * penalized @ penalized), gradient + 2 * PENALTY * penalized

    start = np.zeros(2 * count + 2)
    start[[count - 1, 2 * count - 1]] = 0.5
    start[-2:] = 0.3
    bounds = [(None, None)] * (2 * count) + [(0, 3), (0, 5)]
    found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 300}).x
    return found[:count], found[count : 2 * count], float(found[-2]), float(found[-1])


def miss(answers: dict, loss: np.ndarray, harm: np.ndarray, shift: float, spread: float) -> tuple[np.ndarray, list]:
    """The logarithmic losses of both of `doubt.probabilities`, of all answers at once, and their derivatives.

    `loss` is -log(1 - lost); `shift` and `spread` are those of `harm`.
    """
    seen, steepness = np.exp(-loss), answers["steepness"]
    flatter = steepness / (1 + steepness * spread * harm / 2)
    moved = answers["score"] + shift * harm
    log_odds = np.clip(flatter * moved, -STEEPEST, STEEPEST)
    inside = np.abs(log_odds) < STEEPEST
    certain = expit(np.clip(log_odds + answers["beyond"], -STEEPEST, STEEPEST))
    likely = np.exp(log_odds)
    odds = 1 - seen + seen * likely
    known = np.clip(odds / (1 + odds), 1e-6, 1 - 1e-6)
    right = np.clip(seen * certain * (1 + likely) / (1 + odds), 1e-6, 1 - 1e-6)
    is_known, is_right = answers["known"], answers["right"]
    misses = -np.log(np.where(is_known, known, 1 - known)) - np.log(np.where(is_right, right, 1 - right))
    by_odds = (known - is_known) / odds
    by_right = (right - is_right) / (1 - right)
    by_log_odds = by_odds * seen * likely
    by_log_odds += by_right * (1 - certain + likely / (1 + likely) - seen * likely / (1 + odds))
    by_log_odds *= inside
    by_loss = by_odds * seen * (1 - likely) - by_right * (1 + seen * (1 - likely) / (1 + odds))
    by_harm = by_log_odds * (flatter * shift - flatter**2 * spread / 2 * moved)
    return misses, [by_loss, by_harm, by_log_odds * flatter * harm, -by_log_odds * flatter**2 * harm / 2 * moved]


def print_module(lowest, highest, lost, shifted, shift, spread, reasons) -> None:
    def numbers(values) -> str:
        return "(" + ", ".join(f"{value:.4g}" for value in values) + ")"

    print('"""What is known of poor pictures before a gallery says anything: benchmarks/degradation_prior.py."""\n')
    print("# What is measured of a face, `quality` says how.")
    print("FEATURES = (\n" + "".join(f'    "{name}",\n' for name in FEATURES) + ")\n")
    print("# The range of each that was seen, but for 1 % on either side.")
    print(f"LOWEST = {numbers(lowest)}\nHIGHEST = {numbers(highest)}\n")
    print("# Weights of the features, and a constant, for `Quality.lost` and for what shifts and spreads scores.")
    print(f"LOST = {numbers(lost)}\nSHIFTED = {numbers(shifted)}\nSHIFT, SPREAD = {shift:.4g}, {spread:.4g}\n")
    print("# Where fewer known people than this would be found among good ones, a picture is unclear.")
    print(f"UNCLEAR = {UNCLEAR}\n")
    print("# What is wrong with it: the reason with the largest sum of weighted features.")
    print("REASONS = {")
    for reason, weights in reasons.items():
        print(f'    "{reason}": {numbers(weights)},')
    print("}")


if __name__ == "__main__":
    main()
