#!/usr/bin/env python3
"""Stage 1: find, align and crop the face in every picture of a folder; or average the landmarks (computeMean)."""

import sys
from pathlib import Path

try:
    from faceline.cli.align_dlib import command_for
    from faceline.cli.program import run_script
except ModuleNotFoundError as error:
    cure = "source .venv/bin/activate" if (Path(__file__).resolve().parent.parent / ".venv").is_dir() else "./demo.sh"
    print(f"align-dlib.py: error: {error}; run {cure}", file=sys.stderr)
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(run_script(command_for(sys.argv[1:]), "align-dlib.py"))
