"""From the faces of a folder to the lines of `suspects.csv`."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceline.disk.paths import inside
from faceline.disk.photographs import aligned_folder
from faceline.disk.pictures.images import decode_image, read_picture
from faceline.disk.rows import CropRow
from faceline.disk.suspect_table import COPY, DOUBLE, FEW, KINDS, POOR, WRONG_PERSON, Suspect
from faceline.errors import FacelineError
from faceline.people.copies import candidates, copied, patch, probabilities, same_content
from faceline.people.faults import Labelled, find_faults, missed_with, poorness
from faceline.runs.progress import bar
from faceline.stages.corrected import Labels

# Faults that are less likely are not told of.
LEAST = 0.1


@dataclass(frozen=True)
class Faces:
    """What is known of the faces of a folder.

    Attributes
    ----------
    labelled : Labelled
        Their embeddings, and whose they are said to be.
    rows : sequence of n CropRow
        Of the same faces, in the same order.
    fallbacks : sequence of CropRow
        Crops of the middle of pictures in which no face was found.
    without : sequence of str
        People of whom there is no face at all.
    """

    labelled: Labelled
    rows: Sequence[CropRow]
    fallbacks: Sequence[CropRow]
    without: Sequence[str]

    @property
    def owners(self) -> list[str]:
        """Whose each face is said to be."""
        return [self.labelled.names[folder] for folder in self.labelled.folders.tolist()]


def find_suspects(faces: Faces, folder: Path, few: int, jobs: int) -> list[Suspect]:
    """All faults, the likeliest first."""
    found = [*wrong_and_double(faces), *copies(faces, folder, jobs), *poor(faces), *too_few(faces, few)]
    return sorted(found, key=lambda one: (-one.probability, KINDS.index(one.kind), one.person, one.crop))


def wrong_and_double(faces: Faces) -> list[Suspect]:
    faults, names, owners = find_faults(faces.labelled), faces.labelled.names, faces.owners
    found = []
    for row in np.flatnonzero(faults.wrong >= LEAST).tolist():
        owner = int(faults.owners[row])
        likely = names[owner] if owner >= 0 else ""
        found.append(Suspect(faces.rows[row].crop, owners[row], WRONG_PERSON, likely, float(faults.wrong[row])))
    found += [
        Suspect(faces.rows[double.row].crop, names[double.folder], DOUBLE, names[double.other], double.probability)
        for double in faults.doubles
        if double.probability >= LEAST
    ]
    return found


def copies(faces: Faces, folder: Path, jobs: int) -> list[Suspect]:
    """One photograph several times: by the bytes of its crop, and by the pixels of crops with similar embeddings."""
    crops = [row.crop for row in faces.rows]
    equal = np.array(same_content([row.crop_sha256 for row in faces.rows]), np.int64).reshape(-1, 2)
    similar, likeness = candidates(faces.labelled.directions, faces.labelled.scale)
    chances = probabilities(likeness, correlations(similar, crops, folder, jobs))
    is_likely = chances >= LEAST
    pairs = np.concatenate([equal, similar[is_likely]])
    chances = np.concatenate([np.ones(len(equal)), chances[is_likely]])
    owners = faces.owners
    found = copied(pairs, chances, faces.labelled.folders, ranks(faces.rows))
    return [Suspect(crops[row], owners[row], COPY, crops[other], chance) for row, (other, chance) in found.items()]


def ranks(rows: Sequence[CropRow]) -> np.ndarray:
    """A number for each picture, the highest for the best: the largest face, then the best quality, then the first."""
    order = sorted(range(len(rows)), key=lambda row: (rows[row].size or 0, rows[row].quality or 0.0, -row))
    found = np.empty(len(rows), int)
    found[order] = np.arange(len(rows))
    return found


def correlations(pairs: np.ndarray, crops: Sequence[str], folder: Path, jobs: int) -> np.ndarray:
    """How the pixels of pairs of crops correlate, (m,); NaN where a crop cannot be read any more."""
    chosen = np.unique(pairs)
    found = np.full(len(pairs), np.nan)
    try:
        aligned = aligned_folder(folder)
    except FacelineError:
        return found
    with ThreadPoolExecutor(jobs) as pool, bar("copies", len(chosen), leave=False) as progress:
        patches = []
        for values in pool.map(lambda row: patch_of(aligned, crops[row]), chosen.tolist()):
            patches.append(values)
            progress.update()
    place = np.searchsorted(chosen, pairs)
    for index, (one, other) in enumerate(place.tolist()):
        first, second = patches[one], patches[other]
        if first is not None and second is not None:
            found[index] = float(first @ second)
    return found


def patch_of(aligned: Path, crop: str) -> np.ndarray | None:
    try:
        return patch(decode_image(read_picture(inside(aligned, crop))))
    except FacelineError:
        return None


def poor(faces: Faces) -> list[Suspect]:
    """Pictures that are too poor to recognise anybody by, and those in which no face was found."""
    found = [
        Suspect(row.crop, owner, POOR, "", poorness(row.quality))
        for row, owner in zip(faces.rows, faces.owners, strict=True)
        if poorness(row.quality) > 0
    ]
    return found + [Suspect(row.crop, row.person, POOR, "", 1.0) for row in faces.fallbacks]


def too_few(faces: Faces, few: int) -> list[Suspect]:
    """People with fewer than `few` pictures, each by the first of them, if there is one."""
    counts = np.bincount(faces.labelled.folders, minlength=len(faces.labelled.names))
    first = np.searchsorted(faces.labelled.folders, np.arange(len(counts)))
    found = [
        Suspect(faces.rows[first[folder]].crop, faces.labelled.names[folder], FEW, "", missed_with(int(count)))
        for folder, count in enumerate(counts)
        if count < few
    ]
    return found + [Suspect("", person, FEW, "", missed_with(0)) for person in faces.without if few > 0]


def is_settled(found: Suspect, face: int | None, labels: Labels) -> bool:
    """Whether the user has said since what is right of a mistake that was found; `face` is its row."""
    decisions = labels.decisions
    if found.kind == DOUBLE:
        pair = {found.person, found.likely}
        said = [*map(set, decisions.distinct_people), *map(set, decisions.same_people)]
        return any(pair <= people for people in said)
    if face is None:
        return False
    return not labels.kept[face] or (found.kind == WRONG_PERSON and bool(labels.sure[face]))
