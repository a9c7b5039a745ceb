"""A page to look at people, clusters and mistakes, and to say what is right."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceline.disk.cluster_table import read_clusters
from faceline.disk.embeddings import read_represented
from faceline.disk.manifests import read_manifest
from faceline.disk.names import (
    CLASSIFIER_FILE,
    CLUSTERS_FILE,
    EMBEDDINGS_DIR,
    MANIFEST_FILE,
    REVIEW_FILE,
    SUSPECTS_FILE,
)
from faceline.disk.paths import check_folder, inside, named_path
from faceline.disk.photographs import aligned_folder
from faceline.disk.pictures.images import decode_image, read_picture
from faceline.disk.rows import USABLE, CropRow, PictureRow, Status
from faceline.disk.run_records import read_record
from faceline.disk.suspect_table import read_suspects
from faceline.disk.writing import write_bytes
from faceline.errors import FacelineError, UnreadableError, cure
from faceline.networks.network import Network
from faceline.networks.table import network_of
from faceline.people.naming import Naming
from faceline.people.scoring import unit
from faceline.recognition.classifier_file import read_classifier
from faceline.report.pages.review_page import (
    PageData,
    PageFace,
    Question,
    check_page,
    check_place,
    review_page,
    thumbnail,
)
from faceline.stages.check import check
from faceline.stages.cluster import cluster
from faceline.stages.corrected import Labels, corrected
from faceline.stages.suspects import is_settled
from faceline.wording import counted, one_line

logger = logging.getLogger(__name__)

# Clusters that the classifier names with this probability are not asked about; below the other nothing is guessed.
SURE, GUESS = 0.95, 0.2
# Pictures of a person whom a question names.
OTHERS = 6


@dataclass(frozen=True)
class Reviewed:
    """What `review` made."""

    path: str
    faces: int
    people: int
    questions: int
    notes: Sequence[str] = ()

    def __str__(self) -> str:
        lines = [
            *self.notes,
            f"{counted(self.faces, 'face')}, {counted(self.people, 'person')}, {counted(self.questions, 'question')}.",
            f"Written to {one_line(self.path)}; open it in a browser, and add what you download there: faceline correct"
            " --add corrections.jsonl",
        ]
        return "\n".join(lines)


def review(work_dir: str | Path = ".", *, save: str | Path | None = None, jobs: int | None = None) -> Reviewed:
    """Write a page with everybody's pictures, clusters, suspects, and pictures without a face, to say what is right.

    It is one file that needs no network. What is decided on it is downloaded as `corrections.jsonl`. Clusters and
    suspects are found first, where their tables are missing.

    Parameters
    ----------
    work_dir : path
        With `generated-embeddings`, and the crops that these are of.
    save : path or None
        The page's file; None for `review.html` in the work folder. Nothing is replaced there but such a page.
    jobs : int or None
        Threads; None for as many as there are cores.

    Raises
    ------
    FacelineError
        If the embeddings or their crops are missing, unfinished or damaged, or the page cannot be written.

    Examples
    --------
    >>> from faceline import review
    >>> made = review(".")
    >>> made.path, made.faces, made.people
    ('review.html', 3, 2)
    """
    check_page()
    work_dir = named_path(work_dir)
    check_folder(work_dir, "name the folder that holds generated-embeddings")
    check_folder(work_dir / EMBEDDINGS_DIR, "run align-dlib.py and batch_represent first")
    path = work_dir / REVIEW_FILE if save is None else named_path(save)
    check_place(path)
    data, notes = page_data(work_dir, jobs)
    write_bytes(path, review_page(data, title_of(work_dir)).encode("utf-8", "replace"))
    return Reviewed(str(path), len(data.faces), len(data.people), len(data.questions), notes)


def title_of(work_dir: Path) -> str:
    """What the page is called."""
    return work_dir.resolve().name or str(work_dir)


def page_data(work_dir: Path, jobs: int | None = None) -> tuple[PageData, list[str]]:
    """All that the page of a work folder shows, and which tables had to be made for it; raises what `review` does."""
    folder = work_dir / EMBEDDINGS_DIR
    notes = []
    if not (folder / CLUSTERS_FILE).exists():
        cluster(folder, jobs=jobs)
        notes.append(f"Made {CLUSTERS_FILE}, which was not there.")
    with cure("run batch_represent, which writes it, to its end"):
        record = read_record(folder, "represent")
    with cure("run batch_represent again with --overwrite"):
        network = network_of(record["options"])
        rows = [row for row in read_represented(folder, network.dimensions, record["counts"]) if row.status in USABLE]
    if not rows:
        raise FacelineError(f"{one_line(folder)}: holds no embedding; add pictures and run all stages again")
    with cure("run align-dlib.py again"):
        aligned = aligned_folder(folder)
        pictures = read_manifest(aligned / MANIFEST_FILE, PictureRow)
    labels = corrected(folder, [row.crop for row in rows], [row.person for row in rows])
    if any(labels.people) and not (folder / SUSPECTS_FILE).exists():  # without names, there is nothing to suspect
        check(folder, jobs=jobs)
        notes.append(f"Made {SUSPECTS_FILE}, which was not there.")
    return collected(folder, aligned, rows, pictures, network), notes


def collected(
    folder: Path, aligned: Path, rows: list[CropRow], pictures: list[PictureRow], network: Network
) -> PageData:
    """All that the page shows."""
    of_crop = {picture.crop: picture for picture in pictures if picture.crop}
    rows = [row for row in rows if row.crop in of_crop and of_crop[row.crop].left is not None]
    crops = [row.crop for row in rows]
    labels = corrected(folder, crops, [row.person for row in rows])
    embeddings = np.array([row.embedding for row in rows], np.float32).reshape(len(rows), network.dimensions)
    with cure("remove the file, and it is made again"):
        clusters = read_clusters(folder / CLUSTERS_FILE)
    people = sorted({name for name, is_kept in zip(labels.people, labels.kept, strict=True) if is_kept and name})
    number = {name: place for place, name in enumerate(people)}
    persons = [
        number[name] if is_kept and name else -1 for name, is_kept in zip(labels.people, labels.kept, strict=True)
    ]
    photos = sorted({of_crop[crop].image_sha256 for crop in crops})
    photo_number = {photo: place for place, photo in enumerate(photos)}
    typical = typicality(unit(embeddings), np.array(persons))
    faces = [
        PageFace(
            c=row.crop,
            p=photo_number[of_crop[row.crop].image_sha256],
            b=box_of(of_crop[row.crop]),
            n=person,
            k=clusters.get(row.crop, (0, 0.0))[0],
            s=clusters[row.crop][1] if row.crop in clusters else None,
            q=row.quality,
            u=row.unclear if row.status == Status.OK else "no face found",
            z=row.size,
            t=None if np.isnan(how) else round(float(how), 3),
        )
        for row, person, how in zip(rows, persons, typical, strict=True)
    ]
    suspects_found = []
    if (folder / SUSPECTS_FILE).exists():
        with cure("remove the file, and it is made again"):
            suspects_found = read_suspects(folder / SUSPECTS_FILE)
    place = {crop: index for index, crop in enumerate(crops)}
    suspects = [
        {
            "kind": found.kind,
            "face": place.get(found.crop),
            "person": found.person,
            "likely": found.likely,
            "probability": found.probability,
        }
        for found in suspects_found
        if not is_settled(found, place.get(found.crop), labels)
    ]
    without = [
        {"image": picture.image, "status": picture.status, "reason": picture.reason}
        for picture in pictures
        if picture.status != Status.OK
    ]
    return PageData(
        photos,
        people,
        faces,
        [thumbnail_of(aligned, crop) for crop in crops],
        questions_of(faces, people, labels, embeddings, gallery_of(folder, network)),
        suspects,
        without,
    )


def box_of(picture: PictureRow) -> list[int]:
    return [int(edge or 0) for edge in (picture.left, picture.top, picture.right, picture.bottom)]


def typicality(directions: np.ndarray, persons: np.ndarray) -> np.ndarray:
    """The cosine of each face, (n, d) of length 1, with the mean of its person's others, (n,); NaN without any."""
    found = np.full(len(persons), np.nan)
    for person in np.unique(persons[persons >= 0]):
        own = np.flatnonzero(persons == person)
        if len(own) > 1:
            others = unit(directions[own].sum(axis=0) - directions[own])
            found[own] = np.einsum("ij,ij->i", others, directions[own])
    return found


