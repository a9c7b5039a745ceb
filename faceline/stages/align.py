"""Stage 1: find, align and crop the main face of every picture, or every face."""

import contextlib
import os
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

from faceline.disk.crop_embeddings import read_crop_embeddings
from faceline.disk.names import CROP_EMBEDDINGS_FILE, MANIFEST_FILE
from faceline.disk.paths import (
    named_path,
    real_path,
)
from faceline.disk.people_paths import person_of
from faceline.disk.rows import (
    PictureRow,
    crop_path,
)
from faceline.disk.run_records import read_record
from faceline.disk.scan import list_pictures
from faceline.errors import FacelineError
from faceline.faces.detectors import DEFAULT_DETECTOR, DETECTORS
from faceline.faces.options import (
    DEFAULT_DETECTION_SIZE,
    DEFAULT_UPSAMPLE,
    AlignmentOptions,
)
from faceline.faces.reframing import shows_all
from faceline.networks.frames import DEFAULT_LANDMARKS
from faceline.networks.inference import check_network
from faceline.networks.network import Network
from faceline.networks.runtime import DEFAULT_DEVICE, DEFAULT_ENGINE, Runtime
from faceline.networks.table import DEFAULT_NETWORK, network_named
from faceline.runs.cluster import DEFAULT_BACKEND, cluster_of
from faceline.runs.journal import earlier_run, was_begun
from faceline.runs.keeping import keep_workers
from faceline.runs.parallel import process_count
from faceline.runs.shard_run import folder_run
from faceline.runs.shards import Shard
from faceline.runs.summary import Summary
from faceline.stages.aligned_tables import STAGE, finish_aligned, read_aligned_rows
from faceline.stages.alignment import Compared, Outcome, PictureTask, align_pictures
from faceline.stages.crop_files import clear, crop_folders, further_crops, put_crop, put_crops, refuse_within
from faceline.stages.picture_rows import by_picture, changed_people, everybody, in_order
from faceline.stages.settling import Settling
from faceline.wording import one_line

# What becomes of a picture without a face: no crop, or one of its middle.
FALLBACKS = ("none", "centre")

# Pictures that a process takes at once: enough that handing them out costs nothing.
PICTURES_AT_ONCE = 4

# Most of the work is the CPU's: the GPU waits for one process. Each takes some hundred megabytes of it for CUDA alone.
PROCESSES_A_GPU = 8


