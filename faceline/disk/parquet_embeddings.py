"""Parquet files of embeddings, an export's or another program's: whose they are, and their numbers, some at a time."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from faceline.disk.embedding_stream import BLOCK_ROWS
from faceline.disk.numbers import are_reckonable
from faceline.disk.parquet_tables import EMBEDDINGS, columns_of, damage, metadata_of, opened_table
from faceline.disk.people_paths import check_name, person_of
from faceline.disk.reading import opened
from faceline.disk.rows import USABLE, CropRow, Status, make_row
from faceline.errors import FacelineError
from faceline.wording import CONTROLS, counted, one_line

if TYPE_CHECKING:
    import pyarrow

# A byte of the file may stand for so many numbers, and no more: embeddings hardly get smaller when they are compressed,
# and a small file that says it holds millions of them would fill the disk.
MOST_FOR_A_BYTE = 256
# What is taken before it is looked at.
MOST_ROWS, MOST_NAME = 100_000_000, 4096


class EmbeddingsFile:
    """An open Parquet file with the columns `person` and `embedding`, and any of `crop` and of an export's others.

    Nothing that it says of itself is believed unseen.

    Attributes
    ----------
    path : Path
    count : int
        Its rows.
    sha256 : str
        Of the file.
    metadata : dict
        What an export says of it.
    is_export : bool
        Whether it is one, and not another program's.
    """

    def __init__(self, file: BufferedReader, path: Path) -> None:
        self.path = path
        self._size = os.fstat(file.fileno()).st_size
        self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self._parquet = opened_table(file, path)
        self.metadata = metadata_of(self._parquet)
        self.is_export = self.metadata.get("table") == EMBEDDINGS
        self.count = self._parquet.metadata.num_rows
        with damage(path):
            self._schema = self._parquet.schema_arrow
            self._columns = self._known_columns()
            self._check_size()
        texts = [name for name in self._columns if columns_of(CropRow)[name] is str]
        self._parquet = opened_table(file, path, texts)

    def _known_columns(self) -> list[str]:
        """The columns beside the embeddings that mean something here."""
        kinds = columns_of(CropRow)
        for name in ("person", "embedding", *kinds):
            found = self._schema.names.count(name)
            if found > 1:
                raise self.wrong(f"has {found} columns called {name}")
            if not found and name in ("person", "embedding"):
                raise self.wrong(f"has no column {name}; it takes person and embedding, and may have crop")
        columns = [name for name in kinds if name in self._schema.names]
        for name in columns:
            if not is_of_kind(self._schema.field(name).type, kinds[name]):
                found_type, advice = self._schema.field(name).type, "correct it, or rename the column"
                raise self.wrong(f"column {name} is {found_type}, not {WORDS[kinds[name]]}; {advice}")
        if not is_list_of_floats(self._schema.field("embedding").type):
            raise self.wrong(f"column embedding is {self._schema.field('embedding').type}, not lists of floats")
        return columns

    def _check_size(self) -> None:
        """Raise FacelineError if the file says that there is more in it than can be.

        What it says of single columns is left alone: where that is forged, pyarrow ends the process.
        """
        if not 0 < self.count <= MOST_ROWS:
            raise self.wrong("has no rows" if not self.count else f"has {self.count:,} rows, of {MOST_ROWS:,} at most")
        metadata = self._parquet.metadata
        groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
        unpacked = sum(group.total_byte_size for group in groups)
        if unpacked > 4 * MOST_FOR_A_BYTE * self._size:
            raise self.wrong(f"says that its {self._size:,} bytes unpack to {unpacked:,}, which no embeddings do")
        self._check_count(sum(group.num_rows for group in groups))

    def wrong(self, what: str, row: int | None = None) -> FacelineError:
        """What is wrong with the file, or with a row of it, counted from 0 here and from 1 for the reader."""
        place = "" if row is None else f"row {row + 1:,}: "
        return FacelineError(f"{one_line(self.path)}: {place}{one_line(what)}")

    def _batches(self, columns: list[str]) -> Iterator["pyarrow.RecordBatch"]:
        with damage(self.path):
            for group in range(self._parquet.metadata.num_row_groups):
                yield from self._parquet.iter_batches(BLOCK_ROWS, row_groups=[group], columns=columns)

    def read_columns(self) -> None:
        """Read all columns but the embeddings, and keep nothing; raises FacelineError if they cannot be read."""
        for _ in self._batches(self._columns):
            pass

    def rows(self, takes_nobody: bool) -> Iterator[CropRow]:
        """A row for each, without its embedding; `takes_nobody` says whether it may be nobody's in particular.

        Raises
        ------
        FacelineError
            If a value is none of its column, nobody can be called so, or a crop does not lie in its person's folder.
        """
        known = {"": ""} if takes_nobody else {}
        done = 0
        for batch in self._batches(self._columns):
            with damage(self.path):
                values = {name: self._values(batch.column(name), name, done) for name in self._columns}
            for index in range(len(batch)):
                fields = {name: column[index] for name, column in values.items() if column[index] is not None}
                yield self._row(fields, done + index, known)
            done += len(batch)
        self._check_count(done)

    def _values(self, column: "pyarrow.Array", name: str, first: int) -> list:
        """A column's values as Python has them; a float that is a whole number, where one is wanted, is an int."""
        import pyarrow.compute as pc

        kind = columns_of(CropRow)[name]
        if kind is str:
            longest = pc.max(pc.binary_length(column.dictionary)).as_py() or 0
            if longest > MOST_NAME:
                raise self.wrong(f"column {name}: a text of {longest:,} bytes, {MOST_NAME:,} are the limit", first)
            return column.dictionary_decode().to_pylist()
        values = column.to_pylist()
        if kind is int:
            return [int(value) if isinstance(value, float) and value.is_integer() else value for value in values]
        return [float(value) if isinstance(value, int) else value for value in values]

    def _row(self, fields: dict[str, Any], index: int, known: dict[str, str]) -> CropRow:
        """A row of the manifest, if it can be one; `known` are the names that have been looked at."""
        person = fields.setdefault("person", "")
        fields.setdefault("status", Status.OK.value)
        crop = fields.get("crop") or f"row-{index + 1:09}"
        fields["crop"] = crop if "/" in crop or not person else f"{person}/{crop}"
        try:
            if person not in known:
                if not person:
                    raise ValueError("nobody is named")
                check_name(person)
                known[person] = person
            check_crop(fields["crop"], person)
            fields["person"] = known[person]  # one text for all rows
            row = make_row(CropRow, fields)
            if row.status not in USABLE:
                raise ValueError(f"status is {row.status}, of which there is no embedding; leave such rows out")
        except (ValueError, TypeError) as error:
            raise self.wrong(str(error), index) from None
        return row

    def blocks(self, dimensions: int) -> Iterator[np.ndarray]:
        """The embeddings, in blocks of shape (k, dimensions), float32.

        Raises
        ------
        FacelineError
            If there is none in a row, or it has another length, or numbers that cannot be reckoned with.
        """
        if self.count * dimensions > MOST_FOR_A_BYTE * self._size:
            raise self.wrong(f"says that its {self._size:,} bytes hold {self.count:,} embeddings, which cannot be")
        done = 0
        for batch in self._batches(["embedding"]):
            with damage(self.path):
                block = self._numbers(batch.column("embedding"), dimensions, done)
            yield block
            done += len(batch)
        self._check_count(done)

    def _numbers(self, column: "pyarrow.Array", dimensions: int, first: int) -> np.ndarray:
        import pyarrow.compute as pc

        if column.null_count:
            missing = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
            raise self.wrong("holds no embedding", first + missing)
        lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
        if np.any(lengths != dimensions):
            row = int(np.flatnonzero(lengths != dimensions)[0])
            found = f"{counted(int(lengths[row]), 'number')} instead of the network's {dimensions}"
            raise self.wrong(found, first + row)
        numbers = column.flatten()
        if numbers.null_count:
            row = int(np.flatnonzero(numbers.is_null().to_numpy(zero_copy_only=False))[0]) // dimensions
            raise self.wrong("a number of the embedding is null", first + row)
        found = numbers.to_numpy(zero_copy_only=False).reshape(-1, dimensions)
        found = found.astype(np.float32) if found.dtype == np.float16 else found
        if not are_reckonable(found):
            row = next(row for row, values in enumerate(found) if not are_reckonable(values))
            raise self.wrong("the embedding holds what is no number to reckon with", first + row)
        block = np.ascontiguousarray(found, np.float32)
        is_something = block.any(axis=1)
        if not is_something.all():
            raise self.wrong("the embedding is nothing but zeros", first + int(np.flatnonzero(~is_something)[0]))
        return block

    def _check_count(self, found: int) -> None:
        if found != self.count:
            raise self.wrong(f"damaged: {found:,} rows instead of {self.count:,}")


