#!/usr/bin/env python3
"""Stage 3: learn people from their embeddings, and name the people in photographs."""

import sys

try:
    from faceline.cli import classifier
    from faceline.cli.program import run_script
except ModuleNotFoundError as error:
    print(f"classifier.py: error: {error}; run ./demo.sh first, then source .venv/bin/activate", file=sys.stderr)
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(run_script(classifier, "classifier.py"))
