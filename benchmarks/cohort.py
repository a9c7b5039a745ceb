#!/usr/bin/env python3
"""What a cohort changes: in pairs of pictures, and in the names that `train`'s galleries give.

Takes the folders of embeddings that batch_represent made of lfw-dev and of east-asian-dev with one network. People who
are compared, enrolled or strangers are in no cohort.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceline.evaluation.comparison import Embedded, all_distances, read_embedded
from faceline.evaluation.rates import Distances
from faceline.networks.network import Network
from faceline.people.classifiers.table import DEFAULT_CLASSIFIER_NAME
from faceline.people.cohort import Cohort, CohortMetric
from faceline.people.gallery import Gallery

ENROLLED, PROBES = 4, 6  # pictures of a person
STRANGERS, COHORT = 500, 300  # people of LFW, with a picture each


@dataclass(frozen=True)
class Faces:
    """Embeddings, (n, d), and whose they are, (n,) str."""

    embeddings: np.ndarray
    names: np.ndarray

    @classmethod
    def of(cls, embedded: Embedded) -> "Faces":
        return cls(embedded.embeddings, np.array(embedded.people))

    def rows(self, person: str) -> np.ndarray:
        return np.flatnonzero(self.names == person)

    def only(self, people: np.ndarray) -> "Faces":
        chosen = np.isin(self.names, people)
        return Faces(self.embeddings[chosen], self.names[chosen])

    def one_each(self, people: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        return self.embeddings[[generator.choice(self.rows(person)) for person in people]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lfw", type=Path)
    parser.add_argument("east_asian", type=Path)
    parser.add_argument("--draws", type=int, default=20)
    options = parser.parse_args()
    read = read_embedded([options.lfw])
    network, lfw, asian = read.network, Faces.of(read), Faces.of(read_embedded([options.east_asian]))
    print(f"Network {network.name}, passes {read.passes}, means of {options.draws} draws\n")
    compare_pairs(network, lfw, asian, options.draws)
    for title, people in (("East Asian", (0, 10)), ("LFW", (14, 0)), ("LFW", (40, 0)), ("mixed", (40, 10))):
        name_faces(f"{title}, {sum(people)} people", network, lfw, asian, people, options.draws)


def compare_pairs(network: Network, lfw: Faces, asian: Faces, draws: int) -> None:
    """Half of the people make pairs, the other half the cohort."""
    rows: dict[str, list] = {}
    for seed in range(draws):
        generator = np.random.default_rng(seed)
        halves = [np.array_split(generator.permutation(np.unique(faces.names)), 2) for faces in (lfw, asian)]
        pairs = [faces.only(half[0]) for faces, half in zip((lfw, asian), halves, strict=True)]
        others = [faces.only(half[1]).embeddings for faces, half in zip((lfw, asian), halves, strict=True)]
        cohorts = {"none": None, "LFW": others[0], "East Asian": others[1], "both": np.concatenate(others)}
        for name, cohort in cohorts.items():
            found = [distances_of(faces, network, cohort) for faces in pairs]
            limit = found[0].threshold_for(0.001)
            rows.setdefault(name, []).append(
                [
                    found[0].true_accept_rate(limit),
                    found[0].true_accept_rate(found[0].threshold_for(0.0001)),
                    found[0].equal_error()[0],
                    found[1].equal_error()[0],
                    found[1].true_accept_rate(found[1].threshold_for(0.01)),
                    found[1].false_accept_rate(limit),
                ]
            )
    print("| cohort | LFW: TAR at 0.001, 0.0001, EER | East Asian: EER, TAR at 0.01 | FMR at LFW's limit of 0.001 |")
    print("|---|---|---|---|")
    for name, values in rows.items():
        mean = np.mean(values, axis=0)
        print("| {} | {:.4f}, {:.4f}, {:.4f} | {:.4f}, {:.3f} | {:.4f} |".format(name, *mean), flush=True)


def distances_of(faces: Faces, network: Network, cohort: np.ndarray | None) -> Distances:
    labels = np.unique(faces.names, return_inverse=True)[1]
    if cohort is None:
        return Distances(*all_distances(faces.embeddings, labels, network.metric))
    weighed = Cohort.of(cohort, network.metric).weighed(faces.embeddings, network.threshold)
    return Distances(*all_distances(weighed, labels, CohortMetric(network.metric)))


def name_faces(title: str, network: Network, lfw: Faces, asian: Faces, people: tuple[int, int], draws: int) -> None:
    """Galleries of so many people of either kind, at `train`'s own limit for 1 % of strangers."""
    rates: dict[str, list] = {}
    for seed in range(draws):
        generator = np.random.default_rng(seed)
        asians = generator.permutation(np.unique(asian.names))
        names, counts = np.unique(lfw.names, return_counts=True)
        enrolled = [generator.permutation(names[counts >= PROBES])[: people[0]], asians[: people[1]]]
        rest = generator.permutation(np.setdiff1d(names, enrolled[0]))
        strangers = [lfw.one_each(rest[:STRANGERS], generator)] if people[0] else []
        strangers += [asian.only(asians[10:20]).embeddings] if people[1] else []
        learnt, probes = [], []
        for faces, chosen in zip((lfw, asian), enrolled, strict=True):
            for person in chosen:
                rows = generator.permutation(faces.rows(person))
                first = min(ENROLLED, len(rows) // 2)
                learnt.append((person, faces.embeddings[rows[:first]]))
                probes.append((person, faces.embeddings[rows[first : first + PROBES]]))
        of_lfw = lfw.one_each(rest[STRANGERS : STRANGERS + COHORT], generator)
        of_asians = asian.only(asians[20:]).embeddings
        both = np.concatenate([of_lfw, of_asians])
        heap = both if people[0] and people[1] else of_lfw if people[0] else of_asians
        every: list[tuple[str, dict[str, np.ndarray]]] = [
            ("none", {}),
            ("LFW", {"cohort": of_lfw}),
            ("East Asian", {"cohort": of_asians}),
            ("both", {"cohort": both}),
            ("strangers of its kind", {"strangers": heap}),
            ("strangers and cohort of its kind", {"strangers": heap, "cohort": heap}),
        ]
        for name, options in every:
            rates.setdefault(name, []).append(rates_of(network, learnt, probes, np.concatenate(strangers), options))
    print(f"\n| {title}: cohort | known people found | strangers named | known people expected to be found |")
    print("|---|---|---|---|")
    for name, values in rates.items():
        print("| {} | {:.4f} | {:.4f} | {:.4f} |".format(name, *np.mean(values, axis=0)), flush=True)


def rates_of(network: Network, learnt: list, probes: list, strangers: np.ndarray, options: dict) -> tuple:
    names = [name for name, embeddings in learnt for _ in embeddings]
    gallery, _ = Gallery.enrol(
        names,
        np.concatenate([embeddings for _, embeddings in learnt]),
        [f"{name}/{number}" for number, name in enumerate(names)],
        network,
        fpir=0.01,
        classifier=DEFAULT_CLASSIFIER_NAME,
        lda_dim=None,
        jobs=1,
        **options,
    )
    right = [who.name == name for name, embeddings in probes for who in gallery.identify(embeddings)]
    named = [who.name != "unknown" for who in gallery.identify(strangers)]
    return np.mean(right), np.mean(named), gallery.calibration.tpir


if __name__ == "__main__":
    main()
