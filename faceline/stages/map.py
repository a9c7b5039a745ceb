"""A map of faces: those that look alike lie near each other."""

import importlib.util
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceline.disk.cluster_table import read_cluster_numbers
from faceline.disk.embeddings import read_people
from faceline.disk.folder_locks import locked
from faceline.disk.names import CLUSTERS_FILE, DEFAULT_EMBEDDINGS_DIR
from faceline.disk.paths import check_folder, inside, named_path
from faceline.disk.photographs import aligned_folder
from faceline.disk.pictures.images import decode_image, read_picture
from faceline.disk.run_records import read_record
from faceline.disk.writing import write_bytes, write_errors
from faceline.errors import FacelineError, cure
from faceline.networks.network import Network
from faceline.networks.table import network_of
from faceline.people.arrangement import METHODS, MOST_EXACT, arranged, method_for
from faceline.report.map_picture import FaceMap, check_map_picture, draw_map_picture
from faceline.report.pages.map_page import check_map_page, edge_for, map_page, thumbnail
from faceline.stages.corrected import corrected
from faceline.wording import counted, one_line

logger = logging.getLogger(__name__)

GROUPS = ("person", "cluster")
TITLES = {"tsne": "t-SNE", "pca": "PCA"}
PICTURE_FILE, PAGE_FILE = "map.png", "map.html"

# Edge of the pictures that are kept until all are drawn, in pixels.
KEPT_EDGE = 80


@dataclass(frozen=True)
class Mapped:
    """What `draw_map` made.

    Attributes
    ----------
    picture, page : str
        The files.
    title : str
        By which method, and of how many faces, the map is.
    named : int
        How many names stand on the picture.
    asked : int
        How many were to stand there.
    unread : int
        How many crops cannot be shown, as they cannot be read; -1 if none was looked for.
    """

    picture: str
    page: str
    title: str
    named: int
    asked: int
    unread: int

    def __str__(self) -> str:
        lines = [f"{self.title}."]
        if self.asked:
            lines.append(f"Named: {self.named} of the {self.asked} largest, as far as there was room.")
        if self.unread > 0:
            lines.append(f"Points without a face: {counted(self.unread, 'crop')} could not be read.")
        elif self.unread < 0:
            lines.append("The page shows no faces: there are too many, or their crops are not where they were.")
        lines.append(f"Written to {one_line(self.picture)} and {one_line(self.page)}")
        return "\n".join(lines)


def draw_map(
    embeddings_dir: str | Path = DEFAULT_EMBEDDINGS_DIR,
    *,
    save_dir: str | Path | None = None,
    method: str = "tsne",
    by: str = "person",
    crops: str | Path | bool = False,
    labels: int = 20,
    names: Sequence[str] | None = None,
) -> Mapped:
    """Draw faces as points, those that look alike near each other, as `map.png` and as a page, `map.html`.

    The same embeddings give the same files, byte for byte, on one machine.

    Parameters
    ----------
    embeddings_dir : path
        As `represent_folder` wrote it.
    save_dir : path or None
        Folder for the two files; None for that of the embeddings.
    method : str
        "tsne" keeps neighbours together, "pca" distances as well as two directions can.
    by : str
        What faces are coloured and labelled by: "person", or "cluster" as `cluster` found them.
    crops : path or bool
        Show faces themselves as points: True for the crops that the embeddings are of, a folder if these lie elsewhere
        now. Where it is False, the page alone shows a face, when it is pointed at, if its crop is where it was.
    labels : int
        How many people are named, the largest ones.
    names : sequence of str or None
        What people are called, instead of their folders' names: name i is that of class i of `labels.csv`. People
        beyond are left out.

    Raises
    ------
    FacelineError
        If the embeddings are missing, unfinished, damaged or fewer than two; if a folder or what draws is missing, or
        something cannot be written.

    Examples
    --------
    >>> from faceline import draw_map
    >>> made = draw_map("generated-embeddings", method="pca")
    >>> made.title
    'PCA of 3 faces of 2 people'
    """
    check_options(method, by, labels)
    folder = named_path(embeddings_dir)
    place = folder if save_dir is None else named_path(save_dir)
    check_folder(folder, "run batch_represent first")
    embeddings, of_crops, people, network = read_faces(folder, names)
    groups, group_of = grouped(people if by == "person" else clusters_of(folder, of_crops))
    if method == "tsne" and len(of_crops) > MOST_EXACT and importlib.util.find_spec("openTSNE") is None:
        raise FacelineError("openTSNE is missing, which draws large maps; pip install 'faceline[map]', or --method pca")
    pictures = read_crops(folder, of_crops, crops)
    with write_errors(place):
        place.mkdir(parents=True, exist_ok=True)
    with locked(place):
        logger.info("map: %s", counted(len(of_crops), "face"))
        places = arranged(embeddings, network.metric, method)
        title = f"{TITLES[method_for(method, len(of_crops))]} of {counted(len(of_crops), 'face')}"
        faces = FaceMap(places, groups, group_of, f"{title} of {counted(len(groups), by)}" if groups else title)
        as_faces = crops is not False
        named = draw_map_picture(faces, place / PICTURE_FILE, labels, pictures if as_faces else None)
        edge = edge_for(len(of_crops))
        thumbs = ["" if crop is None or not edge else thumbnail(crop, edge) for crop in pictures or ()]
        page = map_page(faces, of_crops, people, labels, thumbs if edge else (), as_faces)
        write_bytes(place / PAGE_FILE, page.encode())
    unread = -1 if pictures is None or not edge else sum(crop is None for crop in pictures)
    asked = min(labels, len(groups))
    return Mapped(str(place / PICTURE_FILE), str(place / PAGE_FILE), faces.title, named, asked, unread)


