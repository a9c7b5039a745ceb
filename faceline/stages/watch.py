"""Who is in a video: faces are followed, and each is named once, by its best frames."""

import contextlib
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from faceline.disk.growing_table import GrowingTable, check_table
from faceline.disk.names import DEFAULT_CLASSIFIER
from faceline.disk.paths import named_path
from faceline.disk.people_paths import UNKNOWN
from faceline.disk.videos import Frame, Video, open_video
from faceline.errors import FacelineError
from faceline.faces.aligner import aligner_for
from faceline.networks.runtime import DEFAULT_DEVICE, DEFAULT_ENGINE
from faceline.people.quality import GOOD
from faceline.recognition.recognizer import Recognizer
from faceline.recognition.tracking import Tracker
from faceline.recognition.tracks import Sighting, Track
from faceline.report.marked_videos import MarkedVideo, check_video_path
from faceline.report.tracks import COLUMNS, FollowedFace
from faceline.runs.parallel import all_cores
from faceline.wording import one_line

# So many frames of a second are looked at, if nobody says how many: people do not move faster.
LOOKS_A_SECOND = 12.5
DEFAULT_DETECTION_SIZE, DEFAULT_UPSAMPLE = 640, 1


def watch(
    source: str | Path,
    classifier_path: str | Path = DEFAULT_CLASSIFIER,
    *,
    every: int | None = None,
    detector: str | None = None,
    upsample: int = DEFAULT_UPSAMPLE,
    detection_size: int = DEFAULT_DETECTION_SIZE,
    network: str | None = None,
    engine: str = DEFAULT_ENGINE,
    device: str = DEFAULT_DEVICE,
    table_path: str | Path | None = None,
    save_path: str | Path | None = None,
) -> Generator[FollowedFace, None, None]:
    """Follow the faces of a video, and say who each one is.

    Parameters
    ----------
    source : path or str
        A video file; the number of a camera, such as "0"; or the address of a stream, `rtsp://…` or `http://…`. Of a
        file no frame is lost; a camera or a stream drops frames rather than fall behind, is waited for when it has
        gone, and ends when the iterator is closed, or by KeyboardInterrupt, which then is not raised.
    classifier_path : path
        What `train` wrote, or the folder that it lies in.
    every : int or None
        Look for faces in every Nth frame; None for as many as make 12.5 a second.
    detector : str or None
        A key of `DETECTORS`; None for the gallery's, of which the first look counts.
    upsample : int
        How often frames are doubled to find smaller faces.
    detection_size : int
        Frames are shrunk to that many pixels before.
    network : str or None
        Where the gallery's network lies now, if it is a file that has moved.
    engine, device : str
        What the networks run on, keys of `runtime.ENGINES` and `runtime.DEVICES`.
    table_path : path or None
        Where to write a table, a row for each face as soon as it has ended.
    save_path : path or None
        Where to write the video with boxes and names.

    Returns
    -------
    iterator of FollowedFace
        Each when it has not been seen for a second, or the video ends; those that were seen less than three times are
        left out.

    Raises
    ------
    FacelineError
        If the video or the classifier cannot be used, an option is out of range, or something cannot be written.

    Examples
    --------
    >>> from faceline import watch
    >>> watch("nowhere.mp4", "generated-embeddings")
    Traceback (most recent call last):
    faceline.errors.FacelineError: nowhere.mp4: no such file; name a video, a camera (0) or a stream (rtsp://…)
    """
    if every is not None and every < 1:
        raise FacelineError(f"every {every} is out of range; choose 1 or more")
    if save_path is not None:
        check_video_path(named_path(save_path), source)
    if table_path is not None:
        check_table(named_path(table_path), COLUMNS)
    recognizer = Recognizer.load(
        classifier_path,
        network=network,
        engine=engine,
        device=device,
        threads=1,
        upsample=upsample,
        detection_size=detection_size,
    )
    if detector is not None:
        recognizer = replace(recognizer, alignment=replace(recognizer.alignment, detector=detector))
    video = open_video(source)
    step = every or max(1, round(video.rate / LOOKS_A_SECOND))
    return followed(
        video,
        Looking(recognizer, step),
        None if table_path is None else named_path(table_path),
        None if save_path is None else named_path(save_path),
    )


