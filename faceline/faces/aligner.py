"""From a picture to its faces and their crops, the same way for the gallery and for a photograph to be named."""

import math
from collections.abc import Iterable
from itertools import chain

import numpy as np

from faceline.disk.pictures.boxes import Box, turned, turned_box, turned_points
from faceline.faces.cutting import (
    affine_transform,
    align_transform,
    cut,
)
from faceline.faces.detectors import DETECTORS, Face
from faceline.faces.landmarks import dlib_chip, predict_landmarks
from faceline.faces.options import AlignmentOptions
from faceline.faces.promise import is_confirmed, is_plain
from faceline.faces.tiles import is_same, moved, without_repetitions
from faceline.faces.uprightness import is_upright, turned_back, upright_faces
from faceline.faces.wide import WIDE_LOOKS, Look, in_threads, tile_looks
from faceline.host.sharing import once
from faceline.host.steps import step
from faceline.networks.frames import DLIB_CHIP, FRAMES, LANDMARK_SETS
from faceline.networks.runtime import Runtime

# A picture in which no face is found is shrunk to a longer edge of this many pixels to look for one that lies: enlarged
# once, detectors see faces of a seventh of that. To look closer costs every picture without a face more.
GLANCE_SIZE = 300


# Where a face would be in a picture that no detector finds one in: the edge of its box, and how much lower than the
# picture's its middle lies, in shorter edges of the picture. The medians of 3,491 detections in LFW.
MIDDLE_EDGE, MIDDLE_DROP = 0.42, 0.046


# The width of the bell curve by which faces count for less the farther they are from the middle, in widths and heights
# of the picture: by 0.35 LFW's subjects are the main faces in all of 180 pictures of several, by 0.5 not in all.
MIDDLE_REACH = 0.35


class Aligner:
    """Finds faces and crops them as `options` say. The models are loaded at first use, once a process.

    `wide` says whether photographs larger than `detection_size` may be looked at in their full resolution, too.
    """

    def __init__(self, options: AlignmentOptions, runtime: Runtime, wide: bool = True) -> None:
        self.options = options
        self.runtime = runtime
        self.wide = wide

    def find(self, image: np.ndarray, every: bool = False) -> list[Face]:
        """Detect the faces of a picture: the main one first, which is large and near the middle, then from the largest.

        The first look is at the picture with a longer edge of `detection_size` pixels. Where that finds nothing, and
        where every face is wanted, the wide look follows.

        Parameters
        ----------
        image : ndarray of shape (height, width, 3), uint8
            RGB.
        every : bool
            Find small ones beside the main one too, which costs more. The main one is the same.

        Returns
        -------
        list of Face
            Upright ones; where the picture lies on its side or upside down, those that are upright when it is turned.
        """
        faces = main_first(self.look(image, every=False), image)
        if not faces:
            return main_first(self.look_wide(image, [], 0), image)
        if not every:
            return faces
        return [faces[0], *from_largest(apart_from(faces[0], self.look_for_every(image, faces[0].turn)), image)]

    def find_confirmed(self, image: np.ndarray) -> list[Face]:
        """Every face that is beyond doubt, in the order of `find`; where all are in doubt, the main one alone.

        The main face of the first look stays, unless it is in doubt and the wide look shows it otherwise: where two
        heads touch, HOG may see one face across both in the picture as it is.
        """
        faces = self.find(image)
        if not faces:
            return faces
        main = faces[0]
        found = self.look_for_every(image, main.turn)
        others = apart_from(main, found)
        if is_plain(main) or len(others) == len(found):
            found = [main, *others]
        confirmed = [face for face in found if is_confirmed(image, face, self.runtime)] or [main]
        if main in confirmed:
            return [main, *from_largest((face for face in confirmed if face != main), image)]
        return main_first(confirmed, image)

    def look_for_every(self, image: np.ndarray, turn: int) -> list[Face]:
        """The faces of the enlarged picture, and those of a large one at its full resolution, turned by `turn`."""
        return self.look_wide(image, [lambda: self.look(image, every=True)], turn)

    def look(self, image: np.ndarray, every: bool) -> list[Face]:
        """The faces of a picture that is shrunk to `detection_size`."""
        options = self.options
        detector = DETECTORS[options.detector]
        smaller, scale = shrunk(image, options.detection_size)

        def find(image: np.ndarray, turn: int) -> list[Face]:
            seen = turned(image, turn)
            return main_first(detector.find(seen, options.upsample, self.runtime, every), seen)

        found = upright_faces(smaller, find, self.glance, self.runtime, every)
        return [moved(face, 0, 0, scale) for face in found]

    def glance(self, image: np.ndarray, turn: int) -> list[Face]:
        """The larger faces of a picture of `detection_size` that is turned, at a fraction of what `look` costs."""
        smaller, scale = shrunk(image, GLANCE_SIZE)
        wide = WIDE_LOOKS[self.options.detector]
        return [moved(face, 0, 0, scale) for face in wide.look(turned(smaller, turn), 1, self.runtime)]

    def find_in_frame(self, image: np.ndarray) -> list[Face]:
        """The upright faces that one look sees in a picture that is shrunk to `detection_size`, from the largest: what
        a frame of a video is worth, which the next one resembles."""
        options = self.options
        smaller, scale = shrunk(image, options.detection_size)
        found = DETECTORS[options.detector].looks[0](smaller, options.upsample, self.runtime)
        return from_largest((moved(face, 0, 0, scale) for face in found), image)

    def look_wide(self, image: np.ndarray, before: list[Look], turn: int) -> list[Face]:
        """The faces that some looks find, then those of a large picture at its full resolution, turned by `turn`."""
        options, runtime = self.options, self.runtime
        wide = WIDE_LOOKS[options.detector]
        looks = list(before)
        if self.wide:
            reduction = max(image.shape[:2]) / options.detection_size
            seen = turned(image, turn)
            looks += tile_looks(seen, wide, options.upsample, reduction, runtime)
        found = in_threads(looks, runtime.threads if wide.one_thread else 1)
        known = list(chain(*found[: len(before)]))
        # Scores of different detectors do not compare: first what HOG sees plainly.
        by_score = sorted(chain(*found[len(before) :]), key=lambda face: (-face.score, face.box_ltrb))
        further = sorted(by_score, key=lambda face: face.detector != "hog")
        further = without_repetitions((turned_back(face, turn, image) for face in further), known)
        return known + [face for face in further if is_upright(image, face, runtime)]

    def crop(self, image: np.ndarray, face: Face) -> np.ndarray:
        """Cut a face out of its picture, placed as the network expects it.

        Returns
        -------
        ndarray of shape (size, size, 3), uint8

        Raises
        ------
        CoincidentLandmarksError
            If the face's landmarks do.
        """
        return self.crop_and_landmarks(image, face)[0]

    def crop_and_landmarks(self, image: np.ndarray, face: Face) -> tuple[np.ndarray, np.ndarray]:
        """What `crop` gives, and the landmarks that it was cut by.

        Returns
        -------
        ndarray of shape (size, size, 3), uint8
        ndarray of shape (landmark_model, 2), int64
            (x, y) in pixels of the picture as it is, before any turn.

        Raises
        ------
        CoincidentLandmarksError
            If the landmarks do.
        """
        options = self.options
        height, width = image.shape[:2]
        box_ltrb = turned_box(face.box_ltrb, height, width, face.turn)
        image = turned(image, face.turn)
        with step("landmarks"):
            landmarks = predict_landmarks(image, box_ltrb, options.landmark_points)
        with step("crop"):
            crop = self.cut_out(image, box_ltrb, landmarks)
        height, width = image.shape[:2]
        return crop, turned_points(landmarks, height, width, -face.turn % 360)

    def cut_out(self, image: np.ndarray, box_ltrb: Box, landmarks: np.ndarray) -> np.ndarray:
        """The crop of an upright face by its landmarks, (landmark_model, 2), where its box is that of the detector."""
        options = self.options
        frame = FRAMES[options.frame]
        if options.landmarks == DLIB_CHIP:
            return dlib_chip(image, box_ltrb, landmarks, options.size, frame.padding)
        groups = LANDMARK_SETS[options.landmarks][options.landmark_points]
        points = np.array([landmarks[list(group)].mean(axis=0) for group in groups])
        template = np.array(frame.template[options.landmarks][options.landmark_points])
        transform = affine_transform if frame.affine else align_transform
        return cut(image, points, template, frame.edge, options.size, transform)


