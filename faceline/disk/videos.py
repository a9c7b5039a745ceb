"""Videos, a frame at a time: files, cameras and streams, decoded by OpenCV."""

import contextlib
import logging
import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from faceline.disk.paths import named_path
from faceline.disk.pictures.images import picture_suffixes
from faceline.disk.pictures.openers import open_image
from faceline.disk.reading import opened as opened_file
from faceline.errors import FacelineError, UnreadableError
from faceline.host.quiet import quiet, quiet_opencv
from faceline.host.sharing import Guard
from faceline.wording import one_line

if TYPE_CHECKING:
    import cv2

logger = logging.getLogger(__name__)

USUAL_RATE, HIGHEST_RATE = 25.0, 1000.0  # frames a second; beyond, a file does not know its own
MOST_PIXELS = 120_000_000  # of a frame
ANSWER_SECONDS = 10  # for which a stream is waited for
PAUSE_SECONDS = 0.5  # without a picture, after which a live video says so
AGAIN_SECONDS = 1.0  # after which a camera that has gone is looked for again
FFMPEG_LEVEL = "OPENCV_FFMPEG_LOGLEVEL"
FFMPEG_GUARD = Guard()
FULL_SHARE = 0.98  # of the frames that a file promises, which is not always exact


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture of a video.

    Attributes
    ----------
    number : int
        Counted from 0.
    time : float
        Seconds since the video began; of a camera, since it was opened.
    pixels : ndarray of shape (height, width, 3), uint8, or None
        RGB; None for a moment in which a live video has no new picture.
    """

    number: int
    time: float
    pixels: np.ndarray | None


class Video:
    """A file, from its beginning to its end; to be used in a `with` statement.

    Attributes
    ----------
    shown : str
        What it is called in messages: without a password.
    rate : float
        Frames a second.
    is_live : bool
        Whether frames are lost that nobody takes in time.

    Raises
    ------
    FacelineError
        If it is missing, or no video that can be read.
    """

    is_live = False

    def __init__(self, source: str) -> None:
        self.source, self.shown = source, one_line(without_password(source))
        self._capture = opened(source, self.shown)
        self.rate = rate_of(self._capture)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it."""
        self._capture.release()

    def frames(self) -> Iterator[Frame]:
        """All frames, in their order."""
        import cv2

        promised = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        number, last = 0, -1.0
        while True:
            pixels = next_frame(self._capture)
            if pixels is None:
                break
            moment = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            # A file without times of its own says 0, or the same again.
            last = moment if moment > last and (moment > 0 or number == 0) else last + 1 / self.rate
            yield Frame(number, last, pixels)
            number += 1
        if not number:
            raise no_video(self.shown)
        if number < FULL_SHARE * promised:
            logger.warning(f"{self.shown}: ends after {number} of {promised:.0f} frames; it is cut off or damaged")


class LiveVideo(Video):
    """A camera or a stream: who is slow gets the newest frame, and one that has gone is waited for."""

    is_live = True

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self._condition = threading.Condition()
        self._newest: Frame | None = None
        self._is_open = True
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._begun, self._number = time.monotonic(), 0

    def close(self) -> None:
        """Let go of it."""
        with self._condition:
            self._is_open = False
            self._condition.notify_all()
        if self._reader.ident is not None:
            self._reader.join(2 * ANSWER_SECONDS)
        super().close()

    def frames(self) -> Iterator[Frame]:
        """The newest frame, again and again, each once; now and then one without a picture, where there is none."""
        self._reader.start()
        while self._is_open:
            with self._condition:
                self._condition.wait_for(lambda: self._newest is not None or not self._is_open, PAUSE_SECONDS)
                frame, self._newest = self._newest, None
            yield frame or Frame(self._number, time.monotonic() - self._begun, None)

    def _read(self) -> None:
        """Take frames as they come, in a thread of its own, and leave the newest one where `frames` finds it."""
        while self._is_open:
            pixels = next_frame(self._capture)
            if pixels is None:
                self._find_again()
                continue
            with self._condition:
                self._newest = Frame(self._number, time.monotonic() - self._begun, pixels)
                self._number += 1
                self._condition.notify_all()

    def _find_again(self) -> None:
        """Open it anew, as often as it takes."""
        self._capture.release()
        logger.warning(f"{self.shown}: gone; waiting for it")
        while self._is_open:
            with contextlib.suppress(FacelineError):
                self._capture = opened(self.source, self.shown)
                logger.warning(f"{self.shown}: there again")
                return
            with self._condition:
                self._condition.wait(AGAIN_SECONDS)


