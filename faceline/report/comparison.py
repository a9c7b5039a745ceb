"""What `compare` says of pictures whose faces it compared, as text and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from faceline.disk.pictures.boxes import Box
from faceline.disk.rows import Status
from faceline.networks.network import Network
from faceline.wording import counted, one_line


@dataclass(frozen=True)
class ComparedFace:
    """A face of a picture, as `infer` gives it; `is_alone` says whether the picture has no other."""

    image: str
    box_ltrb: Box
    turn: int
    is_alone: bool

    def __str__(self) -> str:
        place = "" if self.is_alone else f" @ x={(self.box_ltrb[0] + self.box_ltrb[2]) // 2}"
        return one_line(self.image) + place


@dataclass(frozen=True)
class ComparedPair:
    """Two faces, and what is said of them: see `recognition.verification.Pair`."""

    first: ComparedFace
    second: ComparedFace
    distance: float
    probability: float | None
    is_same_picture: bool

    def __str__(self) -> str:
        said = "At distance"
        if self.is_same_picture:
            said = "The same picture, at distance"
        elif self.probability is not None:
            said = f"One person with {self.probability:.2f} probability, at distance"
        return f"{said} {self.distance:.3f}: {self.first} and {self.second}"

    def record(self) -> dict:
        probability = None if self.probability is None else round(self.probability, 4)
        return {
            "first": self.first.image,
            "first_box": self.first.box_ltrb,
            "second": self.second.image,
            "second_box": self.second.box_ltrb,
            "distance": round(self.distance, 4),
            "probability": probability,
            "same_picture": self.is_same_picture,
        }


@dataclass(frozen=True)
class ComparedPicture:
    """A picture and its faces, from left to right; `reason` says why it is no usable one."""

    image: str
    status: Status
    reason: str = ""
    faces: Sequence[ComparedFace] = ()

    def __str__(self) -> str:
        if self.status == Status.NO_FACE:
            return f"No face found: {one_line(self.image)}"
        return f"Not a usable picture: {one_line(self.image)}: {self.reason}"

    def record(self) -> dict:
        reason = {"reason": self.reason} if self.reason else {}
        faces = [{"box": face.box_ltrb, "turn": face.turn} for face in self.faces]
        return {"image": self.image, "status": self.status, **reason, "faces": faces}


@dataclass(frozen=True)
class Compared:
    """What `compare` found; `str()` gives it as text, `to_json()` as one line of JSON.

    Attributes
    ----------
    pictures : sequence of ComparedPicture
        Each that was meant, in its order.
    pairs : sequence of ComparedPair
    network : Network
    passes : int
    calibration : str or None
        What the probabilities were calibrated on; None where there are none.
    cohort : int
        The faces of the cohort; 0 without one.
    saved : str
        Where the grid of the faces lies, if one was asked for.
    shown : int
        How many faces it shows.
    """

    pictures: Sequence[ComparedPicture]
    pairs: Sequence[ComparedPair]
    network: Network
    passes: int
    calibration: str | None
    cohort: int = 0
    saved: str = ""
    shown: int = 0

    @property
    def faces(self) -> int:
        return sum(len(picture.faces) for picture in self.pictures)

    def __str__(self) -> str:
        lines = [str(picture) for picture in self.pictures if picture.status != Status.OK]
        lines += map(str, self.pairs)
        if self.pairs:
            lines.append(self.note())
        else:
            lines.append(
                f"Nothing to compare: {counted(self.faces, 'face')} in {counted(len(self.pictures), 'picture')}."
            )
        if self.saved:
            part = f": the first {self.shown} of {counted(self.faces, 'face')}" if self.shown < self.faces else ""
            lines.append(f"Written to {one_line(self.saved)}{part}")
        return "\n".join(lines)

    def note(self) -> str:
        """What the numbers rest on."""
        normalised = f"distances normalised by a cohort of {counted(self.cohort, 'face')}"
        name, threshold = one_line(self.network.name), f"{self.network.threshold:.3g}"
        if self.calibration is None:
            known = f"No probability: no figures for {name} with {counted(self.passes, 'pass')}"
            authors = f"its authors call faces nearer than {threshold} one person"
            return f"{known}; {normalised}." if self.cohort else f"{known}; {authors}."
        alike = f"Probability: calibrated on {self.calibration}, with as many pairs of one person as of two"
        return f"{alike}; {normalised if self.cohort else 'too high for people whom the network confuses: --cohort'}."

    def to_json(self) -> str:
        saved = {"saved": self.saved} if self.saved else {}
        return json.dumps(
            {
                "network": self.network.name,
                "distance": self.network.distance,
                "passes": self.passes,
                "calibrated_on": self.calibration,
                "cohort": self.cohort,
                **saved,
                "pictures": [picture.record() for picture in self.pictures],
                "pairs": [pair.record() for pair in self.pairs],
            }
        )
