#!/usr/bin/env python3
"""What the two confidences of `faceline/stages/blurring.py` do to LFW's people and strangers.

    benchmarks/blur_names.py <embeddings of lfw-dev> <known.txt> <unknown.txt>

Three pictures of each known person are enrolled; their others and the strangers are asked for.
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np

from faceline.disk.people_paths import UNKNOWN
from faceline.evaluation.comparison import read_embedded
from faceline.people.gallery import Gallery
from faceline.people.identity import Identity
from faceline.stages.blurring import CANDIDATES

ENROLLED = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("embeddings", "known", "unknown"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    embedded = read_embedded([options.embeddings])
    known, unknown = (set(path.read_text().split()) for path in (options.known, options.unknown))
    seen: Counter[str] = Counter()
    enrolled: list[int] = []
    probes: list[int] = []
    strangers: list[int] = []
    people = [str(person) for person in embedded.people]
    for row, person in enumerate(people):
        if person in known:
            seen[person] += 1
            (enrolled if seen[person] <= ENROLLED else probes).append(row)
        elif person in unknown:
            strangers.append(row)
    gallery, _ = Gallery.enrol(
        [people[row] for row in enrolled],
        embedded.embeddings[enrolled],
        [str(row) for row in enrolled],
        embedded.network,
        fpir=0.01,
        classifier="LinearSvm",
        lda_dim=None,
        jobs=1,
    )
    answers = gallery.identify(embedded.embeddings[probes], top=CANDIDATES)
    others = gallery.identify(embedded.embeddings[strangers], top=CANDIDATES)
    right = [people[row] for row in probes]
    print(f"{len(known)} people, {len(probes)} pictures of theirs, {len(strangers)} of strangers, per cent\n")
    print("| kept from this confidence on | known people kept | strangers kept as one of them |\n|---|---|---|")
    for limit in (0.5, 0.8, 0.9, 0.95, 0.99):
        kept = [who.name == name and who.confidence >= limit for who, name in zip(answers, right, strict=True)]
        wrong = [who.name != UNKNOWN and who.confidence >= limit for who in others]
        print(f"| {limit} | {100 * np.mean(kept):.1f} | {100 * np.mean(wrong):.2f} |")
    print("\n| covered from this confidence on | the right people covered | strangers, for one person |\n|---|---|---|")
    for limit in (0.5, 0.2, 0.1, 0.05, 0.02):
        covered = [may_be(who, limit).get(name, False) for who, name in zip(answers, right, strict=True)]
        wrong_ones = sum(sum(may_be(who, limit).values()) for who in others) / len(others) / len(known)
        print(f"| {limit} | {100 * np.mean(covered):.1f} | {100 * wrong_ones:.3f} |")


def may_be(who: Identity, limit: float) -> dict[str, bool]:
    """Of each candidate, whether the face would be covered if that is who is to be."""
    return {candidate.name: candidate.name == who.name or candidate.confidence >= limit for candidate in who.candidates}


if __name__ == "__main__":
    main()
