"""A folder of stage 2 from a Parquet file: an export's, or embeddings of another program."""

import itertools
import json
import logging
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceline.disk.embedding_stream import write_as_text, write_scattered
from faceline.disk.embeddings import reps_digests, write_labels
from faceline.disk.folder_locks import locked
from faceline.disk.manifests import write_manifest
from faceline.disk.names import LABELS_FILE, MANIFEST_FILE, REPS_COPY_FILE, REPS_FILE
from faceline.disk.parquet_embeddings import EmbeddingsFile, opened_embeddings
from faceline.disk.parquet_tables import check_pyarrow
from faceline.disk.paths import named_path
from faceline.disk.rows import CropRow
from faceline.disk.run_records import run_record
from faceline.disk.writing import replacing
from faceline.errors import FacelineError
from faceline.faces.options import AlignmentOptions
from faceline.faces.test_time_augmentation import ALONE, Augmentation
from faceline.host.interruptions import pass_on
from faceline.networks.frames import serves
from faceline.networks.network import Network
from faceline.networks.runtime import DEFAULT_DEVICE, DEFAULT_ENGINE
from faceline.networks.table import network_named, network_of
from faceline.runs.journal import Journal
from faceline.runs.shard_plan import leave_shards
from faceline.stages.tried_file import try_file
from faceline.wording import counted, one_line

logger = logging.getLogger(__name__)

# What stage 2 calls itself: what is imported is for those who read its folders.
STAGE = "represent"


@dataclass(frozen=True)
class Imported:
    """What `import_embeddings` made.

    Attributes
    ----------
    path : str
        The folder.
    embeddings, people : int
        How many there are.
    network : str
        Whose embeddings they are.
    is_export : bool
        Whether the file said so; else the user did, and how faces are to be cropped for it is the network's default.
    """

    path: str
    embeddings: int
    people: int
    network: str
    is_export: bool

    def __str__(self) -> str:
        whose = "as the file says" if self.is_export else "as you say; photographs will be cropped as is usual for it"
        return (
            f"{counted(self.embeddings, 'embedding')} of {counted(self.people, 'person')},"
            f" of the network {one_line(self.network)}, {whose}.\nWritten to {one_line(self.path)}"
        )


@dataclass(frozen=True)
class Origin:
    """How embeddings were made: the network, all options for `run.json`, the crops', and whether they are of every face
    of photographs, so that folders are no people."""

    network: Network
    options: dict
    alignment: AlignmentOptions
    is_every: bool = False


def import_embeddings(
    path: str | Path,
    embeddings_dir: str | Path,
    *,
    network: str | None = None,
    overwrite: bool = False,
) -> Imported:
    """Make a finished folder of stage 2 from a Parquet file, for `train`, `cluster`, `check` and the evaluations.

    The file is one that `export_tables` wrote, or has the columns `person`, text, and `embedding`, lists of floats; and
    `crop`, text, if it likes: a path within the person's folder, or the name of a file there. Columns that are called
    as those of an export have to be as there; all others are left aside. The embeddings of a file of an export give
    the same `reps.csv` and `labels.csv` again, byte for byte.

    Parameters
    ----------
    path : path
    embeddings_dir : path
        A new or empty folder, or one that the same file was imported to.
    network : str or None
        Whose embeddings they are, as for `represent_folder`; None for what an export says of it.
    overwrite : bool
        Replace what another file, or stage 2, has put into the folder.

    Raises
    ------
    FacelineError
        If the file is none that can be imported, or is of another network than that; if pyarrow is missing; or the
        folder holds something else, or cannot be written.

    Examples
    --------
    >>> from faceline import export_tables, import_embeddings
    >>> exported = export_tables("generated-embeddings")
    >>> imported = import_embeddings("generated-embeddings/embeddings.parquet", "imported-embeddings")
    >>> imported.embeddings, imported.people, imported.network
    (3, 2, 'dlib')
    """
    begun = time.monotonic()
    check_pyarrow()
    path, folder = named_path(path), named_path(embeddings_dir)
    with opened_embeddings(path) as file:
        origin = origin_of(file, network)
        options = origin.options | {"imported": file.sha256}
        logger.info("import: %s of %s", counted(file.count, "embedding"), one_line(path))
        try_file(path, origin.network.dimensions)  # all of it, before anything is written
        rows, places = read_rows(file, origin.is_every)
        with locked(folder):
            write_imported(folder, file, rows, places, origin, options, begun, overwrite)
    people = len({row.person for row in rows} - {""})
    return Imported(str(folder), len(rows), people, origin.network.title, file.is_export)


