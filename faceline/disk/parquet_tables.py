"""Tables as Parquet, by pyarrow: what a column is called and holds, and files that may be anything.

A table of ours says so in its metadata, under the key `faceline.table`.
"""

import contextlib
import dataclasses
import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceline.disk.reading import opened
from faceline.disk.rows import CropRow, PictureRow
from faceline.disk.writing import replacing
from faceline.errors import FacelineError, UnreadableError
from faceline.host.interruptions import pass_on
from faceline.wording import one_line

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

# Raised when a column gets another name or kind.
FORMAT = "1"
PREFIX = "faceline."

# What the tables are called there: a manifest by its stage.
EMBEDDINGS, MANIFEST_OF = "embeddings", "manifest of "

# Up to so many rows, and so many bytes of embeddings, are one row group: what a reader has in memory at a time.
GROUP_ROWS, GROUP_BYTES = 65_536, 32 * 1024 * 1024

# The most that is believed of what a file says of itself: bytes of its footer, of a text in it, things in a list of it.
MOST_FOOTER, MOST_TEXT, MOST_THINGS = 64 * 1024 * 1024, 16 * 1024 * 1024, 1_000_000


def check_pyarrow() -> None:
    """Raise FacelineError if pyarrow is not installed."""
    if importlib.util.find_spec("pyarrow") is None:
        raise FacelineError("pyarrow is missing, which reads and writes Parquet; pip install 'faceline[parquet]'")


def columns_of(row_type: type) -> dict[str, type]:
    """The columns of a manifest's rows and their kinds: str, int or float."""
    kinds: dict[Any, type] = {str: str, int: int, int | None: int, float | None: float}
    return {field.name: kinds[field.type] for field in dataclasses.fields(row_type) if field.name != "embedding"}


def schema_of(row_type: type, metadata: Mapping[str, str], dimensions: int | None = None) -> "pyarrow.Schema":
    """The columns of a table of rows; with embeddings of `dimensions` numbers, these and their classes come third."""
    import pyarrow as pa

    kinds = {str: pa.string(), int: pa.int32(), float: pa.float64()}
    columns = {name: kinds[kind] for name, kind in columns_of(row_type).items()}
    if dimensions is not None:
        first = {"person": columns.pop("person"), "crop": columns.pop("crop")}
        columns = first | {"class": pa.int32(), "embedding": pa.list_(pa.float32(), dimensions)} | columns
    marks = {"format": FORMAT, **metadata}
    return pa.schema(list(columns.items()), {PREFIX + name: marks[name] for name in sorted(marks)})


def group_rows(dimensions: int) -> int:
    """How many rows with embeddings of that many numbers are a row group."""
    return max(1, min(GROUP_ROWS, GROUP_BYTES // (4 * dimensions)))


@contextlib.contextmanager
def writing_table(path: Path, schema: "pyarrow.Schema") -> Iterator[Callable[["pyarrow.Table"], None]]:
    """Give what writes a row group; the file is whole when the block ends, or absent.

    The same rows and version of pyarrow give the same bytes.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = [field.name for field in schema if field.type == pa.string()]
    is_embedded = "embedding" in schema.names
    with (
        replacing(path) as scratch,
        scratch.open("wb") as file,
        pq.ParquetWriter(
            file,
            schema,
            compression="zstd",
            use_dictionary=texts,
            # The bytes of numbers side by side, by their place in the number: a tenth less of a file.
            use_byte_stream_split=["embedding.list.element"] if is_embedded else False,
            write_statistics=[name for name in schema.names if name != "embedding"],
            write_page_checksum=True,
        ) as writer,
    ):
        yield lambda table: writer.write_table(table, row_group_size=max(1, len(table)))


def table_of(
    rows: Sequence[PictureRow] | Sequence[CropRow],
    schema: "pyarrow.Schema",
    classes: Sequence[int] = (),
    embeddings: np.ndarray | None = None,
) -> "pyarrow.Table":
    """Rows as a table: an empty text is null; `embeddings` are (n, d), float32.

    Raises
    ------
    FacelineError
        If a name is no text, or a number too large.
    """
    import pyarrow as pa

    columns = []
    for field in schema:
        if field.name == "embedding" and embeddings is not None:
            columns.append(pa.FixedSizeListArray.from_arrays(pa.array(embeddings.ravel()), type=field.type))
            continue
        values = classes if field.name == "class" else [getattr(row, field.name) for row in rows]
        if field.type == pa.string():
            values = [value or None for value in values]
        try:
            columns.append(pa.array(values, field.type))
        except UnicodeEncodeError as error:
            raise FacelineError(
                f"{one_line(ascii(error.object))}: {field.name} is no text in UTF-8, as Parquet wants it;"
                " rename the file and run all stages again"
            ) from None
        except (OverflowError, ValueError):  # pyarrow's errors are ValueErrors, too
            raise FacelineError(f"{field.name}: a number is too large for 32 bits") from None
    return pa.Table.from_arrays(columns, schema=schema)


def is_table_of_ours(path: Path, table: str) -> bool:
    """Whether a file is a Parquet file that an export wrote, of the same kind."""
    try:
        with opened(path) as file:
            return metadata_of(opened_table(file, path)).get("table") == table
    except FacelineError:
        return False


def metadata_of(file: "pyarrow.parquet.ParquetFile") -> dict[str, str]:
    """What an export said of a table; nothing of one that is not ours."""
    found = file.metadata.metadata or {}
    return {
        key.decode(errors="replace").removeprefix(PREFIX): value.decode(errors="replace")
        for key, value in found.items()
        if key.startswith(PREFIX.encode())
    }


def opened_table(
    file: BufferedReader, path: Path, texts: Sequence[str] = (), **options: object
) -> "pyarrow.parquet.ParquetFile":
    """An open file as a Parquet file, of which nothing but the footer has been read; raises FacelineError.

    Columns of `texts` are read as dictionaries: a text that stands in a file once and is meant a million times would
    take a million times its memory otherwise.
    """
    import pyarrow.parquet as pq

    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 8))
    end = file.read(8)
    if size < 12 or end[4:] != b"PAR1":
        raise UnreadableError("no Parquet file, or cut off", one_line(path))
    if int.from_bytes(end[:4], "little") > min(size, MOST_FOOTER):
        raise UnreadableError("damaged: what its end says of it is longer than can be", one_line(path))
    with damage(path):
        return pq.ParquetFile(
            file,
            read_dictionary=list(texts),
            # Pages are read one by one, not a row group at once.
            pre_buffer=False,
            buffer_size=1024 * 1024,
            thrift_string_size_limit=MOST_TEXT,
            thrift_container_size_limit=MOST_THINGS,
            page_checksum_verification=True,
            arrow_extensions_enabled=False,
            **options,
        )


@contextlib.contextmanager
def damage(path: Path) -> Iterator[None]:
    """Turn what pyarrow raises where a file is forged, damaged or too much into a FacelineError of one line."""
    try:
        yield
    except FacelineError:
        raise
    except MemoryError:
        raise UnreadableError("there is not enough memory to read it", one_line(path)) from None
    except Exception as error:  # a forged file raises nearly everything
        pass_on(error)
        reason = one_line(str(error).partition("\n")[0])[:120]
        raise UnreadableError(f"damaged, or no Parquet that can be read: {reason}", one_line(path)) from None
