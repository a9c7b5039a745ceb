"""The tables of stage 2: how they are written in the end, and put together from those of shards."""

from collections.abc import Iterable
from pathlib import Path

from faceline.disk.embeddings import read_represented, reps_digests, write_embeddings
from faceline.disk.manifests import write_manifest
from faceline.disk.names import MANIFEST_FILE
from faceline.disk.people_paths import person_of
from faceline.disk.rows import USABLE, CropRow
from faceline.errors import FacelineError
from faceline.runs.folder_run import FolderRun
from faceline.runs.shard_plan import Plan
from faceline.runs.shard_run import MergerRun, Part
from faceline.runs.summary import Summary
from faceline.wording import counted, one_line

STAGE = "represent"


def in_order(crops: Iterable[str]) -> list[str]:
    """Crops in the order of all tables: by person."""
    return sorted(crops, key=lambda crop: (person_of(crop), crop))


def write_represented(out_dir: Path, rows: list[CropRow]) -> None:
    write_embeddings(out_dir, [row for row in rows if row.status in USABLE])
    write_manifest(out_dir / MANIFEST_FILE, rows, CropRow)


def refuse_unusable(rows: list[CropRow], data: Path) -> None:
    """Raise FacelineError if there are crops, and none can be embedded."""
    if rows and not any(row.status in USABLE for row in rows):
        raise FacelineError(
            f"{one_line(data)}: none of {counted(len(rows), 'crop')} can be read;"
            " run align-dlib.py again with --overwrite"
        )


def finish_represented(
    run: FolderRun, rows: list[CropRow], *, record: dict, everybody: Iterable[str], removed: int
) -> Summary:
    """Write the tables of a run from rows in order; `record`, `everybody`, `removed` as `FolderRun.finish` takes
    them."""
    return run.finish(
        rows,
        lambda rows: write_represented(run.tables_dir, rows),
        what="crop",
        everybody=everybody,
        removed=removed,
        record=record,
        # Where they are not those of `run.json`, say after `reps.csv` was edited, all is written from it again.
        vouch=lambda: {"sha256": reps_digests(run.tables_dir)},
    )


def merge_represented(folder: Path, plan: Plan, parts: list[Part], begun: float) -> Summary:
    """Write the tables of all shards; the caller holds the folder. `begun` as that of `FolderRun`."""
    dimensions = plan.settings["dimensions"]
    found: dict[str, CropRow] = {}
    for part in parts:
        found |= {row.key: row for row in read_represented(part.folder, dimensions, part.record["counts"])}
    rows = [found[crop] for crop in in_order(found)]
    record = parts[0].record["record"]
    refuse_unusable(rows, folder / record["aligned"]["folder"])
    with MergerRun(folder, plan, parts, lambda fields: CropRow.from_json(fields, dimensions), begun) as run:
        return finish_represented(run, rows, record=record, everybody=run.without(), removed=0)
