"""What lies on disk between the stages: the rows of the manifests, and the embeddings."""

import base64
import contextlib
import csv
import dataclasses
import io
import itertools
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Self

from faceline.counts import counted
from faceline.errors import EditedError, FacelineError, UnreadableError
from faceline.files import (
    MANIFEST_FILE,
    RUN_FILE,
    file_sha256,
    fitting,
    one_line,
    opened,
    opened_text,
    read_json,
    replacing,
    write_lines,
)
from faceline.interruptions import pass_on
from faceline.people_paths import folder_of, person_of

if TYPE_CHECKING:
    import numpy as np

REPS_FILE = "reps.csv"
REPS_COPY_FILE = "reps.npy"
LABELS_FILE = "labels.csv"
CLASSIFIER_FILE = "classifier.pkl"
CROP_EMBEDDINGS_FILE = "embeddings.npz"

# The sum of the squares of smaller numbers is finite in float32; NaN is not smaller.
LARGEST = 1e9

DEFAULT_EMBEDDINGS_DIR = "./generated-embeddings/"
DEFAULT_CLASSIFIER = DEFAULT_EMBEDDINGS_DIR + CLASSIFIER_FILE


class Status(StrEnum):
    """What became of one picture or crop."""

    OK = "ok"
    FALLBACK = "fallback"
    NO_FACE = "no-face"
    MANY_FACES = "many-faces"
    NO_PERSON = "no-person"
    UNREADABLE = "unreadable"
    WRONG_SIZE = "wrong-size"
    MISSING = "missing"


# What has a crop in stage 1, and an embedding in stage 2.
USABLE = frozenset({Status.OK, Status.FALLBACK})


@dataclass(frozen=True)
class PictureRow:
    """A line of stage 1's manifest: what became of one picture.

    `image` is relative to the input folder and `crop` to the output folder, both with forward slashes. The box is
    that of what was cropped, in pixels of the picture as a viewer shows it; `right` and `bottom` are exclusive. `turn`
    is how far the picture was turned clockwise, in degrees, for the face to be upright.
    """

    image: str
    person: str
    status: str
    reason: str = ""
    faces: int | None = None
    crop: str = ""
    left: int | None = None
    top: int | None = None
    right: int | None = None
    bottom: int | None = None
    image_sha256: str = ""
    crop_sha256: str = ""
    turn: int = 0

    @property
    def key(self) -> str:
        return self.image

    def forgotten(self) -> Self:
        """The same row, good for removing its crop and for nothing else."""
        return dataclasses.replace(self, image_sha256="")

    def to_json(self) -> dict:
        return dict(vars(self))

    @classmethod
    def from_json(cls, fields: dict) -> Self:
        return make_row(cls, fields)


@dataclass(frozen=True)
class CropRow:
    """A line of stage 2's manifest: what became of one crop; `embedding` is (d,) float32 where `status` is USABLE."""

    crop: str
    person: str
    status: str
    reason: str = ""
    crop_sha256: str = ""
    embedding: "np.ndarray | None" = dataclasses.field(default=None, compare=False)

    @property
    def key(self) -> str:
        return self.crop

    def forgotten(self) -> Self:
        return dataclasses.replace(self, crop_sha256="")

    def to_json(self) -> dict:
        fields = dict(vars(self))
        if self.embedding is not None:
            fields["embedding"] = base64.b64encode(self.embedding.tobytes()).decode()
        return fields

    @classmethod
    def from_json(cls, fields: dict, dimensions: int) -> Self:
        """What `to_json` made of a row whose embedding has `dimensions` numbers; raises what `make_row` does."""
        import numpy as np

        encoded = fields["embedding"]
        row = make_row(cls, fields | {"embedding": None})
        if (encoded is not None) != (row.status in USABLE):
            raise ValueError("an embedding too many or too few")
        if encoded is None:
            return row
        embedding = np.frombuffer(base64.b64decode(encoded, validate=True), np.float32)
        if len(embedding) != dimensions or not are_reckonable(embedding):
            raise ValueError(f"the embedding is not {dimensions} finite numbers")
        return dataclasses.replace(row, embedding=embedding)


