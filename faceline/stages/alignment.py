"""What becomes of one picture in stage 1: its rows, its crops, and the other faces that might be taken instead."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceline.disk.paths import inside
from faceline.disk.people_paths import person_of
from faceline.disk.pictures.boxes import Box
from faceline.disk.pictures.images import encode_png, open_picture, read_picture
from faceline.disk.pictures.views import Seen
from faceline.disk.reading import read_bytes, sha256
from faceline.disk.rows import (
    PictureRow,
    Status,
    crop_path,
)
from faceline.errors import FacelineError, ShortOfMemoryError, UnreadableError
from faceline.faces.aligner import aligner_for, middle_face
from faceline.faces.cutting import CoincidentLandmarksError
from faceline.faces.embedder import embed
from faceline.faces.options import AlignmentOptions
from faceline.host.steps import step
from faceline.networks.network import Network
from faceline.networks.runtime import Runtime
from faceline.wording import counted, one_line

if TYPE_CHECKING:
    from faceline.disk.pictures.images import Picture
    from faceline.faces.detectors import Face

# The most faces of a picture that are compared with the person's other pictures: the most prominent ones.
MOST_FACES = 20


class Compared(IntEnum):
    """Which faces of a picture are embedded for being compared with the person's other pictures."""

    NONE = 0
    MAIN = 1
    FIRST = 2  # those of the first look
    EVERY = 3  # all that can be found


@dataclass(frozen=True)
class PictureTask:
    """A picture to be aligned; `known` is what an earlier run made of it: a row for each face that has one."""

    input_dir: Path
    output_dir: Path
    image: str
    options: AlignmentOptions
    runtime: Runtime
    skip_multi: bool
    every: bool
    fallback: str
    network: Network
    known: tuple[PictureRow, ...] = ()
    compared: Compared = Compared.NONE


@dataclass(frozen=True)
class Choice:
    """A face of a picture that may be taken: its row, its crop as PNG, and its embedding, (d,) float32."""

    row: PictureRow
    png: bytes
    embedding: np.ndarray


@dataclass(frozen=True)
class Outcome:
    """What became of a picture: its row, and its crop as PNG where that has to be written.

    `further` are the same of the faces beside the main one, where every face is cropped. `embedding` is that of the
    crop, (d,) float32, and `choices` are the faces that may be taken, the main one, which `row` tells of, first; each
    as far as the task wants them.
    """

    row: PictureRow
    png: bytes | None = None
    embedding: np.ndarray | None = None
    choices: tuple[Choice, ...] = ()
    further: "tuple[Cropped, ...]" = ()

    @property
    def all(self) -> "list[Cropped]":
        """Rows and crops of all faces."""
        return [(self.row, self.png), *self.further]


# A row, and the crop as PNG where that has to be written.
Cropped = tuple[PictureRow, bytes | None]


def align_pictures(tasks: list[PictureTask]) -> list[Outcome]:
    return [align_picture(task) for task in tasks]


def align_picture(task: PictureTask) -> Outcome:
    """What became of one picture."""
    row = PictureRow(task.image, person_of(task.image), Status.UNREADABLE)
    try:
        data = read_picture(task.input_dir / task.image)
        row = replace(row, image_sha256=sha256(data))
        if is_as_before(task, row.image_sha256):
            return Outcome(task.known[0], further=tuple((known, None) for known in task.known[1:]))
        with step("read"):
            picture = open_picture(data, task.options.first_edge)
        options = task.options, task.runtime, task.skip_multi, task.fallback
        alignment = align_image(picture.views, *options, task.compared == Compared.EVERY, task.every)
    except ShortOfMemoryError as error:
        return Outcome(replace(row, reason=one_line(error.reason), image_sha256=""))
    except UnreadableError as error:
        return Outcome(replace(row, reason=one_line(error.reason)))
    except MemoryError:
        return Outcome(replace(row, reason="not enough memory", image_sha256=""))
    except Exception as error:
        error.add_note(f"while aligning {one_line(task.input_dir / task.image)}")
        raise
    row = replace(row, status=alignment.status, reason=alignment.reason, faces=alignment.faces)
    if alignment.crop is None or alignment.face is None:
        return Outcome(row)
    main = alignment.face, alignment.crop
    if task.every and alignment.status == Status.OK:
        found = [main, *crops_of(picture.views, alignment.others, task)]
        rows = cropped(replace(row, faces=len(found)), picture, found, range(1, len(found) + 1))
        return Outcome(*rows[0], further=tuple(rows[1:]))
    if task.compared == Compared.NONE or alignment.status != Status.OK:
        return Outcome(*cropped(row, picture, [main], [1])[0])
    compared = alignment.others[: MOST_FACES - 1] if task.compared > Compared.MAIN else ()
    found = [main, *crops_of(picture.views, compared, task)]
    rows = cropped(row, picture, found, [1] * len(found))  # whichever is taken has the picture's crop
    embeddings = embed_crops([crop for _, crop in found], task)
    choices = tuple(Choice(*one, own) for one, own in zip(rows, embeddings, strict=True))
    return Outcome(*rows[0], embeddings[0], choices if task.compared > Compared.MAIN else ())


