#!/usr/bin/env python3
"""How well `faceline check` finds mistakes that are put into folders: pictures of the wrong person, and doubles.

    benchmarks/suspects.py <folder of embeddings> …    precision, recall and calibration; --plot STEM draws the curves
    benchmarks/suspects.py --drawn 100000              time and memory of embeddings that are made up

Wrong pictures are moved to the folder of somebody else at random: among people with several pictures, or among all.
"can be told" are those whose person has another picture in its folder, or whose wrong folder holds two right ones: of
two single pictures in one folder nobody can know which is wrong. Mistakes that a folder has of its own count as false.
"""

import argparse
import resource
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from faceline.evaluation.comparison import Embedded, read_embedded
from faceline.evaluation.plots import plotted
from faceline.networks.table import NETWORKS
from faceline.people.copies import candidates
from faceline.people.faults import Faults, Labelled, find_faults
from faceline.people.gallery import Gallery

RATES, DOUBLED, DRAWS = (0.01, 0.05), 0.1, 5
BINS = (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1.01)
LEAST_PICTURES, MOST_ENROLLED = 5, 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("embeddings", nargs="*", type=Path)
    parser.add_argument("--plot", type=Path, metavar="STEM")
    parser.add_argument("--drawn", type=int, metavar="N")
    options = parser.parse_args()
    if options.drawn:
        draw(options.drawn)
    folders = {f"{folder.parent.name}, {folder.name}": read_embedded([folder]) for folder in options.embeddings}
    if folders:
        curves = wrong_pictures(folders)
        doubles(folders)
        few_pictures(folders)
        if options.plot:
            plot(options.plot, curves)


def looked(embedded: Embedded, owners: np.ndarray) -> tuple[Faults, Labelled, np.ndarray]:
    """The faults of pictures that are said to be the `owners`', with the probabilities and owners in their order."""
    labelled, order = Labelled.of(embedded.embeddings, owners.tolist(), embedded.network)
    faults, places = find_faults(labelled), np.argsort(order)
    return replace(faults, wrong=faults.wrong[places], owners=faults.owners[places]), labelled, order


def moved(people: np.ndarray, rate: float, among_all: bool, generator: np.random.Generator) -> np.ndarray:
    """Whose the pictures are said to be when a share of them is in a wrong folder."""
    names, own, counts = np.unique(people, return_inverse=True, return_counts=True)
    may_move = np.flatnonzero(among_all | (counts[own] > 1))
    places = np.flatnonzero(among_all | (counts > 1))
    said = own.copy()
    for row in generator.permutation(may_move)[: round(rate * len(may_move))]:
        said[row] = generator.choice(places[places != own[row]])
    return names[said]


