"""How much the picture of a face tells of whose it is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from faceline.faces.cutting import align_transform
from faceline.faces.embedder import embed
from faceline.faces.landmarks import predict_landmarks
from faceline.faces.test_time_augmentation import ALONE, Augmentation
from faceline.networks.frames import FRAMES
from faceline.networks.network import Network
from faceline.networks.runtime import Runtime
from faceline.people.degradation_prior import FEATURES, HIGHEST, LOST, LOWEST, REASONS, SHIFT, SHIFTED, SPREAD, UNCLEAR
from faceline.people.scoring import unit

# Faces are looked at in dlib's frame, with this edge in pixels; `FACE` are the rows and columns of eyes, nose and mouth
# in it, `EYES` some of these rows, and `BOX` the edges of the box that dlib's detectors would give.
EDGE = 96
FACE = slice(14, 84)
EYES = slice(8, 26)
BOX = 16, 80

# Below this standard deviation, in grey levels, a spot shows nothing.
FLAT = 0.6

# The spot below the nose lies that far before the outer corners of the eyes, in their distance: about 28 mm of 90.
NOSE = 0.31

# What a detector is taken to have said of a face of which only the crop is left: what HOG says of half of LFW's faces.
USUAL_LIKENESS = 1.5

# Mirroring moves the embeddings of other networks less than those of dlib's, by this factor, both measured by their
# thresholds: MobileFaceNet's, on LFW.
OTHER_NETWORKS = 1.9


@dataclass(frozen=True)
class Quality:
    """What a poor picture does to the scores of the face that it shows, as it is known from pictures made worse.

    Attributes
    ----------
    lost : float
        The probability that nothing of the person is left: then even known people score as strangers do.
    shift : float
        By how much known people score lower otherwise, in halves of the way from strangers' scores to theirs.
    spread : float
        The variance that is added to their scores, in the same unit.
    reason : str
        What is most likely wrong with the picture, if so much is that it is unclear; empty otherwise.
    """

    lost: float = 0.0
    shift: float = 0.0
    spread: float = 0.0
    reason: str = ""

    @property
    def found(self) -> float:
        """The share of known people, in a gallery of the usual kind, who score more like themselves than like
        strangers."""
        return (1 - self.lost) * 0.5 * math.erfc((self.shift - 1) / math.sqrt(2 * (0.25 + self.spread)))

    @property
    def score(self) -> float:
        """How well a face can be recognised by this picture, from 0 to 1: the share found, against a good picture."""
        return self.found / GOOD.found


GOOD = Quality()


@dataclass(frozen=True)
class Measures:
    """What is measured of a face, in units that people know.

    Attributes
    ----------
    size : int
        Edge of the face's box in its picture, in pixels.
    sharpness : float
        Standard deviation of the finest detail of the face, in grey levels, at EDGE pixels for the crop.
    pose : float
        How far the face looks aside, in degrees, about.
    light : float
        Mean grey level of the face, 0 to 255.
    occlusion : float
        Share of the face in which there is nothing to see, 0 to 1: covered, burnt out, or in black shadow.
    """

    size: int
    sharpness: float
    pose: float
    light: float
    occlusion: float


def measure(
    crops: np.ndarray,
    edges: Sequence[float],
    likenesses: Sequence[float],
    embeddings: np.ndarray,
    augmentation: Augmentation,
    network: Network,
    runtime: Runtime,
    scale: float,
    frame: str | None = None,
) -> list[Quality]:
    """Tell how good pictures of faces are, each by itself.

    Parameters
    ----------
    crops : ndarray of shape (m, size, size, 3), uint8
        In the network's frame.
    edges : sequence of m float
        How large the face is in its picture: the edge of its box, in pixels.
    likenesses : sequence of m float
        How much it looks like a face: `uprightness.likeness`.
    embeddings : ndarray of shape (m, d), float32
        Of the crops.
    augmentation : Augmentation
        What copies of the crops these are the mean of.
    network, runtime
        Where they come from.
    scale : float
        The cosine distance that stands for the network's threshold.
    frame : str or None
        The frame of the crops, where it is not the network's own.
    """
    features = measure_features(crops, edges, likenesses, embeddings, augmentation, network, runtime, scale, frame)
    return [judge(row) for row in features]


def judge(features: np.ndarray) -> Quality:
    """The quality that measured `features`, (f,), stand for."""
    # Nothing is known beyond what was seen: a better picture is as good as the best ones.
    values = np.append(np.clip(features, LOWEST, HIGHEST), 1.0)
    loss, harm = (float(excess(values @ weights)) for weights in (LOST, SHIFTED))
    lost, shift, spread = 1 - math.exp(-loss), SHIFT * harm, SPREAD * harm
    quality = Quality(lost, shift, spread)
    if quality.found >= UNCLEAR:
        return quality
    return replace(quality, reason=max(REASONS, key=lambda reason: float(values @ REASONS[reason])))


def measures_of(features: np.ndarray) -> Measures:
    """What `features`, (f,), say in units that people know."""
    found = dict(zip(FEATURES, features.tolist(), strict=True))
    return Measures(
        size=round(2 ** found["size"]),
        sharpness=max(2 ** found["fine"] - 0.1, 0),
        pose=math.degrees(math.atan(found["yaw"] / NOSE)),
        light=2 ** found["bright"] - 1,
        occlusion=found["flat"],
    )


def excess(values: np.ndarray) -> np.ndarray:
    """What lies above zero, with a smooth start: so pictures as good as the usual ones are good, and nothing else."""
    return np.where(values < 1, np.maximum(values, 0) ** 2 / 2, values - 0.5)


def measure_features(
    crops: np.ndarray,
    edges: Sequence[float],
    likenesses: Sequence[float],
    embeddings: np.ndarray,
    augmentation: Augmentation,
    network: Network,
    runtime: Runtime,
    scale: float,
    frame: str | None = None,
) -> np.ndarray:
    """What is measured of faces, (m, f), in the order of FEATURES; the parameters are those of `measure`."""
    if augmentation != ALONE:
        embeddings = embed(network, crops, runtime, frame=frame)
    mirrored = embed(network, np.ascontiguousarray(crops[:, :, ::-1]), runtime, frame=frame)
    lengths = np.linalg.norm(embeddings, axis=1)
    # The more a face's embedding depends on how it is seen, the less it depends on whose face it is: Terhörst et al.,
    # "SER-FIQ", CVPR 2020. And poor pictures have short embeddings.
    cosines = np.einsum("ij,ij->i", unit(embeddings), unit(mirrored))
    typical = network.typical_length
    scale = scale if typical else scale / OTHER_NETWORKS
    rows = []
    for crop, edge, likeness, cosine, length in zip(crops, edges, likenesses, cosines, lengths, strict=True):
        face = in_dlib_frame(crop, frame or network.frame)
        found = {
            "mirror": (1 - float(cosine)) / scale,
            "length": float(length) / typical if typical else 1.0,
            "size": math.log2(max(edge, 1)),
            "likeness": likeness,
            **pixel_features(face),
            **turn_features(face),
        }
        rows.append([found[name] for name in FEATURES])
    return np.array(rows)


def in_dlib_frame(crop: np.ndarray, frame: str) -> np.ndarray:
    """A crop in a network's frame, (size, size, 3) uint8, as one in dlib's, (EDGE, EDGE, 3) uint8."""
    import cv2

    size = len(crop)
    if size != EDGE:
        crop = cv2.resize(crop, (EDGE, EDGE), interpolation=cv2.INTER_AREA if size > EDGE else cv2.INTER_LINEAR)
    if frame == "dlib":
        return crop
    before, after = (
        (np.array(known.template["outerEyesAndNose"][68]) + 0.5) * EDGE / known.edge - 0.5
        for known in (FRAMES[frame], FRAMES["dlib"])
    )
    matrix = align_transform(before, after)
    return cv2.warpAffine(crop, matrix, (EDGE, EDGE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def pixel_features(face: np.ndarray) -> dict[str, float]:
    """How bright, sharp, symmetrical and empty a face in dlib's frame is, and how its parts differ."""
    import cv2

    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY).astype(np.float32)
    blurred = [grey, *(cv2.GaussianBlur(grey, (0, 0), sigma) for sigma in (1, 2, 4))]
    fine, medium = ((blurred[step] - blurred[step + 1])[FACE, FACE] for step in (1, 2))
    detail = np.abs(grey - blurred[2])
    grey, smooth = grey[FACE, FACE], blurred[2][FACE, FACE]
    contrast = float(grey.std())
    return {
        "bright": math.log2(float(grey.mean()) + 1),
        "contrast": math.log2(contrast + 1),
        "fine": logarithm(fine.std()),
        "medium": logarithm(medium.std()),
        "uneven": float(np.abs(smooth - smooth[:, ::-1]).mean()) / (contrast + 2),
        "flat": float((cv2.blur(detail, (5, 5))[FACE, FACE] < FLAT).mean()),
        # How much darker or lighter than the face the eyes are, which are a little darker.
        "eyes": abs(math.log2(float((grey[EYES].mean() + 8) / (grey.mean() + 8))) + 0.1),
    }


