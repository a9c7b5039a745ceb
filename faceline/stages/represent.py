"""Stage 2: turn every aligned crop into an embedding."""

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from faceline.disk.crop_embeddings import read_crop_embeddings
from faceline.disk.embeddings import read_represented
from faceline.disk.freshness import aligned_record
from faceline.disk.manifests import read_manifest
from faceline.disk.names import (
    LABELS_FILE,
    MANIFEST_FILE,
    REPS_COPY_FILE,
    REPS_FILE,
)
from faceline.disk.paths import (
    check_folder,
    inside,
    named_path,
    real_path,
)
from faceline.disk.people_paths import person_of
from faceline.disk.pictures.images import decode_image, read_picture
from faceline.disk.reading import sha256
from faceline.disk.rows import (
    USABLE,
    CropRow,
    PictureRow,
    Status,
)
from faceline.disk.run_records import read_record
from faceline.errors import FacelineError, MissingError, UnreadableError, cure
from faceline.faces.embedder import embed
from faceline.faces.options import AlignmentOptions
from faceline.faces.test_time_augmentation import ALONE, DEFAULT_PASSES, Augmentation
from faceline.networks.frames import serves
from faceline.networks.inference import BATCH, check_network
from faceline.networks.network import FLOAT32, Network
from faceline.networks.runtime import DEFAULT_DEVICE, DEFAULT_ENGINE, Runtime
from faceline.networks.table import DEFAULT_NETWORK, network_named
from faceline.runs.cluster import DEFAULT_BACKEND, cluster_of
from faceline.runs.journal import was_begun
from faceline.runs.parallel import process_count
from faceline.runs.shard_run import folder_run
from faceline.runs.shards import Shard
from faceline.runs.summary import Summary
from faceline.stages.crop_quality import measured
from faceline.stages.represented_tables import STAGE, finish_represented, in_order, refuse_unusable
from faceline.wording import one_line


