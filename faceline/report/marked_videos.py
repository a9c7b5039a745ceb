"""A copy of a video with boxes and names."""

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from faceline.disk.paths import real_path
from faceline.disk.pictures.boxes import Box
from faceline.disk.writing import write_errors
from faceline.errors import FacelineError
from faceline.host.quiet import quiet_opencv
from faceline.report.marked_pictures import draw_box
from faceline.wording import one_line

if TYPE_CHECKING:
    import cv2

# Ending -> the codec, of those that OpenCV's wheels have.
CODECS = {".mp4": "mp4v", ".m4v": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".avi": "MJPG"}
LONGEST_PAUSE = 10.0  # seconds in which a camera gave nothing that are shown as a still


def check_video_path(path: Path, source: str | Path) -> None:
    """Raise FacelineError if no video can be written there, or the video that is read lies there."""
    if path.suffix.lower() not in CODECS:
        raise FacelineError(f"{one_line(path)}: no ending of a video that can be written; use {', '.join(CODECS)}")
    if real_path(path) == real_path(Path(source)):
        raise FacelineError(f"{one_line(path)}: is watched itself; name another file with --save")


class MarkedVideo:
    """Writes a video frame by frame; to be used in a `with` statement.

    Parameters
    ----------
    path : Path
        Where it goes, with an ending of CODECS: when the block ends, also by an interruption, with what was written.
        What lay there stays until then.
    rate : float
        Frames a second.
    """

    def __init__(self, path: Path, rate: float) -> None:
        from faceline.report.drawing.lettering import Lettering

        # Its ending says the format.
        self._scratch = path.with_name(f".{path.stem}.part{path.suffix}")
        with write_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._scratch.unlink(missing_ok=True)
        self._path, self._rate, self._letters = path, rate, Lettering()
        self._writer: cv2.VideoWriter | None = None
        self._written, self._shape = 0, (0, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.release()
            with write_errors(self._path):
                os.replace(self._scratch, self._path)

    def add(
        self, pixels: np.ndarray, boxes_ltrb: Sequence[Box], names: Sequence[str], time: float | None = None
    ) -> None:
        """Write a frame of shape (height, width, 3), RGB uint8, with a box and a name for each face; nobody's name is
        empty. With a `time`, in seconds, it is written as often as makes it appear then."""
        import cv2

        if self._writer is None:
            self._begin(pixels)
        canvas = self._marked(pixels, boxes_ltrb, names)
        times = 1
        if time is not None:
            times = min(max(round(time * self._rate) - self._written, 1), round(LONGEST_PAUSE * self._rate))
        canvas = cv2.cvtColor(canvas, cv2.COLOR_RGB2BGR)
        if canvas.shape[:2] != self._shape:  # a camera that came back otherwise
            canvas = cv2.resize(canvas, self._shape[::-1], interpolation=cv2.INTER_AREA)
        for _ in range(times):
            assert self._writer is not None
            self._writer.write(canvas)
        self._written += times

    def _begin(self, pixels: np.ndarray) -> None:
        import cv2

        height, width = self._shape = pixels.shape[:2]
        with quiet_opencv():
            codec = cv2.VideoWriter.fourcc(*CODECS[self._path.suffix.lower()])
            self._writer = cv2.VideoWriter(str(self._scratch), codec, self._rate, (width, height))
        if not self._writer.isOpened():
            raise FacelineError(f"{one_line(self._path)}: OpenCV cannot write it; use another ending, such as .avi")

    def _marked(self, pixels: np.ndarray, boxes_ltrb: Sequence[Box], names: Sequence[str]) -> np.ndarray:
        from faceline.report.drawing.marks import MAX_CAPTIONS, line_width, mark_faces

        canvas = pixels.copy()
        height, width = canvas.shape[:2]
        for box, name in zip(boxes_ltrb, names, strict=True):
            draw_box(canvas, box, line_width(width, height, box), is_known=bool(name))
        named = [place for place, name in enumerate(names) if name]
        # A video has no legend: each handful of names is placed by itself.
        for start in range(0, len(named), MAX_CAPTIONS):
            some = named[start : start + MAX_CAPTIONS]
            others = [box for place, box in enumerate(boxes_ltrb) if place not in some]
            captions = [names[place] for place in some]
            boxes = [boxes_ltrb[place] for place in some]
            for mark in mark_faces(width, height, boxes, captions, [None] * len(some), self._letters, others).marks:
                left, top, right, bottom = mark.place_ltrb
                canvas[top:bottom, left:right] = np.asarray(mark.picture)
        return canvas
