"""The tables of a finished folder as Parquet, for other programs."""

import contextlib
import itertools
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from faceline.disk.embedding_stream import EmbeddingStream
from faceline.disk.embeddings import first_difference, label_lines, reps_digests
from faceline.disk.folder_locks import locked
from faceline.disk.manifests import manifest_rows
from faceline.disk.names import (
    DEFAULT_EMBEDDINGS_DIR,
    EMBEDDINGS_TABLE_FILE,
    LABELS_FILE,
    MANIFEST_FILE,
    MANIFEST_TABLE_FILE,
    REPS_FILE,
    RUN_FILE,
)
from faceline.disk.parquet_tables import (
    EMBEDDINGS,
    GROUP_ROWS,
    MANIFEST_OF,
    check_pyarrow,
    group_rows,
    is_table_of_ours,
    schema_of,
    table_of,
    writing_table,
)
from faceline.disk.paths import check_folder, named_path
from faceline.disk.people_paths import person_of
from faceline.disk.reading import read_bytes
from faceline.disk.rows import USABLE, CropRow, PictureRow, Row
from faceline.disk.run_records import read_record
from faceline.errors import EditedError, FacelineError, cure
from faceline.networks.network import Network
from faceline.networks.table import network_of
from faceline.runs.progress import bar
from faceline.wording import counted, one_line

if TYPE_CHECKING:
    import pyarrow

logger = logging.getLogger(__name__)

AGAIN = "run the stage again with --overwrite"


@dataclass(frozen=True)
class Exported:
    """What `export_tables` wrote: path and number of rows of each file."""

    files: Sequence[tuple[str, int]]

    def __str__(self) -> str:
        return "\n".join(f"{counted(rows, 'row')} written to {one_line(path)}" for path, rows in self.files)


def export_tables(
    folder: str | Path = DEFAULT_EMBEDDINGS_DIR,
    *,
    save_dir: str | Path | None = None,
    overwrite: bool = False,
) -> Exported:
    """Write the tables of a folder that stage 1 or 2 finished as Parquet: what DuckDB, pandas and others read.

    `manifest.parquet` has the rows of `manifest.csv`; in a folder of stage 2, `embeddings.parquet` has a row for each
    one of `reps.csv`, in the same order, with the embedding and all that the manifest knows of its crop. An empty cell
    is null. The metadata tell of the network, its distance, the options and the SHA-256 of `reps.csv`. The same folder
    gives the same bytes with the same version of pyarrow.

    Parameters
    ----------
    folder : path
        As `align_folder` or `represent_folder` wrote it.
    save_dir : path or None
        Where the files go; None for the folder itself.
    overwrite : bool
        Replace files of these names even if no export wrote them.

    Raises
    ------
    FacelineError
        If the folder is missing, unfinished or damaged, or changes meanwhile; if pyarrow is missing, or a file is
        there that no export wrote, or cannot be written.

    Examples
    --------
    >>> from faceline import export_tables
    >>> for path, rows in export_tables("generated-embeddings").files:
    ...     print(path, rows)
    generated-embeddings/manifest.parquet 3
    generated-embeddings/embeddings.parquet 3
    """
    check_pyarrow()
    folder = named_path(folder)
    place = folder if save_dir is None else named_path(save_dir)
    check_folder(folder, "name a folder that align or batch_represent wrote")
    with cure("run the stage that writes it to its end"):
        record = read_record(folder)
    stage = record["stage"]
    if stage not in ("align", "represent"):
        raise FacelineError(f"{one_line(folder)}: holds no tables of stage 1 or 2; name a folder of theirs")
    begun = read_bytes(folder / RUN_FILE)
    with locked(place):
        refuse_foreign(place, stage, overwrite)
        logger.info("export: %s", one_line(folder))
        write_tables = export_pictures if stage == "align" else export_crops
        files = write_tables(folder, place, record)
        if read_bytes(folder / RUN_FILE) != begun:
            raise FacelineError(f"{one_line(folder)}: has changed meanwhile; run the same command again")
    return Exported([(str(path), rows) for path, rows in files])


def refuse_foreign(place: Path, stage: str, overwrite: bool) -> None:
    """Raise FacelineError if a file lies where a table goes that is none of an export."""
    tables = {MANIFEST_TABLE_FILE: MANIFEST_OF + stage}
    if stage == "represent":
        tables[EMBEDDINGS_TABLE_FILE] = EMBEDDINGS
    for name, table in tables.items():
        path = place / name
        if not overwrite and (path.is_symlink() or path.exists()) and not is_table_of_ours(path, table):
            advice = "name another folder with --save, or let --overwrite replace it"
            raise FacelineError(f"{one_line(path)}: is there already, and no export of this table; {advice}")


