#!/usr/bin/env python3
"""Draw a map of faces: those that look alike lie near each other."""

import sys
from pathlib import Path

try:
    from faceline.cli import map
    from faceline.cli.program import run_script
except ModuleNotFoundError as error:
    cure = "source .venv/bin/activate" if (Path(__file__).resolve().parent.parent / ".venv").is_dir() else "./demo.sh"
    print(f"tsne.py: error: {error}; run {cure}", file=sys.stderr)
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(run_script(map, "tsne.py"))
