"""Faceline: face recognition in stages, each reading what the one before wrote to disk.

    from faceline import align_folder, represent_folder, train, infer

The names below are imported at first use, so that a script loads only what its stage needs.
"""

import importlib

MODULES = {
    "FacelineError": "faceline.errors",
    "align_folder": "faceline.align",
    "represent_folder": "faceline.represent",
    "train": "faceline.training",
    "infer": "faceline.inference",
    "keep_workers": "faceline.keeping",
    "verify": "faceline.evaluation.verification",
    "compare_groups": "faceline.evaluation.group_evaluation",
    "identify": "faceline.evaluation.identification",
}
__all__ = list(MODULES)
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name not in MODULES:
        raise AttributeError(f"module 'faceline' has no attribute {name!r}")
    return getattr(importlib.import_module(MODULES[name]), name)
