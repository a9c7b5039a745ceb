"""What lies on disk between the stages: the rows of the manifests, and the embeddings."""

import base64
import csv
import dataclasses
import io
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Self

from faceline.errors import FacelineError
from faceline.files import MANIFEST_FILE, RUN_FILE, fitting, one_line, read_bytes, write_bytes

if TYPE_CHECKING:
    import numpy as np

REPS_FILE = "reps.csv"
LABELS_FILE = "labels.csv"
CLASSIFIER_FILE = "classifier.pkl"

# The sum of the squares of smaller numbers is finite in float32; NaN is not smaller.
LARGEST = 1e9

DEFAULT_EMBEDDINGS_DIR = "./generated-embeddings/"
DEFAULT_CLASSIFIER = DEFAULT_EMBEDDINGS_DIR + CLASSIFIER_FILE


class Status(StrEnum):
    """What became of one picture or crop."""

    OK = "ok"
    NO_FACE = "no-face"
    MANY_FACES = "many-faces"
    NO_PERSON = "no-person"
    UNREADABLE = "unreadable"
    WRONG_SIZE = "wrong-size"
    MISSING = "missing"


@dataclass(frozen=True)
class PictureRow:
    """A line of stage 1's manifest: what became of one picture.

    `image` is relative to the input folder and `crop` to the output folder, both with forward slashes. The box is
    that of the face that was cropped, in pixels of the upright picture; `right` and `bottom` are exclusive.
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
    """A line of stage 2's manifest: what became of one crop; `embedding` is (d,) float32 where `status` is OK."""

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
        if (encoded is not None) != (row.status == Status.OK):
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


def write_manifest(path: Path, rows: Sequence[PictureRow] | Sequence[CropRow]) -> None:
    """Write rows as CSV with a header."""
    fields = [field.name for field in dataclasses.fields(rows[0]) if field.name != "embedding"]
    write_csv(path, [fields, *([getattr(row, field) for field in fields] for row in rows)])


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
    columns = [field.name for field in dataclasses.fields(row_type) if field.name != "embedding"]
    numbers = {field.name for field in dataclasses.fields(row_type) if field.type == int | None}
    reader = csv.DictReader(io.StringIO(read_whole_text(path), newline=""), strict=True)
    rows = {}
    try:
        if reader.fieldnames != columns:
            raise ValueError(f"its columns are not {','.join(columns)}")
        for fields in reader:
            if None in fields or None in fields.values():
                raise ValueError("wrong number of columns")
            values = {name: (int(text) if text else None) if name in numbers else text for name, text in fields.items()}
            row = make_row(row_type, values)
            if rows.setdefault(row.key, row) is not row:
                raise ValueError(f"a second row for {row.key!r}")
    except (ValueError, TypeError, csv.Error) as error:
        raise FacelineError(f"{one_line(path)}: line {reader.line_num}: {one_line(error)}") from None
    if counts is not None and counts != Counter(row.status for row in rows.values()):
        raise FacelineError(f"{one_line(path)}: rows have been added, removed or changed since {RUN_FILE} was written")
    return list(rows.values())


def write_embeddings(folder: Path, rows: Sequence[CropRow]) -> None:
    """Write `reps.csv` and `labels.csv` from rows with an embedding, sorted by person.

    A line of `reps.csv` is an embedding, `%.9g` a number, which is exact for float32. A line of `labels.csv` is
    `class,path`, classes counted from 1 in the order of the people's names, as OpenFace writes them.
    """
    classes = {person: number for number, person in enumerate(sorted({row.person for row in rows}), start=1)}
    line = ",".join(["%.9g"] * len(rows[0].embedding)) + "\n" if rows else ""
    write_bytes(folder / REPS_FILE, "".join(line % tuple(row.embedding.tolist()) for row in rows).encode())
    write_csv(folder / LABELS_FILE, [(classes[row.person], row.crop) for row in rows])


