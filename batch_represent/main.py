#!/usr/bin/env python3
"""Stage 2: turn every aligned crop into an embedding."""

import sys

try:
    from faceline.cli import represent
    from faceline.cli.program import run_script
except ModuleNotFoundError as error:
    print(f"main.py: error: {error}; run ./demo.sh first, then source .venv/bin/activate", file=sys.stderr)
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(run_script(represent, "main.py"))