def origin_of(file: EmbeddingsFile, name: str | None) -> Origin:
    """How the embeddings of a file were made: as an export says, else as is usual for the network of that name.

    Raises
    ------
    FacelineError
        If nobody says whose they are, or file and user say different things.
    """
    if not file.is_export:
        if name is None:
            raise file.wrong("does not say which network its embeddings are of; name it with --network")
        network = network_named(name)
        options = {"engine": DEFAULT_ENGINE, "device": DEFAULT_DEVICE} | ALONE.record() | network.record()
        return Origin(network, options, AlignmentOptions(frame=network.frame, size=network.crop_size))
    try:
        claimed = json.loads(file.metadata["options"])
        network = network_of(claimed, name)
        alignment = AlignmentOptions.from_record(json.loads(file.metadata["alignment"]))
        augmentation = Augmentation.from_record(claimed)
        plain = {key: value for key, value in claimed.items() if isinstance(value, str | int | float)}
    except FacelineError as error:
        raise file.wrong(str(error)) from None
    except Exception as error:  # values of a wrong kind raise nearly everything when they are compared or looked up
        pass_on(error)
        raise file.wrong("what it says of its network is damaged; export it again") from None
    wanted = [part.frame for part in network.parts or (network,) if not serves(alignment.frame, part.frame)]
    if wanted:
        raise file.wrong(f"of crops for the frame {alignment.frame}, where {network.name} expects {wanted[0]}")
    return Origin(network, plain | augmentation.record() | network.record(), alignment, "every" in file.metadata)


def read_rows(file: EmbeddingsFile, takes_nobody: bool) -> tuple[list[CropRow], np.ndarray]:
    """The rows in the order of stage 2, by person and crop; and where there each row of the file goes, (n,) int64.

    Raises
    ------
    FacelineError
        If a row cannot be one of a manifest, or there is a second one of a crop.
    """
    found = list(file.rows(takes_nobody))
    order = sorted(range(len(found)), key=lambda row: (found[row].person, found[row].crop))
    for one, other in itertools.pairwise(order):
        if found[one].crop == found[other].crop:
            raise file.wrong(f"crop {found[other].crop!r:.80} stands in row {one + 1:,}, too", other)
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    return [found[row] for row in order], places


def write_imported(
    folder: Path,
    file: EmbeddingsFile,
    rows: list[CropRow],
    places: np.ndarray,
    origin: Origin,
    options: dict,
    begun: float,
    overwrite: bool,
) -> None:
    """Write all files of stage 2, `run.json` last; the journal says meanwhile that the folder is ours."""
    leave_shards(folder, None)
    journal: Journal[CropRow] = Journal(
        folder,
        STAGE,
        options,
        read_row=lambda fields: CropRow.from_json(fields, origin.network.dimensions),
        read_finished=lambda folder, counts: [],
        outputs=(MANIFEST_FILE, REPS_FILE, REPS_COPY_FILE, LABELS_FILE),
        overwrite=overwrite,
    )
    dimensions = origin.network.dimensions
    counts = Counter(str(row.status) for row in rows)
    record: dict[str, object] = {"alignment": origin.alignment.record(), "imported_from": file.path.name}
    if origin.is_every:
        record["aligned"] = {"every": True}
    try:
        with replacing(folder / REPS_COPY_FILE) as scratch:
            write_scattered(scratch, file.blocks(dimensions), places, dimensions)
            journal.start()
            write_as_text(folder, scratch, len(rows), dimensions)
            write_labels(folder, rows)
            write_manifest(folder / MANIFEST_FILE, rows, CropRow)
        entry = run_record(STAGE, options, counts, time.monotonic() - begun, **record)
        journal.finish([], lambda _: None, entry, lambda: {"sha256": reps_digests(folder)})
    finally:
        journal.close()
