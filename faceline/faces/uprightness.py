"""Whether a face is upright, and how far its picture has to be turned where it is not.

Detectors differ in what they find beside upright faces: dlib's HOG finds one of eight upside down and hardly any on its
side, its CNN finds two of three on their side and hardly any upside down, YuNet finds them in every turn. dlib's
landmark predictors place an upright face on whatever they are shown, so landmarks say little: their residual from the
mean face is as small on a face that lies on its side. What tells the turns from each other is how a detector scores
them: the HOG scores of what is around the face, turned four ways, are highest for the upright one in all of 428 faces
of LFW, 278 of them hard ones. `benchmarks/turned.py` measures the whole.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from faceline.disk.pictures.boxes import (
    TURNS,
    turned,
    turned_box,
)
from faceline.disk.pictures.views import Seen, whole_of
from faceline.faces.detectors import Face, detect_cnn, detect_hog
from faceline.faces.tiles import without_repetitions
from faceline.networks.runtime import Runtime
from faceline.networks.weights import DLIB_MMOD

# The files that this needs, whatever the detector.
UPRIGHTNESS_WEIGHTS = (DLIB_MMOD,)

# HOG scores of 3,491 pictures of LFW, upright and turned. A face that scores CERTAIN is upright: 92 % of upright faces
# do, and 4 upside down. One that is PLAIN does not lie on its side: such faces score 0.35 at most. A turn is clear if
# it is better by a MARGIN than the others.
CERTAIN, PLAIN, MARGIN = 0.8, 0.35, 0.3

# The CNN gives an upright face 0.99 to 1.11 in 99 of 100 pictures, and one on its side anything.
LIKELY = 0.5

# What a detector sees of a face to tell its turn: this many edges of its box, and how large the edge is made. Both look
# for faces of 80 pixels, and every pixel more costs.
CONTEXT, EDGE = 1.6, 90

# HOG scores below are not told from each other.
LOWEST = -0.5


def upright_faces(
    image: np.ndarray,
    find: Callable[[np.ndarray, int], list[Face]],
    glance: Callable[[np.ndarray, int], list[Face]],
    runtime: Runtime,
    every: bool,
) -> list[Face]:
    """The faces of a picture that are upright, or are so when it is turned.

    Other turns are looked at only where there is no upright face, or one that lies.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8
    find, glance : callable
        Give the faces of a picture that is turned clockwise by `turn` degrees, whatever their own turn: all that a
        detector finds, and what it finds quickly.
    runtime : Runtime
    every : bool
        Whether every face has to be upright, or only the first.

    Returns
    -------
    list of Face
    """
    faces, doubtful, turns = [], [], set()
    for face in (found := find(image, 0)):
        turn = turn_of(image, face, runtime)
        if turn == 0 and is_unlikely(image, face, runtime):
            doubtful.append(face)
        elif turn == 0:
            if not every and face is found[0]:
                return found
            faces.append(face)
        elif turn is not None:
            turns.add(turn)
    if not faces and not turns:
        scores = {turn: sum(face.score for face in found_in(image, turn, glance, runtime)) for turn in TURNS[1:]}
        turns = {turn for turn in TURNS[1:] if scores[turn] == max(scores.values()) > 0}
    for turn in sorted(turns):
        faces += without_repetitions(found_in(image, turn, find, runtime), faces)
    return faces + doubtful if faces and every else faces


def found_in(
    image: np.ndarray, turn: int, look: Callable[[np.ndarray, int], list[Face]], runtime: Runtime
) -> list[Face]:
    """The faces that a look finds upright when a picture is turned by `turn`."""
    faces = [turned_back(face, turn, image) for face in look(image, turn)]
    return [face for face in faces if is_upright(image, face, runtime)]


def turned_back(face: Face, turn: int, image: Seen) -> Face:
    """A face that was found when a picture was turned by `turn`, with its box in the picture as it is."""
    height, width = image.shape[:2] if turn in (0, 180) else image.shape[1::-1]
    return replace(face, turn=turn, box_ltrb=turned_box(face.box_ltrb, height, width, -turn % 360))


def is_upright(image: np.ndarray, face: Face, runtime: Runtime) -> bool:
    """Whether a face is upright when its picture is turned as it was to find it."""
    return turn_of(image, face, runtime) == face.turn


def is_unlikely(image: np.ndarray, face: Face, runtime: Runtime) -> bool:
    """Whether a face is one to HOG alone, and hardly: at the edge of a picture it may be half a face beside others."""
    if face.detector != "hog" or face.score >= PLAIN:
        return False
    return cnn_score(area_around(image, face), 0, runtime) < LIKELY


def turn_of(image: np.ndarray, face: Face, runtime: Runtime) -> int | None:
    """How far a picture has to be turned clockwise for a face to be upright.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8
    face : Face
        Found when the picture was turned by its `turn`. Few pictures lie: where that is not 0, both detectors have to
        speak for the face.
    runtime : Runtime

    Returns
    -------
    {0, 90, 180, 270} or None
        None if it does not look like an upright face in any turn.
    """
    is_hog = face.detector == "hog"
    if is_hog and face.score >= CERTAIN:
        return face.turn
    seen = area_around(image, face)
    if is_hog and face.turn == 0:
        rivals = (180,) if face.score >= PLAIN else (180, 90, 270)
        if all(face.score - hog_score(seen, turn, runtime) >= MARGIN for turn in rivals):
            return 0
    hog = {turn: hog_score(seen, turn, runtime) for turn in TURNS}
    if is_hog:
        hog[face.turn] = max(hog[face.turn], face.score)
    best, second = sorted(TURNS, key=hog.__getitem__, reverse=True)[:2]
    if hog[best] - hog[second] >= MARGIN or hog[best] > hog[second] == LOWEST:
        is_by_cnn = face.detector == "cnn" and face.turn == best
        if (face.score if is_by_cnn else cnn_score(seen, best, runtime)) >= LIKELY:
            return best
    return turn_by_both(hog, {turn: cnn_score(seen, turn, runtime) for turn in TURNS})


def turn_by_both(hog: dict[int, float], cnn: dict[int, float]) -> int | None:
    """The turn that both detectors' scores speak for, each turn -> score; None if they do not."""
    # The CNN finds a face on its side as well as in the opposite turn, but an upright one not upside down.
    total = {turn: hog[turn] - LOWEST + cnn[turn] - cnn[(turn + 180) % 360] for turn in TURNS}
    best, second = sorted(TURNS, key=total.__getitem__, reverse=True)[:2]
    return best if cnn[best] >= LIKELY and total[best] - total[second] >= MARGIN else None


