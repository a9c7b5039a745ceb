"""Stage 3, second half: name the people in photographs."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from faceline.disk.names import DEFAULT_CLASSIFIER
from faceline.disk.paths import check_folder, inside, named_path
from faceline.disk.people_paths import UNKNOWN
from faceline.disk.pictures.boxes import Box
from faceline.disk.pictures.images import Picture, decode_image, open_picture, read_picture
from faceline.disk.pictures.profiles import rgb_profile
from faceline.disk.pictures.views import Seen
from faceline.disk.rows import Status
from faceline.errors import FacelineError, MissingError, UnreadableError
from faceline.networks.runtime import DEFAULT_DEVICE, DEFAULT_ENGINE
from faceline.recognition.recognized_face import RecognizedFace
from faceline.recognition.recognizer import Recognizer, check_question
from faceline.report.answers import Answer, NamedFace
from faceline.report.marked_pictures import draw_faces, marked_paths, share_names
from faceline.stages.probes import list_probes, unreadable_reason
from faceline.wording import one_line


def infer(
    pictures: str | Path | Sequence[str | Path],
    classifier_path: str | Path = DEFAULT_CLASSIFIER,
    *,
    multi: bool = False,
    threshold: float | None = None,
    network: str | None = None,
    engine: str = DEFAULT_ENGINE,
    device: str = DEFAULT_DEVICE,
    passes: int | None = None,
    jitters: int | None = None,
    one_each: bool = False,
    top: int = 1,
    verbose: bool = False,
    save_dir: str | Path | None = None,
    crops_dir: str | Path | None = None,
    detection_size: int | None = None,
    upsample: int | None = None,
) -> Iterator[Answer]:
    """Name the people in photographs.

    Parameters
    ----------
    pictures : path or sequence of path
        Photographs; folders of them, with all folders below; or patterns such as `photos/*.jpg`.
    classifier_path : path
        What `train` wrote, or the folder that it lies in.
    multi : bool
        Name all faces, from left to right, instead of the main one.
    threshold : float or None
        The largest distance to a person's nearest picture at which a face is named, instead of the classifier's own
        limit; infinity names every face.
    network : str or None
        Where the gallery's network lies now, if it is a file that has moved.
    engine, device : str
        What the networks run on, keys of `runtime.ENGINES` and `runtime.DEVICES`.
    passes, jitters : int or None
        Average over that many copies of each crop, as `represent_folder` does; None for what the gallery was made with.
    one_each : bool
        Name nobody twice in one picture: of all ways to name its faces, the one with the highest total score.
    top : int
        How many candidates to list for each face.
    verbose : bool
        Give the nearest picture of the gallery, its distance, the runner-up and the margin as text, too.
    save_dir : path or None
        Where to save each picture with its faces marked.
    crops_dir : path or None
        The gallery's folder of aligned crops: shows beside each marked face the nearest of them.
    detection_size : int or None
        Shrink larger pictures to this many pixels to find faces, and look nowhere closer; None for the gallery's
        number, and for the full resolution where that finds nothing or every face is wanted.
    upsample : int or None
        How often pictures are doubled to find smaller faces; None for the gallery's number.

    Returns
    -------
    iterator of Answer
        One for each picture, in their order, those of a folder or pattern sorted, computed as they are asked for. Its
        `image` is the picture's path. A folder without pictures has an answer of its own.

    Raises
    ------
    FacelineError
        If the classifier cannot be used, an option is out of range, `crops_dir` has none of the gallery's crops, or the
        marked pictures cannot be written.

    Examples
    --------
    >>> from faceline import infer
    >>> for answer in infer(["demo-photos/obama3.jpg", "demo-photos/astronaut.png"], "generated-embeddings"):
    ...     for face in answer.faces:
    ...         print(answer.image, face.name, face.box_ltrb)
    demo-photos/obama3.jpg obama (661, 312, 923, 575)
    demo-photos/astronaut.png unknown (179, 83, 267, 171)
    """
    if top < 1:
        raise FacelineError(f"top {top} is out of range; choose 1 or more")
    check_question(threshold, top)
    pictures = list_probes(pictures, save_dir).paths
    recognizer = Recognizer.load(
        classifier_path,
        network=network,
        engine=engine,
        device=device,
        passes=passes,
        jitters=jitters,
        detection_size=detection_size,
        upsample=upsample,
    )
    if crops_dir is not None:
        crops_dir = named_path(crops_dir)
        check_folder(crops_dir, "name the folder of aligned crops")
        if save_dir is None:
            raise FacelineError("crops are shown in the marked pictures only; name a folder for these with --save")
        check_crops(crops_dir, recognizer.gallery.crops if recognizer.gallery else ())
    request = Request(recognizer, multi, threshold, one_each, top, verbose, crops_dir)
    copies: list[Copy | None] = [None] * len(pictures)
    if save_dir is not None:
        paths = marked_paths(pictures, named_path(save_dir))
        copies = [Copy(path, is_shared) for path, is_shared in zip(paths, share_names(pictures), strict=True)]
    return (answer_to(picture, request, copy) for picture, copy in zip(pictures, copies, strict=True))


@dataclass(frozen=True)
class Request:
    """What `infer` was asked: whom, what, and how it is to be shown."""

    recognizer: Recognizer
    multi: bool
    threshold: float | None
    one_each: bool
    top: int
    verbose: bool
    crops_dir: Path | None

    @property
    def first_edge(self) -> int:
        return self.recognizer.alignment.first_edge

    def look(self, pixels: Seen) -> tuple[list[RecognizedFace], list[Box]]:
        """The faces of a picture, and the boxes of others: see `Recognizer.look`."""
        return self.recognizer.look(pixels, self.multi, self.threshold, self.one_each, self.top)

    def answered(self, picture: str, decoded: Picture, faces: Sequence[NamedFace]) -> Answer:
        """The answer to a picture that was read, with its faces' places in the whole of it."""
        whole = [replace(face, box_ltrb=decoded.whole_box(face.box_ltrb)) for face in faces]
        return self.answer(picture, Status.OK if whole else Status.NO_FACE, faces=whole)

    def answer(self, picture: str, status: Status, reason: str = "", faces: Sequence[NamedFace] = ()) -> Answer:
        return Answer(picture, status, reason, tuple(faces), self.multi, self.top, self.verbose)


