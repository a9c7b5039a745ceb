#!/usr/bin/env python3
"""Divide each person's photographs into a part to train on and a part to validate by."""

import sys
from pathlib import Path

try:
    from faceline.cli import split
    from faceline.cli.program import run_script
except ModuleNotFoundError as error:
    cure = "source .venv/bin/activate" if (Path(__file__).resolve().parent.parent / ".venv").is_dir() else "./demo.sh"
    print(f"create-train-val-split.py: error: {error}; run {cure}", file=sys.stderr)
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(run_script(split, "create-train-val-split.py"))
