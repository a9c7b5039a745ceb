"""Whose the faces of a folder of embeddings are: by their folders, unless the user has said otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from faceline.disk.corrections import corrections_path, read_corrections
from faceline.disk.manifests import manifest_rows
from faceline.disk.names import MANIFEST_FILE
from faceline.disk.photographs import aligned_folder, is_imported
from faceline.disk.rows import USABLE, PictureRow
from faceline.disk.run_records import read_record
from faceline.errors import cure
from faceline.people.decisions import Decisions, FaceAt, components, decide
from faceline.wording import counted, one_line


@dataclass(frozen=True)
class Labels:
    """Whose each face is.

    Attributes
    ----------
    people : list of n str
        The person of each face; "" where none is known.
    kept : ndarray of bool of shape (n,)
        False where the user has said that it is no face, or not whose folder it lies in.
    sure : ndarray of bool of shape (n,)
        Whether the user has said whose it is.
    decisions : Decisions
        Everything that the user has said.
    distinct : list of (str, str)
        People of `people` who are two, as the user has said.
    notes : list of str
        What became of it, in lines.
    """

    people: list[str]
    kept: np.ndarray
    sure: np.ndarray
    decisions: Decisions = field(default_factory=Decisions)
    distinct: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_decisions(folder: Path, crops: Sequence[str]) -> Decisions:
    """What the user has said of crops of a folder of embeddings.

    Raises
    ------
    FacelineError
        If the corrections are damaged, or nothing tells any more which faces they are of.
    """
    path = corrections_path(folder)
    corrections = read_corrections(path)
    if not corrections:
        return Decisions()
    with cure(f"without it, nothing tells which faces {one_line(path)} speaks of; move that away to do without it"):
        faces = {} if is_imported(folder) else faces_of(aligned_folder(folder))
    return decide(corrections, [faces.get(crop) for crop in crops])


def faces_of(aligned: Path) -> dict[str, FaceAt]:
    """Crop -> where it comes from, for all crops of a folder that have a face."""
    return {
        row.crop: FaceAt(row.image, row.image_sha256, (row.left, row.top, row.right, row.bottom))
        for row in manifest_rows(aligned / MANIFEST_FILE, PictureRow)
        if row.status in USABLE
        and row.left is not None
        and row.top is not None
        and row.right is not None
        and row.bottom is not None
    }


def corrected(folder: Path, crops: Sequence[str], people: Sequence[str]) -> Labels:
    """Whose crops of a folder of embeddings are, which lie in `people`'s folders; raises what `read_decisions` does.

    Where the crops are of every face of photographs without names, their folders are nobody's.
    """
    aligned = read_record(folder, "represent").get("aligned")
    if isinstance(aligned, dict) and aligned.get("every") is True:
        people = [""] * len(crops)
    return labelled(read_decisions(folder, crops), crops, people)


def labelled(decisions: Decisions, crops: Sequence[str], people: Sequence[str]) -> Labels:
    """Whose crops are, by their folders and what was decided."""
    names = list(people)
    kept, sure = np.ones(len(names), bool), np.zeros(len(names), bool)
    for row, name in decisions.names.items():
        names[row], sure[row] = name, True
    denied = {row for row, others in decisions.others.items() if names[row] in others}
    kept[list(decisions.no_face | denied)] = False
    one_name = renamed(decisions.same_people, set(names))
    names = [one_name.get(name, name) for name in names]
    there = {name for name, is_kept in zip(names, kept, strict=True) if is_kept}
    pairs = [sorted((one_name.get(one, one), one_name.get(other, other))) for one, other in decisions.distinct_people]
    distinct = sorted({(one, other) for one, other in pairs if one != other and {one, other} <= there})
    notes = [*summary(decisions, kept, one_name), *contradictions(decisions, crops, names, kept)]
    return Labels(names, kept, sure, decisions, distinct, notes)


def renamed(same: Sequence[tuple[str, ...]], there: set[str]) -> dict[str, str]:
    """The name that each of several people who are one gets: the first that was said of them and is a folder's."""
    found: dict[str, str] = {}
    for people in components([set(people) for people in same]):
        order = [name for said in same for name in said if name in people]
        first = next((name for name in order if name in there), order[0])
        found |= dict.fromkeys(people, first)
    return found


def summary(decisions: Decisions, kept: np.ndarray, one_name: dict[str, str]) -> list[str]:
    """What corrections did, in a line; none where nothing was said."""
    left_out = int(np.count_nonzero(~kept))
    parts = [
        f"{counted(len(decisions.names), 'face')} named" if decisions.names else "",
        f"{left_out} left out" if left_out else "",
        f"{counted(len(one_name), 'name')} for {counted(len(set(one_name.values())), 'person')}" if one_name else "",
        f"{decisions.unknown} of faces that are not here" if decisions.unknown else "",
    ]
    said = ", ".join(part for part in parts if part)
    return [f"Corrections: {said}."] if said else []


def contradictions(decisions: Decisions, crops: Sequence[str], names: Sequence[str], kept: np.ndarray) -> list[str]:
    """What was said of faces that their folders say otherwise, and which nothing follows from without a name."""
    lines = []
    for faces in decisions.together:
        rows = sorted(row for row in faces if kept[row])
        other = next((row for row in rows if names[row] != names[rows[0]]), None)
        if other is not None:
            lines.append(disagreement(crops[rows[0]], crops[other], "one person's", "two folders"))
    for one, other_faces in decisions.apart:
        pairs = ((a, b) for a in sorted(one) for b in sorted(other_faces))
        found = next(((a, b) for a, b in pairs if kept[a] and kept[b] and names[a] == names[b] != ""), None)
        if found is not None:
            lines.append(disagreement(crops[found[0]], crops[found[1]], "two people's", "one folder"))
    return lines


def disagreement(one: str, other: str, said: str, lie: str) -> str:
    return (
        f"Corrections say that {one_line(one)} and {one_line(other)} are {said}, and they lie in {lie}: say whose one"
        " of them is"
    )
