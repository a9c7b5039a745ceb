"""Naming and finding faces as the commands of face_recognition do: by the nearest pictures of a folder."""

import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from faceline import compat
from faceline.disk.paths import check_folder, named_path
from faceline.disk.pictures.images import decode_image, read_picture
from faceline.disk.reading import sha256
from faceline.disk.remembered_encodings import Encodings, read_encodings, write_encodings
from faceline.errors import FacelineError, UnreadableError
from faceline.faces.as_dlib import THREADS
from faceline.runs.parallel import all_cores
from faceline.runs.progress import bar
from faceline.wording import one_line

logger = logging.getLogger(__name__)

PICTURE = re.compile(r".*\.(jpg|jpeg|png)", re.IGNORECASE)
LONGEST_EDGE = 1600  # to which pictures are shrunk in which faces are named
UNKNOWN, NOBODY = "unknown_person", "no_persons_found"
KEPT_SECONDS = 5.0  # after which what was encoded is put on disk

Found = TypeVar("Found")


@dataclass(frozen=True)
class KnownFaces:
    """Who is known: n names, and an encoding each, (n, 128)."""

    names: list[str]
    encodings: np.ndarray


@dataclass(frozen=True)
class Row:
    """A line of the answer: `values` are what stands behind the picture."""

    picture: str
    values: tuple[object, ...]


def recognize(
    known_folder: str | Path, image: str | Path, *, cpus: int = 1, tolerance: float = 0.6, show_distance: bool = False
) -> Iterator[list[Row] | None]:
    """Name the faces of a picture, or of those in a folder, by the known people who are near enough.

    Parameters
    ----------
    known_folder : path
        Pictures of one person each, called by their names. Their encodings are remembered there, by the pictures'
        contents.
    image : path
        A picture, or a folder of them.
    cpus : int
        Threads; -1 for one on each core.
    tolerance : float
        The largest distance of an encoding that is somebody's.
    show_distance : bool
        Give it, too.

    Returns
    -------
    iterator of list of Row, or None
        Of each picture, for each face a row with each name that is near enough; None for one that cannot be read.

    Raises
    ------
    FacelineError
        If something named is missing, or nobody is known.
    """
    threads = thread_count(cpus)
    pictures = pictures_of(image)
    known = known_faces(named_path(known_folder), threads)
    return in_order(partial(named_rows, known, tolerance, show_distance), pictures, threads)


def detect(image: str | Path, *, cpus: int = 1, model: str = "hog", upsample: int = 0) -> Iterator[list[Row] | None]:
    """Find the faces of a picture, or of those in a folder: of each, rows of (top, right, bottom, left).

    Parameters
    ----------
    image : path
    cpus : int
        Threads; -1 for one on each core.
    model : {"hog", "cnn"}
    upsample : int
        How often pictures are doubled before.

    Raises
    ------
    FacelineError
        If the picture or folder is missing, or an option is out of range.
    """
    threads = thread_count(cpus)
    if upsample < 0:
        raise FacelineError(f"upsample {upsample} is out of range; choose 0 or more")
    if model not in compat.DETECTORS:
        raise FacelineError(f"unknown model {one_line(model)!r}; choose from {', '.join(compat.DETECTORS)}")
    return in_order(partial(box_rows, model, upsample), pictures_of(image), threads)


def thread_count(cpus: int) -> int:
    if cpus == -1:
        return all_cores()
    if cpus < 1:
        raise FacelineError(f"cpus {cpus} is out of range; choose 1 or more, or -1 for all")
    return min(cpus, all_cores())


def pictures_of(named: str | Path) -> list[str]:
    """The pictures that are meant, sorted, their paths beginning as the user wrote it, `./` too; raises FacelineError
    if there is nothing of that name."""
    path = named_path(named)
    if os.path.isdir(path):
        check_folder(path, "make it readable, or name another one")
        names = sorted(child.name for child in path.iterdir() if PICTURE.fullmatch(child.name))
        return [os.path.join(named, name) for name in names]
    if not os.path.exists(path):
        raise FacelineError(f"{one_line(path)}: no such file or folder; name a picture, or a folder of them")
    return [os.fspath(named)]


