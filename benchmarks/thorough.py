#!/usr/bin/env python3
"""How many faces the thorough look of `faceline blur` finds beside those that `infer --multi` does.

    benchmarks/thorough.py <photographs>    the folder with groups/ and lfw-dev/

The annotated groups are shown upright, and once more with a copy beside them that lies on its side. Of LFW every 14th
picture is taken; what is more there are people in the background, faces that look aside or are half hidden, and some
places that are no face.
YuNet looks, too, if its file is here.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from small_faces import annotated

from faceline.disk.pictures.boxes import Box, turned, turned_box
from faceline.disk.pictures.images import decode_image
from faceline.faces.aligner import Aligner
from faceline.faces.options import AlignmentOptions
from faceline.faces.thorough import further_detectors, look_thoroughly
from faceline.faces.tiles import is_same
from faceline.networks.runtime import Runtime
from faceline.runs.parallel import all_cores


def pictures(photographs: Path) -> Iterator[tuple[str, np.ndarray, list[Box]]]:
    for image, boxes in annotated(photographs / "groups"):
        height, width = image.shape[:2]
        both = np.zeros((max(height, width), width + height, 3), np.uint8)
        both[:height, :width], both[:width, width:] = image, turned(image, 90)
        aside = [turned_box(box, height, width, 90) for box in boxes]
        yield "groups, upright", image, boxes
        yield (
            "groups, upright and on their side",
            both,
            boxes + [(left + width, top, right + width, bottom) for left, top, right, bottom in aside],
        )
    for path in sorted((photographs / "lfw-dev").glob("*/*.jpg"))[::14]:
        yield "LFW", decode_image(path.read_bytes()), []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path)
    aligner = Aligner(AlignmentOptions(), Runtime(threads=all_cores()))
    further = further_detectors()
    ways = {
        "infer --multi": lambda image: aligner.find(image, every=True),
        "blur": lambda image: look_thoroughly(image, aligner, ()),
    }
    if further:
        ways[f"blur with {', '.join(further)}"] = lambda image: look_thoroughly(image, aligner, further)
    counts: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for name, image, expected in pictures(parser.parse_args().photographs):
        for way, look in ways.items():
            begun = time.process_time()
            boxes = [face.box_ltrb for face in look(image)]
            count = counts[name, way]
            count["seconds"] += time.process_time() - begun
            count["pictures"] += 1
            count["expected"] += len(expected)
            count["found"] += sum(any(is_same(box, other) for other in boxes) for box in expected)
            count["others"] += sum(not any(is_same(box, other) for other in expected) for box in boxes)
    print("| pictures | by | annotated faces found | other boxes | seconds of computing each |\n|---|---|---|---|---|")
    for (name, way), count in counts.items():
        found = f"{count['found']:.0f} of {count['expected']:.0f}" if count["expected"] else ""
        seconds = count["seconds"] / count["pictures"]
        print(f"| {name}, {count['pictures']:.0f} | {way} | {found} | {count['others']:.0f} | {seconds:.1f} |")


if __name__ == "__main__":
    main()
