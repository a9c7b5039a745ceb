"""What shards of stage 1 or 2 have done, made one finished folder."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from faceline.disk.folder_locks import locked
from faceline.disk.manifests import read_manifest
from faceline.disk.names import MANIFEST_FILE, RUN_FILE, SHARDS_DIR
from faceline.disk.paths import check_folder, named_path
from faceline.disk.reading import file_sha256
from faceline.disk.rows import USABLE, CropRow, PictureRow
from faceline.disk.run_records import check_record, read_record
from faceline.errors import FacelineError, MissingError
from faceline.runs.shard_plan import Plan, finish_merger, gate, read_plan
from faceline.runs.shard_run import Part, finished_parts
from faceline.runs.summary import Summary
from faceline.stages import aligned_tables, represented_tables
from faceline.wording import one_line

MERGERS: dict[str, Callable[[Path, Plan, list[Part], float], Summary]] = {
    aligned_tables.STAGE: aligned_tables.merge_aligned,
    represented_tables.STAGE: represented_tables.merge_represented,
}


def merge(folder: str | Path) -> Summary:
    """Close the folder that all shards of `align_folder` or `represent_folder` wrote to, as one run would have.

    Parameters
    ----------
    folder : path
        What the shards were given as their output folder.

    Raises
    ------
    UnfinishedError
        If shards are missing or have not come to their end: its text says which, and nothing is wrong yet.
    FacelineError
        If no shard has been begun there, another run is at work, or the folder is damaged or cannot be written.

    Examples
    --------
    >>> from faceline import align_folder, merge
    >>> for shard in ("1/2", "2/2"):  # on two machines, say
    ...     _ = align_folder("training-images", "aligned-images", shard=shard)
    >>> print(merge("aligned-images"))
    3 pictures of 2 people: 3 ok.
    2 shards merged in ... s.
    Written to aligned-images
    """
    begun, folder = time.monotonic(), named_path(folder)
    check_folder(folder, "name the folder that the shards wrote to")
    if not (folder / SHARDS_DIR).is_dir():
        return nothing_to_merge(folder)
    with gate(folder), locked(folder):
        finish_merger(folder)
        plan = read_plan(folder)
        if plan is None:
            return nothing_to_merge(folder)
        if plan.stage not in MERGERS:
            raise FacelineError(f"{one_line(folder)}: of the stage {one_line(plan.stage)}, which has no shards")
        parts = finished_parts(folder, plan, lambda parts: of_other_crops(folder, parts))
        return MERGERS[plan.stage](folder, plan, parts, begun)


def nothing_to_merge(folder: Path) -> Summary:
    """What is said of a folder that is finished; raises FacelineError if it is none."""
    if not (folder / RUN_FILE).exists():
        raise FacelineError(f"{one_line(folder)}: no shard has been begun here; run a stage with --shard 1/N first")
    record = read_record(folder)
    of_crops = record["stage"] == represented_tables.STAGE
    rows: list[PictureRow] | list[CropRow]
    if of_crops:
        rows = read_manifest(folder / MANIFEST_FILE, CropRow, record["counts"])
    else:
        rows = read_manifest(folder / MANIFEST_FILE, PictureRow, record["counts"])
    people = {row.person for row in rows if row.status in USABLE} - {""}
    counts, closing = Counter(record["counts"]), f"Nothing is left to merge in {one_line(folder)}"
    what = "crop" if of_crops else "face" if record["options"].get("every") else "picture"
    return Summary(str(folder), what, len(people), counts, 0, len(rows), 0, 0.0, closing=closing)


def of_other_crops(folder: Path, parts: list[Part]) -> list[Part]:
    """The shards of stage 2 that embedded other crops than lie there now, where shards differ in what they embedded."""
    if not parts or parts[0].record["stage"] != represented_tables.STAGE:
        return []
    seen = [crops_of(part) for part in parts]
    if all(aligned == seen[0] for aligned in seen):
        return []
    try:
        now = {file_sha256(folder / aligned["folder"] / MANIFEST_FILE) for aligned in seen}
    except MissingError:
        now = set()
    return [part for part, aligned in zip(parts, seen, strict=True) if {aligned["manifest_sha256"]} != now]


def crops_of(part: Part) -> dict:
    """What a shard of stage 2 says of the crops that it embedded; raises FacelineError if it is damaged."""
    path = part.folder / RUN_FILE
    found = check_record(part.record["record"], path, {"alignment": dict, "aligned": dict})["aligned"]
    return check_record(found, path, {"folder": str, "manifest_sha256": str})