def make_row(row_type: type, fields: dict) -> PictureRow | CropRow:
    """A row from fields that come from a file; raises TypeError or ValueError if one is none of its kind."""
    row = row_type(**fields)
    for field in dataclasses.fields(row):
        value = getattr(row, field.name)
        if isinstance(value, str):
            os.fsencode(value)  # raises UnicodeEncodeError where no file could have that name
        if field.name != "embedding" and (not isinstance(value, field.type) or isinstance(value, bool)):
            raise TypeError(f"{field.name} is {value!r:.40}")
    Status(row.status)
    return row


def write_manifest(path: Path, rows: Sequence[PictureRow] | Sequence[CropRow], row_type: type | None = None) -> None:
    """Write rows as CSV with a header; `row_type` is their kind, where there may be none."""
    fields = [field.name for field in dataclasses.fields(row_type or rows[0]) if field.name != "embedding"]
    write_csv(path, itertools.chain([fields], ([getattr(row, field) for field in fields] for row in rows)))


def read_manifest(path: Path, row_type: type, counts: dict | None = None) -> list:
    """Read what `write_manifest` wrote.

    Parameters
    ----------
    path : Path
    row_type : type
        PictureRow or CropRow.
    counts : dict or None
        How many rows there are of each status, as `run.json` says: a file that was cut off between two lines has fewer.

    Raises
    ------
    FacelineError
        If the file is missing, a line is not a row, or the counts are others.
    """
    return list(manifest_rows(path, row_type, counts))


def manifest_rows(path: Path, row_type: type, counts: dict | None = None) -> Iterator:
    """The rows that `read_manifest` gives, one after the other; what it raises for the whole comes after the last."""
    fields = {field.name: field for field in dataclasses.fields(row_type) if field.name != "embedding"}
    since_first = list(fields).index("crop_sha256") + 1  # so many columns are in all versions
    keys, found, strays = set(), Counter(), []
    with opened_text(path) as file:
        reader = csv.reader(file, strict=True)
        try:
            columns = next(reader, None)
            if columns is None or not are_columns(columns, list(fields), since_first):
                raise ValueError(f"its columns are not {','.join(fields)}")
            for cells in reader:
                if not since_first <= len(cells) <= len(columns):
                    raise ValueError("wrong number of columns")
                values = {name: value_of(cell, fields[name]) for name, cell in zip(columns, cells, strict=False)}
                row = make_row(row_type, values)
                if row.key in keys:
                    raise ValueError(f"a second row for {row.key!r}")
                keys.add(row.key)
                if row.person != person_of(row.key) and row.person != folder_of(row.key):
                    strays.append(f"line {reader.line_num}: {row.key} is not {row.person}'s, by its folder")
                found[row.status] += 1
                yield row
        except (ValueError, TypeError, csv.Error) as error:
            raise EditedError(f"{one_line(path)}: line {reader.line_num}: {one_line(error)}") from None
    if counts is not None and counts != found:
        raise EditedError(f"{one_line(path)}: rows have been added, removed or changed since {RUN_FILE} was written")
    if counts is not None and strays:
        raise EditedError(f"{one_line(path)}: {one_line(strays[0])}")


def are_columns(found: list[str], known: list[str], since_first: int) -> bool:
    """Whether a table has the known columns in their order, where only the first `since_first` have to be there."""
    if found[:since_first] != known[:since_first]:
        return False
    remaining = iter(known[since_first:])
    return all(name in remaining for name in found[since_first:])


def value_of(cell: str, field: dataclasses.Field) -> str | int | float | None:
    """What a cell of a table says; an empty one stands for the field's default, unless it is text."""
    kind = {int | None: int, float | None: float}.get(field.type, field.type)
    if kind is str:
        return cell
    return kind(cell) if cell else field.default


