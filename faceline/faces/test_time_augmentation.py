"""Several passes for a face: the mean of the embeddings of changed copies of a crop is better than that of the crop."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from faceline.errors import FacelineError
from faceline.faces.jitter import jittered

# The copies for each number of passes: by how many degrees each is turned, and whether it is then mirrored. More of
# them, or others, gain nothing more (docs/accuracy.md).
PASSES = {
    1: ((0, False),),
    2: ((-4, False), (4, True)),
    4: ((4, False), (4, True), (-4, False), (-4, True)),
}
DEFAULT_PASSES = 1
MAX_JITTERS = 10_000


@dataclass(frozen=True)
class Augmentation:
    """Which copies of a crop are embedded; the embedding is their mean.

    Attributes
    ----------
    passes : int
        A key of PASSES.
    jitters : int
        The number of random copies, as dlib makes them, instead; 0 for none.

    Raises
    ------
    FacelineError
        If a number is out of range, or both are asked for.
    """

    passes: int = DEFAULT_PASSES
    jitters: int = 0

    def __post_init__(self) -> None:
        if type(self.passes) is not int or self.passes not in PASSES:
            choices = ", ".join(map(str, PASSES))
            raise FacelineError(f"passes {self.passes!r:.40} are out of range; choose from {choices}")
        if type(self.jitters) is not int or not 0 <= self.jitters <= MAX_JITTERS:
            raise FacelineError(f"jitters {self.jitters!r:.40} is out of range; choose 0 to {MAX_JITTERS}")
        if self.jitters and self.passes != DEFAULT_PASSES:
            raise FacelineError("passes and jitters do not go together; choose one of the two")

    @classmethod
    def from_record(cls, record: dict) -> "Augmentation":
        """What `record` told of; raises FacelineError if it is none."""
        passes: Any = record.get("passes")  # whatever a file holds: the class checks it
        jitters: Any = record.get("jitters")
        return cls(passes, jitters)

    def record(self) -> dict:
        return asdict(self)

    @property
    def count(self) -> int:
        """How many copies there are of a crop."""
        return self.jitters or self.passes

    def copies(self, crop: np.ndarray) -> np.ndarray:
        """The copies of a crop of shape (size, size, 3), uint8: (count, size, size, 3), uint8."""
        if self.jitters:
            return jittered(crop, self.jitters)
        return np.array([rotated(crop, degrees, is_mirrored) for degrees, is_mirrored in PASSES[self.passes]])


ALONE = Augmentation()


def rotated(crop: np.ndarray, degrees: float, is_mirrored: bool) -> np.ndarray:
    """A square crop turned clockwise about its middle, the pixels of its edge going on outside, and then mirrored."""
    import cv2

    if degrees:
        size = len(crop)
        matrix = cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), -degrees, 1)
        crop = cv2.warpAffine(crop, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return crop[:, ::-1] if is_mirrored else crop
