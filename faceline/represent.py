"""Stage 2: turn every aligned crop into an embedding."""

import contextlib
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from faceline.errors import FacelineError, UnreadableError, cure
from faceline.faces import AlignmentOptions
from faceline.files import MANIFEST_FILE, inside, locked, one_line, read_record, sha256
from faceline.formats import (
    CropRow,
    PictureRow,
    Status,
    person_of,
    read_embeddings,
    read_manifest,
    write_embeddings,
    write_manifest,
)
from faceline.images import decode_image, read_picture
from faceline.journal import Journal
from faceline.networks import DEFAULT_NETWORK, Network, embed, network_named
from faceline.parallel import spread
from faceline.summary import Summary, run_record


def represent_folder(
    data: str | Path,
    out_dir: str | Path,
    *,
    network: str = DEFAULT_NETWORK,
    jobs: int | None = None,
    overwrite: bool = False,
) -> Summary:
    """Embed the crops that `align_folder` wrote.

    Writes `reps.csv`, `labels.csv`, `manifest.csv` with a row for every crop, and `run.json`. Only crops that are new
    or changed are computed.

    Parameters
    ----------
    data : path
        The folder of aligned crops.
    out_dir : path
    network : str
        A key of `networks.NETWORKS`.
    jobs : int or None
        Processes; None for as many as there are cores.
    overwrite : bool
        Compute all again, with another network if need be.

    Raises
    ------
    FacelineError
        If the crops are missing, unfinished or made for another network, none of them can be embedded, or the output
        cannot be written or was made with another network.
    """
    begun = time.monotonic()
    data, out_dir = Path(data), Path(out_dir)
    model = network_named(network)
    model.check_weights()
    pictures, alignment = read_aligned(data, model)
    with locked(out_dir):
        journal = Journal(out_dir, model.record(), CropRow, lambda: read_represented(out_dir, model), overwrite)
        tasks = [
            Task(data, picture, model, alignment["size"], journal.rows.get(picture.crop))
            for picture in sorted(pictures, key=lambda picture: (person_of(picture.crop), picture.crop))
        ]
        rows, done = {}, 0
        with (
            contextlib.closing(journal),
            contextlib.closing(spread(represent_crop, tasks, jobs, "represent")) as results,
        ):
            for row, is_new in results:
                rows[row.key] = row
                if is_new:
                    done += 1
                    journal.add(row)
            rows = [rows[task.picture.crop] for task in tasks]
            counts = Counter(str(row.status) for row in rows)
            if not counts[Status.OK]:
                raise FacelineError(
                    f"{one_line(data)}: none of {len(rows)} crops can be read; run align-dlib.py again with --overwrite"
                )
            removed = len(journal.rows.keys() - {row.key for row in rows})
            seconds = time.monotonic() - begun
            journal.finish(
                rows,
                lambda rows: write_represented(out_dir, rows),
                run_record("represent", model.record(), counts, seconds, alignment=alignment),
            )
    people = len({row.person for row in rows if row.status == Status.OK})
    return Summary(str(out_dir), "crops", people, counts, done, len(rows) - done, removed, seconds)


def read_aligned(data: Path, network: Network) -> tuple[list[PictureRow], dict]:
    """The rows of stage 1's manifest that have a crop, and the options that the crops were made with.

    Raises
    ------
    FacelineError
        If there are none, stage 1 did not finish, or the crops are for another network.
    """
    if not data.is_dir():
        raise FacelineError(f"{one_line(data)}: no such folder; run align-dlib.py first")
    with cure("run align-dlib.py, which writes it, to its end"):
        record = read_record(data)["options"]
        pictures = [row for row in read_manifest(data / MANIFEST_FILE, PictureRow) if row.status == Status.OK]
    try:
        options = AlignmentOptions.from_record(record)
    except FacelineError as error:
        raise FacelineError(f"{one_line(data)}: {error}; run align-dlib.py again with --overwrite") from None
    if options.frame != network.frame:
        raise FacelineError(
            f"{one_line(data)}: the crops are for the frame {options.frame}, the network {network.name} expects"
            f" {network.frame}; run align-dlib.py into another folder"
        )
    if not pictures:
        raise FacelineError(f"{one_line(data)}: no face was found in any picture; see {MANIFEST_FILE} there")
    return pictures, options.record()


@dataclass(frozen=True)
class Task:
    """A crop to be embedded; `known` is what an earlier run made of it."""

    data: Path
    picture: PictureRow
    network: Network
    size: int
    known: CropRow | None


def represent_crop(task: Task) -> tuple[CropRow, bool]:
    """What became of one crop, and whether that is news."""
    row = CropRow(task.picture.crop, person_of(task.picture.crop), Status.UNREADABLE)
    try:
        path = inside(task.data, row.crop)
        if not path.exists():
            row = replace(row, status=Status.MISSING, reason="the crop has been removed")
            return row, row != task.known
        content = read_picture(path)
        row = replace(row, crop_sha256=sha256(content))
        if task.known and task.known.crop_sha256 == row.crop_sha256:
            return task.known, False
        crop = decode_image(content)
    except UnreadableError as error:
        row = replace(row, reason=one_line(error.reason))
        return row, row != task.known
    height, width = crop.shape[:2]
    if (height, width) != (task.size, task.size):
        reason = f"{width} x {height} pixels instead of {task.size} x {task.size}"
        return replace(row, status=Status.WRONG_SIZE, reason=reason), True
    return replace(row, status=Status.OK, embedding=embed(task.network, crop[None])[0]), True


def read_represented(out_dir: Path, network: Network) -> list[CropRow]:
    """The rows of a finished run with their embeddings; raises FacelineError if the files do not match."""
    rows = read_manifest(out_dir / MANIFEST_FILE, CropRow)
    embeddings, crops = read_embeddings(out_dir, network.dimensions)
    if [row.crop for row in rows if row.status == Status.OK] != crops:
        raise FacelineError(f"{one_line(out_dir)}: {MANIFEST_FILE} and the labels do not match")
    of_crop = dict(zip(crops, embeddings, strict=True))
    return [replace(row, embedding=of_crop.get(row.crop)) for row in rows]


def write_represented(out_dir: Path, rows: list[CropRow]) -> None:
    write_embeddings(out_dir, [row for row in rows if row.status == Status.OK])
    write_manifest(out_dir / MANIFEST_FILE, rows)
