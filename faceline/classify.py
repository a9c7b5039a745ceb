"""Stage 3: learn people from their embeddings, and name the people in photographs."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from faceline.annotate import draw_faces, marked_paths
from faceline.embed import check_network, embed
from faceline.errors import FacelineError, MissingError, UnreadableError, cure
from faceline.faces import AlignmentOptions, aligner_for
from faceline.files import check_folder, locked, named_path, one_line, read_record
from faceline.formats import (
    CLASSIFIER_FILE,
    DEFAULT_CLASSIFIER,
    DEFAULT_EMBEDDINGS_DIR,
    Status,
    read_people,
)
from faceline.gallery import UNKNOWN, Gallery, Identity
from faceline.geometry import Box, CoincidentLandmarksError
from faceline.images import decode_image, read_picture
from faceline.jitter import check_jitters
from faceline.networks import Network, network_of
from faceline.parallel import all_cores
from faceline.runtime import DEFAULT_DEVICE, DEFAULT_ENGINE, Runtime
from faceline.summary import people_count, versions

if TYPE_CHECKING:
    import numpy as np

# Raised when `classifier.pkl` gets other parts.
FORMAT = "faceline classifier 1"


@dataclass(frozen=True)
class Trained:
    """What `train` made."""

    path: str
    people: int
    embeddings: int

    def __str__(self) -> str:
        return (
            f"Learned {people_count(self.people)} from {self.embeddings} embeddings.\nWritten to {one_line(self.path)}"
        )


def train(embeddings_dir: str | Path = DEFAULT_EMBEDDINGS_DIR) -> Trained:
    """Learn people from the embeddings that `represent_folder` wrote, and write `classifier.pkl` beside them.

    Raises
    ------
    FacelineError
        If the embeddings are missing, unfinished or damaged, or the classifier cannot be written.
    """
    from faceline import pickles

    folder = named_path(embeddings_dir)
    check_folder(folder, "run batch_represent first")
    with locked(folder):
        with cure("run batch_represent, which writes it, to its end"):
            record = read_record(folder, "represent")
        with cure("run batch_represent again with --overwrite"):
            network = network_of(record["options"])
            alignment = AlignmentOptions.from_record(record.get("alignment"))
            jitters = check_jitters(record["options"].get("jitters"))
            embeddings, _, names = read_people(folder, network.dimensions, record["counts"])
        if UNKNOWN in names:
            advice = "rename that folder of pictures and run all stages again"
            raise FacelineError(f"{one_line(folder)}: a person is named {UNKNOWN}, as strangers are; {advice}")
        gallery = Gallery.fit(names, embeddings, network)
        content = {"format": FORMAT, "alignment": alignment.record(), "jitters": jitters, "versions": versions()}
        parts = {part.name: getattr(gallery, part.name) for part in fields(gallery)}
        pickles.dump(content | network.record() | parts, folder / CLASSIFIER_FILE)
    return Trained(str(folder / CLASSIFIER_FILE), len(gallery.people), len(embeddings))


@dataclass(frozen=True)
class Classifier:
    """Everything that `infer` needs to know: how faces are cropped and embedded, and who people are."""

    alignment: AlignmentOptions
    network: Network
    jitters: int
    gallery: Gallery


def read_classifier(path: Path, network: str | None = None) -> Classifier:
    """Read `classifier.pkl`, trusting nothing in it. `network` says where the network's file lies now, if it has moved.

    Raises
    ------
    FacelineError
        If the file is missing, no classifier, damaged, or of another version, network or geometry.
    """
    from faceline import pickles

    content = pickles.load(path)
    advice = "run classifier.py train again"
    if type(content) is not dict or type(content.get("format")) is not str or content["format"] != FORMAT:
        raise FacelineError(f"{one_line(path)}: no classifier of this version; {advice}")
    try:
        found = network_of(content, network)
        alignment = AlignmentOptions.from_record(content["alignment"])
        jitters = check_jitters(content["jitters"])
        gallery = Gallery(**{part.name: content[part.name] for part in fields(Gallery)})
        gallery.check(found.dimensions)
    except FacelineError as error:
        raise FacelineError(f"{one_line(path)}: {one_line(error)}; {advice}") from None
    except Exception:  # values of a wrong kind raise nearly everything when they are compared or looked up
        raise FacelineError(f"{one_line(path)}: damaged; {advice}") from None
    return Classifier(alignment, found, jitters, gallery)


@dataclass(frozen=True)
class NamedFace:
    """A face and who it is; the box is (left, top, right, bottom) in pixels of the upright picture."""

    box_ltrb: Box
    identity: Identity

    @property
    def centre_x(self) -> int:
        return (self.box_ltrb[0] + self.box_ltrb[2]) // 2


@dataclass(frozen=True)
class Answer:
    """What `infer` says of one picture; `str()` gives it as text, `to_json()` as a line of JSON."""

    image: str
    multi: bool
    status: Status
    reason: str = ""
    faces: tuple[NamedFace, ...] = ()

    def __str__(self) -> str:
        lines = [f"=== {one_line(self.image)} ==="]
        if self.status == Status.NO_FACE:
            lines.append("No face found.")
        elif self.status != Status.OK:
            lines.append(f"Not a usable picture: {self.reason}.")
        for face in self.faces:
            who = face.identity
            place = f" @ x={face.centre_x}" if self.multi else ""
            lines.append(f"Predict {one_line(who.name)}{place} with {who.confidence:.2f} confidence.")
        return "\n".join(lines)

    def to_json(self) -> str:
        faces = [
            {
                "box": face.box_ltrb,
                "name": face.identity.name,
                "confidence": round(face.identity.confidence, 4),
                "distance": round(face.identity.distance, 4),
            }
            for face in self.faces
        ]
        reason = {"reason": self.reason} if self.reason else {}
        return json.dumps({"image": self.image, "status": self.status, **reason, "faces": faces})


def infer(
    pictures: str | Path | Sequence[str | Path],
    classifier: str | Path = DEFAULT_CLASSIFIER,
    *,
    multi: bool = False,
    threshold: float | None = None,
    network: str | None = None,
    engine: str = DEFAULT_ENGINE,
    device: str = DEFAULT_DEVICE,
    jitters: int | None = None,
    save_dir: str | Path | None = None,
) -> Iterator[Answer]:
    """Name the people in photographs.

    Parameters
    ----------
    pictures : path or sequence of path
    classifier : path
        What `train` wrote.
    multi : bool
        Name all faces, from left to right, instead of the main one.
    threshold : float or None
        The largest distance at which a face is named, instead of the classifier's own; infinity names every face.
    network : str or None
        Where the gallery's network lies now, if it is a file that has moved.
    engine, device : str
        What the networks run on, keys of `runtime.ENGINES` and `runtime.DEVICES`.
    jitters : int or None
        Average over that many jittered copies of each crop; None for as many as the gallery was made with.
    save_dir : path or None
        Where to save each picture with its faces marked.

    Returns
    -------
    iterator of Answer
        One for each picture, in their order, computed as they are asked for.

    Raises
    ------
    FacelineError
        If the classifier cannot be used, the threshold is no distance, or the marked pictures cannot be written.
    """
    if threshold is not None and not threshold >= 0:
        raise FacelineError(f"threshold {threshold} is no distance; choose 0 or more, inf to name every face")
    pictures = [pictures] if isinstance(pictures, str | os.PathLike) else pictures
    for picture in pictures:
        named_path(picture)
    model = read_classifier(named_path(classifier), network)
    model.alignment.check_weights()
    runtime = Runtime(engine, device, all_cores())
    check_network(model.network, runtime)
    request = Request(model, multi, threshold, runtime, check_jitters(model.jitters if jitters is None else jitters))
    save_paths = [None] * len(pictures) if save_dir is None else marked_paths(pictures, named_path(save_dir))
    return (answer_to(os.fspath(picture), request, path) for picture, path in zip(pictures, save_paths, strict=True))


@dataclass(frozen=True)
class Request:
    """How `infer` was asked to name faces."""

    model: Classifier
    multi: bool
    threshold: float | None
    runtime: Runtime
    jitters: int


def answer_to(picture: str, request: Request, save_path: Path | None) -> Answer:
    """What there is to say of one picture, whatever it is; it is saved with its faces marked where `save_path` says."""
    try:
        try:
            image = decode_image(read_picture(Path(picture)))
        except UnreadableError as error:
            status = Status.MISSING if isinstance(error, MissingError) else Status.UNREADABLE
            return Answer(picture, request.multi, status, one_line(error.reason))
        faces = name_faces(image, request, save_path)
    except MemoryError:  # dlib's too
        return Answer(picture, request.multi, Status.UNREADABLE, "not enough memory")
    return Answer(picture, request.multi, Status.OK if faces else Status.NO_FACE, "", tuple(faces))


def name_faces(image: "np.ndarray", request: Request, save_path: Path | None) -> list[NamedFace]:
    """Name the faces of a picture of shape (height, width, 3), RGB uint8, from left to right."""
    import numpy as np

    model, multi = request.model, request.multi
    aligner = aligner_for(model.alignment, request.runtime)
    found = aligner.find(image, every=multi)
    boxes, crops = [], []
    for face in found if multi else found[:1]:
        try:
            crops.append(aligner.crop(image, face))
        except CoincidentLandmarksError:
            continue
        boxes.append(face.visible_box(image))
    identities = []
    if crops:
        embeddings = embed(model.network, np.array(crops), request.runtime, request.jitters)
        identities = model.gallery.identify(embeddings, request.threshold)
    faces = sorted(map(NamedFace, boxes, identities), key=lambda face: (face.centre_x, face.box_ltrb))
    if save_path is not None:
        captions = [f"{one_line(face.identity.name)} {face.identity.confidence:.2f}" for face in faces]
        draw_faces(image, [face.box_ltrb for face in faces], captions, save_path)
    return faces
