"""`run.json`: what a stage says of a run that it finished."""

import functools
import os
import platform
from collections import Counter
from pathlib import Path

from faceline.disk.names import PLAN_FILE, RUN_FILE, SHARDS_DIR
from faceline.disk.reading import read_json
from faceline.errors import FacelineError, UnmergedError
from faceline.wording import one_line


def check_record(record: object, path: Path, parts: dict[str, type]) -> dict:
    """Give `record`, which stands in the file `path`, if it has these parts; raises FacelineError if not."""
    fields = record if isinstance(record, dict) else {}
    for name, kind in parts.items():
        if not isinstance(fields.get(name), kind):
            raise FacelineError(f"{one_line(path)}: damaged: lacks its {name}")
    return fields


def read_record(folder: Path, stage: str | None = None) -> dict:
    """The `run.json` of a finished stage; raises FacelineError, also if it is another stage than asked for, and
    UnmergedError where it waits for its shards to be merged."""
    path = folder / RUN_FILE
    refuse_unmerged(folder)
    record = check_record(read_json(path), path, {"stage": str, "options": dict, "counts": dict})
    if stage not in (None, record["stage"]):
        raise FacelineError(f"{one_line(folder)}: holds what the stage {one_line(record['stage'])} wrote, not {stage}")
    return record


def refuse_unmerged(folder: Path) -> None:
    """Raise UnmergedError where shards have been begun in a folder and are not merged: then `run.json` comes back."""
    if os.path.exists(folder / SHARDS_DIR / PLAN_FILE) and not os.path.exists(folder / RUN_FILE):
        raise unmerged(folder)


def unmerged(folder: Path) -> UnmergedError:
    """What there is to say where a folder waits for its shards to be merged."""
    advice = f"when all shards are done, run faceline merge {one_line(folder)}"
    return UnmergedError(f"{one_line(folder)}: is being made in shards; {advice}")


# Distributions whose versions can change the results; dlib comes as either of two.
RECORDED = (
    "faceline",
    "dlib",
    "dlib-bin",
    "numpy",
    "onnxruntime",
    "opencv-python-headless",
    "pillow",
    "pi_heif",
    "scikit-learn",
)


def run_record(stage: str, options: dict, counts: Counter, seconds: float, **more: object) -> dict:
    """The content of a stage's `run.json`."""
    return {
        "stage": stage,
        "options": options,
        "counts": dict(counts),
        "versions": versions(),
        "seconds": round(seconds, 3),
        **more,
    }


@functools.cache  # to look them up takes as long as aligning five pictures
def versions() -> dict[str, str]:
    """Python's version and those of the installed packages that the results depend on."""
    import importlib.metadata  # slow to import, which worker processes need not

    found = {"python": platform.python_version()}
    for name in RECORDED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
