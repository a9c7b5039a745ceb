#!/usr/bin/env python3
"""Do thresholds that hold for one group of people hold for another?"""

import sys

try:
    from faceline.cli import evaluate_groups
    from faceline.cli.program import run_script
except ModuleNotFoundError as error:
    print(f"groups.py: error: {error}; run ./demo.sh first, then source .venv/bin/activate", file=sys.stderr)
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(run_script(evaluate_groups, "groups.py"))
