"""What becomes of a picture or a crop: the rows of the manifests."""

import base64
import dataclasses
import math
import os
import re
import typing
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self, TypeVar

import numpy as np

from faceline.disk.numbers import are_reckonable
from faceline.disk.paths import fitting


class Status(StrEnum):
    """What became of one picture or crop."""

    OK = "ok"
    FALLBACK = "fallback"
    NO_FACE = "no-face"
    MANY_FACES = "many-faces"
    NO_PERSON = "no-person"
    UNREADABLE = "unreadable"
    WRONG_SIZE = "wrong-size"
    MISSING = "missing"


# How the crop of a further face of a picture ends: with its number, from 2 on.
FACE_NUMBER = re.compile(r"-([1-9]\d{0,8})\.png\Z")

# What has a crop in stage 1, and an embedding in stage 2.
USABLE = frozenset({Status.OK, Status.FALLBACK})


@dataclass(frozen=True)
class PictureRow:
    """A line of stage 1's manifest: what became of one picture, or of one face of it where every one is cropped.

    `image` is relative to the input folder and `crop` to the output folder, both with forward slashes. The box is
    that of what was cropped, in pixels of the picture as a viewer shows it; `right` and `bottom` are exclusive. `turn`
    is how far the picture was turned clockwise, in degrees, for the face to be upright.
    """

    image: str
    person: str
    status: str
    reason: str = ""
    faces: int | None = None
    crop: str = ""
    left: int | None = None
    top: int | None = None
    right: int | None = None
    bottom: int | None = None
    image_sha256: str = ""
    crop_sha256: str = ""
    turn: int = 0

    @property
    def face(self) -> int:
        """Which face of its picture the row tells of, by the name of its crop: the main one is 1."""
        if self.crop and self.crop != f"{self.image}.png":
            found = FACE_NUMBER.search(self.crop)
            if found and self.crop == crop_path(self.image, int(found[1])):
                return int(found[1])
        return 1

    @property
    def key(self) -> str:
        return face_key(self.image, self.face)

    def forgotten(self) -> Self:
        """The same row, good for removing its crop and for nothing else."""
        return dataclasses.replace(self, image_sha256="")

    def to_json(self) -> dict:
        return dict(vars(self))

    @staticmethod
    def from_json(fields: dict) -> "PictureRow":
        return make_row(PictureRow, fields)


@dataclass(frozen=True)
class CropRow:
    """A line of stage 2's manifest: what became of one crop; `embedding` is (d,) float32 where `status` is USABLE.

    There it is also known how well the face can be recognised by its picture, `quality` from 0 to 1, what is most
    likely wrong with a poor one, and what was measured: `people.quality.Measures` says in which units.
    """

    crop: str
    person: str
    status: str
    reason: str = ""
    crop_sha256: str = ""
    quality: float | None = None
    unclear: str = ""
    size: int | None = None
    sharpness: float | None = None
    pose: float | None = None
    light: float | None = None
    occlusion: float | None = None
    embedding: np.ndarray | None = dataclasses.field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Raises ValueError; the values may come from a file."""
        if self.quality is not None and not 0 <= self.quality <= 1:
            raise ValueError(f"quality is {self.quality}, which is not from 0 to 1")

    @property
    def key(self) -> str:
        return self.crop

    def forgotten(self) -> Self:
        return dataclasses.replace(self, crop_sha256="")

    def to_json(self) -> dict:
        fields = dict(vars(self))
        if self.embedding is not None:
            fields["embedding"] = base64.b64encode(self.embedding.tobytes()).decode()
        return fields

    @staticmethod
    def from_json(fields: dict, dimensions: int) -> "CropRow":
        """What `to_json` made of a row whose embedding has `dimensions` numbers; raises what `make_row` does."""
        encoded = fields["embedding"]
        row = make_row(CropRow, fields | {"embedding": None})
        if (encoded is not None) != (row.status in USABLE):
            raise ValueError("an embedding too many or too few")
        if encoded is None:
            return row
        embedding = np.frombuffer(base64.b64decode(encoded, validate=True), np.float32)
        if len(embedding) != dimensions or not are_reckonable(embedding):
            raise ValueError(f"the embedding is not {dimensions} finite numbers")
        return dataclasses.replace(row, embedding=embedding)


Row = TypeVar("Row", PictureRow, CropRow)


def kinds_of(row_type: type) -> list[tuple[str, tuple[type, ...]]]:
    """The fields of a kind of row, and the types that each may have."""
    fields: list[Any] = list(dataclasses.fields(row_type))
    return [(field.name, typing.get_args(field.type) or (field.type,)) for field in fields]


KINDS: dict[type, list[tuple[str, tuple[type, ...]]]] = {kind: kinds_of(kind) for kind in (PictureRow, CropRow)}


def make_row(row_type: type[Row], fields: dict) -> Row:
    """A row from fields that come from a file; raises TypeError or ValueError if one is none of its kind."""
    row = row_type(**fields)
    for name, kinds in KINDS[row_type]:
        value = getattr(row, name)
        if isinstance(value, str) and not value.isascii():
            os.fsencode(value)  # raises UnicodeEncodeError where no file could have that name
        if name != "embedding" and type(value) not in kinds:  # a bool is no int here
            raise TypeError(f"{name} is {value!r:.40}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{name} is {value}")
    Status(row.status)
    return row


def face_key(image: str, face: int) -> str:
    """What a face of a picture is called: the main one as the picture, others with a number behind its name.

    No picture is called so, as `.jpg-2` is no picture's ending.
    """
    return image if face == 1 else f"{image}-{face}"


def crop_path(image: str, face: int = 1) -> str:
    """Where the crop of a face of a picture goes; the whole name stays, so that `a.jpg` and `a.png` are two crops.

    Further faces lie beside the main one: `a.jpg.png`, `a.jpg-2.png`. They can neither be another picture's crop.
    """
    folder, slash, name = image.rpartition("/")
    return f"{folder}{slash}{fitting(name, '.png' if face == 1 else f'-{face}.png')}"


def main_crop(crop: str) -> str:
    """The crop of the main face of the picture that a crop is of; of names that had to be cut, the crop itself."""
    return FACE_NUMBER.sub(".png", crop)