def export_pictures(folder: Path, place: Path, record: dict) -> list[tuple[Path, int]]:
    """Write the table of stage 1."""
    path, total = place / MANIFEST_TABLE_FILE, sum(record["counts"].values())
    schema = schema_of(PictureRow, {"table": MANIFEST_OF + "align", "options": as_text(record["options"])})
    with writing_table(path, schema) as write:
        for rows in groups(manifest_rows(folder / MANIFEST_FILE, PictureRow, record["counts"]), GROUP_ROWS, total):
            write(table_of(rows, schema))
    return [(path, total)]


def export_crops(folder: Path, place: Path, record: dict) -> list[tuple[Path, int]]:
    """Write both tables of stage 2."""
    with cure(AGAIN):
        network = network_of(record["options"])
    counts = record["counts"]
    embedded, total = sum(counts.get(status, 0) for status in USABLE), sum(counts.values())
    digests = reps_digests(folder)
    marks = description(record, network, digests.get(REPS_FILE, ""))
    manifest_schema = schema_of(CropRow, {"table": MANIFEST_OF + "represent", **marks})
    schema = schema_of(CropRow, {"table": EMBEDDINGS, **marks}, network.dimensions)
    manifest_path, path = place / MANIFEST_TABLE_FILE, place / EMBEDDINGS_TABLE_FILE
    with contextlib.ExitStack() as stack:
        write_manifest = stack.enter_context(writing_table(manifest_path, manifest_schema))
        write = stack.enter_context(writing_table(path, schema))
        stream = stack.enter_context(EmbeddingStream(folder, network.dimensions, digests))
        labels = label_lines(folder / LABELS_FILE)
        rows_of = manifest_rows(folder / MANIFEST_FILE, CropRow, counts)
        for rows in groups(rows_of, group_rows(network.dimensions), total):
            write_manifest(table_of(rows, manifest_schema))
            usable = [row for row in rows if row.status in USABLE]
            if usable:
                write_embedded(write, schema, usable, labels, stream, folder)
        with cure(AGAIN):
            if next(labels, None) is not None:
                raise EditedError(f"{one_line(folder)}: {LABELS_FILE} tells of more crops than {MANIFEST_FILE}")
            stream.check_end()
    return [(manifest_path, total), (path, embedded)]


def write_embedded(
    write: "Callable[[pyarrow.Table], None]",
    schema: "pyarrow.Schema",
    rows: list[CropRow],
    labels: Iterator[tuple[int, str]],
    stream: EmbeddingStream,
    folder: Path,
) -> None:
    """Write rows with their classes and embeddings, which are the next ones; raises FacelineError if they are not."""
    crops = [row.crop for row in rows]
    with cure(AGAIN):
        own = list(itertools.islice(labels, len(rows)))
        labelled = [crop for _, crop in own]
        if crops != labelled:
            difference = f"{first_difference(crops, labelled)}{MANIFEST_FILE} and {LABELS_FILE}"
            raise EditedError(f"{one_line(folder)}: {difference} do not tell of the same crops")
        embeddings = stream.take(len(rows))
    # An earlier version took a folder named by a date for a person.
    rows = [row if row.person == person_of(row.crop) else replace(row, person=person_of(row.crop)) for row in rows]
    write(table_of(rows, schema, [number for number, _ in own], embeddings))


def description(record: dict, network: Network, digest: str) -> dict[str, str]:
    """What the metadata say of embeddings: how they were made, and which they are; nothing of when."""
    aligned = record.get("aligned")
    is_every = isinstance(aligned, dict) and aligned.get("every") is True
    return {
        "network": network.name,
        "network_fingerprint": network.fingerprint,
        "distance": network.distance,
        "dimensions": str(network.dimensions),
        "options": as_text(record["options"]),
        "alignment": as_text(record.get("alignment")),
        "reps_sha256": digest,
        **({"every": "true"} if is_every else {}),
    }


def as_text(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def groups(rows: Iterator[Row], size: int, total: int) -> Iterator[list[Row]]:
    """Rows, `size` together; what `manifest_rows` raises for the whole comes after the last."""
    with bar("rows", total) as progress:
        while True:
            with cure(AGAIN):
                group = list(itertools.islice(rows, size))
            if not group:
                return
            yield group
            progress.update(len(group))
