#!/usr/bin/env python3
"""Fit the constants that turn a distance into a probability: threshold, crowding and spread of a network.

Galleries of 1 to all people with 1, 2 and 4 pictures each are drawn many times; the probes are the other pictures of
these people and as many strangers. Prints the best constants, and for the table's constants how often strangers are
named, how often known people are found, and the expected calibration error.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from faceline.formats import person_of, read_embeddings
from faceline.gallery import Gallery
from faceline.networks import DEFAULT_NETWORK, NETWORKS

NETWORK = NETWORKS[DEFAULT_NETWORK]
FACES_PER_SETTING = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("embeddings", type=Path, help="folder that batch_represent wrote")
    parser.add_argument("known", type=Path, help="file with the name of a person to enrol on each line")
    parser.add_argument("strangers", type=Path, help="file with the name of a stranger on each line")
    options = parser.parse_args()
    embeddings, crops = read_embeddings(options.embeddings, NETWORK.dimensions)
    of_person: dict[str, list[int]] = {}
    for index, crop in enumerate(crops):
        of_person.setdefault(person_of(crop), []).append(index)
    known = [of_person[name] for name in options.known.read_text().split() if name in of_person]
    strangers = [index for name in options.strangers.read_text().split() for index in of_person.get(name, [])]
    generator = np.random.default_rng(0)
    sizes = [size for size in (1, 2, 5, 20, 50, 100) if size < len(known)] + [len(known)]
    trials = [
        (people, pictures, *draw(generator, embeddings, known, strangers, people, pictures))
        for people in sizes
        for pictures in (1, 2, 4)
    ]
    table = (NETWORK.threshold, NETWORK.crowding, NETWORK.spread)
    fitted = minimize(cost, table, args=(trials,), method="Nelder-Mead").x
    print("threshold, crowding, spread: in the table", table, "fitted here", fitted.round(4))
    print("people  pictures  limit  strangers named  known people named  calibration error")
    for people, pictures, distances, right in trials:
        limit = NETWORK.threshold_among(people * pictures)
        confident = probability(distances, limit, NETWORK.spread)
        print(
            f"{people:6} {pictures:9} {limit:6.3f} {2 * np.mean(~right & (distances <= limit)):16.3f}"
            f" {2 * np.mean(right & (distances <= limit)):19.3f} {calibration_error(confident, right):18.3f}"
        )


def draw(
    generator: np.random.Generator,
    embeddings: np.ndarray,
    known: list[list[int]],
    strangers: list[int],
    people: int,
    pictures: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Distances of probes to the most similar person, and whether that is who they are; half of them are strangers."""
    distances, right = [], []
    for _ in range(max(3, FACES_PER_SETTING // people)):
        gallery, names, probes, truth = [], [], [], []
        for person in generator.choice(len(known), people, replace=False):
            order = generator.permutation(known[person])
            gallery.extend(order[:pictures])
            names.extend([str(person)] * len(order[:pictures]))
            probes.extend(order[pictures:])
            truth.extend([str(person)] * len(order[pictures:]))
        outside = generator.choice(strangers, len(probes), replace=len(probes) > len(strangers))
        fitted = Gallery.fit(names, embeddings[gallery], NETWORK)
        answers = fitted.identify(embeddings[np.concatenate([probes, outside])], np.inf)
        distances.extend(answer.distance for answer in answers)
        right.extend(answer.name == name for answer, name in zip(answers, truth + [""] * len(outside), strict=True))
    return np.array(distances), np.array(right)


def probability(distances: np.ndarray, limit: float, spread: float) -> np.ndarray:
    return 0.5 - 0.5 * np.tanh((distances - limit) / (2 * spread))


def cost(constants: tuple[float, float, float], trials: list) -> float:
    """Mean negative log likelihood, all settings weighing the same."""
    threshold, crowding, spread = constants
    total = 0.0
    for people, pictures, distances, right in trials:
        confident = probability(distances, threshold - crowding * np.log(people * pictures), spread)
        total -= np.log(np.clip(np.where(right, confident, 1 - confident), 1e-12, 1)).mean()
    return total


def calibration_error(confident: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error of "the most similar person is the right one", in bins of equal width."""
    bin_of = np.minimum((confident * bins).astype(int), bins - 1)
    gaps = [
        (bin_of == number).mean() * abs(confident[bin_of == number].mean() - right[bin_of == number].mean())
        for number in np.unique(bin_of)
    ]
    return float(sum(gaps))


if __name__ == "__main__":
    main()
