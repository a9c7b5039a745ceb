"""Faces of photographs that were made worse, as the whole pipeline sees them, and galleries to name them from.

Of LFW's lists of known people and of strangers, of its other people and of the East Asian ones, every second one is
there to learn from, the others to check with.
"""

import csv
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from faceline import align_folder, represent_folder
from faceline.disk.embeddings import read_embeddings
from faceline.disk.names import MANIFEST_FILE
from faceline.disk.pictures.boxes import Box
from faceline.disk.pictures.images import decode_image, read_picture
from faceline.faces.aligner import Aligner
from faceline.faces.cutting import CoincidentLandmarksError
from faceline.faces.embedder import embed
from faceline.faces.options import AlignmentOptions
from faceline.faces.test_time_augmentation import ALONE
from faceline.faces.uprightness import likeness
from faceline.networks.runtime import DEFAULT_DEVICE, DEFAULT_ENGINE, Runtime
from faceline.networks.table import DEFAULT_NETWORK, NETWORKS
from faceline.people.gallery import Gallery
from faceline.people.quality import measure_features
from faceline.runs.parallel import all_cores

NETWORK = NETWORKS[DEFAULT_NETWORK]
SCALE = 0.088  # the cosine distance that stands for its threshold
SETS = ("lfw-dev", "east-asian-dev")
STRANGERS = 170  # of LFW's list, and as many of its other people
LARGEST, SHRUNK = 1000, 800  # a picture with a longer edge is shrunk to the other one, to save time
LEARNING, CHECKING = 0, 1  # which half of the people

# Set of photographs, people enrolled, pictures of each, how many galleries are drawn.
GALLERIES = (
    ("lfw-dev", 107, 4, 1),
    ("lfw-dev", 25, 4, 4),
    ("lfw-dev", 6, 2, 10),
    ("lfw-dev", 25, 1, 3),
    ("east-asian-dev", 7, 2, 8),
    ("east-asian-dev", 7, 4, 8),
)


@dataclass(frozen=True)
class Picture:
    """A photograph: its set, its path, who it shows, and the face's box in it."""

    group: str
    path: Path
    person: str
    box_ltrb: Box


@dataclass(frozen=True)
class Photographs:
    """All photographs as they are, embedded: `embeddings` (n, d) of `pictures`; who is there to be known, by set."""

    pictures: list[Picture]
    embeddings: np.ndarray
    known: Mapping[str, list[str]]

    @classmethod
    def read(cls, folder: Path, work: Path, half: int) -> "Photographs":
        """Of one half of the people; the stages' folders in `work` are made where they are not there yet."""
        lists = [(folder / f"lfw-dev-{name}.txt").read_text().split() for name in ("known", "unknown")]
        others = sorted({path.name for path in (folder / "lfw-dev").iterdir()}.difference(*lists))
        asian = np.random.default_rng(1).permutation(
            sorted(path.name for path in (folder / "east-asian-dev").iterdir())
        )
        strangers = {name for part in (lists[1], others) for name in part[half::2][:STRANGERS]}
        known = {"lfw-dev": lists[0][half::2], "east-asian-dev": asian[half::2].tolist()}
        pictures, embeddings = [], []
        for group in SETS:
            align_folder(folder / group, work / group / "aligned")
            represent_folder(work / group / "aligned", work / group / "embeddings")
            found, crops = read_embeddings(work / group / "embeddings", NETWORK.dimensions)
            row_of = {crop: row for row, crop in enumerate(crops)}
            lone = set()
            with (work / group / "aligned" / MANIFEST_FILE).open(newline="") as file:
                for row in csv.DictReader(file):
                    person = row["person"]
                    if person not in known[group] and (person in lone or person not in strangers):
                        continue
                    lone.add(person)
                    left, top, right, bottom = (int(row[side]) for side in ("left", "top", "right", "bottom"))
                    pictures.append(Picture(group, folder / group / row["image"], person, (left, top, right, bottom)))
                    embeddings.append(found[row_of[row["crop"]]])
        return cls(pictures, np.array(embeddings), known)


@dataclass(frozen=True)
class Faces:
    """Faces in degraded copies, (m,): the row of the photograph each comes from, the kind and the way it was made worse
    by ("clean" for the photograph itself), whether a face was found, and then its embedding and features."""

    rows: np.ndarray
    kinds: np.ndarray
    ways: np.ndarray
    found: np.ndarray
    embeddings: np.ndarray
    features: np.ndarray

    def __getitem__(self, chosen: np.ndarray) -> "Faces":
        return Faces(*(values[chosen] for values in vars(self).values()))


