"""Where the time goes between a photograph and its names."""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceline.errors import FacelineError, UnreadableError
from faceline.host.steps import measured
from faceline.networks.runtime import DEFAULT_DEVICE, DEFAULT_ENGINE
from faceline.recognition.recognizer import Recognizer
from faceline.runs.progress import bar
from faceline.stages.probes import list_probes, unreadable_reason
from faceline.wording import counted, listed, one_line

STEPS = "read", "detect", "landmarks", "crop", "embed", "name"
ALL = "all"

# Where the number of rounds is not given, there are as many as make this number of measurements.
LEAST_MEASUREMENTS = 30


@dataclass(frozen=True)
class Profile:
    """How long the steps take; `str()` gives it as a table, `to_json()` as JSON.

    Attributes
    ----------
    milliseconds : dict of str to ndarray of shape (n,), float64
        What each measurement of a step took, all faces of a picture together; `all` is the whole of a picture. Steps
        that there were none of are left out.
    pictures, faces : int
        How many there were, faces over one round.
    rounds : int
    first_ms : float
        What loading the models and the first picture took, in milliseconds; it is not among the measurements.
    network, engine, device : str
    threads : int
    without_face : sequence of str
        Pictures without a face, of which only the first two steps were measured.
    unreadable : sequence of str
        Pictures that could not be read, and why.
    """

    milliseconds: dict[str, np.ndarray]
    pictures: int
    faces: int
    rounds: int
    first_ms: float
    network: str
    engine: str
    device: str
    threads: int
    without_face: Sequence[str] = ()
    unreadable: Sequence[str] = ()

    def __str__(self) -> str:
        lines = [
            f"{counted(self.pictures, 'picture')}, {counted(self.faces, 'face')}, {counted(self.rounds, 'round')};"
            f" {one_line(self.network)} by {self.engine}, {self.device}, {counted(self.threads, 'thread')}.",
            f"{'ms a picture':12}  median  9 of 10 below",
        ]
        for name, values in self.milliseconds.items():
            lines.append(f"{name:12}  {np.median(values):6.1f}  {np.quantile(values, 0.9):13.1f}")
        lines.append(f"Loading, and the first picture: {self.first_ms:.0f} ms.")
        if self.without_face:
            lines.append(f"No face in {counted(len(self.without_face), 'picture')}: {listed(self.without_face)}.")
        if self.unreadable:
            lines.append(f"Not read: {listed(self.unreadable)}.")
        return "\n".join(lines)

    def to_json(self) -> str:
        steps = {
            name: {
                "median_ms": round(float(np.median(values)), 3),
                "p90_ms": round(float(np.quantile(values, 0.9)), 3),
                "count": len(values),
            }
            for name, values in self.milliseconds.items()
        }
        counts = {"pictures": self.pictures, "faces": self.faces, "rounds": self.rounds}
        how = {"network": self.network, "engine": self.engine, "device": self.device, "threads": self.threads}
        lost = {"without_face": self.without_face, "unreadable": self.unreadable}
        return json.dumps({**counts, **how, **lost, "first_ms": round(self.first_ms, 3), "steps": steps})


