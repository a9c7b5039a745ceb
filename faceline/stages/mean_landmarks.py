"""The mean places of landmarks in the faces of a folder, as OpenFace's `computeMean` gave them."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from faceline.disk.folder_locks import locked
from faceline.disk.names import DEFAULT_MEAN_DIR, MEAN_FILE, STD_FILE
from faceline.disk.paths import check_folder, named_path
from faceline.disk.pictures.boxes import turned_box, turned_points
from faceline.disk.pictures.images import decode_image, read_picture
from faceline.disk.rows import Status
from faceline.disk.tables import write_csv
from faceline.errors import FacelineError, UnreadableError
from faceline.faces.aligner import Aligner, aligner_for
from faceline.faces.cutting import CoincidentLandmarksError
from faceline.faces.detectors import DEFAULT_DETECTOR
from faceline.faces.options import DEFAULT_DETECTION_SIZE, DEFAULT_UPSAMPLE, AlignmentOptions
from faceline.networks.runtime import Runtime
from faceline.runs.parallel import map_batches, process_count
from faceline.runs.summary import ignored_text
from faceline.stages.probes import list_probes
from faceline.wording import counted, listed, one_line

# Which pictures are taken where not all are: the same ones each time.
SEED = 0

# Pictures that a process takes at once.
BATCH = 4


@dataclass(frozen=True, eq=False)
class MeanLandmarks:
    """Where landmarks lie on average.

    Attributes
    ----------
    mean, std : ndarray of shape (n, 2), float64
        Mean and standard deviation of each point of dlib's predictor, (x, y) in widths and heights of the detector's
        box of the upright face: (0, 0) is its left upper corner, (1, 1) the right lower one.
    counts : Counter
        How many pictures ended in each status.
    unreadable : sequence of str
        Pictures that could not be read, and why.
    path : str
        The table of the means.
    seconds : float
    ignored : Counter
        How many files of each ending were no pictures by their names.
    """

    mean: np.ndarray
    std: np.ndarray
    counts: Counter[str]
    unreadable: Sequence[str]
    path: str
    seconds: float = 0.0
    ignored: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        outcomes = ", ".join(f"{count} {status}" for status, count in sorted(self.counts.items()))
        lines = [
            f"{counted(self.counts.total(), 'picture')}: {outcomes}; in {self.seconds:.1f} s.",
            f"Mean and deviation of {counted(len(self.mean), 'landmark')}, in widths and heights of the face's box.",
        ]
        if self.unreadable:
            lines.append(f"Not read: {listed(self.unreadable)}.")
        if self.ignored:
            lines.append(ignored_text(self.ignored))
        lines.append(f"Written to {one_line(self.path)} and {STD_FILE}")
        return "\n".join(lines)


def mean_landmarks(
    input_dir: str | Path,
    output_dir: str | Path = DEFAULT_MEAN_DIR,
    *,
    num_images: int = 0,
    landmark_model: int = 68,
    detector: str = DEFAULT_DETECTOR,
    upsample: int = DEFAULT_UPSAMPLE,
    detection_size: int = DEFAULT_DETECTION_SIZE,
    jobs: int | None = None,
) -> MeanLandmarks:
    """Average the landmarks of the main faces of all pictures below a folder.

    Writes `<output_dir>/mean.csv` and `std.csv` without a header, a point a line.

    Parameters
    ----------
    input_dir, output_dir : path
    num_images : int
        Take only that many pictures, drawn at random but the same ones each time; 0 for all.
    landmark_model : {5, 68}
    detector : str
        A key of `detectors.DETECTORS`.
    upsample, detection_size : int
        As `align_folder` takes them.
    jobs : int or None
        Processes; None for one on each core.

    Raises
    ------
    FacelineError
        If no face is found, an option is out of range, or the tables cannot be written.

    Examples
    --------
    >>> from faceline import mean_landmarks
    >>> found = mean_landmarks("training-images")
    >>> found.path, found.mean.shape, found.counts["ok"]
    ('mean-landmarks/mean.csv', (68, 2), 3)
    """
    begun = time.monotonic()
    folder, place = named_path(input_dir), named_path(output_dir)
    jobs = process_count(jobs)
    if num_images < 0:
        raise FacelineError(f"number of images {num_images} is out of range; choose 1 or more, or 0 for all")
    options = AlignmentOptions(
        landmark_model=landmark_model, detector=detector, upsample=upsample, detection_size=detection_size
    )
    options.check_weights()
    check_folder(folder, "name a folder of photographs")
    probes = list_probes(folder)
    pictures = probes.paths if probes.expanded else []
    if 0 < num_images < len(pictures):
        pictures = sorted(random.Random(SEED).sample(pictures, num_images))
    found = map_batches(partial(outcomes_of, options), pictures, jobs, "landmarks", BATCH)
    faces = [outcome for outcome in found if isinstance(outcome, np.ndarray)]
    if not faces:
        found_none = f"no face in {counted(len(pictures), 'picture')}" if pictures else "no pictures"
        raise FacelineError(f"{one_line(folder)}: {found_none}; name a folder of photographs of people")
    unreadable = [
        f"{one_line(path)} ({one_line(outcome)})"
        for path, outcome in zip(pictures, found, strict=True)
        if isinstance(outcome, str)
    ]
    bare = len(found) - len(faces) - len(unreadable)
    counts = Counter[str]({Status.OK: len(faces), Status.UNREADABLE: len(unreadable), Status.NO_FACE: bare})
    mean, std = np.mean(faces, axis=0), np.std(faces, axis=0)
    with locked(place):
        for name, points in ((MEAN_FILE, mean), (STD_FILE, std)):
            write_csv(place / name, ([f"{x:.9g}", f"{y:.9g}"] for x, y in points))
    seconds = time.monotonic() - begun
    return MeanLandmarks(mean, std, +counts, unreadable, str(place / MEAN_FILE), seconds, probes.ignored)


def outcomes_of(options: AlignmentOptions, paths: Sequence[str]) -> list[np.ndarray | str | None]:
    """Of each picture the landmarks of its main face, as `MeanLandmarks` has them; None without one; or why it could
    not be read."""
    aligner = aligner_for(options, Runtime(threads=1))
    return [outcome_of(aligner, Path(path)) for path in paths]


def outcome_of(aligner: Aligner, path: Path) -> np.ndarray | str | None:
    try:
        image = decode_image(read_picture(path))
        faces = aligner.find(image)
        if not faces:
            return None
        _, landmarks = aligner.crop_and_landmarks(image, faces[0])
    except UnreadableError as error:
        return error.reason
    except MemoryError:  # dlib's too
        return "not enough memory"
    except CoincidentLandmarksError:
        return None
    height, width = image.shape[:2]
    left, top, right, bottom = turned_box(faces[0].box_ltrb, height, width, faces[0].turn)
    upright = turned_points(landmarks, height, width, faces[0].turn)
    return (upright - (left, top)) / (right - left, bottom - top)