def represent_folder(
    data: str | Path,
    out_dir: str | Path,
    *,
    network: str = DEFAULT_NETWORK,
    precision: str = FLOAT32,
    engine: str = DEFAULT_ENGINE,
    device: str = DEFAULT_DEVICE,
    passes: int = DEFAULT_PASSES,
    jitters: int = 0,
    jobs: int | None = None,
    overwrite: bool = False,
    shard: str | None = None,
    backend: str = DEFAULT_BACKEND,
    scheduler: str | None = None,
) -> Summary:
    """Embed the crops that `align_folder` wrote.

    Writes `reps.csv` and its copy `reps.npy`, `labels.csv`, `manifest.csv` with a row for every crop, and `run.json`.
    Only crops that are new or changed are computed.

    Parameters
    ----------
    data : path
        The folder of aligned crops.
    out_dir : path
    network : str
        A key of `networks.table.NETWORKS`, the path of an ONNX file with a description beside it, or several of these
        with `+` between them, whose embeddings are put side by side.
    precision : str
        What it reckons in, one of `network.PRECISIONS`.
    engine, device : str
        What the network runs on, keys of `runtime.ENGINES` and `runtime.DEVICES`.
    passes : int
        Average over that many copies of each crop, turned and mirrored; a key of `test_time_augmentation.PASSES`.
    jitters : int
        Average over that many jittered copies of each crop instead, if not 0.
    jobs : int or None
        Processes, with a thread each; None for as many as there are cores, or GPUs if they are to be used.
    overwrite : bool
        Compute all again, with another network if need be.
    shard : str or None
        "2/8" does the second of eight parts, as that of `align_folder`; `merge` closes the folder.
    backend, scheduler : str
        As those of `align_folder`.

    Raises
    ------
    FacelineError
        If the crops are missing, unfinished or made for another network, there are none and were none before, none of
        them can be embedded, or the output cannot be written or was made with another network.

    Examples
    --------
    >>> from faceline import align_folder, represent_folder
    >>> aligned = align_folder("training-images", "aligned-images")
    >>> represented = represent_folder(aligned.result, "generated-embeddings")
    >>> represented.people, dict(represented.counts)
    (2, {'ok': 3})
    """
    begun = time.monotonic()
    data, out_dir = named_path(data), named_path(out_dir)
    runtime = Runtime(engine, device)
    jobs, cluster = process_count(jobs, runtime.processes), cluster_of(backend, scheduler)
    part = None if shard is None else Shard.parse(shard)
    if real_path(out_dir) == real_path(data):
        raise FacelineError(f"{one_line(out_dir)}: holds the crops; name another folder for the embeddings")
    chosen_network = network_named(network, precision)
    check_network(chosen_network, runtime)
    augmentation = Augmentation(passes, jitters)
    options = chosen_network.record() | {"engine": engine, "device": device} | augmentation.record()
    aligned, alignment = read_aligned(data, chosen_network)
    pictures = [row for row in aligned if row.status in USABLE]
    if not pictures and not was_begun(out_dir):
        raise FacelineError(f"{one_line(data)}: {no_crops(aligned)}")
    # They are those of the same network on the same engine, of the crop alone.
    is_plain = augmentation == ALONE and runtime == Runtime()
    record = read_record(data)
    given = {}
    if is_plain:
        given = read_crop_embeddings(data, chosen_network.fingerprint, chosen_network.dimensions, record)

    def holds(path: str) -> bool:
        return part is None or part.holds(path, alone=record["options"].get("every") is True)

    with folder_run(
        out_dir,
        part,
        chosen_network.identity(),
        lambda row: holds(row.crop),
        stage=STAGE,
        options=options,
        read_row=lambda fields: CropRow.from_json(fields, chosen_network.dimensions),
        read_finished=lambda folder, counts: read_represented(folder, chosen_network.dimensions, counts),
        outputs=(MANIFEST_FILE, REPS_FILE, REPS_COPY_FILE, LABELS_FILE),
        overwrite=overwrite,
        jobs=jobs,
        begun=begun,
        cluster=cluster,
    ) as run:
        crops_dir = Path(os.path.abspath(data)) if cluster else data  # workers of a cluster were started elsewhere
        picture_of = {picture.crop: picture for picture in pictures if holds(picture.crop)}
        tasks = [
            CropTask(
                *(crops_dir, picture_of[crop], chosen_network, runtime, augmentation),
                *(alignment["size"], alignment["frame"]),
                run.known.get(crop),
                given.get(picture_of[crop].crop_sha256),
            )
            for crop in in_order(picture_of)
        ]
        found = {}
        for row, is_new in run.results(represent_crops, tasks, batch=runtime.batch(BATCH)):
            found[row.key] = row
            if is_new:
                run.note(row)
        rows = [found[task.picture.crop] for task in tasks]
        if part is None:
            refuse_unusable(rows, data)
        return finish_represented(
            run,
            rows,
            record={"alignment": alignment, "aligned": aligned_record(data, out_dir)},
            everybody={person_of(row.image) for row in aligned if row.image[-1:] != "/" and holds(row.image)} - {""},
            removed=len(run.known.keys() - found.keys()),
        )


def no_crops(aligned: list[PictureRow]) -> str:
    """Why there is nothing to embed, and what to do about it."""
    if not aligned:
        return "there are no crops, as there are no pictures of people any more; add pictures and run align-dlib.py"
    return f"no face was found in any picture; see {MANIFEST_FILE} there"