def profile(
    pictures: str | Path | Sequence[str | Path],
    classifier_path: str | Path | None = None,
    *,
    multi: bool = False,
    num_iters: int | None = None,
    network: str | None = None,
    engine: str = DEFAULT_ENGINE,
    device: str = DEFAULT_DEVICE,
    threads: int | None = None,
    passes: int | None = None,
    jitters: int | None = None,
    detection_size: int | None = None,
    upsample: int | None = None,
) -> Profile:
    """Measure how long it takes to read photographs, and to find, align, embed and name the faces.

    It is `Recognizer.faces` that is measured, which `infer` uses, too: by the clock, in one process, one picture after
    the other.

    Parameters
    ----------
    pictures : path or sequence of path
        Photographs, folders of them, and patterns, as `infer` takes them.
    classifier_path : path or None
        What `train` wrote, or the folder that it lies in; without one, no names are looked for.
    multi : bool
        Every face of a picture, instead of the main one.
    num_iters : int or None
        How often each picture is measured; None for as many rounds as make 30 measurements.
    network : str or None
        Without a classifier: the network. With one: where its network lies now, if it has moved.
    engine, device : str
        What the networks run on, keys of `runtime.ENGINES` and `runtime.DEVICES`.
    threads : int or None
        Of each network; None for one on each core.
    passes, jitters, detection_size, upsample : int or None
        As `infer` takes them.

    Raises
    ------
    FacelineError
        If no picture can be read, the classifier cannot be used, or an option is out of range.

    Examples
    --------
    >>> from faceline import profile
    >>> found = profile("demo-photos/obama3.jpg", "generated-embeddings", num_iters=2)
    >>> list(found.milliseconds)
    ['read', 'detect', 'landmarks', 'crop', 'embed', 'name', 'all']
    """
    for name, number in (("number of iterations", num_iters), ("threads", threads)):
        if number is not None and number < 1:
            raise FacelineError(f"{name} {number} is out of range; choose 1 or more")
    paths = list_probes(pictures).paths
    missing = next((path for path in paths if not os.path.isfile(path) and not os.path.islink(path)), None)
    if missing is not None:
        raise FacelineError(f"{one_line(missing)}: {unreadable_reason(missing, 'no such picture; correct the path')}")
    begun = time.perf_counter()
    recognizer = Recognizer.load(
        classifier_path,
        network=network,
        engine=engine,
        device=device,
        threads=threads,
        passes=passes,
        jitters=jitters,
        detection_size=detection_size,
        upsample=upsample,
    )
    faces, unreadable, first = look_once(recognizer, paths, multi, begun)
    if not faces:
        raise FacelineError(f"no picture could be read: {listed(unreadable)}")
    rounds = num_iters or -(-LEAST_MEASUREMENTS // len(faces))
    found = measurements(recognizer, list(faces), multi, rounds)
    without_face = [path for path, count in faces.items() if not count]
    what = recognizer.network.title, engine, device, recognizer.runtime.threads
    return Profile(found, len(faces), sum(faces.values()), rounds, first, *what, without_face, unreadable)


def look_once(
    recognizer: Recognizer, paths: Sequence[str], multi: bool, begun: float
) -> tuple[dict[str, int], list[str], float]:
    """How many faces each picture has that can be read; which ones cannot; and how long it took to the first one's
    end, in milliseconds. It loads all that is loaded at first use."""
    faces, unreadable, first = {}, [], 0.0
    with bar("first look", len(paths), leave=False) as progress:
        for path in dict.fromkeys(paths):
            try:
                faces[path] = len(recognizer.faces(path, every=multi))
                first = first or 1000 * (time.perf_counter() - begun)
            except UnreadableError as error:
                unreadable.append(f"{one_line(path)} ({unreadable_reason(path, one_line(error.reason))})")
            except MemoryError:  # dlib's too
                unreadable.append(f"{one_line(path)} (not enough memory)")
            progress.update()
    return faces, unreadable, first


def measurements(recognizer: Recognizer, paths: Sequence[str], multi: bool, rounds: int) -> dict[str, np.ndarray]:
    """The milliseconds of each step, a round of all pictures after the other."""
    times: dict[str, list[float]] = {name: [] for name in (*STEPS, ALL)}
    with bar("profile", rounds * len(paths), leave=False) as progress:
        for path in [*paths] * rounds:
            with measured() as steps:
                begun = time.perf_counter()
                recognizer.faces(path, every=multi)
                steps[ALL] = time.perf_counter() - begun
            for name, seconds in steps.items():
                times[name].append(1000 * seconds)
            progress.update()
    return {name: np.array(values) for name, values in times.items() if values}
