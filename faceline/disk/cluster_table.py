"""`clusters.csv`: which crops are one person's, as `cluster` found."""

import csv
from collections.abc import Iterable
from pathlib import Path

from faceline.disk.reading import opened_text
from faceline.disk.tables import write_csv
from faceline.errors import FacelineError
from faceline.wording import one_line

HEADER = ["cluster", "crop", "certainty"]


def write_clusters(path: Path, rows: Iterable[tuple[int, str, float]]) -> None:
    """Write the number of its cluster for each crop, and how sure that is."""
    write_csv(path, [HEADER, *((number, crop, f"{certainty:.3f}") for number, crop, certainty in rows)])


def read_cluster_numbers(path: Path) -> dict[str, int]:
    """Crop -> the number of its cluster; raises FacelineError if the file is damaged."""
    return {crop: number for crop, (number, _) in read_clusters(path).items()}


def read_clusters(path: Path) -> dict[str, tuple[int, float]]:
    """Crop -> the number of its cluster, and how sure that is; raises FacelineError if the file is damaged."""
    found: dict[str, tuple[int, float]] = {}
    with opened_text(path) as file:
        reader = csv.reader(file, strict=True)
        try:
            if next(reader, None) != HEADER:
                raise ValueError(f"the columns are not {', '.join(HEADER)}")
            for number, crop, certainty in reader:
                if int(number) < 1:
                    raise ValueError(f"{number} is no number of a cluster")
                if not 0 <= float(certainty) <= 1:
                    raise ValueError(f"the certainty {certainty} is not from 0 to 1")
                if crop in found:
                    raise ValueError(f"{crop} stands there twice")
                found[crop] = int(number), float(certainty)
        except (ValueError, csv.Error) as error:
            raise FacelineError(f"{one_line(path)}: line {reader.line_num}: {one_line(error)}") from None
    return found
