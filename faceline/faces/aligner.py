"""From a picture to its faces and their crops, the same way for the gallery and for a photograph to be named."""

from functools import partial
from itertools import chain

import numpy as np

from faceline.disk.pictures.boxes import Box, turned, turned_box, turned_points
from faceline.disk.pictures.views import Seen, View, Views, views_of, whole_of
from faceline.faces.cutting import (
    affine_transform,
    align_transform,
    cut,
)
from faceline.faces.detectors import DETECTORS, Face, detect_hog
from faceline.faces.landmarks import dlib_chip, predict_landmarks
from faceline.faces.main_face import apart_from, from_largest, main_first, outshines
from faceline.faces.options import AlignmentOptions
from faceline.faces.promise import is_confirmed, is_plain
from faceline.faces.tiles import moved, without_repetitions
from faceline.faces.uprightness import CERTAIN, is_upright, turned_back, upright_faces
from faceline.faces.wide import WIDE_LOOKS, Detect, Look, in_threads, tile_looks
from faceline.host.sharing import once
from faceline.host.steps import step
from faceline.networks.frames import DLIB_CHIP, FRAMES, LANDMARK_SETS
from faceline.networks.runtime import Runtime

# A picture in which no face is found is shrunk to a longer edge of this many pixels to look for one that lies: enlarged
# once, detectors see faces of a seventh of that. To look closer costs every picture without a face more.
GLANCE_SIZE = 300

# The quick look. dlib's HOG detector shrinks its picture to 5/6 again and again. A picture that is smaller by a power
# of this shows it the same levels, in which it finds the same boxes but for a few pixels, only not the smaller ones. A
# face of SURELY pixels and more is not missed for its size.
QUICK_SCALE = (5 / 6) ** 5
SURELY = 88

# A face is cut out of the smallest view in which its box has this many edges of the crop, which shows about one and a
# half edges of the box. The embeddings of 27 faces then lie 0.043 (L2, median; 9 of 10 below 0.070) from those of crops
# of the whole photograph; saving this again with JPEG's quality of 85 moves them by 0.038 (0.058), a box that lies 1 %
# of its edge elsewhere by 0.038 (0.070). With 1.2 it is 0.051 (0.078), with 1.0 0.067 (0.090), with 0.6 0.12 (0.15).
ENOUGH = 1.5


# Where a face would be in a picture that no detector finds one in: the edge of its box, and how much lower than the
# picture's its middle lies, in shorter edges of the picture. The medians of 3,491 detections in LFW.
MIDDLE_EDGE, MIDDLE_DROP = 0.42, 0.046