@dataclass(frozen=True)
class Looking:
    """How a video is looked at: by whom, and in which frames."""

    recognizer: Recognizer
    step: int

    def look(self, frame: Frame) -> list[Sighting]:
        """The faces of a frame."""
        if frame.pixels is None:
            return []
        aligner = aligner_for(self.recognizer.alignment, self.recognizer.runtime, False)
        found = self.recognizer.described(frame.pixels, aligner.find_in_frame(frame.pixels))
        return [
            Sighting(
                frame.number, frame.time, face.face.visible_box(frame.pixels), face.embedding, face.quality or GOOD
            )
            for face in found
            if face is not None
        ]

    def looked(self, video: Video) -> Generator[tuple[Frame, list[Sighting] | None], None, None]:
        """All frames in their order, with the faces of those that are looked at; some ahead of time, a thread for each
        core."""
        threads = all_cores()
        waiting: deque[tuple[Frame, Future[list[Sighting]] | None]] = deque()
        last = -self.step
        with ThreadPoolExecutor(threads) as workers:
            try:
                for frame in video.frames():
                    future = None
                    if frame.pixels is None or frame.number - last >= self.step:
                        future = workers.submit(self.look, frame)
                        last = frame.number if frame.pixels is not None else last
                    waiting.append((frame, future))
                    ahead = 0 if frame.pixels is None else threads
                    while sum(entry[1] is not None for entry in waiting) > ahead:
                        yield answered(*waiting.popleft())
                while waiting:
                    yield answered(*waiting.popleft())
            finally:
                for _, future in waiting:
                    if future is not None:
                        future.cancel()


def answered(frame: Frame, future: Future[list[Sighting]] | None) -> tuple[Frame, list[Sighting] | None]:
    return frame, None if future is None else future.result()


def followed(
    video: Video, looking: Looking, table: Path | None, save: Path | None
) -> Generator[FollowedFace, None, None]:
    """The faces of a video, each when it has ended; also those that are there when the user interrupts."""
    recognizer = looking.recognizer
    assert recognizer.gallery is not None
    tracker = Tracker(recognizer.network, recognizer.gallery, video.rate)
    with contextlib.ExitStack() as stack:
        stack.enter_context(video)
        rows = None if table is None else stack.enter_context(GrowingTable(table, COLUMNS))
        copy = None if save is None else Copied(stack.enter_context(MarkedVideo(save, video.rate)), video.is_live)
        looked = stack.enter_context(contextlib.closing(looking.looked(video)))
        interrupted: KeyboardInterrupt | None = None
        try:
            for frame, sightings in looked:
                ended = [] if sightings is None else tracker.advance(frame.time, sightings)
                if copy is not None:
                    copy.take(frame, tracker.tracks, sightings is not None)
                yield from told(ended, rows)
        except KeyboardInterrupt as interruption:
            interrupted = interruption
        if copy is not None:
            copy.finish(tracker.tracks)
        yield from told(tracker.finish(), rows)
        if interrupted is not None and not video.is_live:
            raise interrupted


def told(tracks: list[Track], rows: GrowingTable | None) -> Iterator[FollowedFace]:
    """What there is to say of tracks that have ended, which is in the table before anybody hears of it."""
    for track in sorted(tracks, key=lambda track: track.number):
        if track.is_told:
            face = FollowedFace.of(track)
            if rows is not None:
                rows.add(face.row())
            yield face


class Copied:
    """Frames that wait until it is known where their faces are: those between two that are looked at."""

    def __init__(self, video: MarkedVideo, is_live: bool) -> None:
        self._video, self._is_live = video, is_live
        self._waiting: list[Frame] = []

    def take(self, frame: Frame, tracks: list[Track], is_looked_at: bool) -> None:
        """The next frame; where it was looked at, those before it can be written."""
        if frame.pixels is not None:
            self._waiting.append(frame)
        if is_looked_at:
            self.finish(tracks)

    def finish(self, tracks: list[Track]) -> None:
        """Write all that wait."""
        for frame in self._waiting:
            places = [(box, track) for track in tracks if (box := track.box_at(frame.number)) is not None]
            names = ["" if track.name == UNKNOWN else one_line(track.name) for _, track in places]
            if frame.pixels is not None:
                time = frame.time if self._is_live else None
                self._video.add(frame.pixels, [box for box, _ in places], names, time)
        self._waiting.clear()
