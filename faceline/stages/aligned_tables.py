"""The tables of stage 1: how they are read, written in the end, and put together from those of shards."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from faceline.disk.crop_embeddings import crop_embeddings_digest, read_crop_embeddings, write_crop_embeddings
from faceline.disk.manifests import read_manifest, write_manifest
from faceline.disk.names import CROP_EMBEDDINGS_FILE, MANIFEST_FILE
from faceline.disk.rows import PictureRow
from faceline.errors import FacelineError
from faceline.runs.folder_run import FolderRun
from faceline.runs.shard_plan import Plan
from faceline.runs.shard_run import MergerRun, Part
from faceline.runs.summary import Summary
from faceline.stages.picture_rows import in_order, notes_on
from faceline.wording import one_line

STAGE = "align"


def read_aligned_rows(folder: Path, counts: dict | None) -> list[PictureRow]:
    return read_manifest(folder / MANIFEST_FILE, PictureRow, counts)


def finish_aligned(
    run: FolderRun,
    rows: list[PictureRow],
    network: str,
    embeddings: dict[str, np.ndarray],
    *,
    source: str,
    everybody: Iterable[str],
    removed: int,
    left_out: int,
    ignored: Counter,
) -> Summary:
    """Write the tables of a run.

    Parameters
    ----------
    run : FolderRun
    rows : list of PictureRow
        In order.
    network : str
        The fingerprint of the network that the embeddings are of.
    embeddings : dict
        What `write_crop_embeddings` takes.
    source : str
        The name of the folder of pictures.
    everybody, removed, left_out, ignored
        As `FolderRun.finish` takes them.
    """
    every = run.options.get("every", False)

    def write(rows: list[PictureRow]) -> None:
        write_crop_embeddings(run.tables_dir, network, embeddings)
        write_manifest(run.tables_dir / MANIFEST_FILE, rows, PictureRow)

    return run.finish(
        rows,
        write,
        what="face" if every else "picture",
        pictures=len({row.image for row in rows}) if every else None,
        everybody=everybody,
        removed=removed,
        record={"input": source},
        vouch=lambda: crop_embeddings_digest(run.tables_dir),
        left_out=left_out,
        ignored=ignored,
        notes=() if every else notes_on(rows),
    )


def merge_aligned(folder: Path, plan: Plan, parts: list[Part], begun: float) -> Summary:
    """Write the tables of all shards; the caller holds the folder. `begun` as that of `FolderRun`."""
    network, dimensions = plan.settings["network_sha256"], plan.settings["dimensions"]
    rows: list[PictureRow] = []
    embeddings: dict[str, np.ndarray] = {}
    for part in parts:
        rows += read_aligned_rows(part.folder, part.record["counts"])
        found = read_crop_embeddings(part.folder, network, dimensions, part.record)
        if bool(found) != ("sha256" in part.record):
            path = part.folder / CROP_EMBEDDINGS_FILE
            raise FacelineError(f"{one_line(path)}: damaged; run shard {part.shard} again with --overwrite")
        embeddings |= found
    with MergerRun(folder, plan, parts, PictureRow.from_json, begun) as run:
        return finish_aligned(
            run,
            in_order(rows),
            network,
            embeddings,
            source=str(plan.settings.get("input")),
            everybody=run.without(),
            removed=0,
            left_out=0,
            ignored=Counter(parts[0].record["ignored"]),
        )
