#!/usr/bin/env python3
"""What distances mean: the constants of `networks/one_person.py` from LFW's View 1, and how well they are calibrated.

Takes pairsDevTest.txt and the embeddings that batch_represent made of lfw-dev and of east-asian-dev with one network
and number of passes. Pairs of one person count as much in all as those of two. The error is the expected calibration
error; beside it the share of pairs of two people that are given 0.9 or more, and of pairs of one person that are given
0.1 or less.
"""

import argparse
from pathlib import Path

import numpy as np

from faceline.evaluation.comparison import Embedded, labelled_pairs, read_embedded
from faceline.evaluation.identification.rates import bins_of, calibration_error
from faceline.evaluation.pairs.lists import read_pairs, rows_of_pairs
from faceline.networks.one_person import OnePerson
from faceline.people.cohort import NEIGHBOURS, Cohort, CohortMetric

# The sizes of cohorts of LFW, a picture a person, whose nearness is measured, and how often each is drawn.
SIZES, DRAWS = (40, 80, 160, 320, 640, 1280), 5
GROUPS = 5  # of people, for cross-validation


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("lfw", type=Path)
    parser.add_argument("east_asian", type=Path)
    parser.add_argument("--draws", type=int, default=10)
    options = parser.parse_args()
    lfw, asian = read_embedded([options.lfw]), read_embedded([options.east_asian])
    listed = read_pairs(options.pairs)
    first, second = np.array(rows_of_pairs(options.pairs, listed.pairs, lfw.crops)).T
    distances = lfw.metric.pairs(lfw.embeddings[first].astype(float), lfw.embeddings[second].astype(float))
    same = np.array([pair.same for pair in listed.pairs])
    known = OnePerson(int(lfw.passes), *logistic(distances, same), *strangers_of(lfw))
    print(f"{lfw.network.name}: {known}\n")
    print("| pairs | cohort | error | two people at 0.9 or more | one person at 0.1 or less |\n|---|---|---|---|---|")
    people = np.unique(lfw.people, return_inverse=True)[1]
    crossed = cross_validated(distances, same, groups_of(people)[np.stack([first, second])])
    show("LFW, View 1, other people than fitted on", "none", [rates(crossed, same)])
    others = {"LFW": lfw, "East Asian": asian}
    for title, embedded, sizes in (("LFW", lfw, (40, 300, 0)), ("East Asian", asian, (0,))):
        drawn = [halves(embedded, np.random.default_rng(seed)) for seed in range(options.draws)]
        show(title, "none", [rates_of(embedded, known, compared, None) for compared, _ in drawn])
        for size in sizes:
            cohorts = [(compared, embedded.embeddings[half[: size or None]]) for compared, half in drawn]
            found = [rates_of(embedded, known, compared, cohort) for compared, cohort in cohorts]
            faces = round(float(np.mean([len(cohort) for _, cohort in cohorts])))
            show(title, f"{faces} faces of the other half", found)
        for name, other in others.items():
            if name != title:  # what a cohort should not be
                found = [rates_of(embedded, known, compared, other.embeddings[:300]) for compared, _ in drawn]
                show(title, f"{len(other.embeddings[:300])} faces, {name}", found)


def show(pairs: str, cohort: str, found: list) -> None:
    print("| {} | {} | {:.4f} | {:.4f} | {:.4f} |".format(pairs, cohort, *np.mean(found, axis=0)), flush=True)


def logistic(distances: np.ndarray, same: np.ndarray) -> tuple[float, float]:
    """Centre and slope of the probability that pairs are one person's, both kinds weighing the same."""
    from scipy.optimize import minimize
    from scipy.special import expit

    middle, scale = distances.mean(), distances.std()
    inputs = np.stack([(middle - distances) / scale, np.ones(len(distances))], axis=1)
    weights = weights_of(same)

    def cost(line: np.ndarray) -> tuple[float, np.ndarray]:
        odds = inputs @ line
        return weights @ (np.logaddexp(0, odds) - same * odds), inputs.T @ (weights * (expit(odds) - same))

    steepness, offset = minimize(cost, np.array([1.0, 0.0]), jac=True, method="BFGS", tol=1e-9).x
    return round(float(middle + offset / steepness * scale), 4), round(float(steepness / scale), 2)


def weights_of(same: np.ndarray) -> np.ndarray:
    return np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())


def strangers_of(lfw: Embedded) -> tuple[float, float]:
    """Mean and deviation of strangers' distances, of which cohorts of several sizes show the lower end."""
    people, sums = np.array(lfw.people), []
    names = np.unique(people)
    for size in SIZES:
        nearness = []
        for seed in range(DRAWS):
            generator = np.random.default_rng(seed)
            chosen = [generator.choice(np.flatnonzero(people == name)) for name in generator.permutation(names)[:size]]
            nearness.append(Cohort.of(lfw.embeddings[chosen], lfw.network.metric).nearness)
        # With a mean of 0 and a deviation of 1, it is minus that of the nearest ones.
        sums.append((-OnePerson(1, 0, 1, 0, 1).nearness(NEIGHBOURS / size), np.mean(nearness)))
    below, means = np.array(sums).T
    spread, mean = np.polyfit(below, means, 1)
    return round(float(mean), 4), round(float(-spread), 4)


def groups_of(people: np.ndarray) -> np.ndarray:
    """The group that each picture's person was drawn into."""
    return np.random.default_rng(0).integers(0, GROUPS, people.max() + 1)[people]


def cross_validated(distances: np.ndarray, same: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The probabilities of pairs, (n,), by constants that were found without the groups, (2, n), of both people."""
    found = np.zeros(len(distances))
    pairs = np.sort(groups, axis=0)
    for both in np.unique(pairs, axis=1).T:
        apart = ~np.isin(groups, both).any(axis=0)
        known = OnePerson(1, *logistic(distances[apart], same[apart]), 1, 1)
        inside = (pairs == both[:, None]).all(axis=0)
        found[inside] = [known.probability(distance) for distance in distances[inside]]
    return found


def halves(embedded: Embedded, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows of half of the people, at most 300, to be compared, and those of the others, in any order."""
    people = np.array(embedded.people)
    names = generator.permutation(np.unique(people))
    compared, others = names[::2][:300], names[1::2]
    return np.flatnonzero(np.isin(people, compared)), generator.permutation(np.flatnonzero(np.isin(people, others)))


def rates_of(embedded: Embedded, known: OnePerson, compared: np.ndarray, cohort: np.ndarray | None) -> tuple:
    """The rates of all pairs of those rows; `cohort` are embeddings."""
    network, labels = embedded.network, np.unique(np.array(embedded.people)[compared], return_inverse=True)[1]
    faces, metric = embedded.embeddings[compared], network.metric
    if cohort is None:
        blocks = labelled_pairs(faces, labels, metric)
    else:
        found = Cohort.of(cohort, metric).calibrated(known)
        blocks = labelled_pairs(found.weighed(faces, network.threshold), labels, CohortMetric(metric))
    parts = [np.stack([first == second, distances]) for first, second, distances in blocks]
    same, distances = np.concatenate(parts, axis=1)
    return rates(0.5 - 0.5 * np.tanh(known.slope * (distances - known.centre) / 2), same.astype(bool))


def rates(probabilities: np.ndarray, same: np.ndarray) -> tuple[float, float, float]:
    error = calibration_error(bins_of(probabilities, same.astype(float), weights_of(same)))
    return error, float((probabilities[~same] >= 0.9).mean()), float((probabilities[same] <= 0.1).mean())


if __name__ == "__main__":
    main()
