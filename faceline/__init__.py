"""Faceline: face recognition in stages, each reading what the one before wrote to disk.

    from faceline import Recognizer, align_folder, represent_folder, train, infer
    from faceline import enrol, migrate, cluster, check, compare, verify, blur

The names below are imported at first use, so that a script loads only what its stage needs.
"""

from typing import TYPE_CHECKING

from faceline.host.first_use import at_first_use

if TYPE_CHECKING:
    from faceline.errors import FacelineError
    from faceline.recognition.recognizer import Recognizer
    from faceline.recognition.verification import verify
    from faceline.runs.keeping import keep_workers
    from faceline.stages.align import align_folder
    from faceline.stages.annotate import annotate
    from faceline.stages.blur import blur
    from faceline.stages.check import check
    from faceline.stages.cluster import cluster
    from faceline.stages.compare import compare
    from faceline.stages.correct import correct
    from faceline.stages.export import export_tables
    from faceline.stages.import_embeddings import import_embeddings
    from faceline.stages.infer import infer
    from faceline.stages.map import draw_map
    from faceline.stages.mean_landmarks import mean_landmarks
    from faceline.stages.merge import merge
    from faceline.stages.profile import profile
    from faceline.stages.prune import prune
    from faceline.stages.represent import represent_folder
    from faceline.stages.review import review
    from faceline.stages.split import split
    from faceline.stages.train import train
    from faceline.stages.watch import watch
    from faceline.work_folder.enrol import enrol
    from faceline.work_folder.migrate import migrate

MODULES = {
    "FacelineError": "faceline.errors",
    "Recognizer": "faceline.recognition.recognizer",
    "enrol": "faceline.work_folder.enrol",
    "align_folder": "faceline.stages.align",
    "check": "faceline.stages.check",
    "blur": "faceline.stages.blur",
    "annotate": "faceline.stages.annotate",
    "cluster": "faceline.stages.cluster",
    "compare": "faceline.stages.compare",
    "draw_map": "faceline.stages.map",
    "correct": "faceline.stages.correct",
    "export_tables": "faceline.stages.export",
    "import_embeddings": "faceline.stages.import_embeddings",
    "represent_folder": "faceline.stages.represent",
    "review": "faceline.stages.review",
    "merge": "faceline.stages.merge",
    "migrate": "faceline.work_folder.migrate",
    "train": "faceline.stages.train",
    "watch": "faceline.stages.watch",
    "infer": "faceline.stages.infer",
    "keep_workers": "faceline.runs.keeping",
    "verify": "faceline.recognition.verification",
    "mean_landmarks": "faceline.stages.mean_landmarks",
    "profile": "faceline.stages.profile",
    "prune": "faceline.stages.prune",
    "split": "faceline.stages.split",
}
__all__ = [
    "FacelineError",
    "Recognizer",
    "align_folder",
    "annotate",
    "blur",
    "check",
    "cluster",
    "compare",
    "correct",
    "draw_map",
    "enrol",
    "export_tables",
    "import_embeddings",
    "infer",
    "keep_workers",
    "mean_landmarks",
    "merge",
    "migrate",
    "profile",
    "prune",
    "represent_folder",
    "review",
    "split",
    "train",
    "verify",
    "watch",
]
__version__ = "0.1.0"
if not TYPE_CHECKING:  # who would believe that every name is there
    __getattr__ = at_first_use(__name__, MODULES)
