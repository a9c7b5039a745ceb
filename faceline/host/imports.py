"""Imports that leave the environment of the program as it was."""

import importlib
import os
import sys

from faceline.host.sharing import Guard

# What OpenCV and joblib set for processes that are started later, which are none of theirs.
VARIABLES = ("LD_LIBRARY_PATH", "PATH", "KMP_INIT_AT_FORK")

GUARD = Guard()


def load(module: str) -> None:
    """Import a module that changes the environment, and change it back."""
    if module in sys.modules:
        return
    with GUARD.lock:
        before = {name: os.environ.get(name) for name in VARIABLES}
        importlib.import_module(module)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
