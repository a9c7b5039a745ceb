"""Faceline: face recognition in stages, each reading what the one before wrote to disk.

    from faceline import align_folder, represent_folder, train, infer

The names below are imported at first use, so that a script loads only what its stage needs.
"""

import importlib

MODULES = {
    "FacelineError": "faceline.errors",
    "align_folder": "faceline.stages.align",
    "represent_folder": "faceline.stages.represent",
    "train": "faceline.stages.train",
    "infer": "faceline.stages.infer",
    "keep_workers": "faceline.runs.keeping",
    "verify": "faceline.evaluation.pairs.verification",
    "compare_groups": "faceline.evaluation.groups.comparison_of_groups",
    "identify": "faceline.evaluation.identification.identification",
}
__all__ = list(MODULES)
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name not in MODULES:
        raise AttributeError(f"module 'faceline' has no attribute {name!r}")
    return getattr(importlib.import_module(MODULES[name]), name)
