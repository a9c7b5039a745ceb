"""Look through embeddings for mistakes: pictures of somebody else, doubles, copies, poor pictures, and too few."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceline.disk.distinct_people import remember_distinct
from faceline.disk.embeddings import embeddings_of
from faceline.disk.folder_locks import locked
from faceline.disk.freshness import changed_crops
from faceline.disk.manifests import read_manifest
from faceline.disk.names import DEFAULT_EMBEDDINGS_DIR, MANIFEST_FILE, SUSPECTS_FILE
from faceline.disk.paths import check_folder, named_path
from faceline.disk.people_paths import person_of
from faceline.disk.photographs import check_apart
from faceline.disk.rows import USABLE, CropRow, Status
from faceline.disk.run_records import read_record
from faceline.disk.suspect_table import COPY, FEW, KINDS, POOR, WRONG_PERSON, Suspect, write_suspects
from faceline.errors import FacelineError, cure
from faceline.networks.network import Network
from faceline.networks.table import network_of
from faceline.people.faults import Labelled
from faceline.report.suspects import suspect_lines
from faceline.runs.parallel import process_count
from faceline.stages.corrected import corrected
from faceline.stages.setting_aside import Aside, set_aside
from faceline.stages.suspects import Faces, find_suspects
from faceline.wording import counted, listed, one_line

logger = logging.getLogger(__name__)

# What is moved: faults of a picture, not of a person.
MOVED_KINDS = (WRONG_PERSON, COPY, POOR)
DEFAULT_WORST, DEFAULT_FEW, DEFAULT_SURE = 20, 3, 0.9


@dataclass(frozen=True)
class Checked:
    """What `check` found.

    Attributes
    ----------
    path : str
        The table that was written.
    faces, people : int
        How many were looked at.
    suspects : sequence of Suspect
        All of the table, the worst first.
    aside : Aside or None
        What was moved, if that was asked for.
    worst : int
        How many are told of.
    few : int
        Whoever has fewer pictures has too few.
    kinds : sequence of str
        Which kinds are.
    notes : sequence of str
    """

    path: str
    faces: int
    people: int
    suspects: Sequence[Suspect]
    aside: Aside | None = None
    worst: int = DEFAULT_WORST
    few: int = DEFAULT_FEW
    kinds: Sequence[str] = KINDS
    notes: Sequence[str] = ()

    def __str__(self) -> str:
        counts = Counter(suspect.kind for suspect in self.suspects)
        said = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if counts[kind])
        lines = [f"Looked at {counted(self.faces, 'face')} of {counted(self.people, 'person')}: {said or 'no fault'}."]
        told = [suspect for suspect in self.suspects if suspect.kind in self.kinds and suspect.kind != FEW]
        if told and self.worst:
            shown = told[: self.worst]
            lines.append(f"The worst {len(shown)} of {len(told)}, with the probability of the fault:")
            lines += suspect_lines(shown)
        lacking = [suspect.person for suspect in self.suspects if suspect.kind == FEW]
        if lacking and FEW in self.kinds:
            lines.append(f"Too few pictures, {self.few - 1} or less: {listed(lacking)}.")
        lines += self.notes
        if self.aside is not None:
            lines.append(str(self.aside))
        lines.append(f"All, the worst first, written to {one_line(self.path)}")
        return "\n".join(lines)


def check(
    embeddings_dir: str | Path = DEFAULT_EMBEDDINGS_DIR,
    *,
    worst: int = DEFAULT_WORST,
    few: int = DEFAULT_FEW,
    move: str | Path | None = None,
    sure: float = DEFAULT_SURE,
    jobs: int | None = None,
) -> Checked:
    """Look for pictures that are not their person's, people with two folders, one photograph twice, pictures that are
    too poor, and people with too few; write `suspects.csv` beside the embeddings, the worst first.

    Parameters
    ----------
    embeddings_dir : path
        As `represent_folder` wrote it.
    worst : int
        How many of them the summary tells of.
    few : int
        Whoever has fewer pictures has too few.
    move : path or None
        A folder to move the photographs to that are wrong, copies, or too poor; or their crops, where the photographs
        do not lie beside the folder of crops. Folders of one person and people with few pictures stay. `move_back` of
        `setting_aside` undoes it.
    sure : float
        Move what is a fault with this probability or a higher one.
    jobs : int or None
        Threads; None for as many as there are cores.

    Raises
    ------
    FacelineError
        If the embeddings are missing, unfinished or damaged, something cannot be moved or written, or an option is
        wrong.

    Examples
    --------
    >>> from faceline import check
    >>> found = check("generated-embeddings")
    >>> [(suspect.kind, suspect.crop) for suspect in found.suspects]
    [('few', 'biden/biden.jpg.png'), ('few', 'obama/obama.jpg.png')]
    """
    from threadpoolctl import threadpool_limits

    check_options(worst, few, sure)
    jobs = process_count(jobs)
    folder = named_path(embeddings_dir)
    place = None if move is None else named_path(move)
    check_folder(folder, "run batch_represent first")
    with locked(folder):
        faces, notes = read_faces(folder)
        if place is not None:
            check_apart(place, folder)
        logger.info("check: %s of %s", counted(len(faces.rows), "face"), counted(len(faces.labelled.names), "person"))
        with threadpool_limits(jobs):
            suspects = find_suspects(faces, folder, few, jobs)
        write_suspects(folder / SUSPECTS_FILE, suspects)
        aside = None
        if place is not None:
            aside = set_aside(place, folder, to_move(suspects, faces, sure), sure)
    people = len(faces.labelled.names)
    return Checked(str(folder / SUSPECTS_FILE), len(faces.rows), people, suspects, aside, worst, few, notes=notes)


def check_options(worst: int, few: int, sure: float) -> None:
    """Raise FacelineError if an option is out of range."""
    if worst < 0:
        raise FacelineError(f"worst {worst} is out of range; choose 0 or more")
    if few < 0:
        raise FacelineError(f"few {few} is out of range; choose 0 or more")
    if not 0 < sure <= 1:
        raise FacelineError(f"sure {sure} is no probability to move pictures by; choose one above 0, up to 1")


def read_faces(folder: Path) -> tuple[Faces, list[str]]:
    """Everything that is known of the faces of a folder, and whose each is said to be; and what is to be noted."""
    with cure("run batch_represent, which writes it, to its end"):
        record = read_record(folder, "represent")
    with cure("run batch_represent again with --overwrite"):
        network = network_of(record["options"])
        rows = read_manifest(folder / MANIFEST_FILE, CropRow, record["counts"])
        usable = [row for row in rows if row.status in USABLE]
        embeddings = embeddings_of([row.crop for row in usable], folder, network.dimensions)
    aligned = changed_crops(folder)
    if aligned is not None:
        logger.warning(f"{one_line(folder)}: older than the crops in {one_line(aligned)}; run batch_represent first")
    is_face = np.array([row.status == Status.OK for row in usable])
    fallbacks = [row for row in usable if row.status != Status.OK]
    seen = [row for row in usable if row.status == Status.OK]
    without = {person_of(row.crop) for row in rows} - {person_of(row.crop) for row in seen} - {""}
    labelled, kept, notes = label(embeddings[is_face], seen, folder, network)
    if seen and all(row.quality is None for row in seen):
        notes.append("Quality: not known of these embeddings; run batch_represent again, which measures it.")
    return Faces(labelled, [seen[row] for row in kept.tolist()], fallbacks, sorted(without)), notes


def label(
    embeddings: np.ndarray, rows: Sequence[CropRow], folder: Path, network: Network
) -> tuple[Labelled, np.ndarray, list[str]]:
    """Whose faces are said to be, by their folders unless the user has said otherwise; which of the `rows` these faces
    are, in the order of the labelled ones; and what is to be noted.

    This is the one place where the labels come from.
    """
    labels = corrected(folder, [row.crop for row in rows], [person_of(row.crop) for row in rows])
    is_somebodys = np.array([person != "" for person in labels.people], bool)
    kept = np.flatnonzero(labels.kept & is_somebodys)
    if not len(kept):
        advice = "put each person's photographs in a folder, or find out who is the same with cluster"
        raise FacelineError(f"{one_line(folder)}: no face is said to be anybody's; {advice}")
    owners = [labels.people[row] for row in kept]
    distinct = remember_distinct(folder, (), set(owners)) + labels.distinct
    labelled, order = Labelled.of(embeddings[kept], owners, network, labels.sure[kept], distinct)
    notes = [*labels.notes]
    nobodys = int(np.count_nonzero(labels.kept & ~is_somebodys))
    if nobodys:
        notes.append(f"Not looked at: {counted(nobodys, 'face')} of nobody's folder; faceline cluster finds whose.")
    return labelled, kept[order], notes


def to_move(suspects: Sequence[Suspect], faces: Faces, sure: float) -> list[str]:
    """The crops whose pictures are moved: a copy only where the other one is the same person's."""
    owners = dict(zip((row.crop for row in faces.rows), faces.owners, strict=True))
    found = [
        suspect.crop
        for suspect in suspects
        if suspect.kind in MOVED_KINDS
        and suspect.probability >= sure
        and (suspect.kind != COPY or owners[suspect.likely] == suspect.person)
    ]
    return list(dict.fromkeys(found))