def known_faces(folder: Path, threads: int) -> KnownFaces:
    """Who is known by the pictures of a folder; raises FacelineError if that is nobody."""
    if not os.path.isdir(folder):
        raise FacelineError(f"{one_line(folder)}: no such folder; name one with a picture of each person")
    pictures = pictures_of(folder)
    remembered = read_encodings(folder, made_by())
    encodings: Encodings = {}
    names, found, is_new, said = [], [], False, time.monotonic()
    with bar("known people", len(pictures), leave=False) as progress:
        for picture, seen in zip(pictures, in_order(partial(seen_in, remembered), pictures, threads), strict=True):
            progress.update()
            if seen is None:
                continue
            digest, faces, encoding = seen
            is_new |= digest not in remembered
            encodings[digest] = faces, encoding
            if faces > 1:
                logger.warning(f"More than one face found in {one_line(picture)}. Only considering the first face.")
            if encoding is None:
                logger.warning(f"No faces found in {one_line(picture)}. Ignoring file.")
            else:
                names.append(Path(picture).stem)
                found.append(encoding)
            if is_new and time.monotonic() - said > KEPT_SECONDS:
                write_encodings(folder, made_by(), remembered | encodings)
                said = time.monotonic()
    if is_new or remembered.keys() - encodings.keys():
        write_encodings(folder, made_by(), encodings)
    if not names:
        raise FacelineError(f"{one_line(folder)}: holds no picture of a face; name a folder with one of each person")
    return KnownFaces(names, np.array(found))


def made_by() -> str:
    """What encodings depend on beside the picture."""
    import dlib

    return f"dlib {dlib.__version__}, HOG, 5 landmarks, upright"


def seen_in(remembered: Encodings, picture: str) -> tuple[str, int, np.ndarray | None]:
    """The digest of a picture, how many faces it shows, and the encoding of the first."""
    content = read_picture(Path(picture))
    digest = sha256(content)
    if digest in remembered:
        return digest, *remembered[digest]
    encodings = compat.face_encodings(decode_image(content))
    return digest, len(encodings), encodings[0] if encodings else None


def named_rows(known: KnownFaces, tolerance: float, show_distance: bool, picture: str) -> list[Row]:
    """The rows of one picture."""
    pixels = decode_image(read_picture(Path(picture)))
    if max(pixels.shape) > LONGEST_EDGE:
        from PIL import Image

        smaller = Image.fromarray(pixels)
        smaller.thumbnail((LONGEST_EDGE, LONGEST_EDGE), Image.Resampling.LANCZOS)
        pixels = np.array(smaller)
    encodings = compat.face_encodings(pixels)
    found: list[tuple[str, object]] = [] if encodings else [(NOBODY, None)]
    for encoding in encodings:
        distances = compat.face_distance(known.encodings, encoding)
        near = [(known.names[place], distances[place]) for place in np.flatnonzero(distances <= tolerance)]
        found += near or [(UNKNOWN, None)]
    return [Row(picture, (name, distance) if show_distance else (name,)) for name, distance in found]


def box_rows(model: str, upsample: int, picture: str) -> list[Row]:
    """The rows of one picture."""
    pixels = decode_image(read_picture(Path(picture)))
    return [Row(picture, box) for box in compat.face_locations(pixels, upsample, model)]


def in_order(work: Callable[[str], Found], pictures: Sequence[str], threads: int) -> Iterator[Found | None]:
    """What `work` gives for each picture, in their order, by several threads; None for one that cannot be read."""

    def tried(picture: str) -> Found | None:
        THREADS.set(1 if threads > 1 else None)
        try:
            return work(picture)
        except UnreadableError as error:
            reason = error.reason
        except MemoryError:  # dlib's too
            reason = "not enough memory"
        logger.warning(f"{one_line(picture)}: {one_line(reason)}; left out")
        return None

    with ThreadPoolExecutor(threads) as workers:
        yield from workers.map(tried, pictures)