def check_options(method: str, by: str, labels: int) -> None:
    """Raise FacelineError for what cannot be drawn; before the work, not behind it."""
    for name, value, choices in (("method", method, METHODS), ("by", by, GROUPS)):
        if value not in choices:
            raise FacelineError(f"{name} {value!r} is unknown; choose from {', '.join(choices)}")
    if labels < 0:
        raise FacelineError(f"labels {labels} is out of range; 0 or more")
    check_map_picture()
    check_map_page()


def read_faces(folder: Path, given: Sequence[str] | None) -> tuple[np.ndarray, list[str], list[str], Network]:
    """Embeddings, (n, d), crops and people ("" for nobody) of what is a face, as far as the user knows; the network."""
    with cure("run batch_represent, which writes it, to its end"):
        record = read_record(folder, "represent")
    with cure("run batch_represent again with --overwrite"):
        network = network_of(record["options"])
        embeddings, crops, people = read_people(folder, network.dimensions, record["counts"])
    labels = corrected(folder, crops, people)
    called = None if given is None else called_by(folder, people, given)
    kept = [
        row
        for row in range(len(crops))
        if row not in labels.decisions.no_face and (called is None or people[row] in called)
    ]
    if len(kept) < 2:
        raise FacelineError(f"{one_line(folder)}: holds {counted(len(kept), 'face')}; a map takes two or more")
    # One that is not whose folder it lies in is still a face, of somebody unknown.
    names = [labels.people[row] if labels.kept[row] else "" for row in kept]
    if called is not None:
        names = [called[people[row]] for row in kept]
    return embeddings[kept], [crops[row] for row in kept], names, network


def called_by(folder: Path, people: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Person -> what they are called: name i is that of class i of `labels.csv`, as OpenFace has it."""
    classes = sorted(set(people))
    if len(names) > len(classes) or not all(name.strip() for name in names):
        wrong = "an empty name" if len(names) <= len(classes) else counted(len(names), "name")
        people_here = counted(len(classes), "person")
        raise FacelineError(
            f"{one_line(folder)}: {wrong} for {people_here}; name them in the order of their classes in labels.csv"
        )
    return dict(zip(classes, names, strict=False))


def clusters_of(folder: Path, crops: Sequence[str]) -> list[str]:
    """What the cluster of each crop is called; raises FacelineError where that is not known."""
    with cure("run faceline cluster first"):
        numbers = read_cluster_numbers(folder / CLUSTERS_FILE)
    missing = next((crop for crop in crops if crop not in numbers), None)
    if missing is not None:
        path = one_line(folder / CLUSTERS_FILE)
        raise FacelineError(f"{path}: lacks {one_line(missing)}; run faceline cluster again")
    return [f"cluster {numbers[crop]}" for crop in crops]


def grouped(names: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """The names, those of most faces first, and which of them each face has, (n,) int; -1 for "", which is none."""
    sizes = Counter(name for name in names if name)
    groups = sorted(sizes, key=lambda name: (-sizes[name], name))
    number = {name: place for place, name in enumerate(groups)} | {"": -1}
    return groups, np.array([number[name] for name in names])


def read_crops(folder: Path, crops: Sequence[str], wanted: str | Path | bool) -> list[np.ndarray | None] | None:
    """The crops, small, each (h, w, 3) uint8 RGB, None where one cannot be read; None where nothing needs any.

    Raises
    ------
    FacelineError
        If their folder is wanted and is not there.
    """
    import cv2

    if wanted is False:
        try:
            aligned = aligned_folder(folder)
        except FacelineError:
            return None
        if not aligned.is_dir() or not edge_for(len(crops)):
            return None
    else:
        aligned = aligned_folder(folder) if wanted is True else named_path(wanted)
        check_folder(aligned, "name the folder of crops: --crops FOLDER")
    found: list[np.ndarray | None] = []
    for crop in crops:
        try:
            pixels = decode_image(read_picture(inside(aligned, crop)))
            found.append(cv2.resize(pixels, (KEPT_EDGE, KEPT_EDGE), interpolation=cv2.INTER_AREA))
        except FacelineError as error:
            logger.info("%s: %s", one_line(crop), error)
            found.append(None)
    if wanted is not False and not any(crop is not None for crop in found):
        raise FacelineError(f"{one_line(aligned)}: holds no crop of these embeddings; name their folder of crops")
    return found
