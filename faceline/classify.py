"""Stage 3: learn people from their embeddings, and name the people in photographs."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from faceline.annotate import draw_faces, marked_paths
from faceline.calibration import DEFAULT_FPIR, Calibration, check_fpir
from faceline.classifiers import CLASSIFIERS, DEFAULT_CLASSIFIER_NAME
from faceline.embed import check_network, embed
from faceline.errors import FacelineError, MissingError, UnreadableError, cure
from faceline.faces import AlignmentOptions, aligner_for
from faceline.files import MANIFEST_FILE, check_folder, inside, locked, named_path, one_line, read_record
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
from faceline.parallel import all_cores, process_count
from faceline.runtime import DEFAULT_DEVICE, DEFAULT_ENGINE, Runtime
from faceline.summary import people_count, versions

if TYPE_CHECKING:
    import numpy as np

# Raised when `classifier.pkl` gets other parts.
FORMAT = "faceline classifier 2"


@dataclass(frozen=True)
class Trained:
    """What `train` made."""

    path: str
    people: int
    embeddings: int
    calibration: Calibration
    left_out: int = 0

    def __str__(self) -> str:
        held_out = self.calibration.people
        source = f"{people_count(held_out)} held out" if held_out else "a background, as there are too few to hold out"
        left_out = f"Left out: {self.left_out} of pictures without a face (fallback).\n" if self.left_out else ""
        return (
            f"Learned {people_count(self.people)} from {self.embeddings} embeddings.\n{left_out}"
            f"Expects to name {percent(self.calibration.fpir)} of strangers"
            f" and to find {percent(self.calibration.tpir)} of known people (from {source}).\n"
            f"Written to {one_line(self.path)}"
        )


def percent(rate: float) -> str:
    return f"{100 * rate:.3g} %"


def train(
    embeddings_dir: str | Path = DEFAULT_EMBEDDINGS_DIR,
    *,
    fpir: float = DEFAULT_FPIR,
    classifier: str = DEFAULT_CLASSIFIER_NAME,
    lda_dim: int | None = None,
    jobs: int | None = None,
) -> Trained:
    """Learn people from the embeddings that `represent_folder` wrote, and write `classifier.pkl` beside them.

    Crops of the middle of a picture, `align_folder`'s fallback, may show anything: nobody is learned from them.

    Parameters
    ----------
    embeddings_dir : path
    fpir : float
        How often a stranger may get a name: the false positive identification rate, between 0 and 1.
    classifier : str
        A key of `classifiers.CLASSIFIERS`.
    lda_dim : int or None
        Show the classifier that many linear discriminant components of the embeddings, instead of the embeddings.
    jobs : int or None
        Processes, with a thread each; None for as many as there are cores.

    Raises
    ------
    FacelineError
        If the embeddings are missing, unfinished or damaged, an option is wrong, or the classifier cannot be written.
    """
    from faceline import pickles

    check_training(fpir, classifier, lda_dim)
    jobs = process_count(jobs)
    folder = named_path(embeddings_dir)
    check_folder(folder, "run batch_represent first")
    with locked(folder):
        with cure("run batch_represent, which writes it, to its end"):
            record = read_record(folder, "represent")
        with cure("run batch_represent again with --overwrite"):
            network = network_of(record["options"])
            alignment = AlignmentOptions.from_record(record.get("alignment"))
            jitters = check_jitters(record["options"].get("jitters"))
            found = read_people(folder, network.dimensions, record["counts"], frozenset({Status.OK}))
        embeddings, crops, names = found
        if not crops:
            raise FacelineError(f"{one_line(folder)}: no crop shows a face that was found; see {MANIFEST_FILE} there")
        if UNKNOWN in names:
            advice = "rename that folder of pictures and run all stages again"
            raise FacelineError(f"{one_line(folder)}: a person is named {UNKNOWN}, as strangers are; {advice}")
        gallery = Gallery.fit(
            names, embeddings, crops, network, fpir=fpir, classifier=classifier, lda_dim=lda_dim, jobs=jobs
        )
        content = {"format": FORMAT, "alignment": alignment.record(), "jitters": jitters, "versions": versions()}
        pickles.dump(content | network.record() | {"gallery": gallery.record()}, folder / CLASSIFIER_FILE)
    return Trained(
        str(folder / CLASSIFIER_FILE),
        len(gallery.people),
        len(embeddings),
        gallery.calibration,
        record["counts"].get(Status.FALLBACK, 0),
    )


def check_training(fpir: float, classifier: str, lda_dim: int | None) -> None:
    """Raise FacelineError if an option of `train` is out of range."""
    check_fpir(fpir)
    if classifier not in CLASSIFIERS:
        raise FacelineError(f"unknown classifier {one_line(classifier)!r}; choose from {', '.join(CLASSIFIERS)}")
    if lda_dim is not None and lda_dim < 1:
        raise FacelineError(f"lda_dim {lda_dim} is out of range; choose 1 or more")


@dataclass(frozen=True)
class Model:
    """Everything that `infer` needs to know: how faces are cropped and embedded, and who people are."""

    alignment: AlignmentOptions
    network: Network
    jitters: int
    gallery: Gallery


def read_classifier(path: Path, network: str | None = None) -> Model:
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
        gallery = Gallery.from_record(content["gallery"], found.dimensions)
    except FacelineError as error:
        raise FacelineError(f"{one_line(path)}: {one_line(error)}; {advice}") from None
    except Exception:  # values of a wrong kind raise nearly everything when they are compared or looked up
        raise FacelineError(f"{one_line(path)}: damaged; {advice}") from None
    return Model(alignment, found, jitters, gallery)


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
    """What `infer` says of one picture; `str()` gives it as text, `to_json()` as a line of JSON.

    `multi` says whether all faces were wanted, `top` how many candidates each, `verbose` whether to give the evidence.
    """

    image: str
    status: Status
    reason: str = ""
    faces: tuple[NamedFace, ...] = ()
    multi: bool = False
    top: int = 1
    verbose: bool = False

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
            if self.verbose:
                lines += evidence(who)
            if self.top > 1:
                lines += [
                    f"  {rank}. {one_line(candidate.name)} with {candidate.confidence:.2f} confidence"
                    for rank, candidate in enumerate(who.candidates[: self.top], start=1)
                ]
        return "\n".join(lines)

    def to_json(self) -> str:
        faces = []
        for face in self.faces:
            who = face.identity
            faces.append(
                {
                    "box": face.box_ltrb,
                    "name": who.name,
                    "confidence": round(who.confidence, 4),
                    "distance": round(who.distance, 4),
                    "nearest": who.likeliest.nearest,
                    "runner_up": who.runner_up and who.runner_up.name,
                    "margin": who.margin and round(who.margin, 4),
                    "candidates": [
                        {
                            "name": candidate.name,
                            "confidence": round(candidate.confidence, 4),
                            "distance": round(candidate.distance, 4),
                        }
                        for candidate in who.candidates[: self.top]
                    ],
                }
            )
        reason = {"reason": self.reason} if self.reason else {}
        return json.dumps({"image": self.image, "status": self.status, **reason, "faces": faces})


def evidence(who: Identity) -> list[str]:
    """What speaks for an answer, in lines of text."""
    likeliest, runner_up = who.likeliest, who.runner_up
    lines = [f"  nearest picture: {one_line(likeliest.nearest)} at distance {likeliest.distance:.3f}"]
    if runner_up is not None:
        lines.append(
            f"  runner-up: {one_line(runner_up.name)} at distance {runner_up.distance:.3f}, margin {who.margin:.2f}"
        )
    return lines


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
    one_each: bool = False,
    top: int = 1,
    verbose: bool = False,
    save_dir: str | Path | None = None,
    crops_dir: str | Path | None = None,
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
        The largest distance to a person's nearest picture at which a face is named, instead of the classifier's own
        limit; infinity names every face.
    network : str or None
        Where the gallery's network lies now, if it is a file that has moved.
    engine, device : str
        What the networks run on, keys of `runtime.ENGINES` and `runtime.DEVICES`.
    jitters : int or None
        Average over that many jittered copies of each crop; None for as many as the gallery was made with.
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

    Returns
    -------
    iterator of Answer
        One for each picture, in their order, computed as they are asked for.

    Raises
    ------
    FacelineError
        If the classifier cannot be used, an option is out of range, or the marked pictures cannot be written.
    """
    if top < 1:
        raise FacelineError(f"top {top} is out of range; choose 1 or more")
    if threshold is not None and not threshold >= 0:
        raise FacelineError(f"threshold {threshold} is no distance; choose 0 or more, inf to name every face")
    pictures = [pictures] if isinstance(pictures, str | os.PathLike) else pictures
    for picture in pictures:
        named_path(picture)
    model = read_classifier(named_path(classifier), network)
    model.alignment.check_weights()
    runtime = Runtime(engine, device, all_cores())
    check_network(model.network, runtime)
    if crops_dir is not None:
        crops_dir = named_path(crops_dir)
        check_folder(crops_dir, "name the folder of aligned crops")
        if save_dir is None:
            raise FacelineError("crops are shown in the marked pictures only; name a folder for these with --save")
    jitters = check_jitters(model.jitters if jitters is None else jitters)
    request = Request(model, runtime, jitters, multi, threshold, one_each, top, verbose, crops_dir)
    save_paths = [None] * len(pictures) if save_dir is None else marked_paths(pictures, named_path(save_dir))
    return (answer_to(os.fspath(picture), request, path) for picture, path in zip(pictures, save_paths, strict=True))


