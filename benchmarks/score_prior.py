#!/usr/bin/env python3
"""What faceline/people/prior.py says of scores, beside what small galleries of LFW's people show.

Takes the folder of embeddings that batch_represent made of lfw-dev, and its lists of known people and of strangers.
"""

import argparse
from pathlib import Path

import numpy as np

from faceline.disk.embeddings import read_embeddings
from faceline.disk.people_paths import person_of
from faceline.disk.run_records import read_record
from faceline.networks.table import network_of
from faceline.people.classifiers.table import DEFAULT_CLASSIFIER_NAME
from faceline.people.prior import KNOWN_SD, prior_for
from faceline.people.scoring import CROWDING_WEIGHT, Scorer, Training, unit

FACES = 200  # enrolled people in all the galleries of a line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("embeddings", type=Path)
    parser.add_argument("known", type=Path)
    parser.add_argument("strangers", type=Path)
    options = parser.parse_args()
    network = network_of(read_record(options.embeddings, "represent")["options"])
    prior = prior_for(network.metric)
    embeddings, crops = read_embeddings(options.embeddings, network.dimensions)
    names = np.array([person_of(crop) for crop in crops])
    known, strangers = options.known.read_text().split(), options.strangers.read_text().split()
    directions, outside = unit(embeddings), np.isin(names, strangers)
    scale = network.metric.as_cosine(network.threshold, embeddings)
    training = Training(DEFAULT_CLASSIFIER_NAME, None, scale, 1, {}, prior)
    print("| people | pictures | strangers: mean, deviation | prior | known, crowding added: mean, deviation |")
    print("|---|---|---|---|---|")
    for people in (1, 2, 3, 5, 10, 20, 50, 100, len(known)):
        for pictures in (1, 2, 4):
            scores: tuple[list[float], list[float]] = ([], [])
            for seed in range(max(2, FACES // people)):
                generator = np.random.default_rng(seed)
                enrolled, labels, probes, whose = [], [], [], []
                for label, name in enumerate(generator.permutation(known)[:people]):
                    rows = generator.permutation(np.flatnonzero(names == name))
                    enrolled += rows[:pictures].tolist()
                    labels += [label] * len(rows[:pictures])
                    probes += rows[pictures:].tolist()
                    whose += [label] * len(rows[pictures:])
                scorer = Scorer.fit(directions[enrolled], np.array(labels), training)
                scores[0].extend(scorer.best_two(directions[outside])[0])
                own = scorer.score(directions[probes])[0][np.arange(len(probes)), whose]
                scores[1].extend(own + CROWDING_WEIGHT * scorer.crowding[whose])
            seen = [f"{np.mean(values):.2f}, {np.std(values):.2f}" for values in scores]
            said = "{:.2f}, {:.2f}".format(*prior.strangers(people))
            spread = KNOWN_SD[0] + KNOWN_SD[1] / pictures
            also = f"{prior.known(people, pictures):.2f}, {spread:.2f}"
            print(f"| {people} | {pictures} | {seen[0]} | {said} | {seen[1]}; prior {also} |", flush=True)


if __name__ == "__main__":
    main()