def open_video(source: str | Path) -> Video:
    """A video by its path, the number of a camera, or the address of a stream (`rtsp://…`, `http://…`).

    Raises
    ------
    FacelineError
        If there is no such thing, or it is no video that can be read.
    """
    named = os.fspath(source)
    if named.isdecimal():
        return LiveVideo(named)
    if "://" in named:
        video = Video(named)
        import cv2

        with quiet_opencv():
            is_file = video._capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0  # that somebody serves
        if is_file:
            return video
        video.close()
        return LiveVideo(named)
    path = named_path(source)
    if not path.is_file():
        problem = "is a folder" if path.is_dir() else "no such file"
        raise FacelineError(f"{one_line(path)}: {problem}; name a video, a camera (0) or a stream (rtsp://…)")
    refuse_still(path)
    return Video(str(path))


def refuse_still(path: Path) -> None:
    """Raise FacelineError for a picture of one frame, or what is called one, which FFmpeg takes for a video."""
    is_called_one = path.suffix.lower() in picture_suffixes()
    try:
        with quiet(), opened_file(path) as file:
            frames = getattr(open_image(file), "n_frames", 1)
    except UnreadableError:
        if is_called_one:
            raise no_video(one_line(path)) from None
        return
    if frames == 1:
        raise FacelineError(f"{one_line(path)}: a picture, no video; infer names the people in it")


def no_video(shown: str) -> FacelineError:
    return FacelineError(f"{shown}: no video that can be read, or a damaged one; name another")


def opened(source: str, shown: str) -> "cv2.VideoCapture":
    """What OpenCV reads frames from; raises FacelineError."""
    import cv2

    is_named = source.isdecimal() or "://" in source
    with quiet_opencv(), quiet_ffmpeg():
        try:
            if source.isdecimal():
                capture = cv2.VideoCapture(int(source))
            else:
                limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, cv2.CAP_PROP_READ_TIMEOUT_MSEC]
                pairs = [number for limit in limits for number in (limit, ANSWER_SECONDS * 1000)]
                # No file name is taken for an address or an option.
                capture = cv2.VideoCapture(source if is_named else os.path.abspath(source), cv2.CAP_FFMPEG, pairs)
            is_open = capture.isOpened()
        except cv2.error:
            is_open = False
    if not is_open:
        if is_named:
            what = f"camera {source}" if source.isdecimal() else shown
            raise FacelineError(f"{what}: cannot be opened; is it there, and does anybody else use it?")
        raise no_video(shown)
    pixels = capture.get(cv2.CAP_PROP_FRAME_WIDTH) * capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
    if pixels > MOST_PIXELS:
        capture.release()
        raise FacelineError(f"{shown}: frames of more than {MOST_PIXELS // 1_000_000} megapixels; make them smaller")
    return capture


@contextlib.contextmanager
def quiet_ffmpeg() -> Iterator[None]:
    """FFmpeg, which OpenCV holds, asks when it is first used how much it is to print."""
    with FFMPEG_GUARD.lock:
        before = os.environ.get(FFMPEG_LEVEL)
        os.environ[FFMPEG_LEVEL] = before or "-8"  # nothing
        try:
            yield
        finally:
            if before is None:
                del os.environ[FFMPEG_LEVEL]


def next_frame(capture: "cv2.VideoCapture") -> np.ndarray | None:
    """The next frame, (height, width, 3) RGB uint8; None where there is none."""
    import cv2

    with quiet_opencv():
        try:
            is_read, pixels = capture.read()
        except cv2.error:
            return None
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB) if is_read and pixels is not None else None


def rate_of(capture: "cv2.VideoCapture") -> float:
    """Frames a second, as the video says; the usual number where it says nonsense."""
    import cv2

    rate = capture.get(cv2.CAP_PROP_FPS)
    return rate if 0 < rate <= HIGHEST_RATE else USUAL_RATE


def without_password(source: str) -> str:
    """An address as it may be shown."""
    return re.sub(r"(?<=://)[^/@]*@", "", source)