def read_aligned(data: Path, network: Network) -> tuple[list[PictureRow], dict]:
    """The rows of stage 1's manifest, and the options that the crops were made with.

    Raises
    ------
    FacelineError
        If stage 1 did not finish, or the crops are for another network.
    """
    check_folder(data, "run align-dlib.py first")
    with cure("run align-dlib.py, which writes it, to its end"):
        record = read_record(data, "align")
        rows = read_manifest(data / MANIFEST_FILE, PictureRow, record["counts"])
    try:
        options = AlignmentOptions.from_record(record["options"])
    except FacelineError as error:
        raise FacelineError(f"{one_line(data)}: {error}; run align-dlib.py again with --overwrite") from None
    wanted = [part.frame for part in network.parts or (network,) if not serves(options.frame, part.frame)]
    if wanted:
        raise FacelineError(
            f"{one_line(data)}: the crops are for the frame {options.frame}, the network {network.name} expects"
            f" {wanted[0]}; run align-dlib.py --network {one_line(network.name)} into another folder"
        )
    return rows, options.record()


@dataclass(frozen=True)
class CropTask:
    """A crop to be embedded; `known` is what an earlier run made of it.

    `given` is the embedding of the crop that stage 1 tells of, where that had to compute it.
    """

    data: Path
    picture: PictureRow
    network: Network
    runtime: Runtime
    augmentation: Augmentation
    size: int
    frame: str
    known: CropRow | None
    given: np.ndarray | None = None


def represent_crops(tasks: list[CropTask]) -> list[tuple[CropRow, bool]]:
    """What became of crops, and of each whether that is news."""
    rows, crops = [], {}
    for index, task in enumerate(tasks):
        row, crop = take_crop(task)
        rows.append(row)
        if crop is not None:
            crops[index] = crop
    one = tasks[0]
    new = [index for index in crops if rows[index].embedding is None]
    if new:
        pixels = np.array([crops[index] for index in new])
        embeddings = embed(one.network, pixels, one.runtime, one.augmentation, one.frame)
        for index, embedding in zip(new, embeddings, strict=True):
            row = replace(rows[index], status=Status.OK, embedding=embedding)
            rows[index] = known_as(row, tasks[index].picture)
    if crops:
        found = measured(
            [rows[index] for index in crops],
            [tasks[index].picture for index in crops],
            np.array(list(crops.values())),
            *(one.network, one.runtime, one.augmentation, one.frame),
        )
        for index, row in zip(crops, found, strict=True):
            rows[index] = row
    return [(row, row is not task.known) for row, task in zip(rows, tasks, strict=True)]


def take_crop(task: CropTask) -> tuple[CropRow, np.ndarray | None]:
    """A crop's row, and the crop itself if it has to be embedded, or its quality to be measured."""
    blank = CropRow(task.picture.crop, person_of(task.picture.crop), Status.UNREADABLE)
    known, row = task.known, None
    try:
        content = read_picture(inside(task.data, blank.crop))
        blank = replace(blank, crop_sha256=sha256(content))
        if known and known.crop_sha256 == blank.crop_sha256:
            row = known_as(known, task.picture)
            if row.status not in USABLE or row.quality is not None:
                return row, None  # else it is of a version that did not measure it
        elif task.given is not None and blank.crop_sha256 == task.picture.crop_sha256:
            row = replace(blank, status=Status.OK, embedding=task.given)
        crop = decode_image(content)
    except MissingError:
        return known_or(replace(blank, status=Status.MISSING, reason="the crop has been removed"), known), None
    except UnreadableError as error:
        return known_or(replace(blank, reason=one_line(error.reason)), known), None
    except MemoryError:
        return replace(blank, reason="not enough memory", crop_sha256=""), None
    height, width = crop.shape[:2]
    if (height, width) != (task.size, task.size):
        reason = f"{width} x {height} pixels instead of {task.size} x {task.size}"
        return replace(blank, status=Status.WRONG_SIZE, reason=reason), None
    return row or blank, crop


def known_or(row: CropRow, known: CropRow | None) -> CropRow:
    """`known` if it says the same as `row`."""
    return known if row == known else row


def known_as(known: CropRow, picture: PictureRow) -> CropRow:
    """`known`, whose crop is as before, with what stage 1 says of it now: whether it shows a face that was found."""
    if known.status not in USABLE or known.status == picture.status:
        return known
    return replace(known, status=picture.status, reason="" if picture.status == Status.OK else picture.reason)
