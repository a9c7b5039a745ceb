#!/usr/bin/env python3
"""Name the people in a video, from a file, a camera or a stream."""

import sys
from pathlib import Path

try:
    from faceline.cli import watch
    from faceline.cli.program import run_script
except ModuleNotFoundError as error:
    cure = "source .venv/bin/activate" if (Path(__file__).resolve().parent.parent / ".venv").is_dir() else "./demo.sh"
    print(f"video.py: error: {error}; run {cure}", file=sys.stderr)
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(run_script(watch, "video.py"))
