#!/usr/bin/env python3
"""Close the folder that shards of stage 1 or 2 wrote to."""

import sys
from pathlib import Path

try:
    from faceline.cli import merge
    from faceline.cli.program import run_script
except ModuleNotFoundError as error:
    cure = "source .venv/bin/activate" if (Path(__file__).resolve().parent.parent / ".venv").is_dir() else "./demo.sh"
    print(f"merge-shards.py: error: {error}; run {cure}", file=sys.stderr)
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(run_script(merge, "merge-shards.py"))
