"""Whether what was made still fits what it was made from: by contents, since copying changes a file's time."""

import contextlib
import hashlib
import os
from pathlib import Path

from faceline.disk.corrections import corrections_path
from faceline.disk.manifests import manifest_rows
from faceline.disk.names import CORRECTIONS_FILE, LABELS_FILE, MANIFEST_FILE, REPS_FILE, RUN_FILE
from faceline.disk.paths import real_path
from faceline.disk.reading import file_sha256, read_json
from faceline.disk.rows import (
    USABLE,
    CropRow,
    PictureRow,
)
from faceline.disk.run_records import check_record
from faceline.errors import FacelineError
from faceline.wording import one_line

# What `train` learns from.
LEARNT = (REPS_FILE, LABELS_FILE, CORRECTIONS_FILE)
NOTHING = (0, hashlib.sha256().hexdigest())  # a file that is not there

# What reading records raises that are missing, damaged, or forged.
UNKNOWABLE = (FacelineError, OSError, ValueError, TypeError, AttributeError)

Learnt = dict[str, tuple[int, str]]


def digests_learnt(folder: Path) -> Learnt:
    """The size in bytes and the SHA-256 of each file that `train` learns from, as far as they are there; where there
    are no corrections, there may be some later."""
    found = {CORRECTIONS_FILE: NOTHING}
    for name in LEARNT:
        path = place_of(folder, name)
        with contextlib.suppress(FacelineError, OSError):
            found[name] = (os.stat(path).st_size, file_sha256(path))
    return found


def place_of(folder: Path, name: str) -> Path:
    """Where a file lies that a classifier in `folder` learnt from."""
    return corrections_path(folder) if name == CORRECTIONS_FILE else folder / name


def check_learnt(record: object) -> Learnt:
    """What `digests_learnt` gave, from a file that may hold anything; raises ValueError or TypeError."""
    if not isinstance(record, dict):
        raise TypeError("no digests of files")
    found = {}
    for name, (size, digest) in record.items():
        if name not in LEARNT or type(size) is not int or type(digest) is not str:
            raise ValueError("no digest of a file")
        found[name] = (size, digest)
    return found


def why_stale(classifier: Path, learnt: Learnt) -> str | None:
    """What has changed since a classifier learnt, and what to do; None if nothing has, or nothing is known of it."""
    folder = classifier.parent
    with contextlib.suppress(*UNKNOWABLE):
        for name, (size, digest) in learnt.items():
            if has_changed(folder, name, size, digest):
                what = place_of(folder, name) if name == CORRECTIONS_FILE else f"the {name} beside it"
                return f"{one_line(classifier)}: older than {one_line(what)}; run classifier.py train again"
    changed = changed_crops(folder) if learnt else None
    if changed is not None:
        advice = "run batch_represent and classifier.py train again"
        return f"{one_line(classifier)}: older than the crops in {one_line(changed)}; {advice}"
    return None


def has_changed(folder: Path, name: str, size: int, digest: str) -> bool:
    """Whether a file has another content now; not where it, or the embeddings, are gone, as where a classifier was
    copied alone."""
    path = place_of(folder, name)
    if not path.is_file() or not (folder / REPS_FILE).is_file():
        return False
    if os.stat(path).st_size != size:
        return True
    # What stage 2 says of a file of that size is enough, where that is what was learnt: a large one takes long to read.
    with contextlib.suppress(FacelineError, AttributeError):
        if read_json(folder / RUN_FILE).get("sha256", {}).get(name) == digest:
            return False
    return file_sha256(path) != digest


def aligned_record(data: Path, out_dir: Path) -> dict[str, object]:
    """What stage 2 keeps of the folder of crops: where it lies, seen from its own, its manifest's SHA-256, and where
    the crops are of every face, that they are: folders are no people then."""
    options = read_json(data / RUN_FILE).get("options")
    is_every = isinstance(options, dict) and options.get("every") is True
    return {
        "folder": os.path.relpath(real_path(data), real_path(out_dir)),
        "manifest_sha256": file_sha256(data / MANIFEST_FILE),
        **({"every": True} if is_every else {}),
    }


def changed_crops(folder: Path) -> Path | None:
    """The folder of crops that the embeddings in `folder` are of, if its crops are not those any more.

    None if they are, or if that cannot be known: it has moved, or stage 1 is at work.
    """
    with contextlib.suppress(*UNKNOWABLE):
        return compared_crops(folder)
    return None


def compared_crops(folder: Path) -> Path | None:
    """What `changed_crops` gives; raises one of UNKNOWABLE where that cannot be known."""
    record = read_json(folder / RUN_FILE).get("aligned")
    record = check_record(record, folder / RUN_FILE, {"folder": str, "manifest_sha256": str})
    aligned = Path(os.path.normpath(folder / record["folder"]))
    if file_sha256(aligned / MANIFEST_FILE) == record["manifest_sha256"]:
        return None
    rows = manifest_rows(aligned / MANIFEST_FILE, PictureRow)
    now = {row.crop: row.crop_sha256 for row in rows if row.status in USABLE}
    before = {row.crop: row.crop_sha256 for row in manifest_rows(folder / MANIFEST_FILE, CropRow)}
    # A crop that could not be read has no digest, or that of what could not be read.
    same = now.keys() == before.keys() and all(now[crop] == before[crop] for crop in now if before[crop])
    return None if same else aligned