def thumbnail_of(aligned: Path, crop: str) -> str:
    """The crop, small; of one that has been removed or damaged a grey square."""
    try:
        pixels = decode_image(read_picture(inside(aligned, crop)))
    except (UnreadableError, FacelineError):
        pixels = np.full((8, 8, 3), 128, np.uint8)
    return thumbnail(pixels)


def gallery_of(folder: Path, network: Network) -> Naming | None:
    """The gallery of the classifier beside the embeddings, if there is one for their network."""
    path = folder / CLASSIFIER_FILE
    if not path.exists():
        return None
    try:
        model = read_classifier(path)
    except FacelineError as error:
        logger.warning(f"{error}; the page guesses no names")
        return None
    return model.gallery if model.network == network else None


def questions_of(
    faces: Sequence[PageFace], people: Sequence[str], labels: Labels, embeddings: np.ndarray, gallery: Naming | None
) -> list[Question]:
    """What to ask of the clusters of faces without names: first what an answer changes most.

    An answer names the faces of a cluster; where the classifier names them with some probability already, it changes as
    much less.
    """
    unnamed: dict[int, list[int]] = defaultdict(list)
    of_person: dict[str, list[int]] = defaultdict(list)
    for place, face in enumerate(faces):
        if face.n >= 0:
            of_person[people[face.n]].append(place)
        elif face.k and place not in labels.decisions.no_face:
            unnamed[face.k].append(place)
    found = []
    for members in unnamed.values():
        name, probability = guess(gallery, embeddings[members], set(of_person))
        if probability >= SURE:
            continue
        best = sorted(members, key=lambda place: (-(faces[place].q or 0), place))
        if probability >= GUESS and not any(name in labels.decisions.others.get(place, ()) for place in members):
            others = sorted(of_person[name], key=lambda place: (-(faces[place].q or 0), place))[:OTHERS]
            question = Question("is", best, name, round(probability, 3), others)
        else:
            question = Question("who", best)
        found.append(question)
    return sorted(found, key=lambda question: (-len(question.faces) * (1 - question.probability), question.faces[0]))


def guess(gallery: Naming | None, embeddings: np.ndarray, names: set[str]) -> tuple[str, float]:
    """Who a cluster is by the classifier, and how probable that is: the mean over its faces."""
    if gallery is None:
        return "", 0.0
    totals: dict[str, float] = defaultdict(float)
    for identity in gallery.identify(embeddings, top=1):
        for candidate in identity.candidates[:1]:
            totals[candidate.name] += candidate.confidence / len(embeddings)
    known = {name: total for name, total in totals.items() if name in names}
    if not known:
        return "", 0.0
    name = max(sorted(known), key=known.__getitem__)
    return name, known[name]
