"""`reps.csv`, its copy `reps.npy`, and `labels.csv`."""

import contextlib
import csv
import dataclasses
import io
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from faceline.disk.manifests import manifest_rows, read_manifest
from faceline.disk.names import LABELS_FILE, MANIFEST_FILE, REPS_COPY_FILE, REPS_FILE, RUN_FILE
from faceline.disk.numbers import LARGEST, are_reckonable
from faceline.disk.people_paths import person_of
from faceline.disk.reading import (
    file_sha256,
    opened,
    opened_text,
    read_json,
)
from faceline.disk.rows import USABLE, CropRow, Status
from faceline.disk.tables import write_csv
from faceline.disk.writing import write_lines
from faceline.errors import EditedError, FacelineError, UnreadableError
from faceline.host.interruptions import pass_on
from faceline.wording import counted, one_line


def write_embeddings(folder: Path, rows: Sequence[CropRow]) -> None:
    """Write `reps.csv`, its copy `reps.npy` and `labels.csv` from rows with an embedding, sorted by person.

    A line of `reps.csv` is an embedding, `%.9g` a number, which is exact for float32. A line of `labels.csv` is
    `class,path`, classes counted from 1 in the order of the people's names, as OpenFace writes them. `reps.npy` is
    `reps.csv` as NumPy saves an array of shape (n, d), float32, which takes a hundredth of the time to read.
    """
    dimensions = len(embedding_of(rows[0])) if rows else 0
    line = reps_line(dimensions)
    write_lines(folder / REPS_FILE, ((line % tuple(embedding_of(row).tolist())).encode() for row in rows))
    header = npy_header((len(rows), dimensions))
    write_lines(folder / REPS_COPY_FILE, itertools.chain([header], (embedding_of(row).tobytes() for row in rows)))
    write_labels(folder, rows)


def write_labels(folder: Path, rows: Sequence[CropRow]) -> None:
    """Write `labels.csv` of rows that have an embedding, sorted by person."""
    classes = {person: number for number, person in enumerate(sorted({row.person for row in rows}), start=1)}
    write_csv(folder / LABELS_FILE, ((classes[row.person], row.crop) for row in rows))


def reps_line(dimensions: int) -> str:
    """The form of a line of `reps.csv`."""
    return ",".join(["%.9g"] * dimensions) + "\n"


def embedding_of(row: CropRow) -> np.ndarray:
    """The embedding of a row that has one."""
    if row.embedding is None:
        raise ValueError(f"{row.crop} has no embedding")
    return row.embedding


def npy_header(shape: tuple[int, int]) -> bytes:
    """What `np.save` writes before the numbers of a float32 array."""
    header = io.BytesIO()
    description = {"descr": np.dtype(np.float32).str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, description)
    return header.getvalue()


