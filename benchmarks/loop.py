#!/usr/bin/env python3
"""How many decisions it takes to name everybody in a heap of photographs without names, by a simulated person who
answers truthfully what the review page asks, through the stages themselves.

    benchmarks/loop.py <work folder> --rounds 10 40 150 …

The work folder holds what `align --every` and `represent` made of photographs whose file names say who their main face
is (`Laura_Bush_0001.jpg`); the other faces in them are nobody's, and are dropped when they are asked for. In each round
the page is made anew, the person answers its first questions, and cluster and train run again. Prints a row for each
round, and writes the diagram.
"""

import argparse
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np

from faceline import cluster, correct, review, train
from faceline.disk.embeddings import read_people
from faceline.disk.names import CLASSIFIER_FILE, EMBEDDINGS_DIR, REVIEW_FILE
from faceline.disk.rows import FACE_NUMBER, Status
from faceline.disk.run_records import read_record
from faceline.evaluation.plots import plotted
from faceline.networks.table import network_of
from faceline.recognition.classifier_file import read_classifier
from faceline.stages.corrected import corrected

SHARES = 0.9, 0.95, 0.99


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--rounds", type=int, nargs="+", default=[10, 40, 150, 300, 300, 300, 300, 300])
    parser.add_argument("--plot", type=Path, metavar="STEM")
    options = parser.parse_args()
    folder = options.work / EMBEDDINGS_DIR
    print("| decisions | named by them | and by `infer` | named wrongly | questions left |\n|---|---|---|---|---|")
    made, curve = 0, [(0, 0.0, 0.0)]
    cluster(folder)
    for answers in options.rounds:
        review(options.work)
        data = page_data(options.work / REVIEW_FILE)
        given = answered(data, answers)
        if not given:
            break
        made += len(given)
        path = options.work / "answers.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for lines in given for line in lines))
        correct(embeddings_dir=folder, add=path)
        cluster(folder)
        train(folder)
        by_user, right, wrong = named(folder)
        curve.append((made, by_user, right))
        left = len(data["questions"]) - len(given)
        print(f"| {made} | {by_user:.3f} | {right:.3f} | {wrong:.4f} | {left} |", flush=True)
    for share in SHARES:
        table = np.array(curve)
        reached = np.interp(share, table[:, 2], table[:, 0]) if table[:, 2].max() >= share else np.nan
        print(f"{share:.0%} of faces named rightly after {reached:.0f} decisions")
    if options.plot:
        with plotted(options.plot) as axes:
            table = np.array(curve)
            axes.plot(table[:, 0], table[:, 2], marker="o", label="named by the person and by infer")
            axes.plot(table[:, 0], table[:, 1], marker="o", label="named by the person")
            axes.set(xlabel="decisions", ylabel="faces named rightly", ylim=(0, 1))
            axes.legend()


def page_data(path: Path) -> dict:
    """What the page shows."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text("utf-8"), re.DOTALL)
    assert found
    return json.loads(found[1])


def truth(crop: str) -> str:
    """Who the main face of a photograph is, by its name; nobody for the others."""
    is_other = FACE_NUMBER.search(crop) is not None
    return "" if is_other else re.sub(r"_\d+\.jpg\.png$", "", crop.rpartition("/")[2])


def answered(data: dict, count: int) -> list[list[dict]]:
    """The answers to the first questions, as many as there are decisions to be made: each is lines of corrections.

    Of a cluster of several people the person names the largest group, by selecting it: that is one decision, too; the
    others are asked for again.
    """
    found = []
    for question in data["questions"][:count]:
        people = [truth(data["faces"][face]["c"]) for face in question["faces"]]
        ((name, _),) = Counter(people).most_common(1)
        chosen = [face for face, person in zip(question["faces"], people, strict=True) if person == name]
        keys = [{"photo": data["photos"][data["faces"][face]["p"]], "box": data["faces"][face]["b"]} for face in chosen]
        if question["kind"] == "is" and question["name"] not in people:
            keys = [
                {"photo": data["photos"][data["faces"][face]["p"]], "box": data["faces"][face]["b"]}
                for face in question["faces"]
            ]
            found.append([{"what": "is-not", "face": key, "name": question["name"]} for key in keys])
        elif name:
            found.append([{"what": "is", "face": key, "name": name} for key in keys])
        else:
            found.append([{"what": "no-face", "face": key} for key in keys])
    return found


def named(folder: Path) -> tuple[float, float, float]:
    """The shares of main faces that the person named, that have the right name with what `infer` adds, and a wrong
    one."""
    record = read_record(folder, "represent")
    network = network_of(record["options"])
    embeddings, crops, people = read_people(folder, network.dimensions, record["counts"], frozenset({Status.OK}))
    labels = corrected(folder, crops, people)
    right_names = [truth(crop) for crop in crops]
    gallery = read_classifier(folder / CLASSIFIER_FILE).gallery
    guesses = [identity.name for identity in gallery.identify(embeddings)]
    own = [name if is_sure else "" for name, is_sure in zip(labels.people, labels.sure, strict=True)]
    given = [mine or guess for mine, guess in zip(own, guesses, strict=True)]
    mains = [place for place, name in enumerate(right_names) if name]
    by_user = np.mean([own[place] == right_names[place] for place in mains])
    right = np.mean([given[place] == right_names[place] for place in mains])
    wrong = np.mean([given[place] not in (right_names[place], "unknown") for place in mains])
    return float(by_user), float(right), float(wrong)


if __name__ == "__main__":
    main()