@keep_workers()  # some pictures are looked at again
def align_folder(
    input_dir: str | Path,
    output_dir: str | Path,
    landmarks: str = DEFAULT_LANDMARKS,
    size: int | None = None,
    *,
    network: str = DEFAULT_NETWORK,
    landmark_model: int | None = None,
    detector: str = DEFAULT_DETECTOR,
    upsample: int = DEFAULT_UPSAMPLE,
    detection_size: int = DEFAULT_DETECTION_SIZE,
    skip_multi: bool = False,
    every: bool = False,
    fallback: str = "none",
    engine: str = DEFAULT_ENGINE,
    device: str = DEFAULT_DEVICE,
    jobs: int | None = None,
    overwrite: bool = False,
    shard: str | None = None,
    backend: str = DEFAULT_BACKEND,
    scheduler: str | None = None,
) -> Summary:
    """Crop the main face of every picture `<input_dir>/<person>/…`, or every face of all pictures below `input_dir`.

    Writes `<output_dir>/<person>/<picture>.png`, `manifest.csv` with a row for every picture, and `run.json`. Only
    pictures that are new or changed are computed; the crops of those that have disappeared are removed.

    Parameters
    ----------
    input_dir, output_dir : path
    landmarks : str
        Which points are aligned, a key of `frames.LANDMARK_SETS`.
    size : int or None
        Edge of the crops, in pixels; None for what suits the network. In a folder whose crops were cut for several
        networks, and show all that this one wants, further ones are cut as they are.
    network : str
        The network that the crops are for, as `represent_folder` takes it.
    landmark_model : {5, 68} or None
        The landmark predictor; None takes the smallest that has the points.
    detector : str
        A key of `detectors.DETECTORS`.
    upsample : int
        How often the picture is doubled before detection, to find smaller faces.
    detection_size : int
        Pictures with a longer edge than this many pixels are shrunk to it for the first look, not for the crop. Where
        that finds no face, and with `skip_multi`, they are looked at in their full resolution, too.
    skip_multi : bool
        Leave out pictures with several faces, however small, instead of taking the main one.
    every : bool
        Crop every face of a picture, for photographs without names, which may also lie in `input_dir` itself: the
        main one as ever, the others beside it as `<picture>-2.png` and so on, from the largest, each with a row.
    fallback : str
        "centre" gives a picture in which no face is found a crop of its middle, so that an evaluation can count it; its
        status is `fallback`.
    engine, device : str
        What the detectors `cnn` and `retinaface` run on, keys of `runtime.ENGINES` and `runtime.DEVICES`.
    jobs : int or None
        Processes, with a thread each; None for as many as there are cores, and if a GPU is to look for faces, at most 8
        for each.
    overwrite : bool
        Compute all again, with other options if need be.
    shard : str or None
        "2/8" does the second of eight parts, each of which may run at any time and on any machine that sees both
        folders; `merge` closes the folder when all are done.
    backend, scheduler : str
        A key of `cluster.BACKENDS`: "dask" has the pictures looked at by the cluster of the scheduler at that address,
        whose workers see both folders under the same paths. This process is the only one that writes all the same.

    Raises
    ------
    FacelineError
        If the input has no pictures of people and had none before, the output cannot be written or was made with other
        options, or an option is wrong.

    Examples
    --------
    With three photographs, in a folder for each person:

    >>> from faceline import align_folder
    >>> print(align_folder("training-images", "aligned-images"))
    3 pictures of 2 people: 3 ok.
    ...
    Written to aligned-images
    """
    begun = time.monotonic()
    input_dir, output_dir = named_path(input_dir), named_path(output_dir)
    cluster = cluster_of(backend, scheduler)
    part = None if shard is None else Shard.parse(shard)
    chosen_network = network_named(network)
    frame, size = frame_and_size(chosen_network, size, None if overwrite else output_dir)
    options = AlignmentOptions(landmarks, size, landmark_model, detector, upsample, detection_size, frame)
    options.check_weights()
    runtime = Runtime(engine, device)
    runtime.check()
    jobs = process_count(jobs, partial(processes, runtime, detector))
    check_fallback(fallback)
    if skip_multi and every:
        raise FacelineError("--skipMulti leaves out pictures with several faces, --every takes all faces; choose one")
    source = real_path(input_dir).name
    whole = list_pictures(input_dir, was_made_from(source, output_dir), every)
    crops = [crop_path(image) for image in whole.images]
    refuse_within(input_dir, {output_dir, *crop_folders(output_dir, crops)})

    def holds(path: str) -> bool:
        return part is None or part.holds(path, alone=every)

    listing = whole if part is None else whole.part(holds)
    pictures = Counter(map(person_of, listing.images))
    takes_main = not skip_multi and not every  # else there is no face to choose
    compare = takes_main and any(count > 1 for count in pictures.values())
    if compare:
        check_network(chosen_network, Runtime())
    record = options.record() | {"skip_multi": skip_multi, "fallback": fallback}
    if every:  # earlier versions know nothing of it, and their folders stay good
        record["every"] = True
    with folder_run(
        output_dir,
        part,
        {"input": source} | chosen_network.identity(),
        lambda row: holds(row.image),
        stage=STAGE,
        options=record,
        read_row=PictureRow.from_json,
        read_finished=read_aligned_rows,
        outputs=chain(
            (MANIFEST_FILE, CROP_EMBEDDINGS_FILE, *crops),
            further_crops(output_dir, whole.images) if every else (),
        ),
        overwrite=overwrite,
        jobs=jobs,
        begun=begun,
        cluster=cluster,
    ) as run:
        embeddings = read_crop_embeddings(
            run.earlier_dir, chosen_network.fingerprint, chosen_network.dimensions, run.earlier_record
        )

        # Workers of a cluster were started in other folders.
        input_seen, output_seen = (
            Path(os.path.abspath(folder)) if cluster else folder for folder in (input_dir, output_dir)
        )

        def task_of(image: str, compared: Compared, before: tuple[PictureRow, ...] = ()) -> PictureTask:
            if not compare or pictures[person_of(image)] == 1:
                compared = Compared.NONE
            return PictureTask(
                input_seen,
                output_seen,
                image,
                options,
                runtime,
                skip_multi,
                every,
                fallback,
                chosen_network,
                before,
                compared,
            )

        def run_tasks(tasks: list[PictureTask]) -> Iterator[Outcome]:
            return run.results(align_pictures, tasks, "faces")

        known = by_picture(run.known.values())
        tasks = [task_of(image, Compared.MAIN, known.get(image, ())) for image in listing.images]
        # The large ones first, so that none of them is what all other processes wait for in the end.
        tasks.sort(key=lambda task: listing.sizes[task.image], reverse=True)
        rows, removed = clear(run, listing)
        for outcome in run.results(align_pictures, tasks, batch=PICTURES_AT_ONCE):
            rows += [row for row, _ in outcome.all]
            if outcome.embedding is not None:
                embeddings[outcome.row.crop_sha256] = outcome.embedding
            removed += put_crops(run, outcome.all, known.get(outcome.row.image, ()))
        settling = Settling(rows, embeddings, task_of, run_tasks)
        changed = changed_people(rows, run.known if run.earlier_record else {})
        for outcome in settling.settle(changed) if takes_main else ():
            put_crop(run, outcome.row, outcome.png)
        rows = in_order(settling.rows.values())
        return finish_aligned(
            run,
            rows,
            chosen_network.fingerprint,
            settling.kept() if takes_main else {},
            source=source,
            everybody=() if every else everybody(rows, whole, holds),
            removed=removed,
            left_out=len(listing.refused),
            ignored=listing.ignored,
        )