@dataclass(frozen=True)
class Request:
    """How `infer` was asked to name faces."""

    model: Model
    runtime: Runtime
    jitters: int
    multi: bool
    threshold: float | None
    one_each: bool
    top: int
    verbose: bool
    crops_dir: Path | None

    def answer(self, picture: str, status: Status, reason: str = "", faces: Sequence[NamedFace] = ()) -> Answer:
        return Answer(picture, status, reason, tuple(faces), self.multi, self.top, self.verbose)


def answer_to(picture: str, request: Request, save_path: Path | None) -> Answer:
    """What there is to say of one picture, whatever it is; it is saved with its faces marked where `save_path` says."""
    try:
        try:
            image = decode_image(read_picture(Path(picture)))
        except UnreadableError as error:
            status = Status.MISSING if isinstance(error, MissingError) else Status.UNREADABLE
            return request.answer(picture, status, one_line(error.reason))
        faces = name_faces(image, request)
        if save_path is not None:
            save_marked(image, faces, request.crops_dir, save_path)
    except MemoryError:  # dlib's too
        return request.answer(picture, Status.UNREADABLE, "not enough memory")
    return request.answer(picture, Status.OK if faces else Status.NO_FACE, faces=faces)


def name_faces(image: "np.ndarray", request: Request) -> list[NamedFace]:
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
        identities = model.gallery.identify(embeddings, request.threshold, request.top, request.one_each)
    return sorted(map(NamedFace, boxes, identities), key=lambda face: (face.centre_x, face.box_ltrb))


def save_marked(image: "np.ndarray", faces: list[NamedFace], crops_dir: Path | None, path: Path) -> None:
    """Save a picture with its faces marked, each beside the nearest crop of `crops_dir` where that is given."""
    captions = [f"{one_line(face.identity.name)} {face.identity.confidence:.2f}" for face in faces]
    crops = [None if crops_dir is None else read_crop(crops_dir, face.identity.likeliest.nearest) for face in faces]
    draw_faces(image, [face.box_ltrb for face in faces], captions, path, crops)


def read_crop(crops_dir: Path, crop: str) -> "np.ndarray | None":
    """A crop of the gallery, (height, width, 3) RGB uint8; None if it is not there any more."""
    try:
        return decode_image(read_picture(inside(crops_dir, crop)))
    except UnreadableError:
        return None
