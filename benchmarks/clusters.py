#!/usr/bin/env python3
"""How well faces without names are put together, and what a large heap takes.

    benchmarks/clusters.py <folder of embeddings> …    pairwise precision, recall and F, and B-cubed F, of methods
    benchmarks/clusters.py --together <folder> …       the same where the faces are of photographs of several people
    benchmarks/clusters.py --drawn 100000              time and memory of embeddings that are made up

The folders' people say what is right. `chosen` is what the command does; `best` is at the one that is best afterwards,
for pairwise F. The map equation needs networkit (pip install networkit); without it, it is left out. With `--together`,
photographs of up to four people are made up, who are together again and again: whoever they are, or people who are
alike, as families are. Each face is in one of them.
"""

import argparse
import contextlib
import importlib.util
import os
import resource
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from faceline.disk.manifests import manifest_rows
from faceline.disk.names import MANIFEST_FILE
from faceline.disk.rows import USABLE, CropRow
from faceline.evaluation.comparison import read_embedded
from faceline.networks.network import Network
from faceline.networks.table import NETWORKS
from faceline.people.clustering.clusters import find_clusters, scaled
from faceline.people.clustering.linkage import average_linkage
from faceline.people.clustering.neighbours import near_pairs

# First and second faces of pairs, their weights, and how many faces there are -> the cluster of each face.
Partition = Callable[[np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]

TOGETHER = 4  # people who are in photographs with each other
SHOWN = 0.7  # of these, in a photograph
DRAWS = 6

LIMITS: list[float] = np.round(np.arange(0.3, 1.2, 0.02), 2).tolist()
DENSEST = 100  # pairs a face, beyond which a graph only joins everybody
HALVES = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("embeddings", nargs="*", type=Path)
    parser.add_argument("--drawn", type=int, metavar="N")
    parser.add_argument("--together", action="store_true")
    options = parser.parse_args()
    if options.drawn:
        draw(options.drawn)
    for folder in options.embeddings:
        embedded = read_embedded([folder])
        people = np.unique(embedded.people, return_inverse=True)[1]
        print(f"\n{folder}: {len(people)} faces of {people.max() + 1} people\n")
        print("| method | limit | precision | recall | F | B-cubed F |\n|---|---|---|---|---|---|")
        if options.together:
            compare_together(embedded.embeddings, embedded.network, people)
            continue
        compare(embedded.embeddings, embedded.network, people, qualities_of(folder))
        print(f"\nHalves of the people: {lost_in_halves(embedded.embeddings, embedded.network, people)}", flush=True)


def qualities_of(folder: Path) -> np.ndarray:
    """How good the picture of each face is, (n,)."""
    rows = manifest_rows(folder / MANIFEST_FILE, CropRow)
    return np.array([row.quality for row in rows if row.status in USABLE], float)


def compare(embeddings: np.ndarray, network: Network, people: np.ndarray, qualities: np.ndarray) -> None:
    """Print a row for each method; the first is what the command does."""
    found = find_clusters(embeddings, network, qualities=qualities)
    print(row("average linkage, chosen, by quality", found.limit, rates(found.numbers, people)))
    found = find_clusters(embeddings, network)
    print(row("average linkage, chosen", found.limit, rates(found.numbers, people)), flush=True)
    points = scaled(embeddings, network)
    pairs = near_pairs(points, LIMITS[-1], len(points))
    tree = average_linkage(points, pairs, LIMITS[-1])
    print(row("average linkage, best", *best({limit: rates(tree.cut(limit), people) for limit in LIMITS})))
    squares = ((points[pairs[:, 0]] - points[pairs[:, 1]]) ** 2).sum(axis=1)
    methods: dict[str, Partition] = {"Chinese whispers, best": whispers, "connected components, best": components}
    if importlib.util.find_spec("networkit"):
        methods["map equation, best"] = map_equation
    for name, method in methods.items():
        results: dict[float, tuple[float, ...]] = {}
        for limit in LIMITS:
            near = squares < limit
            if np.count_nonzero(near) < DENSEST * len(points):
                weights = 1 - np.sqrt(squares[near] / limit) / 1.05
                results[limit] = rates(method(pairs[near, 0], pairs[near, 1], weights, len(points)), people)
        print(row(name, *best(results)), flush=True)


def compare_together(embeddings: np.ndarray, network: Network, people: np.ndarray) -> None:
    """Print a row for each kind of photographs, of the mean over some draws of them."""
    found = find_clusters(embeddings, network)
    print(row("photographs not known", found.limit, rates(found.numbers, people)))
    for name, alike in (("whoever is together", False), ("those together are alike", True)):
        figures = []
        for draw in range(DRAWS):
            photographs = made_photographs(embeddings, people, alike, np.random.default_rng(draw))
            figures.append(rates(find_clusters(embeddings, network, photographs).numbers, people))
        means = np.mean(figures, axis=0).tolist()
        print(row(name, found.limit, tuple(means)), flush=True)


def made_photographs(
    embeddings: np.ndarray, people: np.ndarray, alike: bool, generator: np.random.Generator
) -> np.ndarray:
    """A photograph for each face, (n,) int, of which no two are one person's in one photograph."""
    means = np.stack([embeddings[people == person].mean(axis=0) for person in range(people.max() + 1)])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    left = generator.permutation(len(means)).tolist()
    photographs, count = np.zeros(len(people), np.int64), 0
    while left:
        circle = [left.pop()]
        while left and len(circle) < TOGETHER:
            nearest = int(np.argmax((means[left] @ means[circle].T).max(axis=1)))
            circle.append(left.pop(nearest if alike else -1))
        remaining = [generator.permutation(np.flatnonzero(people == person)).tolist() for person in circle]
        while any(remaining):
            for faces in remaining:
                if faces and generator.random() < SHOWN:
                    photographs[faces.pop()] = count
            count += 1
    return photographs


def row(name: str, limit: float, figures: tuple[float, ...]) -> str:
    return f"| {name} | {limit:.2f} | " + " | ".join(f"{figure:.3f}" for figure in figures) + " |"


def best(results: Mapping[float, tuple[float, ...]]) -> tuple[float, tuple[float, ...]]:
    """The limit with the highest pairwise F, and its figures."""
    limit = max(results, key=lambda limit: results[limit][2])
    return limit, results[limit]


def lost_in_halves(embeddings: np.ndarray, network: Network, people: np.ndarray) -> str:
    """What the chosen limit costs in pairwise F, against the best one of each half."""
    generator, lost = np.random.default_rng(7), []
    for _ in range(HALVES):
        chosen = generator.permutation(people.max() + 1) < (people.max() + 1) // 2
        half = chosen[people]
        own = people[half]
        found = rates(find_clusters(embeddings[half], network).numbers, own)
        points = scaled(embeddings[half], network)
        tree = average_linkage(points, near_pairs(points, LIMITS[-1], len(points)), LIMITS[-1])
        lost.append(best({limit: rates(tree.cut(limit), own) for limit in LIMITS})[1][2] - found[2])
    return f"the chosen limit costs {np.mean(lost):.3f} F, {max(lost):.3f} at worst, in {HALVES} halves"


def rates(clusters: np.ndarray, people: np.ndarray) -> tuple[float, float, float, float]:
    """Pairwise precision, recall and F, and B-cubed F."""
    clusters = np.unique(clusters, return_inverse=True)[1]
    cells = people * (clusters.max() + 1) + clusters
    _, place, shared = np.unique(cells, return_inverse=True, return_counts=True)
    of_person, of_cluster = np.bincount(people), np.bincount(clusters)
    right = pairs_of(shared)
    precision, recall = right / max(pairs_of(of_cluster), 1), right / max(pairs_of(of_person), 1)
    cubed = (shared[place] / of_cluster[clusters]).mean(), (shared[place] / of_person[people]).mean()
    return precision, recall, harmonic(precision, recall), harmonic(*cubed)


def pairs_of(sizes: np.ndarray) -> int:
    return int((sizes * (sizes - 1) // 2).sum())


def harmonic(one: float, other: float) -> float:
    return 2 * one * other / (one + other) if one + other else 0.0


def components(first: np.ndarray, second: np.ndarray, weights: np.ndarray, count: int) -> np.ndarray:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    return connected_components(coo_array((weights, (first, second)), (count, count)), directed=False)[1]


def whispers(first: np.ndarray, second: np.ndarray, weights: np.ndarray, count: int) -> np.ndarray:
    """Chinese whispers (Biemann 2006), as dlib has it: each face takes the label that weighs most around it."""
    around: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    for one, other, weight in zip(first.tolist(), second.tolist(), weights.tolist(), strict=True):
        around[one].append((other, weight))
        around[other].append((one, weight))
    labels, generator = list(range(count)), np.random.default_rng(0)
    for _ in range(20):
        for face in generator.permutation(count).tolist():
            sums: dict[int, float] = {}
            for other, weight in around[face]:
                sums[labels[other]] = sums.get(labels[other], 0) + weight
            if sums:
                labels[face] = max(sums, key=lambda label: (sums[label], -label))
    return np.array(labels)


def map_equation(first: np.ndarray, second: np.ndarray, weights: np.ndarray, count: int) -> np.ndarray:
    import networkit

    networkit.setSeed(1, False)
    networkit.setNumberOfThreads(1)
    graph = networkit.Graph(count, weighted=True)
    for one, other, weight in zip(first.tolist(), second.tolist(), weights.tolist(), strict=True):
        graph.addEdge(one, other, weight)
    communities = networkit.community.LouvainMapEquation(graph, True, 32, "none")
    communities.run()
    return np.array(communities.getPartition().getVector())


def draw(count: int) -> None:
    """Print what embeddings take that are made up: five of each person, as far apart as MobileFaceNet's are, four in a
    photograph."""
    network = NETWORKS["mobilefacenet"]
    generator = np.random.default_rng(1)
    people = np.repeat(np.arange(-(-count // 5)), 5)[:count]
    embeddings = directions(generator, people[-1] + 1)[people]
    embeddings += np.float32(np.sqrt(0.55 * network.threshold)) * directions(generator, count)
    photographs = generator.permutation(count) // TOGETHER
    start = time.perf_counter()
    found = find_clusters(embeddings, network, photographs, threads=os.cpu_count() or 1)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{count} faces: {seconds:.0f} s, {peak:.0f} MB at most, F {rates(found.numbers, people)[2]:.4f}")


def directions(generator: np.random.Generator, count: int) -> np.ndarray:
    """Vectors of length 1, (count, 128) float32, some of whose directions vary more than others, as a network's do."""
    drawn = generator.standard_normal((count, 128), dtype=np.float32)
    drawn *= np.exp(-np.arange(128) / 60).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return drawn


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
