"""What `watch` says of a face that was followed, as text, as JSON and as a row of a table."""

import json
from dataclasses import dataclass
from typing import Self

from faceline.disk.pictures.boxes import Box
from faceline.recognition.tracks import Track
from faceline.wording import counted, one_line

COLUMNS = ("track", "name", "confidence", "start", "end", "frames", "best_time", "left", "top", "right", "bottom")


@dataclass(frozen=True)
class FollowedFace:
    """A face that was followed through a video; `str()` gives it as text, `to_json()` as a line of JSON.

    Attributes
    ----------
    track : int
        Its number, counted from 1 in the order in which faces appear.
    name : str
        A person of the gallery, or "unknown".
    confidence : float
        The probability that the name is right; of "unknown", that it is nobody in the gallery.
    start, end : float
        When it was seen first and last, in seconds.
    frames : int
        In how many frames it was followed.
    best_time : float
        When its picture was best, in seconds.
    best_box_ltrb : (left, top, right, bottom)
        Where it was then, in pixels of the frame; right and bottom exclusive.
    """

    track: int
    name: str
    confidence: float
    start: float
    end: float
    frames: int
    best_time: float
    best_box_ltrb: Box

    @classmethod
    def of(cls, track: Track) -> Self:
        """What there is to say of a track that has ended."""
        moments = track.first.time, track.last.time
        return cls(
            track.number, track.name, track.confidence, *moments, track.frames, track.best.time, track.best.box_ltrb
        )

    def __str__(self) -> str:
        span = f"{clock(self.start)} to {clock(self.end)}"
        left, top, _, _ = self.best_box_ltrb
        best = f"best at {clock(self.best_time)}, x={left}, y={top}"
        return (
            f"{span}: {one_line(self.name)} with {self.confidence:.2f} confidence"
            f" ({counted(self.frames, 'frame')}, {best})"
        )

    def to_json(self) -> str:
        best = {"time": round(self.best_time, 3), "box": self.best_box_ltrb}
        span = {"start": round(self.start, 3), "end": round(self.end, 3)}
        who = {"track": self.track, "name": self.name, "confidence": round(self.confidence, 4)}
        return json.dumps({**who, **span, "frames": self.frames, "best": best})

    def row(self) -> tuple[object, ...]:
        """Its row of a table with the columns COLUMNS."""
        times = f"{self.start:.3f}", f"{self.end:.3f}"
        who = self.track, self.name, f"{self.confidence:.4f}"
        return (*who, *times, self.frames, f"{self.best_time:.3f}", *self.best_box_ltrb)


def clock(seconds: float) -> str:
    """A moment of a video: minutes, seconds and tenths, and hours where there are some."""
    tenths = round(seconds * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    rest = f"{minutes:02d}:{tenths // 10:02d}.{tenths % 10}"
    return f"{hours}:{rest}" if hours else rest
