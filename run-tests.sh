#!/usr/bin/env bash
# Install what the tests need, then check the code's style and types, and run all tests.
set -euo pipefail
cd "$(dirname "$0")"

util/setup-venv.sh requirements.txt tests/requirements.txt
.venv/bin/ruff check .
.venv/bin/ruff format --check .
# Types are looked at meanwhile: that takes one core, and most of the tests wait for others now and then.
types=$(mktemp)
trap 'rm -f "$types"' EXIT
.venv/bin/mypy >"$types" 2>&1 &
checker=$!
# Several files of tests at once, one in a process for each core; -n 0 has one after the other, as has a test's own name.
workers="-n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder"
case " $*" in *::* | *no:xdist*) workers= ;; esac
# Processes that share the cores have nothing of threads in matrix products but waiting for each other.
[ -z "$workers" ] || export OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-1}
tests=0
# shellcheck disable=SC2086
.venv/bin/python -m pytest $workers "$@" || tests=$?
wait "$checker" || { cat "$types"; exit 1; }
exit "$tests"