def logarithm(deviation: float) -> float:
    return math.log2(float(deviation) + 0.1)


def turn_features(face: np.ndarray) -> dict[str, float]:
    """How far a face in dlib's frame looks aside: `yaw` is how far the nose lies beside the middle between the eyes,
    `long` how far below them, in logarithms of the distance of the eyes."""
    beside, below = nose_of(face)
    return {"yaw": abs(beside), "long": math.log(max(abs(below), 0.05))}


def nose_of(face: np.ndarray) -> tuple[float, float]:
    """How far the nose of a face in dlib's frame lies to the right of the middle between the eyes, and how far below,
    in distances of the eyes."""
    import cv2

    # Landmarks are whole pixels: enlarged, they are exact enough.
    larger = cv2.resize(face, (2 * EDGE, 2 * EDGE), interpolation=cv2.INTER_LINEAR)
    low, high = (2 * edge for edge in BOX)
    points = predict_landmarks(larger, (low, low, high, high), 5).astype(float)
    axis, nose = points[0] - points[2], points[4] - (points[0] + points[2]) / 2
    square = max(float(axis @ axis), 1.0)
    return float(nose @ axis) / square, float(nose @ np.array([-axis[1], axis[0]])) / square


def turned(crop: np.ndarray, frame: str) -> float:
    """How far a face in a crop, (size, size, 3) uint8 in a network's frame, looks to the picture's right, in degrees,
    about; negative to the left."""
    return math.degrees(math.atan(nose_of(in_dlib_frame(crop, frame))[0] / NOSE))
