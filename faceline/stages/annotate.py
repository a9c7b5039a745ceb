"""Faces, landmarks and names drawn on copies of photographs."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from faceline.disk.names import DEFAULT_ANNOTATED_DIR
from faceline.disk.paths import named_path
from faceline.disk.pictures.images import open_picture, read_picture
from faceline.disk.pictures.profiles import rgb_profile
from faceline.disk.pictures.views import Seen
from faceline.disk.rows import Status
from faceline.errors import FacelineError, MissingError, UnreadableError
from faceline.faces.aligner import Aligner, aligner_for
from faceline.faces.cutting import CoincidentLandmarksError
from faceline.faces.detectors import DEFAULT_DETECTOR, Face
from faceline.faces.options import DEFAULT_DETECTION_SIZE, DEFAULT_UPSAMPLE, AlignmentOptions
from faceline.networks.frames import LANDMARK_SETS
from faceline.networks.runtime import DEFAULT_DEVICE, DEFAULT_ENGINE, Runtime
from faceline.people.identity import Identity
from faceline.recognition.recognizer import Recognizer, check_question
from faceline.report.annotated_pictures import MARK, AnnotatedFace, AnnotatedPicture, save_annotated
from faceline.report.copy_names import copy_paths
from faceline.report.marked_pictures import WRITTEN
from faceline.runs.parallel import all_cores
from faceline.stages.probes import list_probes, unreadable_reason
from faceline.wording import one_line

POINTS = 68


def annotate(
    pictures: str | Path | Sequence[str | Path],
    save_dir: str | Path = DEFAULT_ANNOTATED_DIR,
    classifier_path: str | Path | None = None,
    *,
    landmarks: str | None = None,
    detector: str | None = None,
    threshold: float | None = None,
    network: str | None = None,
    engine: str = DEFAULT_ENGINE,
    device: str = DEFAULT_DEVICE,
    detection_size: int | None = None,
    upsample: int | None = None,
) -> Iterator[AnnotatedPicture]:
    """Draw the box, the 68 landmarks and the name of every face on a copy of each photograph.

    Parameters
    ----------
    pictures : path or sequence of path
        Photographs, folders of them, and patterns, as `infer` takes them.
    save_dir : path
        The folder for the copies.
    classifier_path : path or None
        What `train` wrote, or the folder that it lies in; without one, a face has the name and score of its detector.
    landmarks : str or None
        A key of `frames.LANDMARK_SETS`, whose points stand out.
    detector : str or None
        A key of `detectors.DETECTORS`; None for the classifier's, which no other one takes the place of.
    threshold : float or None
        As `infer` takes it.
    network : str or None
        Where the gallery's network lies now, if it is a file that has moved.
    engine, device : str
        What the networks run on, keys of `runtime.ENGINES` and `runtime.DEVICES`.
    detection_size, upsample : int or None
        As `infer` takes them.

    Returns
    -------
    iterator of AnnotatedPicture
        One for each picture, in their order, made as they are asked for. A picture without a face has a copy, too. One
        that cannot be read has none.

    Raises
    ------
    FacelineError
        If the classifier cannot be used, an option is unknown or out of range, or the copies cannot be written.

    Examples
    --------
    >>> from faceline import annotate
    >>> for picture in annotate("demo-photos/obama3.jpg", "annotated", "generated-embeddings"):
    ...     (face,) = picture.faces
    ...     print(face.name, face.box_ltrb, face.landmarks.shape, picture.copy)
    obama (661, 312, 923, 575) (68, 2) annotated/obama3-annotated.jpg
    """
    if landmarks is not None and landmarks not in LANDMARK_SETS:
        raise FacelineError(f"unknown landmarks {one_line(landmarks)!r}; choose from {', '.join(LANDMARK_SETS)}")
    check_question(threshold, candidates=1)
    folder = named_path(save_dir)
    probes = list_probes(pictures, folder)
    if classifier_path is None:
        runtime = Runtime(engine, device, all_cores())
        runtime.check()
        options = AlignmentOptions(
            landmark_model=POINTS,
            detector=detector or DEFAULT_DETECTOR,
            upsample=DEFAULT_UPSAMPLE if upsample is None else upsample,
            detection_size=DEFAULT_DETECTION_SIZE if detection_size is None else detection_size,
        )
        aligner, recognizer = aligner_for(options, runtime, detection_size is None), None
    else:
        if detector is not None:
            raise FacelineError("the detector is the classifier's, so that names are those of infer; leave it out")
        recognizer = Recognizer.load(
            classifier_path,
            network=network,
            engine=engine,
            device=device,
            detection_size=detection_size,
            upsample=upsample,
        )
        aligner = aligner_for(recognizer.alignment, recognizer.runtime, recognizer.wide)
    # All points, whichever of them the gallery's crops were cut by.
    pointing = aligner_for(AlignmentOptions(landmark_model=POINTS), aligner.runtime)
    for options in (aligner.options, pointing.options):
        options.check_weights()
    request = Request(aligner, pointing, recognizer, threshold, outstanding(landmarks))
    paths = copy_paths(probes.paths, folder, MARK, WRITTEN)
    return (annotated(picture, path, request) for picture, path in zip(probes.paths, paths, strict=True))


def outstanding(landmarks: str | None) -> frozenset[int]:
    """The points of a landmark set, by their numbers in the 68-point predictor."""
    return frozenset() if landmarks is None else frozenset(chain(*LANDMARK_SETS[landmarks][POINTS]))


@dataclass(frozen=True)
class Request:
    """What `annotate` was asked: who looks, who finds the landmarks, who names, and which landmarks stand out."""

    aligner: Aligner
    pointing: Aligner
    recognizer: Recognizer | None
    threshold: float | None
    outstanding: Collection[int]

    def look(self, pixels: Seen) -> list[AnnotatedFace]:
        """The faces of a picture, from left to right."""
        found = self.aligner.find(pixels, every=True)
        faces = []
        for face, who in zip(found, self.identities(pixels, found), strict=True):
            try:
                _, points = self.pointing.crop_and_landmarks(pixels, face)
            except CoincidentLandmarksError:
                continue
            name, confidence = (None, None) if who is None else (who.name, who.confidence)
            seen = face.visible_box(pixels), points.astype(np.float64), face.detector, face.score, face.turn
            faces.append(AnnotatedFace(*seen, name, confidence))
        return sorted(faces, key=lambda face: (face.box_ltrb[0] + face.box_ltrb[2], face.box_ltrb))

    def identities(self, pixels: Seen, found: Sequence[Face]) -> list[Identity | None]:
        """Who the faces are; None of each without a classifier."""
        if self.recognizer is None:
            return [None] * len(found)
        named = self.recognizer.recognized(pixels, found, self.threshold, one_each=False, candidates=2)
        return [None if face is None else face.identity for face in named]


def annotated(picture: str, path: Path, request: Request) -> AnnotatedPicture:
    """Write the copy of one picture, whatever it is, and say what became of it."""
    try:
        data = read_picture(Path(picture))
        decoded = open_picture(data, request.aligner.options.first_edge)
        profile = rgb_profile(data)
        del data  # which may be large
        faces = request.look(decoded.views)
        path = save_annotated(decoded.pixels, faces, request.outstanding, path, profile)
    except UnreadableError as error:
        status = Status.MISSING if isinstance(error, MissingError) else Status.UNREADABLE
        return AnnotatedPicture(picture, status, unreadable_reason(picture, one_line(error.reason)))
    except MemoryError:  # dlib's too
        return AnnotatedPicture(picture, Status.UNREADABLE, "not enough memory")
    whole = tuple(face.in_whole(decoded) for face in faces)
    return AnnotatedPicture(picture, Status.OK if faces else Status.NO_FACE, "", str(path), whole)