def hog_score(seen: np.ndarray, turn: int, runtime: Runtime) -> float:
    """How much a part of a picture looks like an upright face to HOG when it is turned."""
    import cv2

    grey = cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY)  # a quarter less to compute
    return max((face.score for face in detect_hog(turned(grey, turn), 0, runtime, LOWEST)), default=LOWEST)


def likeness(image: Seen, face: Face, runtime: Runtime) -> float:
    """How much a face looks like one to HOG, whatever found it in the picture."""
    return face.score if face.detector == "hog" else hog_score(area_around(whole_of(image), face), face.turn, runtime)


def cnn_score(seen: np.ndarray, turn: int, runtime: Runtime) -> float:
    """Likewise for dlib's CNN, 0 for no face."""
    return max((face.score for face in detect_cnn(turned(seen, turn), 0, runtime)), default=0.0)


def area_around(image: np.ndarray, face: Face) -> np.ndarray:
    """The square part of a picture of CONTEXT edges of a face's box, as far as there is, with EDGE pixels for one.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
    """
    import cv2

    left, top, right, bottom = face.box_ltrb
    length = max(right - left, bottom - top)
    reach = CONTEXT * length / 2
    height, width = image.shape[:2]
    x, y = (left + right) / 2, (top + bottom) / 2
    part = image[
        max(0, round(y - reach)) : min(height, round(y + reach)),
        max(0, round(x - reach)) : min(width, round(x + reach)),
    ]
    factor = EDGE / length
    shape = tuple(max(1, round(extent * factor)) for extent in part.shape[1::-1])
    return cv2.resize(part, shape, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
