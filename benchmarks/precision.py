#!/usr/bin/env python3
"""What --precision bf16 and int8 gain and lose: the tables of docs/precision.md.

Takes crops that serve all networks (align --network dlib+mobilefacenet) of lfw-dev, and the folders of embeddings that
batch_represent made of them, a network after the other, each in float32 first and then in other precisions. dlib's
wheel and all others take turns, on one thread and on two.
"""

import argparse
import itertools
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from measure import interleaved, machine

from faceline.disk.people_paths import UNKNOWN
from faceline.disk.pictures.images import decode_image
from faceline.evaluation.comparison import Embedded, all_distances, read_embedded
from faceline.evaluation.identification.trials import Trial
from faceline.evaluation.pairs.lists import Pairs, read_pairs, rows_of_pairs
from faceline.evaluation.rates import Distances
from faceline.faces.embedder import embed
from faceline.networks.frames import SHARED
from faceline.networks.network import FLOAT32, Network
from faceline.networks.runtime import Runtime
from faceline.networks.table import NETWORKS
from faceline.people.classifiers.table import DEFAULT_CLASSIFIER_NAME
from faceline.people.gallery import Gallery
from faceline.stages.represent import read_aligned

BATCH, ROUNDS, DRAWS, ENROLLED = 16, 11, 5, 4

# Where balanced accuracy is smoothed: docs/accuracy.md.
FALSE_ACCEPTS = np.linspace(0.002, 0.02, 37)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crops", type=Path)
    parser.add_argument("pairs", type=Path, help="pairsDevTest.txt")
    parser.add_argument("known", type=Path, help="known people, one a line")
    parser.add_argument("strangers", type=Path, help="strangers, one a line")
    parser.add_argument("embeddings", type=Path, nargs="+")
    options = parser.parse_args()
    folders = [read_embedded([folder]) for folder in options.embeddings]
    print(f"{machine()}\n", flush=True)
    speed(options.crops, [folder.network for folder in folders])
    people = [path.read_text("utf-8").split() for path in (options.known, options.strangers)]
    accuracy(folders, options.pairs, *people)


def by_network(folders: list[Embedded]) -> Iterator[tuple[Embedded, list[Embedded]]]:
    """The folder of each network in float32, and all of it."""
    for _, group in itertools.groupby(folders, key=lambda folder: folder.network.name):
        found = list(group)
        if found[0].network.precision != FLOAT32:
            raise SystemExit(f"{found[0].network.name}: name the embeddings in float32 first")
        yield found[0], found


def speed(crops_dir: Path, networks: list[Network]) -> None:
    rows, _ = read_aligned(crops_dir, networks[-1])
    paths = [crops_dir / row.crop for row in rows if row.crop][:BATCH]
    crops = np.stack([decode_image(path.read_bytes()) for path in paths])
    candidates: dict[str, Callable[[], object]] = {
        "dlib's wheel": lambda: embed(NETWORKS["dlib"], crops[:2], Runtime("dlib"), frame=SHARED)
    }
    for network, threads in itertools.product(networks, (1, 2)):
        run = partial(embed, network, crops, Runtime(threads=threads), frame=SHARED)
        candidates[f"{network.title} {threads}"] = run
    medians = interleaved(candidates, ROUNDS)
    wheel = medians.pop("dlib's wheel") / 2
    print(f"dlib's wheel: {wheel * 1e3:.1f} ms a face\n")
    print("| network | ms a face, 1 thread | 2 threads | times dlib's wheel, 1 thread | 2 threads |")
    print("|---|---|---|---|---|")
    for network in networks:
        one, two = (medians[f"{network.title} {threads}"] / BATCH for threads in (1, 2))
        print(f"| {network.title} | {one * 1e3:.2f} | {two * 1e3:.2f} | {wheel / one:.1f} | {wheel / two:.1f} |")
    print(flush=True)


def accuracy(folders: list[Embedded], pairs: Path, known: list[str], strangers: list[str]) -> None:
    listed = read_pairs(pairs)
    print(
        "| network | distance to float32: mean, largest | View 1 | smoothed | true accepts at 0.001, 0.0001"
        " | known people found | strangers named | its probes in a gallery of float32 | the other way round |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for plain, group in by_network(folders):
        for folder in group:
            if folder.crops != plain.crops:
                raise SystemExit(f"{folder.network.title}: is of other crops")
            away = np.linalg.norm(folder.embeddings - plain.embeddings, axis=1)
            labels = np.unique(folder.people, return_inverse=True)[1]
            distances = Distances(*all_distances(folder.embeddings, labels, folder.metric))
            of_pairs = pair_distances(folder, listed)
            own, from_plain, to_plain = (
                names_given(*two, known, strangers) for two in ((folder, folder), (plain, folder), (folder, plain))
            )
            tars = [distances.true_accept_rate(distances.threshold_for(rate)) for rate in (1e-3, 1e-4)]
            print(
                f"| {folder.network.title} | {away.mean():.4f}, {away.max():.4f} | {of_pairs.best_accuracy()[0]:.4f}"
                f" | {smoothed(distances):.5f} | {tars[0]:.4f}, {tars[1]:.4f} | {own[0]:.4f} | {own[1]:.4f}"
                f" | {from_plain[0]:.4f}, {from_plain[1]:.4f} | {to_plain[0]:.4f}, {to_plain[1]:.4f} |",
                flush=True,
            )


def pair_distances(folder: Embedded, listed: Pairs) -> Distances:
    rows = np.array(rows_of_pairs(Path("pairs"), listed.pairs, folder.crops))
    first, second = (folder.embeddings[rows[:, side]] for side in (0, 1))
    return Distances.of(folder.metric.pairs(first, second), np.array([pair.same for pair in listed.pairs]))


def smoothed(distances: Distances) -> float:
    """Balanced accuracy, its mean over thresholds for several false accept rates."""
    thresholds = np.array([distances.threshold_for(rate) for rate in FALSE_ACCEPTS])
    return float((distances.true_accept_rate(thresholds) + 1 - distances.false_accept_rate(thresholds)).mean() / 2)


def names_given(enrolled: Embedded, asked: Embedded, known: list[str], strangers: list[str]) -> tuple[float, float]:
    """How many known people are found and strangers named, means of draws, where 1 % of strangers may be named."""
    rates = []
    names = np.array(asked.people)
    both = np.concatenate([enrolled.embeddings, asked.embeddings], axis=1)
    dimensions = enrolled.embeddings.shape[1]
    for seed in range(DRAWS):
        trial = Trial.draw(both, names, known, strangers, lambda count: ENROLLED, np.random.default_rng(seed))
        gallery = Gallery.fit(
            list(trial.gallery_names),
            np.ascontiguousarray(trial.gallery[:, :dimensions]),
            [f"{name}/{number}" for number, name in enumerate(trial.gallery_names)],
            enrolled.network,
            fpir=0.01,
            classifier=DEFAULT_CLASSIFIER_NAME,
            lda_dim=None,
            jobs=1,
        )
        found = gallery.identify(np.ascontiguousarray(trial.probes[:, dimensions:]))
        right = [who.name == name for who, name in zip(found, trial.probe_names, strict=True)]
        others = gallery.identify(np.ascontiguousarray(trial.strangers[:, dimensions:]))
        rates.append((np.mean(right), np.mean([who.name != UNKNOWN for who in others])))
    found, named = np.mean(rates, axis=0)
    return float(found), float(named)


if __name__ == "__main__":
    main()
