#!/usr/bin/env python3
"""Write one page to look at everybody's pictures and say what is right."""

import sys
from pathlib import Path

try:
    from faceline.cli import review
    from faceline.cli.program import run_script
except ModuleNotFoundError as error:
    cure = "source .venv/bin/activate" if (Path(__file__).resolve().parent.parent / ".venv").is_dir() else "./demo.sh"
    print(f"review.py: error: {error}; run {cure}", file=sys.stderr)
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(run_script(review, "review.py"))
