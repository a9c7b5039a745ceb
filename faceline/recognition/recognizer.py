"""From a picture in memory to its faces, and with a gallery to their names.

    recognizer = Recognizer.load("generated-embeddings/classifier.pkl")
    for face in recognizer.faces(picture):
        print(face.name, face.confidence, face.box_ltrb)

What is shown of it, as text, JSON or marked pictures, is the room `report`'s.
"""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from faceline.disk.freshness import why_stale
from faceline.disk.paths import named_path
from faceline.disk.pictures.boxes import Box
from faceline.disk.pictures.given import picture_given
from faceline.disk.pictures.views import Seen
from faceline.errors import FacelineError, UnreadableError
from faceline.faces.aligner import aligner_for
from faceline.faces.cutting import CoincidentLandmarksError
from faceline.faces.detectors import Face
from faceline.faces.embedder import embed
from faceline.faces.options import AlignmentOptions
from faceline.faces.test_time_augmentation import ALONE, DEFAULT_PASSES, Augmentation
from faceline.faces.uprightness import likeness
from faceline.host.steps import step
from faceline.networks.frames import serves
from faceline.networks.inference import check_network
from faceline.networks.network import Network
from faceline.networks.runtime import DEFAULT_DEVICE, DEFAULT_ENGINE, Runtime
from faceline.networks.table import DEFAULT_NETWORK, network_named
from faceline.people.identity import Identity
from faceline.people.naming import Naming
from faceline.people.quality import GOOD, Quality, measure
from faceline.recognition.classifier_file import classifier_at, read_classifier
from faceline.recognition.recognized_face import DescribedFace, RecognizedFace, from_left, recognized_face
from faceline.runs.parallel import all_cores
from faceline.wording import counted, one_line

