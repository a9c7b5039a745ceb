"""`suspects.csv`: what may be wrong with the pictures and the people of a folder, as `check` found."""

import csv
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from faceline.disk.reading import opened_text
from faceline.disk.tables import write_csv
from faceline.errors import FacelineError
from faceline.wording import one_line

# A picture of somebody else; a second folder of one person; a second copy of one photograph; a picture too poor to
# help; too few pictures of somebody.
WRONG_PERSON, DOUBLE, COPY, POOR, FEW = "wrong-person", "double", "copy", "poor", "few"
KINDS = (WRONG_PERSON, DOUBLE, COPY, POOR, FEW)


@dataclass(frozen=True)
class Suspect:
    """A line of the table.

    `crop` is as in `labels.csv`, or empty where a person has none there, and `person` whose folder it lies in. `likely`
    is the person whom a picture of a wrong one shows, if known; the other folder of a double's person; and the crop
    that a copy is one of. `probability` is that of the fault.
    """

    crop: str
    person: str
    kind: str
    likely: str
    probability: float


def write_suspects(path: Path, suspects: Iterable[Suspect]) -> None:
    """Write the table, whole or not at all."""
    header = [field.name for field in fields(Suspect)]
    rows = ((*astuple(suspect)[:-1], f"{suspect.probability:.3f}") for suspect in suspects)
    write_csv(path, [header, *rows])


def read_suspects(path: Path) -> list[Suspect]:
    """What `write_suspects` wrote; raises FacelineError if the file is damaged."""
    found = []
    with opened_text(path) as file:
        reader = csv.reader(file, strict=True)
        try:
            if next(reader, None) != [field.name for field in fields(Suspect)]:
                raise ValueError(f"the columns are not {', '.join(field.name for field in fields(Suspect))}")
            for crop, person, kind, likely, probability in reader:
                if kind not in KINDS:
                    raise ValueError(f"{kind} is none of {', '.join(KINDS)}")
                if not 0 <= float(probability) <= 1:
                    raise ValueError(f"the probability {probability} is not from 0 to 1")
                found.append(Suspect(crop, person, kind, likely, float(probability)))
        except (ValueError, csv.Error) as error:
            raise FacelineError(f"{one_line(path)}: line {reader.line_num}: {one_line(error)}") from None
    return found