def read_embeddings(folder: Path, dimensions: int) -> "tuple[np.ndarray, list[str]]":
    """Read `reps.csv` and `labels.csv`.

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
    import numpy as np

    reps_path, labels_path = folder / REPS_FILE, folder / LABELS_FILE
    text = read_whole_text(reps_path)
    try:
        embeddings = np.loadtxt(io.StringIO(text), np.float32, comments=None, delimiter=",", ndmin=2) if text else None
    except ValueError:
        raise FacelineError(f"{one_line(reps_path)}: {bad_line(text, dimensions)}") from None
    if embeddings is None:
        embeddings = np.empty((0, dimensions), np.float32)
    if embeddings.shape[1] != dimensions or not are_reckonable(embeddings):
        raise FacelineError(f"{one_line(reps_path)}: {bad_line(text, dimensions)}")
    crops = read_labels(labels_path)
    if len(embeddings) != len(crops):
        raise FacelineError(f"{one_line(folder)}: {len(embeddings)} embeddings but {len(crops)} labels")
    return embeddings, crops


def read_represented(folder: Path, dimensions: int, counts: dict | None = None) -> list[CropRow]:
    """The rows of stage 2 with their embeddings; raises FacelineError if its files are damaged or do not match."""
    rows = read_manifest(folder / MANIFEST_FILE, CropRow, counts)
    embeddings, crops = read_embeddings(folder, dimensions)
    if [row.crop for row in rows if row.status == Status.OK] != crops:
        raise FacelineError(f"{one_line(folder)}: {MANIFEST_FILE} and {LABELS_FILE} do not tell of the same crops")
    if not crops:
        raise FacelineError(f"{one_line(folder)}: holds no embedding")
    embedding_of = dict(zip(crops, embeddings, strict=True))
    return [dataclasses.replace(row, embedding=embedding_of.get(row.crop)) for row in rows]


def are_reckonable(numbers: "np.ndarray") -> bool:
    """Whether numbers from a file are finite, and small enough to be squared and summed."""
    return bool((abs(numbers) < LARGEST).all())


def bad_line(text: str, dimensions: int) -> str:
    """Say which line of `reps.csv` is the first that is not `dimensions` finite numbers, and why."""
    for number, line in enumerate(text.split("\n"), start=1):
        cells = line.split(",")
        if len(cells) != dimensions:
            return f"line {number} has {len(cells)} numbers instead of {dimensions}"
        for cell in cells:
            try:
                if abs(float(cell)) < LARGEST:
                    continue
            except ValueError:
                pass
            return f"line {number} holds {one_line(cell[:20])!r}, which is no number to reckon with"
    return "damaged"


def read_labels(path: Path) -> list[str]:
    reader = csv.reader(io.StringIO(read_whole_text(path), newline=""), strict=True)
    crops, people = [], {}
    try:
        for cells in reader:
            number, crop = cells
            crops.append(crop)
            if people.setdefault(int(number), person_of(crop)) != person_of(crop):
                raise ValueError(f"class {number} stands for two people")
    except (ValueError, csv.Error) as error:
        raise FacelineError(f"{one_line(path)}: line {reader.line_num}: {one_line(error)}") from None
    return crops


def person_of(path: str) -> str:
    """The person whose folder `path` lies in: the whole path of that folder, so that `x/anna` is not `y/anna`."""
    parent = PurePosixPath(path).parent.as_posix()
    return "" if parent == "." else parent


def crop_path(image: str) -> str:
    """Where the crop of a picture goes; the whole name stays, so that `a.jpg` and `a.png` are two crops."""
    folder, _, name = image.rpartition("/")
    return f"{folder}/{fitting(name, '.png')}"


def write_csv(path: Path, lines: Iterable[Sequence]) -> None:
    text = io.StringIO(newline="")
    plain = csv.writer(text, lineterminator="\n")
    # Python before 3.13 leaves a carriage return unquoted, and then reads it as the end of the line.
    quoted = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for line in lines:
        writer = quoted if any("\r" in str(cell) for cell in line) else plain
        writer.writerow(line)
    write_bytes(path, text.getvalue().encode(errors="surrogateescape"))


def read_whole_text(path: Path) -> str:
    """The text of a file whose last line must be whole: a write that was cut off rarely ends in a line feed."""
    text = read_bytes(path).decode(errors="surrogateescape")
    if text and not text.endswith("\n"):
        raise FacelineError(f"{one_line(path)}: cut off in its last line")
    return text