def processes(runtime: Runtime, detector: str, cores: int) -> int:
    """How many look for faces where the user does not say."""
    return runtime.processes(cores, PROCESSES_A_GPU) if DETECTORS[detector].is_for_devices else cores


def frame_and_size(network: Network, size: int | None, folder: Path | None) -> tuple[str, int]:
    """The frame and the size of crops for a network: its own, or those of the crops in a folder that show all it wants
    of a wider frame."""
    if size is not None:
        return network.frame, size
    with contextlib.suppress(FacelineError):
        earlier = None if folder is None else earlier_run(folder)
        if earlier is not None and earlier["stage"] == STAGE and earlier["options"].get("frame") != network.frame:
            found = AlignmentOptions.from_record(earlier["options"])
            if shows_all(found.frame, found.size, network):
                return found.frame, found.size
    return network.frame, network.crop_size


def was_made_from(source: str, output_dir: Path) -> bool:
    """Whether an earlier run has written to a folder, and read one called `source`.

    If now there are no pictures any more, everybody has been removed. Where a path was mistyped, the name is not that
    of before. It is kept without its path, which changes when all is moved, and may be nobody else's business.
    """
    try:
        return read_record(output_dir, STAGE).get("input", source) == source
    except FacelineError:
        return was_begun(output_dir)


def check_fallback(fallback: str) -> None:
    if fallback not in FALLBACKS:
        raise FacelineError(f"unknown fallback {one_line(fallback)!r}; choose from {', '.join(FALLBACKS)}")
