#!/usr/bin/env bash
# Install what the tests need, then check the code's style and run all tests.
set -euo pipefail
cd "$(dirname "$0")"

util/setup-venv.sh requirements.txt tests/requirements.txt
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/python -m pytest "$@"
