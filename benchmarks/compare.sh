#!/usr/bin/env bash
# Install the peer and run the benchmarks: compare.sh <folder of photographs> [<benchmark> ...]
set -euo pipefail
cd "$(dirname "$0")/.."

util/setup-venv.sh requirements.txt
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r benchmarks/requirements.txt
exec .venv/bin/python benchmarks/compare.py "$@"
