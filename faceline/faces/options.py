"""How faces are found and cropped: all that a crop depends on, beside the picture."""

from dataclasses import asdict, dataclass
from typing import Self

from faceline.errors import FacelineError
from faceline.faces.detectors import DEFAULT_DETECTOR, DETECTORS
from faceline.faces.landmarks import LANDMARK_MODELS
from faceline.faces.uprightness import UPRIGHTNESS_WEIGHTS
from faceline.networks.frames import (
    DEFAULT_LANDMARKS,
    landmark_model_for,
)
from faceline.networks.weights import path_of

DEFAULT_SIZE = 96
DEFAULT_DETECTION_SIZE = 1600
DEFAULT_UPSAMPLE = 1
MAX_UPSAMPLE = 4
MIN_SIZE, MAX_SIZE = 32, 1024

# Raised when other crops come out of the same options, so that crops of two versions do not mix. Version 3 turns faces
# that lie on their side; crops of upright ones are those of version 2, and what was made of these can still be used.
GEOMETRY_VERSION = 3
USABLE_VERSIONS = (2, GEOMETRY_VERSION)


@dataclass(frozen=True)
class AlignmentOptions:
    """How faces are found and cropped: all that a crop depends on, beside the picture.

    Raises
    ------
    FacelineError
        If an option is unknown, out of range, or does not go with another.
    """

    landmarks: str = DEFAULT_LANDMARKS
    size: int = DEFAULT_SIZE
    landmark_model: int | None = None
    detector: str = DEFAULT_DETECTOR
    upsample: int = DEFAULT_UPSAMPLE
    detection_size: int = DEFAULT_DETECTION_SIZE
    frame: str = "dlib"

    def __post_init__(self) -> None:
        if self.detector not in DETECTORS:
            raise FacelineError(f"unknown detector {self.detector!r}; choose from {', '.join(DETECTORS)}")
        if not MIN_SIZE <= self.size <= MAX_SIZE:
            raise FacelineError(f"size {self.size} is out of range; choose {MIN_SIZE} to {MAX_SIZE} pixels")
        if not 0 <= self.upsample <= MAX_UPSAMPLE:
            raise FacelineError(f"upsample {self.upsample} is out of range; choose 0 to {MAX_UPSAMPLE}")
        if not 64 <= self.detection_size <= 65536:
            raise FacelineError(f"detection size {self.detection_size} is out of range; choose 64 to 65536 pixels")
        object.__setattr__(self, "landmark_model", self.landmark_points)

    @property
    def landmark_points(self) -> int:
        """The number of the predictor's points: `landmark_model`, which stands for it from the beginning."""
        return landmark_model_for(self.frame, self.landmarks, self.landmark_model)

    @property
    def first_edge(self) -> int:
        """The longer edge in pixels of as much of a large photograph as is decoded at first: half of `detection_size`,
        and a pixel more, so that pictures of that size are not large ones."""
        return self.detection_size // 2 + 1

    def record(self) -> dict:
        """The options and what they stand for, as JSON for `run.json` and `classifier.pkl`."""
        weights = (*DETECTORS[self.detector].weights, LANDMARK_MODELS[self.landmark_points])
        return asdict(self) | {
            "geometry_version": GEOMETRY_VERSION,
            "weights": {entry.file: entry.sha256 for entry in weights},
        }

    @classmethod
    def from_record(cls, record: object) -> Self:
        """The options that `record` was made from.

        Raises
        ------
        FacelineError
            If this version would make other crops from them.
        """
        try:
            if not isinstance(record, dict):
                raise TypeError
            values = {name: record[name] for name in cls.__dataclass_fields__}
            if not all(type(value) in (int, str) for value in values.values()):  # 96.0 is equal to 96, but no size
                raise TypeError
            options = cls(**values)
        except (KeyError, TypeError):
            raise FacelineError("the alignment is not described as this version does") from None
        expected = options.record()
        if record.get("geometry_version") in USABLE_VERSIONS:
            expected["geometry_version"] = record["geometry_version"]
        if any(record.get(name) != value for name, value in expected.items()):
            raise FacelineError("the crops were made by another version, with other weights or geometry")
        return options

    def check_weights(self) -> None:
        """Raise FacelineError if the weights are not installed; once, before the work is spread over processes."""
        for entry in (*DETECTORS[self.detector].weights, *UPRIGHTNESS_WEIGHTS, LANDMARK_MODELS[self.landmark_points]):
            path_of(entry)