def can_be_told(people: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Which wrong pictures have another one of their person in its folder, or two right ones in theirs."""
    right = people[people == said]
    names, counts = np.unique(right, return_counts=True)
    pictures = dict(zip(names.tolist(), counts.tolist(), strict=True))
    return np.array([
        one != other and ((pictures.get(one, 0) > 0 and pictures.get(other, 0) > 0) or pictures.get(other, 0) > 1)
        for one, other in zip(people.tolist(), said.tolist(), strict=True)
    ])  # fmt: skip


def wrong_pictures(folders: dict[str, Embedded]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Print a row for each folder and rate of wrong pictures; give probabilities and truth of each."""
    print(
        "| faces, network | wrong | average precision | recall at 0.9 precision | of those that can be told"
        " | precision, recall at 0.5 | at 0.9 | owner right |\n" + "|---" * 8 + "|"
    )
    results = {}
    for name, embedded in folders.items():
        people = np.array(embedded.people)
        for among_all in (False, True) if (np.unique(people, return_counts=True)[1] == 1).any() else (False,):
            for rate in RATES:
                draws = [wrong_draw(embedded, people, rate, among_all, seed) for seed in range(DRAWS)]
                chances, truth, told, owner = (np.concatenate(parts) for parts in zip(*draws, strict=True))
                among = "all" if among_all else "several"
                results[f"{name}, {rate:.0%} wrong, among {among}"] = chances, truth
                figures = [
                    f"{average_precision(chances, truth):.3f}",
                    f"{recall_at(chances, truth):.3f}",
                    f"{recall_at(chances[~truth | told], truth[~truth | told]):.3f} ({told[truth].mean():.0%})",
                    *(told_at(chances, truth, least) for least in (0.5, 0.9)),
                    f"{owner[truth & (chances >= 0.5)].mean():.3f}",
                ]
                print(f"| {name} | {rate:.0%}, among {among} | " + " | ".join(figures) + " |", flush=True)
    print(
        "\n| faces, network, mistakes | "
        + " | ".join(f"{low:g} to {min(high, 1):g}" for low, high in pairwise(BINS))
        + " |"
    )
    print("|---" * len(BINS) + "|")
    for name, (chances, truth) in results.items():
        print(f"| {name} | " + " | ".join(calibration(chances, truth)) + " |")
    return results


def wrong_draw(
    embedded: Embedded, people: np.ndarray, rate: float, among_all: bool, seed: int
) -> tuple[np.ndarray, ...]:
    """Of each picture: the probability that it is wrong, whether it is, whether it can be told, whether its owner is
    the right one."""
    said = moved(people, rate, among_all, np.random.default_rng(seed))
    faults, labelled, _ = looked(embedded, said)
    names = np.array([*labelled.names, ""])
    owner_there = np.isin(people, said[people == said])
    return faults.wrong, said != people, can_be_told(people, said), np.where(
        owner_there, names[faults.owners] == people, names[faults.owners] == ""
    )  # fmt: skip


def doubles(folders: dict[str, Embedded]) -> None:
    """Print a row for each folder of people of whom a tenth of those with several pictures have two folders."""
    print("\n| faces, network | doubles | average precision | recall at 0.9 precision | precision, recall at 0.5 |")
    print("|---" * 5 + "|")
    for name, embedded in folders.items():
        people = np.array(embedded.people)
        for least in (2, 4):
            draws = [double_draw(embedded, people, least, seed) for seed in range(DRAWS)]
            chances, truth = (np.concatenate(parts) for parts in zip(*draws, strict=True))
            print(
                f"| {name} | people with {least} or more pictures | {average_precision(chances, truth):.3f}"
                f" | {recall_at(chances, truth):.3f} | {told_at(chances, truth, 0.5)} |",
                flush=True,
            )


def double_draw(embedded: Embedded, people: np.ndarray, least: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The probabilities of pairs of folders that are told of, and 0 of doubles that are not; which are doubles."""
    generator = np.random.default_rng(seed)
    names, counts = np.unique(people, return_counts=True)
    several = names[counts >= least]
    chosen = generator.permutation(several)[: max(1, round(DOUBLED * len(several)))]
    said, second = people.astype(object), {}
    for number, name in enumerate(chosen.tolist()):
        rows = generator.permutation(np.flatnonzero(people == name))
        second[name] = f"{generator.bytes(4).hex()}-{number}-"  # a name that says nothing
        said[rows[: generator.integers(1, len(rows))]] = second[name]
    faults, labelled, _ = looked(embedded, said)
    found = {
        frozenset((labelled.names[double.folder], labelled.names[double.other])): double.probability
        for double in faults.doubles
    }
    truth = {frozenset(pair) for pair in second.items()}
    pairs = list(found.keys() | truth)
    return np.array([found.get(pair, 0.0) for pair in pairs]), np.array([pair in truth for pair in pairs])


def few_pictures(folders: dict[str, Embedded]) -> None:
    """Print how often other pictures of people are not recognised, by how many are enrolled."""
    print("\n| faces, network | " + " | ".join(f"{count} enrolled" for count in range(1, MOST_ENROLLED + 1)) + " |")
    print("|---" * (MOST_ENROLLED + 1) + "|")
    for name, embedded in folders.items():
        missed = [missed_share(embedded, count) for count in range(1, MOST_ENROLLED + 1)]
        print(f"| {name} | " + " | ".join(f"{share:.3f}" for share in missed) + " |", flush=True)


def missed_share(embedded: Embedded, count: int) -> float:
    generator, people = np.random.default_rng(count), np.array(embedded.people)
    names, counts = np.unique(people, return_counts=True)
    known = [
        generator.permutation(np.flatnonzero(people == name))
        for name in names[(counts >= LEAST_PICTURES) & (counts <= 2 * LEAST_PICTURES)]
    ]
    rows, probes = (np.concatenate(parts) for parts in zip(*((own[:count], own[count:]) for own in known), strict=True))
    enrolled = people[rows].tolist()
    options = {"fpir": 0.01, "classifier": "LinearSvm", "lda_dim": None, "jobs": 1}
    gallery = Gallery.fit(enrolled, embedded.embeddings[rows], enrolled, embedded.network, **options)
    named = np.array([who.name for who in gallery.identify(embedded.embeddings[probes])])
    return float((named != people[probes]).mean())


def curve(chances: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall when the likeliest are told, one more each time."""
    right = np.cumsum(truth[np.argsort(-chances, kind="stable")])
    return right / np.arange(1, len(truth) + 1), right / truth.sum()


def average_precision(chances: np.ndarray, truth: np.ndarray) -> float:
    precision, _ = curve(chances, truth)
    return float(precision[truth[np.argsort(-chances, kind="stable")]].mean())


def recall_at(chances: np.ndarray, truth: np.ndarray, least: float = 0.9) -> float:
    precision, recall = curve(chances, truth)
    return float(recall[precision >= least].max(initial=0))


def told_at(chances: np.ndarray, truth: np.ndarray, least: float) -> str:
    told = chances >= least
    return f"{truth[told].mean():.3f}, {told[truth].mean():.3f}" if told.any() else "none told"


def calibration(chances: np.ndarray, truth: np.ndarray) -> Sequence[str]:
    """What was said, what happened, and of how many, for each bin."""
    parts = [(chances >= low) & (chances < high) for low, high in pairwise(BINS)]
    return [
        f"{chances[part].mean():.2f}: {truth[part].mean():.2f} ({part.sum()})" if part.any() else "" for part in parts
    ]


def plot(stem: Path, results: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    with plotted(stem) as axes:
        for name, (chances, truth) in results.items():
            if f"{RATES[-1]:.0%} wrong" in name:
                precision, recall = curve(chances, truth)
                axes.plot(recall, precision, label=name)
        axes.axhline(0.9, color="grey", linestyle=":")
        axes.set(xlabel="recall", ylabel="precision", xlim=(0.5, 1.01), ylim=(0.5, 1.01))
        axes.legend(fontsize="x-small", loc="lower left")


def draw(count: int) -> None:
    """Print what made-up embeddings take: five of each person, as far apart as MobileFaceNet's, one in 100 wrong."""
    network, generator = NETWORKS["mobilefacenet"], np.random.default_rng(1)
    people = np.repeat(np.arange(-(-count // 5)), 5)[:count]

    def directions(number: int) -> np.ndarray:
        drawn = generator.standard_normal((number, 128), dtype=np.float32)
        drawn *= np.exp(-np.arange(128) / 60).astype(np.float32)
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)

    embeddings = directions(people[-1] + 1)[people] + np.float32(np.sqrt(0.55 * network.threshold)) * directions(count)
    names = np.array([f"p{person:06}." for person in people])
    said = moved(names, RATES[0], True, generator)
    start, used = time.perf_counter(), time.process_time()
    labelled, order = Labelled.of(embeddings, said.tolist(), network)
    faults = find_faults(labelled)
    middle = time.perf_counter()
    pairs, _ = candidates(labelled.directions, labelled.scale)
    seconds = middle - start, time.perf_counter() - middle
    used = time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{count} faces: {seconds[0]:.0f} s for faults, {seconds[1]:.0f} s for {len(pairs)} candidates of copies,"
        f" {used:.0f} s of a processor in all, {peak:.0f} MB at most"
    )
    print(f"wrong, precision and recall at 0.5: {told_at(faults.wrong, (said != names)[order], 0.5)}")


if __name__ == "__main__":
    main()