class Aligner:
    """Finds faces and crops them as `options` say. The models are loaded at first use, once a process.

    `wide` says whether photographs larger than `detection_size` may be looked at in their full resolution, too.
    """

    def __init__(self, options: AlignmentOptions, runtime: Runtime, wide: bool = True) -> None:
        self.options = options
        self.runtime = runtime
        self.wide = wide

    def find(self, image: Seen, every: bool = False) -> list[Face]:
        """Detect the faces of a picture: the main one first, which is large and near the middle, then from the largest.

        The first look is at the picture with a longer edge of `detection_size` pixels, or fewer where that shows a face
        so large that it is the main one. Where it finds nothing, and where every face is wanted, the wide look follows.

        Parameters
        ----------
        image : ndarray of shape (height, width, 3), uint8; or Views of one
            RGB.
        every : bool
            Find small ones beside the main one too, which costs more. The main one is the same.

        Returns
        -------
        list of Face
            Upright ones; where the picture lies on its side or upside down, those that are upright when it is turned.
        """
        image = views_of(image)
        faces = self.quick_look(image) or main_first(self.look(image, every=False), image)
        if not faces:
            return main_first(self.look_wide(image, [], 0) or self.last_look(image), image)
        if not every:
            return faces
        return [faces[0], *from_largest(apart_from(faces[0], self.look_for_every(image, faces[0].turn)), image)]

    def find_confirmed(self, image: Seen) -> list[Face]:
        """Every face that is beyond doubt, in the order of `find`; where all are in doubt, the main one alone.

        The main face of the first look stays, unless it is in doubt and the wide look shows it otherwise: where two
        heads touch, HOG may see one face across both in the picture as it is.
        """
        image = views_of(image)
        faces = self.find(image)
        if not faces:
            return faces
        main = faces[0]
        found = self.look_for_every(image, main.turn)
        others = apart_from(main, found)
        if is_plain(main) or len(others) == len(found):
            found = [main, *others]
        confirmed = [face for face in found if is_confirmed(whole_of(image), face, self.runtime)] or [main]
        if main in confirmed:
            return [main, *from_largest((face for face in confirmed if face != main), image)]
        return main_first(confirmed, image)

    def quick_look(self, image: Views) -> list[Face]:
        """The faces of a large photograph that show in a small copy, the main one first, if no other face can be that;
        else none."""
        options = self.options
        if not self.is_large(image):
            return []
        size = round(options.detection_size * QUICK_SCALE)
        view = image.with_edge(options.first_edge)
        smaller, scale = shrunk(view.pixels, size)
        found = main_first((in_whole(face, view, scale) for face in detect_hog(smaller, 0, self.runtime)), image)
        hidden = SURELY * max(image.shape[:2]) / size
        return found if found and found[0].score >= CERTAIN and outshines(found[0], hidden, image) else []

    def look_for_every(self, image: Views, turn: int) -> list[Face]:
        """The faces of the enlarged picture, and those of a large one at its full resolution, turned by `turn`."""
        if self.wide and self.is_large(image):
            return self.look_wide(image, [], turn, further=1)
        return self.look_wide(image, [lambda: self.look(image, every=True)], turn)

    def is_large(self, image: Views) -> bool:
        """Whether a picture is larger than what the detector has to see of it, and there are faster ways to look."""
        has_ways = WIDE_LOOKS[self.options.detector].in_shrunk is not None
        return has_ways and max(image.shape[:2]) > self.options.detection_size

    def look(self, image: Views, every: bool) -> list[Face]:
        """The faces of a picture that is shrunk to `detection_size`."""
        in_shrunk = WIDE_LOOKS[self.options.detector].in_shrunk
        if in_shrunk is not None and self.is_large(image) and not every:
            return self.look_by(in_shrunk, image, every)
        return self.look_by(partial(DETECTORS[self.options.detector].find, every=every), image, every)

    def last_look(self, image: Views) -> list[Face]:
        """The faces of a large photograph that only the detector's last look sees."""
        if not self.is_large(image):
            return []
        return self.look_by(partial(DETECTORS[self.options.detector].find, every=False, after=1), image, every=False)

    def look_by(self, detect: Detect, image: Views, every: bool) -> list[Face]:
        """The faces that `detect` finds in a picture that is shrunk to `detection_size`, upright or turned."""
        options = self.options
        view = image.with_edge(options.detection_size)
        smaller, scale = shrunk(view.pixels, options.detection_size)

        def find(image: np.ndarray, turn: int) -> list[Face]:
            seen = turned(image, turn)
            return main_first(detect(seen, options.upsample, self.runtime), seen)

        found = upright_faces(smaller, find, self.glance, self.runtime, every)
        return [in_whole(face, view, scale) for face in found]

    def glance(self, image: np.ndarray, turn: int) -> list[Face]:
        """The larger faces of a picture of `detection_size` that is turned, at a fraction of what `look` costs."""
        smaller, scale = shrunk(image, GLANCE_SIZE)
        wide = WIDE_LOOKS[self.options.detector]
        look = wide.glance or wide.look
        return [moved(face, 0, 0, scale) for face in look(turned(smaller, turn), 1, self.runtime)]

    def find_in_frame(self, image: np.ndarray) -> list[Face]:
        """The upright faces that one look sees in a picture that is shrunk to `detection_size`, from the largest: what
        a frame of a video is worth, which the next one resembles."""
        options = self.options
        smaller, scale = shrunk(image, options.detection_size)
        found = DETECTORS[options.detector].looks[0](smaller, options.upsample, self.runtime)
        return from_largest((moved(face, 0, 0, scale) for face in found), image)

    def look_wide(self, image: Views, before: list[Look], turn: int, further: int = 0) -> list[Face]:
        """The faces that some looks find, then those of a large picture at its full resolution, turned by `turn`; and
        at `further` smaller levels, too."""
        options, runtime = self.options, self.runtime
        wide = WIDE_LOOKS[options.detector]
        looks = list(before)
        if self.wide:
            reduction = max(image.shape[:2]) / options.detection_size
            if reduction > 1:
                seen = turned(image.whole, turn)
                looks += tile_looks(seen, wide, options.upsample, reduction, runtime, further)
        found = in_threads(looks, runtime.threads if wide.one_thread else 1)
        known = list(chain(*found[: len(before)]))
        # Scores of different detectors do not compare: first what HOG sees plainly.
        by_score = sorted(chain(*found[len(before) :]), key=lambda face: (-face.score, face.box_ltrb))
        more = sorted(by_score, key=lambda face: face.detector != "hog")
        more = without_repetitions((turned_back(face, turn, image) for face in more), known)
        return known + [face for face in more if is_upright(image.whole, face, runtime)]

    def crop(self, image: Seen, face: Face) -> np.ndarray:
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

    def crop_and_landmarks(self, image: Seen, face: Face) -> tuple[np.ndarray, np.ndarray]:
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
        view = self.view_of(views_of(image), face)
        height, width = view.pixels.shape[:2]
        box_ltrb = turned_box(view.box_here(face.box_ltrb), height, width, face.turn)
        pixels = turned(view.pixels, face.turn)
        with step("landmarks"):
            landmarks = predict_landmarks(pixels, box_ltrb, self.options.landmark_points)
        with step("crop"):
            crop = self.cut_out(pixels, box_ltrb, landmarks)
        height, width = pixels.shape[:2]
        points = view.whole_points(turned_points(landmarks, height, width, -face.turn % 360))
        return crop, np.rint(points).astype(np.int64)

    def view_of(self, image: Views, face: Face) -> View:
        """The smallest view of a picture that shows a face large enough for its crop. It does not depend on how the
        face was found, so that every way to it ends with the same crop."""
        left, _, right, _ = face.box_ltrb
        return image.reduced_by((right - left) / (ENOUGH * self.options.size))

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


def in_whole(face: Face, view: View, scale: float) -> Face:
    """A face of a view that was shrunk by `scale`, in the whole picture."""
    factor = view.scale * scale
    return moved(face, view.left / factor, view.top / factor, factor)


def shrunk(image: np.ndarray, size: int) -> tuple[np.ndarray, float]:
    """A picture whose longer edge has at most `size` pixels, averaged where it shrinks, and how much larger it was."""
    import cv2

    height, width = image.shape[:2]
    scale = max(height, width) / size
    if scale <= 1:
        return image, 1.0
    shape = max(1, round(width / scale)), max(1, round(height / scale))
    return cv2.resize(image, shape, interpolation=cv2.INTER_AREA), scale


def middle_face(image: Seen) -> Face:
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