if TYPE_CHECKING:
    from PIL import Image

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Recognizer:
    """Finds the faces of pictures, embeds them, and with a gallery names them.

    Any number of threads may use one at once, with the answers of one thread alone; so may forked children. The models
    are loaded at first use, once in a process, and shared by all recognizers that need the same.

    `load` makes one for a classifier, or with the default network and options. To make one of parts of your own, give
    them here: `Recognizer(network_named("sface"), AlignmentOptions(frame="arcface", size=112))`.

    Attributes
    ----------
    network : Network
        What embeds.
    alignment : AlignmentOptions
        How faces are found and cropped; for the network's frame.
    augmentation : Augmentation
        Of which copies of a crop an embedding is the mean.
    gallery : Gallery or None
        Who is known.
    runtime : Runtime
        What networks run on; with a thread for each core, if not given.
    wide : bool
        Whether photographs larger than `alignment.detection_size` may be looked at in their full resolution, too.
    most_faces : int or None
        Where every face is wanted, a picture that shows more is refused, for who looks at pictures of anybody's.

    Raises
    ------
    FacelineError
        If weights are missing, or parts do not go together.

    Examples
    --------
    >>> from faceline import Recognizer
    >>> recognizer = Recognizer.load("generated-embeddings/classifier.pkl")
    >>> [face.name for face in recognizer.faces("demo-photos/obama3.jpg")]
    ['obama']
    """

    network: Network
    alignment: AlignmentOptions
    augmentation: Augmentation = ALONE
    gallery: Naming | None = field(default=None, repr=False)
    runtime: Runtime = field(default_factory=lambda: Runtime(threads=all_cores()))
    wide: bool = True
    most_faces: int | None = None

    def __post_init__(self) -> None:
        for part in self.network.parts or (self.network,):
            if not serves(self.alignment.frame, part.frame):
                cut, wanted = self.alignment.frame, part.frame
                raise FacelineError(f"the network {part.name} wants crops in the frame {wanted}, not in {cut}")
        self.alignment.check_weights()
        check_network(self.network, self.runtime)

    @classmethod
    def load(
        cls,
        classifier_path: str | os.PathLike[str] | None = None,
        *,
        network: str | None = None,
        engine: str = DEFAULT_ENGINE,
        device: str = DEFAULT_DEVICE,
        threads: int | None = None,
        passes: int | None = None,
        jitters: int | None = None,
        detection_size: int | None = None,
        upsample: int | None = None,
    ) -> Self:
        """A recognizer with the people, network and options of a classifier.

        Parameters
        ----------
        classifier_path : path or None
            What `train` wrote, or the folder that it lies in. Without one, faces are found and embedded with the
            default options, and have no names.
        network : str or None
            Where the gallery's network lies now, if it is a file that has moved. Without a classifier: the network,
            by its name or the path of an ONNX file.
        engine, device : str
            What networks run on, keys of `runtime.ENGINES` and `runtime.DEVICES`.
        threads : int or None
            Of each network; None for one on each core. Answers do not depend on it.
        passes, jitters : int or None
            Average over that many copies of each crop, as `represent_folder` does; None for what the gallery was made
            with.
        detection_size : int or None
            Shrink larger pictures to this many pixels to find faces, and look nowhere closer; None for the gallery's
            number, and for the full resolution where that finds nothing or every face is wanted.
        upsample : int or None
            How often pictures are doubled to find smaller faces; None for the gallery's number.

        Raises
        ------
        FacelineError
            If the classifier, the network or the weights cannot be used, or an option is out of range.

        Examples
        --------
        >>> from faceline import Recognizer
        >>> Recognizer.load("generated-embeddings").gallery.people
        ['biden', 'obama']
        >>> (face,) = Recognizer.load(threads=1).faces("demo-photos/obama3.jpg")
        >>> face.name, face.embedding.shape
        (None, (128,))
        """
        gallery = None
        if classifier_path is None:
            found = network_named(DEFAULT_NETWORK if network is None else network)
            alignment, augmentation = AlignmentOptions(frame=found.frame, size=found.crop_size), ALONE
        else:
            path = classifier_at(named_path(os.fspath(classifier_path)))
            model = read_classifier(path, network)
            stale = why_stale(path, model.learnt)
            if stale is not None:
                logger.warning(stale)
            found, alignment, augmentation, gallery = model.network, model.alignment, model.augmentation, model.gallery
            logger.info("%s: %s, network %s", one_line(path), counted(len(gallery.people), "person"), found.name)
        if detection_size is not None:
            alignment = replace(alignment, detection_size=detection_size)
        if upsample is not None:
            alignment = replace(alignment, upsample=upsample)
        if passes is not None or jitters is not None:
            augmentation = Augmentation(DEFAULT_PASSES if passes is None else passes, jitters or 0)
        runtime = Runtime(engine, device, all_cores() if threads is None else threads)
        return cls(found, alignment, augmentation, gallery, runtime, detection_size is None)

    def faces(
        self,
        image: "np.ndarray | bytes | bytearray | memoryview | str | os.PathLike[str] | Image.Image",
        *,
        every: bool = True,
        threshold: float | None = None,
        one_each: bool = False,
        candidates: int = 2,
    ) -> list[RecognizedFace]:
        """The faces of a picture, from left to right; an empty list if there is none.

        Parameters
        ----------
        image : ndarray of shape (height, width, 3), uint8 in RGB; bytes of a picture file; its path; Pillow image
            An array is taken as it is; the others as a viewer shows them, turned as their EXIF says.
        every : bool
            Every face; otherwise the main one alone, which is large and near the middle, and which costs less.
        threshold : float or None
            The largest distance to a person's nearest picture at which a face is named, instead of the gallery's own
            limit; infinity names every face.
        one_each : bool
            Name nobody twice in the picture: of all ways to name its faces, the one with the highest total score.
        candidates : int
            How many people to give for each face, at least two where there are as many.

        Raises
        ------
        UnreadableError
            If a file cannot be read, is no picture, damaged, or too large; or if there are more than `most_faces`.
        FacelineError
            If `threshold` or `candidates` is out of range.
        TypeError, ValueError
            If `image` is nothing of the kind; if an array has another shape or kind of numbers.
        MemoryError
            If there is not enough.

        Examples
        --------
        A picture in memory, here as Pillow has it; an array of RGB pixels does as well:

        >>> from PIL import Image
        >>> from faceline import Recognizer
        >>> recognizer = Recognizer.load("generated-embeddings/classifier.pkl")
        >>> with Image.open("demo-photos/astronaut.png") as picture:
        ...     (main,) = recognizer.faces(picture, every=False)
        >>> main.name, main.box_ltrb, [candidate.name for candidate in main.identity.candidates]
        ('unknown', (179, 83, 267, 171), ['biden', 'obama'])
        """
        check_question(threshold, candidates)
        with step("read"):
            picture = picture_given(image, self.alignment.first_edge)
        faces, _ = self.look(picture.views, every, threshold, one_each, candidates)
        return [face.in_whole(picture) for face in faces]

    def look(
        self, pixels: Seen, every: bool, threshold: float | None, one_each: bool, candidates: int
    ) -> tuple[list[RecognizedFace], list[Box]]:
        """The faces of a picture of shape (height, width, 3), RGB uint8, with their places in it, as `faces` gives
        them; and the boxes of other faces that were seen, where only the main one is wanted."""
        with step("detect"):
            found = aligner_for(self.alignment, self.runtime, self.wide).find(pixels, every=every)
        if every and self.most_faces is not None and len(found) > self.most_faces:
            raise UnreadableError(f"{len(found)} faces, the limit is {self.most_faces}")
        faces = self.recognized(pixels, found if every else found[:1], threshold, one_each, candidates)
        others = [] if every else [face.visible_box(pixels) for face in found[1:]]
        return sorted((face for face in faces if face is not None), key=from_left), others

    def recognized(
        self, pixels: Seen, found: Sequence[Face], threshold: float | None, one_each: bool, candidates: int
    ) -> list[RecognizedFace | None]:
        """What there is to say of detected faces of a picture, (height, width, 3) RGB uint8; None of one that cannot be
        cropped."""
        described = self.described(pixels, found)
        seen = [face for face in described if face is not None]
        identities: Sequence[Identity | None] = [None] * len(seen)
        if self.gallery is not None and seen:
            with step("name"):
                embeddings = np.array([face.embedding for face in seen])
                qualities = [face.quality or GOOD for face in seen]
                identities = self.gallery.identify(embeddings, threshold, candidates, one_each, qualities)
        named = iter(identities)
        return [None if face is None else recognized_face(pixels, face, next(named)) for face in described]

    def described(self, pixels: Seen, found: Sequence[Face]) -> list[DescribedFace | None]:
        """Detected faces of a picture, (height, width, 3) RGB uint8, with their embeddings and, where there is a
        gallery, how good their pictures are; None of one that cannot be cropped."""
        aligner = aligner_for(self.alignment, self.runtime, self.wide)
        wanted, crops, landmarks = [], [], []
        for place, face in enumerate(found):
            try:
                crop, points = aligner.crop_and_landmarks(pixels, face)
            except CoincidentLandmarksError:
                continue
            wanted.append(place)
            crops.append(crop)
            landmarks.append(points.astype(np.float64))
        faces: list[DescribedFace | None] = [None] * len(found)
        if not crops:
            return faces
        usable = [found[place] for place in wanted]
        with step("embed"):
            embeddings = embed(self.network, np.array(crops), self.runtime, self.augmentation, self.alignment.frame)
        qualities: Sequence[Quality | None] = [None] * len(usable)
        if self.gallery is not None:
            with step("name"):
                qualities = self.qualities(pixels, usable, np.array(crops), embeddings, self.gallery.scorer.scale)
        for place, face, points, row, quality in zip(wanted, usable, landmarks, embeddings, qualities, strict=True):
            faces[place] = DescribedFace(face, points, row, quality)
        return faces

    def qualities(
        self, pixels: Seen, faces: list[Face], crops: np.ndarray, embeddings: np.ndarray, scale: float
    ) -> list[Quality]:
        """How much of its person the picture of each face tells: what `measure` says of the faces of one picture."""
        edges = [face.box_ltrb[2] - face.box_ltrb[0] for face in faces]
        likenesses = [likeness(pixels, face, self.runtime) for face in faces]
        seen, how = (crops, edges, likenesses, embeddings), (self.augmentation, self.network, self.runtime, scale)
        return measure(*seen, *how, self.alignment.frame)


def check_question(threshold: float | None, candidates: int) -> None:
    """Raise FacelineError if that cannot be asked of a gallery."""
    if candidates < 1:
        raise FacelineError(f"candidates {candidates} is out of range; choose 1 or more")
    if threshold is not None and not threshold >= 0:
        raise FacelineError(f"threshold {threshold} is no distance; choose 0 or more, inf to name every face")
