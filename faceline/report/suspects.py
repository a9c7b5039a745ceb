"""What `check` says of faults: a line for each."""

from collections.abc import Iterable

from faceline.disk.people_paths import person_of
from faceline.disk.suspect_table import COPY, DOUBLE, FEW, POOR, WRONG_PERSON, Suspect
from faceline.wording import one_line


def suspect_lines(suspects: Iterable[Suspect]) -> list[str]:
    """A line for each fault: its probability, and what it is."""
    return [f"  {suspect.probability:.2f}  {suspect.kind:<12}  {said_of(suspect)}" for suspect in suspects]


def said_of(suspect: Suspect) -> str:
    crop, person, likely = one_line(suspect.crop), one_line(suspect.person), one_line(suspect.likely)
    if suspect.kind == WRONG_PERSON:
        return f"{crop}: likely {likely}" if suspect.likely else f"{crop}: looks like nobody here"
    if suspect.kind == DOUBLE:
        return f"{person} and {likely}: one person, see {crop}"
    if suspect.kind == COPY:
        whose = "" if person_of(suspect.likely) == suspect.person else ", which is another person's"
        return f"{crop}: the same photograph as {likely}{whose}"
    if suspect.kind == POOR:
        return f"{crop}: too poor to recognise anybody by"
    if suspect.kind == FEW:
        return f"{person}: too few pictures" if suspect.crop else f"{person}: no picture with a face"
    raise ValueError(f"no kind of fault: {suspect.kind}")
