"""Where a network expects the landmarks of a face in its crop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from faceline.errors import FacelineError

# The landmark set that is cut by dlib itself, which places all points of its predictor, not three of them.
DLIB_CHIP = "dlibChip"


# Landmark set -> landmark model -> its points, each the mean of one or several of the predictor's. Of 68, 36 and 45
# are the outer and 39 and 42 the inner corners of the eyes on the picture's left and right, 36 to 41 and 42 to 47 the
# eyes, 30 the tip and 33 the base of the nose, 48 and 54 the corners and 57 the bottom of the mouth.
LANDMARK_SETS: Mapping[str, Mapping[int, tuple[tuple[int, ...], ...]]] = {
    "outerEyesAndNose": {5: ((2,), (0,), (4,)), 68: ((36,), (45,), (33,))},
    "innerEyesAndBottomLip": {68: ((39,), (42,), (57,))},
    "eyesNoseAndMouth": {68: (tuple(range(36, 42)), tuple(range(42, 48)), (30,), (48,), (54,))},
    DLIB_CHIP: {5: (), 68: ()},
}


DEFAULT_LANDMARKS = "outerEyesAndNose"


@dataclass(frozen=True)
class Frame:
    """A network's idea of a crop.

    Attributes
    ----------
    edge : int
        The square that `template` is given in, in pixels.
    template : landmark set -> landmark model -> (x, y) of each point
    affine : bool
        The crop is stretched so that three points fit exactly, as OpenFace's networks were trained.
    padding : float
        Where dlib cuts the crop itself: what it has around the face on each side, in edges of the face.
    """

    edge: int
    template: Mapping[str, Mapping[int, tuple[tuple[float, float], ...]]]
    affine: bool = False
    padding: float = 0.25


FRAMES = {
    # dlib.get_face_chip(image, shape of 68 points, 150, 0.25), which dlib's network was trained on: the mean places of
    # the landmarks in it, measured on 600 to 700 faces of LFW.
    "dlib": Frame(
        edge=150,
        template={
            "outerEyesAndNose": {
                5: ((36.71, 46.36), (109.97, 46.42), (73.59, 86.61)),
                68: ((36.90, 46.67), (109.82, 46.84), (73.55, 86.72)),
            },
            "innerEyesAndBottomLip": {68: ((57.58, 47.52), (89.21, 47.59), (73.42, 116.57))},
            "eyesNoseAndMouth": {
                68: ((47.40, 46.42), (99.42, 46.60), (73.79, 75.15), (49.99, 103.53), (97.05, 103.74)),
            },
            DLIB_CHIP: {5: (), 68: ()},
        },
    ),
    # The five points of Deng et al., "ArcFace", CVPR 2019, as its authors publish them; the mean places of the other
    # sets in crops that were aligned by these, measured on 696 faces of LFW.
    "arcface": Frame(
        edge=112,
        template={
            "outerEyesAndNose": {
                5: ((31.53, 52.94), (80.05, 52.76), (56.14, 79.61)),
                68: ((31.73, 53.07), (79.81, 52.98), (56.15, 79.61)),
            },
            "innerEyesAndBottomLip": {68: ((45.33, 53.59), (66.30, 53.55), (56.14, 99.42))},
            "eyesNoseAndMouth": {
                68: (
                    *((38.2946, 51.6963), (73.5318, 51.5014)),
                    (56.0252, 71.7366),
                    *((41.5493, 92.3655), (70.7299, 92.2041)),
                ),
            },
        },
    ),
    # OpenFace's template (Amos, Ludwiczuk and Satyanarayanan, CMU-CS-16-118, 2016), scaled to the extremes of its
    # points as its align_dlib.py does; these networks want it tight and stretched.
    "openface": Frame(
        edge=96,
        template={
            "outerEyesAndNose": {68: ((18.6391, 16.2496), (75.7305, 15.1844), (47.5153, 49.3864))},
            "innerEyesAndBottomLip": {68: ((34.9234, 17.0829), (59.4205, 16.5867), (48.0196, 72.0561))},
        },
        affine=True,
    ),
}


def enlarged(template: Mapping, edge: int, factor: float) -> dict:
    """The places of landmarks in a frame that shows less around the same middle, at the same edge."""
    middle = (edge - 1) / 2
    return {
        landmarks: {
            model: tuple(((x - middle) * factor + middle, (y - middle) * factor + middle) for x, y in points)
            for model, points in models.items()
        }
        for landmarks, models in template.items()
    }


# dlib's chip with a padding of 0.1: 1.2 edges of the face instead of 1.5.
DLIB_TIGHT = "dlib-tight"
FRAMES[DLIB_TIGHT] = Frame(edge=150, template=enlarged(FRAMES["dlib"].template, 150, 1.5 / 1.2), padding=0.1)


def shifted(template: Mapping, right: float, down: float) -> dict:
    """The places of landmarks in a frame that has that much more on the left and above."""
    return {
        landmarks: {
            model: tuple((x + right, y + down) for x, y in points) for model, points in template[landmarks].items()
        }
        for landmarks in template
        if landmarks != DLIB_CHIP  # which dlib cuts itself
    }


# One crop for networks of dlib's and of ArcFace's frame, neither of which lies inside the other: dlib's shows 0.71 of
# ArcFace's, which has more of the forehead, and ArcFace's 0.90 of dlib's, which has more of the chin. At 192 pixels
# dlib's part has the 150 that its network takes, and ArcFace's 169.
SHARED = "shared"
FRAMES[SHARED] = Frame(edge=192, template=shifted(FRAMES["dlib"].template, 23, 38.5))

# Whose frames lie inside a frame; and whose but for a part without which its networks do nearly as well
# (docs/networks.md).
WITHIN = {"dlib": ("dlib", DLIB_TIGHT), SHARED: ("dlib", "arcface", DLIB_TIGHT)}
NEARLY_WITHIN = {"dlib": ("arcface",)}


def serves(frame: str, other: str) -> bool:
    """Whether crops in one frame can be cut again for a network that wants another one."""
    return other == frame or other in WITHIN.get(frame, ()) or other in NEARLY_WITHIN.get(frame, ())


def frame_for(frames: Sequence[str]) -> str | None:
    """The frame of one crop for networks of several, of which each lies inside it; None if there is none."""
    wanted = set(frames)
    if len(wanted) == 1:
        return frames[0]
    return next((frame for frame, within in WITHIN.items() if wanted <= {*within}), None)


def landmark_model_for(frame: str, landmarks: str, model: int | None) -> int:
    """The number of points of the predictor that serves a landmark set: the smallest that can, or `model`.

    Raises
    ------
    FacelineError
        If frame or set are unknown, or do not go together or with `model`.
    """
    if frame not in FRAMES:
        raise FacelineError(f"unknown frame {frame!r}; choose from {', '.join(FRAMES)}")
    if landmarks not in LANDMARK_SETS:
        raise FacelineError(f"unknown landmarks {landmarks!r}; choose from {', '.join(LANDMARK_SETS)}")
    sets = FRAMES[frame].template
    if landmarks not in sets:
        raise FacelineError(f"the frame {frame} has no places for {landmarks}; choose from {', '.join(sets)}")
    if model is None:
        return min(sets[landmarks])
    if model not in sets[landmarks]:
        raise FacelineError(f"the {model}-point landmark model has no {landmarks}; leave out --landmark-model {model}")
    return model
