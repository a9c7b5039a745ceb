"""Whether faces are one person's, without a gallery.

for pair in verify("a.jpg", "b.jpg"):
    print(pair.distance, pair.probability, pair.first.box_ltrb, pair.second.box_ltrb)
"""

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from faceline.errors import cure
from faceline.faces.detectors import DEFAULT_DETECTOR
from faceline.faces.options import DEFAULT_DETECTION_SIZE, DEFAULT_UPSAMPLE, AlignmentOptions
from faceline.faces.test_time_augmentation import DEFAULT_PASSES, Augmentation
from faceline.networks.network import Network
from faceline.networks.one_person import CALIBRATED_ON, OnePerson
from faceline.networks.runtime import DEFAULT_DEVICE, DEFAULT_ENGINE, Runtime
from faceline.networks.table import DEFAULT_NETWORK, network_named
from faceline.people.cohort import Cohort, CohortMetric
from faceline.recognition.other_people import read_cohort
from faceline.recognition.recognized_face import RecognizedFace
from faceline.recognition.recognizer import Recognizer
from faceline.runs.parallel import all_cores
from faceline.wording import counted, one_line

if TYPE_CHECKING:
    from PIL import Image

# Two photographs of one moment differ by more, in any network's distances.
SAME_PICTURE = 0.01


@dataclass(frozen=True, eq=False)
class Pair:
    """Two faces.

    Attributes
    ----------
    first, second : RecognizedFace
        With `box_ltrb` in pixels of their pictures.
    distance : float
        In the units of the network's metric; normalised where there is a cohort.
    probability : float or None
        That they are one person's, with as many pairs of one person as of two; None where that is not known of the
        network.
    is_same_picture : bool
        Whether they are so near that it is the same picture, which tells nothing of a person.
    """

    first: RecognizedFace
    second: RecognizedFace
    distance: float
    probability: float | None
    is_same_picture: bool


@dataclass(frozen=True, eq=False)
class Verifier:
    """What tells whether faces are one person's.

    Attributes
    ----------
    recognizer : Recognizer
        What finds and embeds them; without a gallery.
    known : OnePerson or None
        What distances mean, if that is known of the network and the passes.
    cohort : Cohort or None
        By which distances are normalised.
    """

    recognizer: Recognizer
    known: OnePerson | None
    cohort: Cohort | None = None

    @classmethod
    def load(
        cls,
        *,
        network: str = DEFAULT_NETWORK,
        detector: str = DEFAULT_DETECTOR,
        engine: str = DEFAULT_ENGINE,
        device: str = DEFAULT_DEVICE,
        threads: int | None = None,
        passes: int = DEFAULT_PASSES,
        cohort: str | os.PathLike[str] | None = None,
        detection_size: int | None = None,
        upsample: int = DEFAULT_UPSAMPLE,
    ) -> Self:
        """A verifier with those options, which are those of `verify`; raises FacelineError if one cannot be used."""
        found, augmentation = network_named(network), Augmentation(passes)
        alignment = AlignmentOptions(
            size=found.crop_size,
            detector=detector,
            upsample=upsample,
            detection_size=DEFAULT_DETECTION_SIZE if detection_size is None else detection_size,
            frame=found.frame,
        )
        runtime = Runtime(engine, device, all_cores() if threads is None else threads)
        recognizer = Recognizer(found, alignment, augmentation, None, runtime, detection_size is None)
        known, others = found.one_person_at(passes), None
        if cohort is not None:
            faces = read_cohort(os.fspath(cohort), found, augmentation, "what compares here; see --network, --passes")
            others = Cohort.of(faces, found.metric)
            others = others if known is None else others.calibrated(known)
        return cls(recognizer, known, others)

    @property
    def network(self) -> Network:
        return self.recognizer.network

    @property
    def calibration(self) -> str | None:
        """What probabilities were calibrated on, in words; None where there are none."""
        if self.known is None:
            return None
        return f"{CALIBRATED_ON}, {one_line(self.network.name)}, {counted(self.known.passes, 'pass')}"

    def pairs(self, faces: Sequence[RecognizedFace], wanted: Sequence[tuple[int, int]]) -> list[Pair]:
        """Those pairs of faces, given by their numbers; raises FacelineError if a picture of them is of the cohort."""
        if not wanted:
            return []
        first, second = np.array(wanted).T
        embeddings = np.array([face.embedding for face in faces], np.float64)
        plain = distances = self.network.metric.pairs(embeddings[first], embeddings[second])
        if self.cohort is not None:
            with cure("see --cohort"):
                weighed = self.cohort.weighed(embeddings, self.network.threshold)
            distances = CohortMetric(self.network.metric).pairs(weighed[first], weighed[second])
        return [
            Pair(
                faces[one],
                faces[other],
                distance,
                None if self.known is None else self.known.probability(distance),
                bool(apart < SAME_PICTURE),
            )
            for (one, other), distance, apart in zip(wanted, distances.tolist(), plain, strict=True)
        ]