@contextlib.contextmanager
def opened_embeddings(path: Path) -> Iterator[EmbeddingsFile]:
    """Open a Parquet file of embeddings; raises FacelineError if it is none."""
    with opened(path) as file:
        yield EmbeddingsFile(file, path)


WORDS = {str: "text", int: "whole numbers", float: "numbers"}


def is_of_kind(found: "pyarrow.DataType", kind: type) -> bool:
    """Whether a column can hold values of a kind: texts, which are read as dictionaries, or numbers."""
    import pyarrow as pa

    if pa.types.is_dictionary(found):
        found = found.value_type
    if kind is str:
        return pa.types.is_string(found) or pa.types.is_large_string(found) or pa.types.is_string_view(found)
    return pa.types.is_integer(found) or pa.types.is_floating(found)  # where some are null, pandas has floats


def is_list_of_floats(found: "pyarrow.DataType") -> bool:
    import pyarrow as pa

    is_list = pa.types.is_list(found) or pa.types.is_large_list(found) or pa.types.is_fixed_size_list(found)
    return is_list and pa.types.is_floating(found.value_type)


def check_crop(crop: str, person: str) -> None:
    """Raise ValueError unless a crop can lie there, in the folder of its person."""
    parts = PurePosixPath(crop).parts
    if CONTROLS.search(crop) or crop.startswith("/") or "/".join(parts) != crop or ".." in parts:
        raise ValueError(f"crop {crop!r:.80} is no path within a folder")
    if len(crop.encode()) > MOST_NAME or any(len(part.encode()) > 255 for part in parts):
        raise ValueError(f"crop {crop[:40]!r}… is longer than a path can be")
    owner = person_of(crop)
    if owner != person:
        whose = f"in the folder of {owner!r:.80}" if owner else "in nobody's folder"
        raise ValueError(f"crop {crop!r:.80} lies {whose}, not of {person!r:.80}")
