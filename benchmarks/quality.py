#!/usr/bin/env python3
"""Whether the quality of a face predicts that it will be recognised: error against reject curves, after Grother and
Tabassi, "Performance of biometric quality measures", IEEE PAMI 29(4), 2007.

Takes folders of embeddings, as stage 2 writes them, and the stem of the diagram's files. Of every pair of one person's
pictures it is known whether it is missed at a limit that lets a rate of pairs of different people pass, or at the
network's own threshold; then the pictures of the lowest quality are dropped.
"""

import argparse
from pathlib import Path

import numpy as np

from faceline.disk.embeddings import read_people
from faceline.disk.manifests import manifest_rows
from faceline.disk.names import MANIFEST_FILE
from faceline.disk.rows import USABLE, CropRow
from faceline.disk.run_records import read_record
from faceline.evaluation.plots import plotted
from faceline.networks.table import network_of

RATES = (0.01, 0.001)
DROPPED = (0, 0.01, 0.02, 0.05, 0.1, 0.2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--plot", type=Path, metavar="STEM")
    options = parser.parse_args()
    shares = " | ".join(f"{share:.0%}" for share in DROPPED)
    print(f"| faces | network | limit | {shares} | left of misses at 5 % |")
    print("|---" * (len(DROPPED) + 4) + "|")
    curves = {}
    for folder in options.folders:
        for (network, limit), missed in missed_pairs(folder).items():
            name = f"{folder.parent.name} | {network} | {limit}"
            print(f"| {name} | " + " | ".join(f"{miss:.4f}" for miss in missed) + f" | {missed[3] / missed[0]:.2f} |")
            curves[name.replace(" | ", ", ")] = missed
    if options.plot:
        draw(options.plot, curves)


def missed_pairs(folder: Path) -> dict[tuple[str, str], list[float]]:
    """Network and limit -> the share of missed pairs of one person, by the share of pictures that were dropped."""
    record = read_record(folder, "represent")
    network = network_of(record["options"])
    embeddings, _, people = read_people(folder, network.dimensions, record["counts"])
    rows = manifest_rows(folder / MANIFEST_FILE, CropRow, record["counts"])
    quality = np.array([row.quality for row in rows if row.status in USABLE])
    names = np.array(people)
    first, second = np.triu_indices(len(names), 1)
    distances = network.metric.table(embeddings, embeddings)[first, second]
    same = names[first] == names[second]
    limits = {f"{rate:g} of others pass": float(np.quantile(distances[~same], rate)) for rate in RATES}
    limits["its threshold"] = network.threshold
    worse = np.minimum(quality[first[same]], quality[second[same]])
    return {
        (network.name, name): [
            float((distances[same] > limit)[worse >= np.quantile(quality, share)].mean()) for share in DROPPED
        ]
        for name, limit in limits.items()
    }


def draw(stem: Path, curves: dict[str, list[float]]) -> None:
    with plotted(stem) as axes:
        for name, missed in curves.items():
            axes.plot(DROPPED, np.array(missed) / missed[0], marker="o", label=name)
        axes.axhline(0.5, color="grey", linestyle=":")
        axes.set(xlabel="pictures of the lowest quality dropped", ylabel="missed pairs of one person, against all")
        axes.set_ylim(0, 1.05)
        axes.set_xticks(DROPPED, [f"{share:.0%}" for share in DROPPED])
        axes.legend(fontsize="small")


if __name__ == "__main__":
    main()
