#!/usr/bin/env python3
"""Find pictures that are not their person's, or too poor, and people with too few."""

import sys
from pathlib import Path

try:
    from faceline.cli import detect_outliers
    from faceline.cli.program import run_script
except ModuleNotFoundError as error:
    cure = "source .venv/bin/activate" if (Path(__file__).resolve().parent.parent / ".venv").is_dir() else "./demo.sh"
    print(f"detect-outliers.py: error: {error}; run {cure}", file=sys.stderr)
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(run_script(detect_outliers, "detect-outliers.py"))
