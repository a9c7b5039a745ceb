#!/usr/bin/env python3
"""What the confidence is worth in poor pictures: photographs made worse, of people and by code that nothing was learnt
from.

Takes the folder of photographs, which holds lfw-dev/, its lists and east-asian-dev/, and a folder for the stages'
results and the degraded faces, where a second run finds them. Prints the tables of docs/accuracy.md.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from degradations import CHECKING as WAYS
from degradations import KINDS
from degraded_faces import CHECKING, Faces, Photographs, Probes, draw, make_worse

from faceline.disk.people_paths import UNKNOWN
from faceline.evaluation.identification.rates import bins_of, calibration_error
from faceline.people.quality import Quality, judge


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--pictures", type=int, default=600, help="how many photographs are made worse, in each way")
    options = parser.parse_args()
    photographs = Photographs.read(options.photographs, options.work, CHECKING)
    faces = make_worse(photographs, WAYS, options.pictures, options.work / "checking.npz")
    trials = list(draw(photographs, faces))
    good = [answers_of(trial, None) for trial in trials]
    judged = [answers_of(trial, [judge(row) for row in trial.faces.features]) for trial in trials]
    titles = list(dict.fromkeys(trial.title for trial in trials))
    print("| kind | no face | " + " | ".join(titles) + " | all | taken for good | known people named | unclear |")
    print("|---" * (len(titles) + 6) + "|")
    groups = {"clean": ["clean"], **{kind: [kind] for kind in KINDS}, "all five": list(KINDS)}
    for name, kinds in groups.items():
        print_row(name, np.isin(faces.kinds, kinds), faces, trials, titles, judged, good)
    print()
    for way in dict.fromkeys(way.__name__ for ways in WAYS.values() for way in ways):
        print_row(way, faces.ways == way, faces, trials, titles, judged, good)


def answers_of(trial: Probes, qualities: Sequence[Quality] | None) -> dict[str, np.ndarray]:
    found = trial.gallery.identify(trial.faces.embeddings, qualities=qualities)
    names = np.array([who.name for who in found])
    is_named = names != UNKNOWN
    return {
        "confidence": np.array([who.confidence for who in found]),
        "right": np.where(is_named, names == trial.persons, ~trial.is_known),
        "named": is_named & (names == trial.persons),
        "unclear": np.array([who.unclear != "" for who in found]),
    }


def print_row(name: str, chosen: np.ndarray, faces: Faces, trials, titles, judged, good) -> None:
    """A row for some of the degraded faces, `chosen` (m,) bool."""
    ways = np.unique(faces.ways[chosen])

    def error(answers: list[dict], only: str = "") -> float:
        parts = [
            (one["confidence"][inside], one["right"][inside], trial.weights[inside])
            for one, trial in zip(answers, trials, strict=True)
            if only in ("", trial.title)
            for inside in [np.isin(trial.faces.ways, ways)]
        ]
        return calibration_error(bins_of(*(np.concatenate(column) for column in zip(*parts, strict=True))))

    def rate(what: str, known: bool) -> float:
        insides = [np.isin(trial.faces.ways, ways) & (trial.is_known | (not known)) for trial in trials]
        return float(np.concatenate([one[what][inside] for one, inside in zip(judged, insides, strict=True)]).mean())

    figures = [1 - faces.found[chosen].mean(), *(error(judged, title) for title in titles), error(judged), error(good)]
    figures = [f"{figure:.3f}" for figure in figures] + [f"{rate('named', True):.2f}", f"{rate('unclear', False):.2f}"]
    print(f"| {name} | " + " | ".join(figures) + " |", flush=True)


if __name__ == "__main__":
    main()
