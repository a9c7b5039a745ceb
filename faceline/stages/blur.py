"""Copies of photographs in which nobody can be recognised, or some people cannot."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from faceline.disk.folder_locks import locked
from faceline.disk.names import DEFAULT_CLASSIFIER
from faceline.disk.paths import named_path, real_path
from faceline.disk.pictures.images import decode_picture, read_picture
from faceline.disk.pictures.profiles import in_srgb, rgb_profile
from faceline.disk.rows import Status
from faceline.errors import FacelineError, MissingError, UnreadableError
from faceline.faces.aligner import Aligner, aligner_for
from faceline.faces.detectors import DETECTORS
from faceline.faces.options import DEFAULT_UPSAMPLE, AlignmentOptions
from faceline.faces.thorough import OTHERS, further_detectors, look_thoroughly
from faceline.networks.runtime import DEFAULT_DEVICE, DEFAULT_ENGINE, Runtime
from faceline.networks.weights import path_of
from faceline.recognition.recognizer import Recognizer
from faceline.report.copy_names import copy_paths
from faceline.report.covered_pictures import MARK, WRITTEN, CoveredPicture, save_pixels
from faceline.report.covering import DEFAULT_WAY, WAYS, cover
from faceline.runs.parallel import all_cores
from faceline.stages.blurring import Choice, choice_of
from faceline.stages.probes import list_probes, unreadable_reason
from faceline.wording import one_line


def blur(
    pictures: str | Path | Sequence[str | Path],
    save_dir: str | Path,
    classifier_path: str | Path = DEFAULT_CLASSIFIER,
    *,
    keep: Sequence[str] | None = None,
    only: Sequence[str] | None = None,
    how: str = DEFAULT_WAY,
    detector: str | None = None,
    upsample: int = DEFAULT_UPSAMPLE,
    network: str | None = None,
    engine: str = DEFAULT_ENGINE,
    device: str = DEFAULT_DEVICE,
) -> Iterator[CoveredPicture]:
    """Write copies of photographs in which heads are covered, without any of the originals' metadata.

    A face that no detector finds stays as it is.

    Parameters
    ----------
    pictures : path or sequence of path
        As `infer` takes them.
    save_dir : path
        The folder for the copies, which holds no original. The folders below a folder that was named are made there.
    classifier_path : path
        What `train` wrote, or the folder that it lies in; asked if `keep` or `only` is given.
    keep : sequence of str or None
        People who are to be seen. A face that may be somebody else's is covered.
    only : sequence of str or None
        The only people who are to be covered, instead of everybody. A face that may be one of them is covered, too.
        "unknown" stands for everybody whom the classifier does not know.
    how : str
        "pixelate", "blur" or "box".
    detector : str or None
        A detector that looks beside HOG, the CNN and those whose files are here; fetched if need be.
    upsample : int
        How often pictures are doubled to find smaller faces.
    network : str or None
        Where the gallery's network lies now, if it is a file that has moved.
    engine, device : str
        What the networks run on, keys of `runtime.ENGINES` and `runtime.DEVICES`.

    Returns
    -------
    iterator of CoveredPicture
        One for each picture, in their order, made as they are asked for; until the last one, no other run may write to
        the folder. A picture without a face has a copy, too. One that cannot be read has none.

    Raises
    ------
    FacelineError
        If an option or a name is unknown, the classifier cannot be used, the folder holds an original, or something
        cannot be written.

    Examples
    --------
    >>> from faceline import blur
    >>> for picture in blur("demo-photos/obama3.jpg", "published"):
    ...     print(picture.covered, picture.kept, picture.copy)
    1 0 published/obama3-blurred.jpg
    """
    if how not in WAYS:
        raise FacelineError(f"unknown way to cover {one_line(how)!r}; choose from {', '.join(WAYS)}")
    if detector is not None and detector not in OTHERS:
        raise FacelineError(f"unknown detector {one_line(detector)!r}; choose from {', '.join(OTHERS)}")
    if keep and only:
        raise FacelineError("--keep and --only exclude each other; name those to be seen, or those to be covered")
    folder = named_path(save_dir)
    probes = list_probes(pictures, folder)
    refuse_originals(probes.paths, folder)
    runtime = Runtime(engine, device, all_cores())
    runtime.check()
    alignment = AlignmentOptions(upsample=upsample)
    alignment.check_weights()
    further = tuple(dict.fromkeys([*further_detectors(), *([detector] if detector else [])]))
    for weights in (weights for name in further for weights in DETECTORS[name].weights):
        path_of(weights)
    choice = Choice()
    if keep or only:
        recognizer = Recognizer.load(classifier_path, network=network, engine=engine, device=device)
        choice = choice_of(recognizer, keep or (), only or ())
    places = [relative_folder(path, below) for path, below in zip(probes.paths, probes.folders, strict=True)]
    paths = copy_paths(probes.paths, folder, MARK, WRITTEN, places)
    request = Request(aligner_for(alignment, runtime), further, choice, how)
    return covered_pictures(probes.paths, paths, folder, request)


def relative_folder(picture: str, below: str) -> str:
    """The folder that a picture lies in, as seen from one that it lies in or below."""
    return os.path.relpath(os.path.dirname(picture) or ".", below or ".")


@dataclass(frozen=True)
class Request:
    """What `blur` was asked: who looks, whom to cover, and how."""

    aligner: Aligner
    further: Sequence[str]
    choice: Choice
    how: str


def refuse_originals(pictures: Sequence[str], folder: Path) -> None:
    """Raise FacelineError if an original lies where only copies are to be."""
    place = real_path(folder)
    for picture in pictures:
        if os.path.lexists(picture) and real_path(Path(picture)).is_relative_to(place):
            raise FacelineError(
                f"{one_line(folder)}: holds the original {one_line(picture)}; name a folder of its own with --save"
            )


def covered_pictures(
    pictures: Sequence[str], paths: Sequence[Path], folder: Path, request: Request
) -> Iterator[CoveredPicture]:
    with locked(folder):
        for picture, path in zip(pictures, paths, strict=True):
            yield covered_picture(picture, path, request)


def covered_picture(picture: str, path: Path, request: Request) -> CoveredPicture:
    """Write the copy of one picture, whatever it is, and say what became of it."""
    try:
        data = read_picture(Path(picture))
        decoded = decode_picture(data)
        profile = rgb_profile(data)
        del data  # which may be large
        pixels = decoded.pixels
        found = look_thoroughly(pixels, request.aligner, request.further)
        found.sort(key=lambda face: face.box_ltrb)
        faces = request.choice.judge(pixels, found)
        hidden = [face for face, judged in zip(found, faces, strict=True) if judged.covered]
        kept = [face for face, judged in zip(found, faces, strict=True) if not judged.covered]
        path = save_pixels(cover(in_srgb(pixels, profile), hidden, kept, request.how), path)
    except UnreadableError as error:
        status = Status.MISSING if isinstance(error, MissingError) else Status.UNREADABLE
        return CoveredPicture(picture, status, unreadable_reason(picture, one_line(error.reason)))
    except MemoryError:  # dlib's too
        return CoveredPicture(picture, Status.UNREADABLE, "not enough memory")
    faces = [replace(face, box_ltrb=decoded.whole_box(face.box_ltrb)) for face in faces]
    return CoveredPicture(picture, Status.OK if faces else Status.NO_FACE, "", str(path), tuple(faces))
