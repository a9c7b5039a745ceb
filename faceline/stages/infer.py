"""Stage 3, second half: name the people in photographs."""

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from faceline.disk.freshness import why_stale
from faceline.disk.names import DEFAULT_CLASSIFIER
from faceline.disk.paths import (
    check_folder,
    inside,
    named_path,
)
from faceline.disk.people_paths import UNKNOWN
from faceline.disk.pictures.boxes import Box
from faceline.disk.pictures.images import decode_image, decode_picture, read_picture
from faceline.disk.pictures.profiles import rgb_profile
from faceline.disk.rows import Status
from faceline.errors import FacelineError, MissingError, UnreadableError
from faceline.faces.aligner import Aligner, aligner_for
from faceline.faces.cutting import CoincidentLandmarksError
from faceline.faces.embedder import check_network, embed
from faceline.faces.test_time_augmentation import DEFAULT_PASSES, Averaging
from faceline.faces.uprightness import likeness
from faceline.networks.runtime import DEFAULT_DEVICE, DEFAULT_ENGINE, Runtime
from faceline.people.identity import Identity
from faceline.people.quality import measure
from faceline.recognition.classifier_file import Model, read_classifier
from faceline.report.answers import Answer, NamedFace
from faceline.report.marked_pictures import draw_faces, marked_paths
from faceline.runs.parallel import all_cores
from faceline.stages.classifier_paths import classifier_path
from faceline.stages.probes import list_probes, unreadable_reason
from faceline.wording import one_line

if TYPE_CHECKING:
    import numpy as np

logger = logging.getLogger(__name__)