def verify(
    first: "np.ndarray | bytes | bytearray | memoryview | str | os.PathLike[str] | Image.Image",
    second: "np.ndarray | bytes | bytearray | memoryview | str | os.PathLike[str] | Image.Image",
    *,
    network: str = DEFAULT_NETWORK,
    detector: str = DEFAULT_DETECTOR,
    engine: str = DEFAULT_ENGINE,
    device: str = DEFAULT_DEVICE,
    threads: int | None = None,
    passes: int = DEFAULT_PASSES,
    cohort: str | os.PathLike[str] | None = None,
    detection_size: int | None = None,
    upsample: int = DEFAULT_UPSAMPLE,
) -> list[Pair]:
    """Compare every face of one picture with every face of another: is it one person?

    Parameters
    ----------
    first, second : ndarray of shape (height, width, 3), uint8 in RGB; bytes of a picture file; its path; Pillow image
        As `Recognizer.faces` takes them.
    network : str
        A network by its name, or the path of an ONNX file.
    detector : str
        What finds faces, a key of `detectors.DETECTORS`.
    engine, device : str
        What networks run on, keys of `runtime.ENGINES` and `runtime.DEVICES`.
    threads : int or None
        Of each network; None for one on each core. Answers do not depend on it.
    passes : int
        Average over that many copies of each face, as `represent_folder` does.
    cohort : path or None
        Embeddings of people like those compared, a few hundred faces, who need no names: distances are normalised by
        how near both faces lie to them, so that the probability holds for people whom the network confuses, too.
    detection_size : int or None
        Shrink larger pictures to this many pixels to find faces, and look nowhere closer.
    upsample : int
        How often pictures are doubled to find smaller faces.

    Returns
    -------
    list of Pair
        The first picture's faces from left to right, each with all of the second's; empty if one of them has none.

    Raises
    ------
    UnreadableError
        If a picture cannot be read.
    FacelineError
        If an option is out of range, or network, weights or cohort cannot be used.
    TypeError, ValueError
        If a picture is nothing of the kind; see `Recognizer.faces`.

    Examples
    --------
    >>> from faceline import verify
    >>> (pair,) = verify("demo-photos/obama3.jpg", "training-images/obama/obama.jpg")
    >>> round(pair.distance, 3), round(pair.probability, 2), pair.first.box_ltrb
    (0.335, 1.0, (661, 312, 923, 575))
    """
    verifier = Verifier.load(
        network=network,
        detector=detector,
        engine=engine,
        device=device,
        threads=threads,
        passes=passes,
        cohort=cohort,
        detection_size=detection_size,
        upsample=upsample,
    )
    left, right = (verifier.recognizer.faces(picture) for picture in (first, second))
    numbers = itertools.product(range(len(left)), range(len(left), len(left) + len(right)))
    return verifier.pairs([*left, *right], list(numbers))
