"""Pictures that lie on their side or upside down: do they give the crops of their upright selves?

Run alone, `turned.py <folder of photographs> [<pictures of LFW>]` prints the table of docs/accuracy.md. A crop is the
same if all its pixels are; one from the right turn may differ where a large photograph was shrunk.
"""

import random
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from faceline.disk.pictures.boxes import TURNS, turned
from faceline.disk.pictures.images import decode_image
from faceline.faces.aligner import Aligner
from faceline.faces.options import AlignmentOptions
from faceline.networks.runtime import Runtime

LFW = 400
OTHERS = {"east-asian-dev": 3, "photos": 1, "johns": 1, "groups": 1, "known-people": 1}  # each so-many-th picture


def outcome(aligner: Aligner, picture: np.ndarray, turn: int) -> str:
    """What becomes of a picture that has to be turned by `turn`, against what becomes of it upright."""
    lying = turned(picture, -turn % 360)
    expected, found = aligner.find(picture), aligner.find(lying)
    if not expected or not found:
        return "no face in either" if expected == found else "no face" if expected else "a face only when turned"
    if found[0].turn != turn:
        return "wrong turn"
    is_same = np.array_equal(aligner.crop(lying, found[0]), aligner.crop(picture, expected[0]))
    return "same crop" if is_same else "right turn"


def measure(name: str, paths: list[Path], detector: str) -> str:
    aligner = Aligner(AlignmentOptions(detector=detector), Runtime())
    counts: Counter[str] = Counter()
    for path in paths:
        picture = decode_image(path.read_bytes())
        counts.update(outcome(aligner, picture, turn) for turn in TURNS[1:])
    total = counts.total() - counts["no face in either"]
    cells = [f"{counts[kind] / total:.4f}" for kind in ("same crop", "right turn", "wrong turn", "no face")]
    return f"| {name}, {len(paths)} pictures turned three ways, `{detector}` | {' | '.join(cells)} |"


def main(faces: Path, lfw: int = LFW) -> list[str]:
    pictures = sorted((faces / "lfw-dev").glob("*/*.jpg"))
    sets = {"LFW": random.Random(0).sample(pictures, min(lfw, len(pictures)))}
    for name, step in OTHERS.items():
        found = (path for path in sorted((faces / name).rglob("*")) if path.suffix in (".jpg", ".png"))
        sets[name] = list(found)[::step]
    lines = ["| | same crop | right turn, other crop | wrong turn | no face |", "|---|---|---|---|---|"]
    lines += [measure(name, paths, "auto") for name, paths in sets.items()]
    lines.append(measure("LFW", sets["LFW"][: lfw // 4], "hog"))
    return ["\n".join(lines)]


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), *map(int, sys.argv[2:]))[0])