def write_embeddings(folder: Path, rows: Sequence[CropRow]) -> None:
    """Write `reps.csv`, its copy `reps.npy` and `labels.csv` from rows with an embedding, sorted by person.

    A line of `reps.csv` is an embedding, `%.9g` a number, which is exact for float32. A line of `labels.csv` is
    `class,path`, classes counted from 1 in the order of the people's names, as OpenFace writes them. `reps.npy` is
    `reps.csv` as NumPy saves an array of shape (n, d), float32, which takes a hundredth of the time to read.
    """
    classes = {person: number for number, person in enumerate(sorted({row.person for row in rows}), start=1)}
    dimensions = len(rows[0].embedding) if rows else 0
    line = ",".join(["%.9g"] * dimensions) + "\n"
    write_lines(folder / REPS_FILE, ((line % tuple(row.embedding.tolist())).encode() for row in rows))
    header = npy_header((len(rows), dimensions))
    write_lines(folder / REPS_COPY_FILE, itertools.chain([header], (row.embedding.tobytes() for row in rows)))
    write_csv(folder / LABELS_FILE, ((classes[row.person], row.crop) for row in rows))


def npy_header(shape: tuple[int, int]) -> bytes:
    """What `np.save` writes before the numbers of a float32 array."""
    import numpy as np

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


def read_embeddings(folder: Path, dimensions: int) -> "tuple[np.ndarray, list[str]]":
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


def read_reps_copy(folder: Path, dimensions: int) -> "np.ndarray | None":
    """The array of `reps.npy`; None unless it and `reps.csv`, whose place it takes, are as they were written."""
    import numpy as np

    try:
        recorded = read_json(folder / RUN_FILE).get("sha256")
        if not recorded or recorded != reps_digests(folder):
            return None
        with opened(folder / REPS_COPY_FILE) as file:
            embeddings = np.lib.format.read_array(file, allow_pickle=False)
    except Exception as error:  # a forged header raises nearly everything; whatever it is, `reps.csv` says the same
        pass_on(error)
        return None
    is_such = embeddings.dtype == np.float32 and embeddings.ndim == 2 and embeddings.shape[1] == dimensions
    return embeddings if is_such and are_reckonable(embeddings) else None


def read_reps(path: Path, dimensions: int) -> "np.ndarray":
    """The numbers of `reps.csv` as an array of shape (n, dimensions), float32; raises FacelineError."""
    import numpy as np

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
) -> "tuple[np.ndarray, list[str], list[str]]":
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


def embeddings_of(crops: list[str], folder: Path, dimensions: int) -> "np.ndarray":
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


def are_reckonable(numbers: "np.ndarray") -> bool:
    """Whether numbers from a file are finite, and small enough to be squared and summed."""
    # Without a copy, unlike `abs`; a NaN among them is their maximum and their minimum.
    return bool(numbers.max(initial=0) < LARGEST and numbers.min(initial=0) > -LARGEST)


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
    crops, people = [], {}
    with opened_text(path) as file:
        reader = csv.reader(file, strict=True)
        try:
            for cells in reader:
                number, crop = cells
                person = person_of(crop)
                crops.append(crop)
                if people.setdefault(int(number), person) != person:
                    raise ValueError(f"class {number} stands for two people")
        except (ValueError, csv.Error) as error:
            raise EditedError(f"{one_line(path)}: line {reader.line_num}: {one_line(error)}") from None
    return crops


def crop_path(image: str) -> str:
    """Where the crop of a picture goes; the whole name stays, so that `a.jpg` and `a.png` are two crops."""
    folder, _, name = image.rpartition("/")
    return f"{folder}/{fitting(name, '.png')}"


def write_csv(path: Path, lines: Iterable[Sequence]) -> None:
    with (
        replacing(path) as scratch,
        scratch.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        plain = csv.writer(file, lineterminator="\n")
        # Python before 3.13 leaves a carriage return unquoted, and then reads it as the end of the line.
        quoted = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        for line in lines:
            writer = quoted if any("\r" in str(cell) for cell in line) else plain
            writer.writerow(line)
