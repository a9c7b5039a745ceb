"""`manifest.csv`: the table of a stage's rows."""

import csv
import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from faceline.disk.names import RUN_FILE
from faceline.disk.people_paths import folder_of, person_of
from faceline.disk.reading import opened_text
from faceline.disk.rows import CropRow, PictureRow, Row, make_row
from faceline.disk.tables import write_csv
from faceline.errors import EditedError
from faceline.wording import one_line

# What a cell that is not empty is made to, by the type of its field.
KINDS: dict[Any, type] = {int: int, int | None: int, float | None: float}


def write_manifest(path: Path, rows: Sequence[PictureRow] | Sequence[CropRow], row_type: type | None = None) -> None:
    """Write rows as CSV with a header; `row_type` is their kind, where there may be none."""
    fields = [field.name for field in dataclasses.fields(row_type or rows[0]) if field.name != "embedding"]
    write_csv(path, itertools.chain([fields], ([getattr(row, field) for field in fields] for row in rows)))


def read_manifest(path: Path, row_type: type[Row], counts: dict | None = None) -> list[Row]:
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


def manifest_rows(path: Path, row_type: type[Row], counts: dict | None = None) -> Iterator[Row]:
    """The rows that `read_manifest` gives, one after the other; what it raises for the whole comes after the last."""
    fields = {field.name: field for field in dataclasses.fields(row_type) if field.name != "embedding"}
    since_first = list(fields).index("crop_sha256") + 1  # the columns that all versions have
    keys: set[str] = set()
    found: Counter[str] = Counter()
    strays = []
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


def value_of(cell: str, field: dataclasses.Field) -> object:
    """What a cell of a table says; an empty one stands for the field's default, unless it is text."""
    if field.type is str:
        return cell
    return KINDS[field.type](cell) if cell else field.default
