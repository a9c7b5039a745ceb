"""`suspects.csv`: what may be wrong with the pictures and the people of a folder, as `check` found."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from faceline.disk.tables import write_csv

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