def apart_from(face: Face, others: Iterable[Face]) -> list[Face]:
    """The others that are not the same face."""
    return [other for other in others if not is_same(other.box_ltrb, face.box_ltrb)]


def from_largest(faces: Iterable[Face], image: np.ndarray) -> list[Face]:
    """The faces that a picture shows, by how much of them it does."""
    shown = [face for face in faces if visible_area(face, image)]
    return sorted(shown, key=lambda face: (-visible_area(face, image), face.box_ltrb))


def main_first(faces: Iterable[Face], image: np.ndarray) -> list[Face]:
    """The same, but the main face comes first."""
    height, width = image.shape[:2]

    def prominence(face: Face) -> float:
        left, top, right, bottom = face.box_ltrb
        distance = math.hypot((left + right) / width - 1, (top + bottom) / height - 1) / 2
        return math.log(visible_area(face, image)) - (distance / MIDDLE_REACH) ** 2 / 2

    faces = from_largest(faces, image)
    if faces:
        main = max(faces, key=prominence)
        faces.remove(main)
        faces.insert(0, main)
    return faces


def visible_area(face: Face, image: np.ndarray) -> int:
    left, top, right, bottom = face.visible_box(image)
    return max(right - left, 0) * max(bottom - top, 0)


def shrunk(image: np.ndarray, size: int) -> tuple[np.ndarray, float]:
    """A picture whose longer edge has at most `size` pixels, averaged where it shrinks, and how much larger it was."""
    import cv2

    height, width = image.shape[:2]
    scale = max(height, width) / size
    if scale <= 1:
        return image, 1.0
    shape = max(1, round(width / scale)), max(1, round(height / scale))
    return cv2.resize(image, shape, interpolation=cv2.INTER_AREA), scale


def middle_face(image: np.ndarray) -> Face:
    """A box in the middle of a picture of shape (height, width, 3), as large as a detected face: a guess."""
    height, width = image.shape[:2]
    shorter = min(height, width)
    edge = max(1, round(MIDDLE_EDGE * shorter))
    left, top = round((width - edge) / 2), round((height - edge) / 2 + MIDDLE_DROP * shorter)
    return Face((left, top, left + edge, top + edge), 0.0)


@once
def aligner_for(options: AlignmentOptions, runtime: Runtime, wide: bool = True) -> Aligner:
    """One aligner for each process and set of options."""
    return Aligner(options, runtime, wide)