@dataclass(frozen=True)
class Copy:
    """Where the marked copy of a picture goes, and whether that has to be said, since others are called alike."""

    path: Path
    is_said: bool


def check_crops(folder: Path, crops: Sequence[str]) -> None:
    """Raise FacelineError if a folder has none of the gallery's crops; some may be gone, a wrong folder lacks all."""
    if not any(os.path.isfile(inside(folder, crop)) for crop in crops):
        advice = "name the folder of aligned crops that the classifier was trained on"
        raise FacelineError(f"{one_line(folder)}: holds none of the gallery's crops; {advice}")


def answer_to(picture: str, request: Request, copy: Copy | None) -> Answer:
    """What there is to say of one picture, whatever it is; a copy with its faces marked is saved if there is to be."""
    try:
        try:
            data = read_picture(Path(picture))
            decoded = open_picture(data, request.first_edge)
            profile = None if copy is None else rgb_profile(data)
            del data  # which may be large
            found, others = request.look(decoded.views)
        except UnreadableError as error:
            status = Status.MISSING if isinstance(error, MissingError) else Status.UNREADABLE
            return request.answer(picture, status, unreadable_reason(picture, one_line(error.reason)))
        faces = named_faces(found)
        numbered: list[int] = []
        marked = ""
        if copy is not None:
            numbered, path = save_marked(decoded.pixels, faces, others, request.crops_dir, copy.path, profile)
            marked = str(path) if copy.is_said else ""
    except MemoryError:  # dlib's too
        return request.answer(picture, Status.UNREADABLE, "not enough memory")
    return replace(request.answered(picture, decoded, faces), numbered=tuple(numbered), marked=marked)


def answer_of(picture: str, content: bytes, request: Request) -> Answer:
    """What there is to say of the content of a picture file; raises UnreadableError."""
    decoded = open_picture(content, request.first_edge)
    return request.answered(picture, decoded, named_faces(request.look(decoded.views)[0]))


def named_faces(found: Sequence[RecognizedFace]) -> list[NamedFace]:
    """Faces as they are answered, with their places in `Picture.pixels`."""
    return [NamedFace(face.box_ltrb, face.identity, face.turn, face.quality) for face in found if face.identity]


def save_marked(
    image: np.ndarray,
    faces: list[NamedFace],
    others: list[Box],
    crops_dir: Path | None,
    path: Path,
    profile: bytes | None,
) -> tuple[list[int], Path]:
    """Save a picture with its faces marked, each beside the nearest crop of `crops_dir` where that is given.

    `others` are the boxes of faces to be left alone; `profile` is the picture's ICC profile. Gives what `draw_faces`
    does.
    """
    captions = ["" if face.name == UNKNOWN else f"{one_line(face.name)} {face.confidence:.2f}" for face in faces]
    crops = [None if crops_dir is None else gallery_crop(crops_dir, face.identity.likeliest.nearest) for face in faces]
    return draw_faces(image, [face.box_ltrb for face in faces], captions, path, crops, profile, others)


def gallery_crop(crops_dir: Path, crop: str) -> np.ndarray | None:
    """A crop of the gallery, (height, width, 3) RGB uint8; None if it is not there any more."""
    try:
        return decode_image(read_picture(inside(crops_dir, crop)))
    except UnreadableError:
        return None
