#!/usr/bin/env bash
# Make the virtual environment .venv and install the requirement files that are named, unless that has been done.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "setup-venv.sh: error: $python is missing or older than Python 3.11; name another: PYTHON=python3.12" >&2
    exit 2
fi
if [ ! -e .venv/installed-requirements.txt ]; then
    echo "Installing into $PWD/.venv: fetches about 340 MB, takes 1 GB of disk and one to five minutes, once"
fi
if ! .venv/bin/python -m pip --version >/dev/null 2>&1 && ! "$python" -m venv --clear .venv; then
    echo "setup-venv.sh: error: $python cannot make a virtual environment; on Debian, install python3-venv" >&2
    exit 2
fi
for file in "$@"; do
    stamp=.venv/installed-${file//\//-}
    # The folder's own place counts: an editable installation breaks when it moves.
    state=$(pwd; cat pyproject.toml "$file")
    if [ "$state" != "$(cat "$stamp" 2>/dev/null)" ]; then
        echo "Installing $file"
        .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$file"
        printf '%s\n' "$state" >"$stamp"
    fi
done
