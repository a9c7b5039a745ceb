"""The thorough look: whatever any detector takes for a face, for those who must not miss one.

Detectors miss different faces. `Aligner.find` asks the next one only where those before find nothing, and looks for
faces that lie only where none is upright; here all of them look, in every turn that they see little of otherwise, and
nothing that they find is judged again.
"""

from collections.abc import Sequence
from functools import partial
from itertools import chain

import numpy as np

from faceline.disk.pictures.boxes import TURNS, turned
from faceline.faces.aligner import Aligner, shrunk
from faceline.faces.detectors import DETECTORS, Face, detect_cnn, detect_hog
from faceline.faces.tiles import moved, without_repetitions
from faceline.faces.uprightness import turned_back
from faceline.faces.wide import WIDE_LOOKS, Detect, Look, in_threads, tile_looks
from faceline.networks.runtime import Runtime
from faceline.networks.weights import is_here

# The CNN finds most faces that lie on their side when the picture is upright, or else upside down.
CNN_TURNS = (0, 180)

# In pictures that are turned, HOG takes upright faces for others: in one of eight of LFW, and half of these score
# less than this. 17 faces that do lie score 0.2 and more.
PLAIN = 0.15

# The CNN sees no enlarged picture of more pixels than this, which take a second and a gigabyte.
MOST_PIXELS = 8_000_000

# The detectors that may look, too, and those of them that do where their files are here; and the edge in pixels that
# pictures are shrunk to for them once more, as they miss faces that are very large.
OTHERS = tuple(name for name in DETECTORS if name not in ("auto", "hog", "cnn"))
FURTHER = ("yunet", "retinaface")
SMALLER = 640


def further_detectors() -> tuple[str, ...]:
    """Those of FURTHER whose files are here."""
    return tuple(name for name in FURTHER if all(map(is_here, DETECTORS[name].weights)))


def look_thoroughly(image: np.ndarray, aligner: Aligner, further: Sequence[str]) -> list[Face]:
    """All faces of a picture, first those that `aligner` finds.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8
        RGB.
    aligner : Aligner
    further : sequence of str
        Names of detectors that look beside HOG and the CNN.

    Returns
    -------
    list of Face
        Some of them are none.
    """
    size, upsample, runtime = aligner.options.detection_size, aligner.options.upsample, aligner.runtime
    smaller, _ = shrunk(image, size)
    closer = upsample
    while closer and smaller.shape[0] * smaller.shape[1] * 4**closer > MOST_PIXELS:
        closer -= 1
    faces = aligner.find(image, every=True)
    looks: list[Look] = [partial(look_turned, image, size, turn, detect_cnn, closer, runtime) for turn in CNN_TURNS]
    looks += chain(*(further_looks(name, image, aligner) for name in further))
    hog = [partial(look_turned, image, size, turn, hog_of(turn), upsample, runtime) for turn in TURNS]
    found = in_threads(looks, 1) + in_threads(hog, runtime.threads)
    return faces + without_repetitions(chain(*found), faces)


def hog_of(turn: int) -> Detect:
    return detect_plain if turn else detect_hog


def detect_plain(image: np.ndarray, upsample: int, runtime: Runtime) -> list[Face]:
    """The faces that HOG sees plainly."""
    return [face for face in detect_hog(image, upsample, runtime) if face.score > PLAIN]


def further_looks(name: str, image: np.ndarray, aligner: Aligner) -> list[Look]:
    """The looks of one more detector."""
    size, runtime, upsample = aligner.options.detection_size, aligner.runtime, aligner.options.upsample
    detect = DETECTORS[name].looks[0]
    # Turned pictures show them faces where there are none.
    looks: list[Look] = [partial(look_turned, image, edge, 0, detect, 0, runtime) for edge in (size, SMALLER)]
    return looks + tile_looks(image, WIDE_LOOKS[name], upsample, max(image.shape[:2]) / size, runtime)


def look_turned(image: np.ndarray, size: int, turn: int, detect: Detect, upsample: int, runtime: Runtime) -> list[Face]:
    """The faces that a detector sees in a picture that is shrunk to `size` pixels and turned."""
    smaller, scale = shrunk(image, size)
    found = detect(turned(smaller, turn), upsample, runtime)
    return [moved(turned_back(face, turn, smaller), 0, 0, scale) for face in found]