def make_worse(photographs: Photographs, table: Mapping[str, Sequence[Callable]], count: int, path: Path) -> Faces:
    """Degrade `count` photographs at random in every way of a table, and look for their faces; kept in `path`."""
    if not path.exists():
        order = np.random.default_rng(0).permutation(len(photographs.pictures))[:count]
        parts = [part for row in order for part in degraded(photographs.pictures[row], int(row), table)]
        columns = [np.array(column) for column in zip(*parts, strict=True)]
        kept: dict[str, Any] = dict(zip(Faces.__dataclass_fields__, columns, strict=True))
        np.savez(path, **kept)
    with np.load(path) as columns:
        return Faces(**columns)


def degraded(picture: Picture, row: int, table: Mapping[str, Sequence[Callable]]) -> Iterator[tuple]:
    image, box = decode_image(read_picture(picture.path)), picture.box_ltrb
    if max(image.shape) > LARGEST:
        scale = SHRUNK / max(image.shape)
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        box = tuple(round(edge * scale) for edge in box)
    runtime = Runtime(DEFAULT_ENGINE, DEFAULT_DEVICE, all_cores())
    aligner = Aligner(AlignmentOptions(), runtime)
    for kind, ways in {"clean": (same,), **table}.items():
        for way in dict.fromkeys(ways):
            seed = zlib.crc32(f"{picture.path.name}{way.__name__}".encode())
            worse = way(image, box, np.random.default_rng(seed))
            embedding, features = look(aligner, worse)
            yield row, kind, way.__name__, bool(features.any()), embedding, features


def same(image: np.ndarray, box: Box, generator: np.random.Generator) -> np.ndarray:
    return image


def look(aligner: Aligner, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The embedding and the features of the main face; zeros if there is none."""
    from faceline.people.degradation_prior import FEATURES

    try:
        face = aligner.find(image)[0]
        crops = aligner.crop(image, face)[None]
    except (IndexError, CoincidentLandmarksError):
        return np.zeros(NETWORK.dimensions, np.float32), np.zeros(len(FEATURES))
    embeddings = embed(NETWORK, crops, aligner.runtime)
    looks = [face.box_ltrb[2] - face.box_ltrb[0]], [likeness(image, face, aligner.runtime)]
    return embeddings[0], measure_features(crops, *looks, embeddings, ALONE, NETWORK, aligner.runtime, SCALE)[0]


@dataclass(frozen=True)
class Probes:
    """Faces to be named by a gallery: who they are, whether they are enrolled, and how much each counts.

    Within each kind strangers and known people weigh the same, and among them each person does.
    """

    gallery: Gallery
    title: str
    faces: Faces
    persons: np.ndarray
    is_known: np.ndarray
    weights: np.ndarray


def draw(photographs: Photographs, faces: Faces) -> Iterator[Probes]:
    """Galleries of photographs as they are, and for each the faces in degraded copies of others, and of strangers."""
    faces = faces[faces.found]
    generator = np.random.default_rng(5)
    groups, persons = (np.array([getattr(one, name) for one in photographs.pictures]) for name in ("group", "person"))
    for group, people, pictures, draws in GALLERIES:
        for _ in range(draws):
            chosen = generator.permutation(photographs.known[group])[:people]
            enrolled = []
            for person in chosen:
                rows = generator.permutation(np.flatnonzero((persons == person) & (groups == group)))
                enrolled += rows[: min(pictures, len(rows) - 1)].tolist()
            gallery = Gallery.fit(
                persons[enrolled].tolist(),
                photographs.embeddings[enrolled],
                persons[enrolled].tolist(),
                NETWORK,
                fpir=0.01,
                classifier="LinearSvm",
                lda_dim=None,
                jobs=all_cores(),
            )
            inside = np.isin(persons, chosen)
            # LFW's strangers are never enrolled; of the few East Asian people those who are not are strangers.
            usable = (groups == group) & (inside | (group != "lfw-dev") | ~np.isin(persons, photographs.known[group]))
            usable[enrolled] = False
            probes = faces[usable[faces.rows]]
            whose, is_known = persons[probes.rows], inside[probes.rows]
            weights = weigh(probes.kinds, whose, is_known)
            yield Probes(gallery, f"{group}, {people} x {pictures}", probes, whose, is_known, weights)


def weigh(kinds: np.ndarray, persons: np.ndarray, is_known: np.ndarray) -> np.ndarray:
    weights = np.zeros(len(kinds))
    for kind in np.unique(kinds):
        for known in (False, True):
            part = (kinds == kind) & (is_known == known)
            people, who, counts = np.unique(persons[part], return_inverse=True, return_counts=True)
            weights[part] = 1 / counts[who] / max(len(people), 1)
    return weights
