#!/usr/bin/env python3
"""Stage 1: find, align and crop the face in every picture of a folder."""

import sys

try:
    from faceline.cli import align
    from faceline.cli.program import run_script
except ModuleNotFoundError as error:
    print(f"align-dlib.py: error: {error}; run ./demo.sh first, then source .venv/bin/activate", file=sys.stderr)
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(run_script(align, "align-dlib.py"))
