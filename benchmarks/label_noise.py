#!/usr/bin/env python3
"""What mistakes in a gallery do to everybody else: doubles, wrong labels and copies, among known people and strangers.

Writes the stages' folders into <work>, where benchmarks/open_set.py keeps them too; prints a table of docs/accuracy.md.
Each gallery is compared with itself without the mistakes: "kept" are the people who are not in question.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from open_set import NETWORK, embeddings_of

from faceline.disk.people_paths import UNKNOWN
from faceline.evaluation.identification.trials import Trial, halves
from faceline.people.calibration import DEFAULT_FPIR
from faceline.people.classifiers.table import DEFAULT_CLASSIFIER_NAME
from faceline.people.enrolment import Enrolment
from faceline.people.gallery import Gallery
from faceline.runs.parallel import all_cores

DOUBLES, WRONG, COPIES = 0.1, 0.05, 3
DOUBLE = " (2)"  # behind the name of a person's second folder
# How far the embedding of a copy lies from its original's, in each dimension, as that of one saved again does.
COPY_NOISE = 0.006


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("work", type=Path)
    options = parser.parse_args()
    lists = [(options.photographs / f"lfw-dev-{name}.txt").read_text().split() for name in ("known", "unknown")]
    lfw = embeddings_of(options.photographs / "lfw-dev", options.work / "lfw")
    asian = embeddings_of(options.photographs / "east-asian-dev", options.work / "east-asian")

    def of_lfw(people: int, pictures: int, seed: int) -> Trial:
        generator = np.random.default_rng(seed)
        known = generator.permutation(lists[0])[:people].tolist()
        return Trial.draw(*lfw, known, lists[1], lambda count: pictures, generator)

    def of_asian(pictures: int | None, seed: int) -> Trial:
        """Half of the people, with half of their pictures, of so many at most."""
        generator = np.random.default_rng(seed)
        known, strangers = halves(np.unique(asian[1]).tolist(), generator)
        most = len(asian[1]) if pictures is None else pictures
        return Trial.draw(*asian, known, strangers, lambda count: min(most, (count + 1) // 2), generator)

    print(
        "| gallery | mistakes | kept: found, without them | with them | strangers named | expected | said |\n"
        "|---|---|---|---|---|---|---|"
    )
    for name, draw, draws, kinds in (
        ("LFW, 214 people x 4", partial(of_lfw, 214, 4), 2, MISTAKES),
        ("LFW, 214 people x 1", partial(of_lfw, 214, 1), 2, MISTAKES),
        ("LFW, 40 people x 4", partial(of_lfw, 40, 4), 8, MISTAKES),
        ("LFW, 20 people x 4", partial(of_lfw, 20, 4), 12, MISTAKES),
        ("East Asian halves", partial(of_asian, None), 20, MISTAKES),
        ("LFW, 60 people x 3", partial(of_lfw, 60, 3), 12, FAINT),
        ("LFW, 20 people x 3", partial(of_lfw, 20, 3), 24, FAINT),
        ("LFW, 100 people x 1", partial(of_lfw, 100, 1), 12, FAINT),
        ("LFW, 40 people x 1", partial(of_lfw, 40, 1), 24, FAINT),
        ("LFW, 20 people x 1", partial(of_lfw, 20, 1), 24, FAINT),
        ("East Asian, 14 people x 3", partial(of_asian, 3), 24, FAINT),
        ("East Asian, 14 people x 1", partial(of_asian, 1), 24, FAINT),
    ):
        trials = [draw(seed) for seed in range(draws)]
        clean = [gallery_of(trial)[0] for trial in trials]
        for mistakes, make in kinds.items():
            rows = [row(one, plain, make, seed) for seed, (one, plain) in enumerate(zip(trials, clean, strict=True))]
            before, after, named, expected, seen, made = np.nanmean(rows, axis=0)
            said = f"{seen:.1f} of {made:.1f}" if made else f"{seen:.1f}"
            print(
                f"| {name} | {mistakes} | {before:.3f} | {after:.3f} | {named:.4f} | {expected:.3f} | {said} |",
                flush=True,
            )


def gallery_of(trial: Trial) -> tuple[Gallery, Enrolment]:
    names = trial.gallery_names.tolist()
    return Gallery.enrol(
        *(names, trial.gallery, names, NETWORK),
        fpir=DEFAULT_FPIR,
        classifier=DEFAULT_CLASSIFIER_NAME,
        lda_dim=None,
        jobs=all_cores(),
    )


def row(trial: Trial, clean: Gallery, make: Callable, seed: int) -> list[float]:
    """What the mistakes that `make` makes do to a trial, whose gallery without them is `clean`."""
    dirty, questioned, made = make(trial, np.random.default_rng(seed))
    gallery, enrolment = gallery_of(dirty)
    kept = ~np.isin(dirty.probe_names, list(questioned))
    found = [
        np.array([who.name for who in one.identify(dirty.probes[kept])]) == dirty.probe_names[kept]
        for one in (clean, gallery)
    ]
    named = np.mean([who.name != UNKNOWN for who in gallery.identify(dirty.strangers)])
    seen = len(enrolment.links) + len(enrolment.wrong)
    return [found[0].mean(), found[1].mean(), named, gallery.calibration.tpir, seen, made]


def nothing(trial: Trial, generator: np.random.Generator) -> tuple[Trial, set[str], int]:
    return trial, set(), 0


def doubled(trial: Trial, generator: np.random.Generator, most: int | None = None) -> tuple[Trial, set[str], int]:
    """Some people have a second folder, with as many other pictures of them as there are, at most `most` or as in the
    first."""
    people = np.unique(trial.gallery_names)
    chosen = generator.permutation(people)[: max(1, round(DOUBLES * len(people)))]
    moved = np.zeros(len(trial.probe_names), bool)
    for name in chosen:
        rows = generator.permutation(np.flatnonzero(trial.probe_names == name))
        moved[rows[: most or np.count_nonzero(trial.gallery_names == name)]] = True
    names = np.array([name + DOUBLE for name in trial.probe_names[moved]])
    dirty = replace(
        trial,
        gallery=np.concatenate([trial.gallery, trial.probes[moved]]),
        gallery_names=np.concatenate([trial.gallery_names, names]),
        probes=trial.probes[~moved],
        probe_names=trial.probe_names[~moved],
    )
    return dirty, set(chosen), len(np.unique(names))


def mislabelled(trial: Trial, generator: np.random.Generator) -> tuple[Trial, set[str], int]:
    """Some pictures lie in another person's folder; nobody loses the last one."""
    names = trial.gallery_names.copy()
    people, questioned, made = np.unique(names), set(), 0
    for picture in generator.permutation(len(names))[: round(WRONG * len(names))]:
        own = names[picture]
        if np.count_nonzero(names == own) > 1:
            names[picture] = generator.choice(people[people != own])
            questioned |= {own, names[picture]}
            made += 1
    return replace(trial, gallery_names=names), questioned, made


def copied(trial: Trial, generator: np.random.Generator) -> tuple[Trial, set[str], int]:
    """Every picture is there several times."""
    noise = COPY_NOISE * generator.normal(size=(COPIES, *trial.gallery.shape)).astype(np.float32)
    copies = [trial.gallery, *(trial.gallery + noise)]
    return (
        replace(trial, gallery=np.concatenate(copies), gallery_names=np.tile(trial.gallery_names, len(copies))),
        set(),
        0,
    )


MISTAKES: dict[str, Callable] = {
    "none": nothing,
    f"{DOUBLES:.0%} of people double": doubled,
    f"{WRONG:.0%} of pictures in a wrong folder": mislabelled,
    f"{COPIES} copies of each picture": copied,
}
# The mistakes that are the hardest to see: people of whom the second folder holds a single picture.
FAINT: dict[str, Callable] = {
    "none": nothing,
    f"{DOUBLES:.0%} of people double, by a picture": partial(doubled, most=1),
}


if __name__ == "__main__":
    main()