def reps_digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of `reps.csv` and of its copy, as far as they are there."""
    digests = {}
    for name in (REPS_FILE, REPS_COPY_FILE):
        with contextlib.suppress(UnreadableError):
            digests[name] = file_sha256(folder / name)
    return digests


def is_as_recorded(folder: Path, digests: dict[str, str]) -> bool:
    """Whether `reps.csv` and its copy, which have these digests, are what `run.json` says that was written."""
    recorded = read_json(folder / RUN_FILE).get("sha256")
    return bool(recorded) and recorded == digests


def read_embeddings(folder: Path, dimensions: int) -> tuple[np.ndarray, list[str]]:
    """Read `reps.csv`, or the copy of it if both are as `run.json` says that they were written, and `labels.csv`.

    Returns
    -------
    embeddings : ndarray of shape (n, dimensions), float32
    crops : list of n str
        Where each embedding came from, relative to the folder of aligned crops.

    Raises
    ------
    FacelineError
        If a file is missing or cut off, holds no numbers to reckon with, or the two do not match.
    """
    embeddings = read_reps_copy(folder, dimensions)
    if embeddings is None:
        embeddings = read_reps(folder / REPS_FILE, dimensions)
    crops = read_labels(folder / LABELS_FILE)
    if len(embeddings) != len(crops):
        raise EditedError(
            f"{one_line(folder)}: {counted(len(embeddings), 'embedding')} but {counted(len(crops), 'label')}"
        )
    return embeddings, crops


def read_reps_copy(folder: Path, dimensions: int) -> np.ndarray | None:
    """The array of `reps.npy`; None unless it and `reps.csv`, whose place it takes, are as they were written."""
    try:
        if not is_as_recorded(folder, reps_digests(folder)):
            return None
        with opened(folder / REPS_COPY_FILE) as file:
            embeddings = np.lib.format.read_array(file, allow_pickle=False)
    except Exception as error:  # a forged header raises nearly everything; whatever it is, `reps.csv` says the same
        pass_on(error)
        return None
    is_such = embeddings.dtype == np.float32 and embeddings.ndim == 2 and embeddings.shape[1] == dimensions
    return embeddings if is_such and are_reckonable(embeddings) else None


def read_reps(path: Path, dimensions: int) -> np.ndarray:
    """The numbers of `reps.csv` as an array of shape (n, dimensions), float32; raises FacelineError."""
    with opened_text(path, newline="\n") as file:
        first = file.readline()
        try:
            lines = itertools.chain([first], file)
            embeddings = np.loadtxt(lines, np.float32, comments=None, delimiter=",", ndmin=2) if first else None
        except ValueError:
            raise FacelineError(f"{one_line(path)}: {bad_line(path, dimensions)}") from None
    if embeddings is None:
        return np.empty((0, dimensions), np.float32)
    if embeddings.shape[1] != dimensions or not are_reckonable(embeddings):
        raise FacelineError(f"{one_line(path)}: {bad_line(path, dimensions)}")
    return embeddings


def read_represented(folder: Path, dimensions: int, counts: dict | None = None) -> list[CropRow]:
    """The rows of stage 2 with their embeddings; raises FacelineError if its files are damaged or do not match."""
    rows = read_manifest(folder / MANIFEST_FILE, CropRow, counts)
    if not rows:
        return []  # everybody has been removed
    embeddings = iter(embeddings_of([row.crop for row in rows if row.status in USABLE], folder, dimensions))
    return [dataclasses.replace(row, embedding=next(embeddings)) if row.status in USABLE else row for row in rows]


def read_people(
    folder: Path, dimensions: int, counts: dict | None = None, statuses: frozenset[Status] = USABLE
) -> tuple[np.ndarray, list[str], list[str]]:
    """What `read_represented` knows of the crops that have an embedding and one of `statuses`, in less memory.

    Returns
    -------
    embeddings : ndarray of shape (n, dimensions), float32
    crops : list of n str
        Where each embedding came from, relative to the folder of aligned crops.
    people : list of n str
        Whose each embedding is.
    """
    rows = manifest_rows(folder / MANIFEST_FILE, CropRow, counts)
    found = [(row.crop, row.status in statuses) for row in rows if row.status in USABLE]
    crops, wanted = [crop for crop, _ in found], [is_wanted for _, is_wanted in found]
    embeddings = embeddings_of(crops, folder, dimensions)
    if not all(wanted):
        embeddings = embeddings[wanted]
        crops = list(itertools.compress(crops, wanted))
    return embeddings, crops, [person_of(crop) for crop in crops]


def embeddings_of(crops: list[str], folder: Path, dimensions: int) -> np.ndarray:
    """The embeddings of a folder if they are those of `crops`, which stand in its manifest; raises FacelineError."""
    embeddings, labelled = read_embeddings(folder, dimensions)
    if crops != labelled:
        difference = f"{first_difference(crops, labelled)}{MANIFEST_FILE} and {LABELS_FILE}"
        raise EditedError(f"{one_line(folder)}: {difference} do not tell of the same crops")
    if not crops:
        raise FacelineError(f"{one_line(folder)}: holds no embedding")
    return embeddings


def first_difference(crops: list[str], labelled: list[str]) -> str:
    """The first line of the labels that tells of another crop than the manifest; nothing if one is longer only."""
    for line, (crop, label) in enumerate(zip(crops, labelled, strict=False), start=1):
        if crop != label:
            return f"{LABELS_FILE}: line {line}: {one_line(label)}, where {one_line(crop)} is expected: "
    return ""


def bad_line(path: Path, dimensions: int) -> str:
    """Say which line of `reps.csv` is the first that is not `dimensions` finite numbers, and why."""
    with opened_text(path, newline="\n") as file:
        for number, line in enumerate(file, start=1):
            cells = line.removesuffix("\n").split(",")
            if len(cells) != dimensions:
                return f"line {number} has {counted(len(cells), 'number')} instead of {dimensions}"
            for cell in cells:
                try:
                    if abs(float(cell)) < LARGEST:
                        continue
                except ValueError:
                    pass
                return f"line {number} holds {one_line(cell[:20])!r}, which is no number to reckon with"
    return "damaged"


def read_labels(path: Path) -> list[str]:
    """The crops of `labels.csv`; raises FacelineError."""
    return [crop for _, crop in label_lines(path)]


def label_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The class and the crop of each line of `labels.csv`; raises FacelineError."""
    people: dict[int, str] = {}
    with opened_text(path) as file:
        reader = csv.reader(file, strict=True)
        try:
            for cells in reader:
                number, crop = cells
                person = person_of(crop)
                if people.setdefault(int(number), person) != person:
                    raise ValueError(f"class {number} stands for two people")
                yield int(number), crop
        except (ValueError, csv.Error) as error:
            raise EditedError(f"{one_line(path)}: line {reader.line_num}: {one_line(error)}") from None