def crops_of(image: Seen, faces: "Sequence[Face]", task: PictureTask) -> "list[tuple[Face, np.ndarray]]":
    """Faces of a picture with their crops, as far as they can be cropped."""
    aligner = aligner_for(task.options, task.runtime)
    found = []
    for face in faces:
        try:
            found.append((face, aligner.crop(image, face)))
        except CoincidentLandmarksError:
            continue
    return found


def cropped(
    row: PictureRow, picture: "Picture", found: "Sequence[tuple[Face, np.ndarray]]", numbers: Sequence[int]
) -> list[tuple[PictureRow, bytes]]:
    """The row and the PNG of each crop of a picture; `numbers` say where the crops go."""
    rows = []
    for (face, crop), number in zip(found, numbers, strict=True):
        with step("write"):
            png = encode_png(crop)
        left, top, right, bottom = picture.whole_box(face.visible_box(picture.views))
        of_crop = replace(row, crop=crop_path(row.image, number), crop_sha256=sha256(png), turn=face.turn)
        rows.append((replace(of_crop, left=left, top=top, right=right, bottom=bottom), png))
    return rows


def embed_crops(crops: list[np.ndarray], task: PictureTask) -> np.ndarray:
    """The embeddings of crops, (n, d) float32, as stage 2 computes them where it is not asked for anything else."""
    return embed(task.network, np.array(crops), Runtime(threads=1), frame=task.options.frame)


@dataclass(frozen=True)
class Alignment:
    """What became of one picture; `crop`, (size, size, 3) RGB uint8, and its `face` are set where it is USABLE.

    `faces` counts those that were found; `others` are those that were not taken.
    """

    status: Status
    reason: str
    faces: int
    face: "Face | None" = None
    crop: np.ndarray | None = None
    others: "tuple[Face, ...]" = ()
    box_ltrb: Box | None = None

    @property
    def turn(self) -> int:
        """How far the picture was turned clockwise for the crop, in degrees."""
        return self.face.turn if self.face else 0


def align_image(
    image: Seen,
    options: AlignmentOptions,
    runtime: Runtime,
    skip_multi: bool = False,
    fallback: str = "none",
    every: bool = False,
    confirmed: bool = False,
) -> Alignment:
    """Find and crop the main face of a picture of shape (height, width, 3), RGB uint8, or of its views.

    Look for `every` one beside it, or for all that are beyond doubt, if `confirmed`.
    """
    aligner = aligner_for(options, runtime)
    with step("detect"):
        faces = aligner.find_confirmed(image) if confirmed else aligner.find(image, every=skip_multi or every)
    if not faces and fallback == "none":
        return Alignment(Status.NO_FACE, "", 0)
    if skip_multi and len(faces) > 1:
        return Alignment(Status.MANY_FACES, counted(len(faces), "face"), len(faces))
    face = faces[0] if faces else middle_face(image)
    try:
        crop = aligner.crop(image, face)
    except CoincidentLandmarksError as error:
        return Alignment(Status.NO_FACE, str(error), len(faces))
    status, reason = (Status.OK, "") if faces else (Status.FALLBACK, "no face found; the middle was taken")
    return Alignment(status, reason, len(faces), face, crop, tuple(faces[1:]), face.visible_box(image))


def is_as_before(task: PictureTask, image_sha256: str) -> bool:
    """Whether an earlier run saw the same picture, and all that it made of it is there."""
    if not task.known or any(row.image_sha256 != image_sha256 for row in task.known):
        return False
    # A kill may have come between the faces of a picture.
    is_whole = not task.every or len(task.known) == max(task.known[0].faces or 0, 1)
    return is_whole and all(has_crop(task.output_dir, row) for row in task.known)


def has_crop(output_dir: Path, row: PictureRow) -> bool:
    """Whether the crop that `row` tells of is there, unaltered; true for a row that has none."""
    if not row.crop:
        return True
    try:
        return (
            row.crop == crop_path(row.image, row.face)
            and sha256(read_bytes(inside(output_dir, row.crop))) == row.crop_sha256
        )
    except FacelineError:
        return False
