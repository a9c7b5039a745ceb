#!/usr/bin/env python3
"""Measure against the peers, and write the tables to docs/measurements.md.

    compare.py <folder of photographs> [<benchmark> ...]

The folder holds lfw-dev/, groups/, johns/ and known-people/. Without names, all benchmarks run: embedding, jitter,
detection, small_faces, compat, startup, pipeline, classifier.
"""

import importlib
import sys
from pathlib import Path

from measure import machine

ALL = ["embedding", "jitter", "detection", "small_faces", "compat", "startup", "pipeline", "classifier"]
RESULT = Path(__file__).resolve().parent.parent / "docs" / "measurements.md"


def main() -> None:
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(ALL):
        sys.exit(__doc__)
    faces = Path(sys.argv[1])
    parts = [
        "# Measurements",
        f"Measured by `benchmarks/compare.sh` on {machine()}. Medians, the candidates taking turns in one run.",
    ]
    for name in sys.argv[2:] or ALL:
        for part in importlib.import_module(name).main(faces):
            print(part, end="\n\n", flush=True)
            parts.append(part)
    if not sys.argv[2:]:
        RESULT.write_text("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
