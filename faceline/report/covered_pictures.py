"""Copies of pictures that tell nothing but what their pixels show, and what `blur` says of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceline.disk.pictures.boxes import Box
from faceline.disk.rows import Status
from faceline.disk.writing import replacing
from faceline.report.copied_pictures import CopiedPicture
from faceline.wording import counted, listed

# Ending -> Pillow's name for the format, what to save it with, and the longest edge that it has room for.
WRITTEN: Mapping[str, tuple[str, dict, int]] = {
    ".jpg": ("JPEG", {"quality": 92}, 65_500),
    ".jpeg": ("JPEG", {"quality": 92}, 65_500),
    ".png": ("PNG", {}, 2**31 - 1),
    ".webp": ("WEBP", {"quality": 92}, 16_383),
    ".tif": ("TIFF", {"compression": "tiff_adobe_deflate"}, 2**31 - 1),
    ".tiff": ("TIFF", {"compression": "tiff_adobe_deflate"}, 2**31 - 1),
}
MARK = "-blurred"


@dataclass(frozen=True)
class CoveredFace:
    """A face that was found, and what became of it.

    Attributes
    ----------
    box_ltrb : (left, top, right, bottom)
        The part of its box that the picture shows, in pixels of the picture as a viewer shows it.
    covered : bool
        Whether its head is covered in the copy.
    turn : int
        How far the picture has to be turned clockwise for the face to be upright, in degrees.
    name : str or None
        A person of the gallery, or "unknown"; None where nobody had to be named.
    confidence : float or None
        The probability that the name is right.
    doubtful : bool
        Whether it is covered because it may be somebody's who is to be covered.
    """

    box_ltrb: Box
    covered: bool
    turn: int = 0
    name: str | None = None
    confidence: float | None = None
    doubtful: bool = False


@dataclass(frozen=True)
class CoveredPicture(CopiedPicture):
    """What became of one picture; `str()` gives it as text, `to_json()` as a line of JSON.

    `faces` are sorted from left to right.
    """

    faces: tuple[CoveredFace, ...] = ()

    @property
    def covered(self) -> int:
        """How many faces are covered."""
        return sum(face.covered for face in self.faces)

    @property
    def kept(self) -> int:
        """How many faces are to be seen."""
        return len(self.faces) - self.covered

    def __str__(self) -> str:
        if self.status == Status.NO_FACE:
            return self.as_text(["No face found: nothing is covered."])
        doubtful = sum(face.doubtful for face in self.faces)
        doubt = f" ({doubtful} in doubt)" if doubtful else ""
        names = sorted({face.name for face in self.faces if face.name and not face.covered})
        whom = f": {listed(names)}" if names else ""
        return self.as_text([f"Covered {counted(self.covered, 'face')}{doubt}, kept {self.kept}{whom}."])

    def to_json(self) -> str:
        faces = [
            {
                "box": face.box_ltrb,
                "turn": face.turn,
                "covered": face.covered,
                **({} if face.name is None else {"name": face.name}),
                **({} if face.confidence is None else {"confidence": round(face.confidence, 4)}),
                **({"doubtful": True} if face.doubtful else {}),
            }
            for face in self.faces
        ]
        return self.as_json({"covered": self.covered, "kept": self.kept, "faces": faces})


def save_pixels(pixels: np.ndarray, path: Path) -> Path:
    """Save a picture of shape (height, width, 3), RGB uint8, in the format of its ending, and nothing else.

    One that is too large for its format becomes PNG. Returns where it lies.
    """
    from PIL import Image

    kind, options, most = WRITTEN[path.suffix.lower()]
    if max(pixels.shape[:2]) > most:
        path = path.with_suffix(".png")
        kind, options, _ = WRITTEN[".png"]
    with replacing(path) as scratch:
        Image.fromarray(pixels).save(scratch, kind, **options)
    return path