def infer(
    pictures: str | Path | Sequence[str | Path],
    classifier: str | Path = DEFAULT_CLASSIFIER,
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
    classifier : path
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
        Name nobody twice in one picture: of all ways to name its faces, the one with the best scores in sum.
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
    """
    if top < 1:
        raise FacelineError(f"top {top} is out of range; choose 1 or more")
    if threshold is not None and not threshold >= 0:
        raise FacelineError(f"threshold {threshold} is no distance; choose 0 or more, inf to name every face")
    pictures = list_probes(pictures, save_dir).paths
    classifier = classifier_path(named_path(classifier))
    model = read_classifier(classifier, network)
    stale = why_stale(classifier, model.learnt)
    if stale is not None:
        logger.warning(stale)
    model.alignment.check_weights()
    runtime = Runtime(engine, device, all_cores())
    check_network(model.network, runtime)
    if crops_dir is not None:
        crops_dir = named_path(crops_dir)
        check_folder(crops_dir, "name the folder of aligned crops")
        if save_dir is None:
            raise FacelineError("crops are shown in the marked pictures only; name a folder for these with --save")
        check_crops(crops_dir, model.gallery.crops)
    alignment = model.alignment
    if detection_size is not None:
        alignment = replace(alignment, detection_size=detection_size)
    if upsample is not None:
        alignment = replace(alignment, upsample=upsample)
    aligner = aligner_for(alignment, runtime, detection_size is None)
    averaging = model.averaging
    if passes is not None or jitters is not None:
        averaging = Averaging(DEFAULT_PASSES if passes is None else passes, jitters or 0)
    request = Request(model, aligner, runtime, averaging, multi, threshold, one_each, top, verbose, crops_dir)
    save_paths = [None] * len(pictures) if save_dir is None else marked_paths(pictures, named_path(save_dir))
    return (answer_to(picture, request, path) for picture, path in zip(pictures, save_paths, strict=True))


@dataclass(frozen=True)
class Request:
    """How `infer` was asked to name faces."""

    model: Model
    aligner: Aligner
    runtime: Runtime
    averaging: Averaging
    multi: bool
    threshold: float | None
    one_each: bool
    top: int
    verbose: bool
    crops_dir: Path | None

    def answer(self, picture: str, status: Status, reason: str = "", faces: Sequence[NamedFace] = ()) -> Answer:
        return Answer(picture, status, reason, tuple(faces), self.multi, self.top, self.verbose)


def check_crops(folder: Path, crops: Sequence[str]) -> None:
    """Raise FacelineError if a folder has none of the gallery's crops; some may be gone, a wrong folder lacks all."""
    if not any(os.path.isfile(inside(folder, crop)) for crop in crops):
        advice = "name the folder of aligned crops that the classifier was trained on"
        raise FacelineError(f"{one_line(folder)}: holds none of the gallery's crops; {advice}")


def answer_to(picture: str, request: Request, save_path: Path | None) -> Answer:
    """What there is to say of one picture, whatever it is; it is saved with its faces marked where `save_path` says."""
    try:
        try:
            data = read_picture(Path(picture))
            decoded = decode_picture(data)
            profile = None if save_path is None else rgb_profile(data)
            del data  # which may be large
        except UnreadableError as error:
            status = Status.MISSING if isinstance(error, MissingError) else Status.UNREADABLE
            return request.answer(picture, status, unreadable_reason(picture, one_line(error.reason)))
        faces, others = name_faces(decoded.pixels, request)
        numbered = []
        if save_path is not None:
            numbered = save_marked(decoded.pixels, faces, others, request.crops_dir, save_path, profile)
    except MemoryError:  # dlib's too
        return request.answer(picture, Status.UNREADABLE, "not enough memory")
    faces = [replace(face, box_ltrb=decoded.whole_box(face.box_ltrb)) for face in faces]
    answer = request.answer(picture, Status.OK if faces else Status.NO_FACE, faces=faces)
    return replace(answer, numbered=tuple(numbered))


def name_faces(image: "np.ndarray", request: Request) -> tuple[list[NamedFace], list[Box]]:
    """Name the faces of a picture of shape (height, width, 3), RGB uint8, from left to right.

    Gives also the boxes of other faces that were seen, where only the main one is wanted.
    """
    import numpy as np

    aligner, multi = request.aligner, request.multi
    found = aligner.find(image, every=multi)
    boxes, turns, edges, likenesses, crops = [], [], [], [], []
    for face in found if multi else found[:1]:
        try:
            crops.append(aligner.crop(image, face))
        except CoincidentLandmarksError:
            continue
        boxes.append(face.visible_box(image))
        turns.append(face.turn)
        edges.append(face.box_ltrb[2] - face.box_ltrb[0])
        likenesses.append(likeness(image, face, request.runtime))
    identities = []
    if crops:
        identities = identify(np.array(crops), edges, likenesses, request)
    faces = sorted(map(NamedFace, boxes, identities, turns), key=lambda face: (face.centre_x, face.box_ltrb))
    return faces, [] if multi else [face.visible_box(image) for face in found[1:]]


def identify(crops: "np.ndarray", edges: list[int], likenesses: list[float], request: Request) -> list[Identity]:
    """Who the faces of one picture are: crops (m, size, size, 3), uint8; `edges` and `likenesses` as in `measure`."""
    network, gallery = request.model.network, request.model.gallery
    embeddings = embed(network, crops, request.runtime, request.averaging)
    qualities = measure(
        crops, edges, likenesses, embeddings, request.averaging, network, request.runtime, gallery.scorer.scale
    )
    return gallery.identify(embeddings, request.threshold, request.top, request.one_each, qualities)


def save_marked(
    image: "np.ndarray",
    faces: list[NamedFace],
    others: list[Box],
    crops_dir: Path | None,
    path: Path,
    profile: bytes | None,
) -> list[int]:
    """Save a picture with its faces marked, each beside the nearest crop of `crops_dir` where that is given.

    `others` are the boxes of faces to be left alone; `profile` is the picture's ICC profile. Gives the faces that have
    a number instead of a name, counted from 0.
    """
    captions = [
        "" if face.identity.name == UNKNOWN else f"{one_line(face.identity.name)} {face.identity.confidence:.2f}"
        for face in faces
    ]
    crops = [None if crops_dir is None else read_crop(crops_dir, face.identity.likeliest.nearest) for face in faces]
    return draw_faces(image, [face.box_ltrb for face in faces], captions, path, crops, profile, others)


def read_crop(crops_dir: Path, crop: str) -> "np.ndarray | None":
    """A crop of the gallery, (height, width, 3) RGB uint8; None if it is not there any more."""
    try:
        return decode_image(read_picture(inside(crops_dir, crop)))
    except UnreadableError:
        return None
