"""RetinaFace on ONNX Runtime: what the network gives for a picture, decoded.

Deng, Guo, Ververas, Kotsia and Zafeiriou, "RetinaFace: Single-Shot Multi-Level Face Localisation in the Wild", CVPR
2020; squares, scales and means are those of the trainings by biubug6 and, after him, by Yakhyokhuja Valikhujaev.
"""

from typing import TYPE_CHECKING

import numpy as np

from faceline.disk.reading import read_bytes
from faceline.host.sharing import once_in_each_process
from faceline.networks.runtime import Runtime, open_session
from faceline.networks.weights import RETINAFACE, path_of

if TYPE_CHECKING:
    import onnxruntime

# Of B, G, R: this network takes the colours in that order.
MEANS = np.array([104, 117, 123], np.float32)

# The network answers for two squares around the middle of each cell: the edge of the cells -> those of the squares.
SQUARES = {8: (16, 32), 16: (64, 128), 32: (256, 512)}
# What the network says of places is in tenths of the square's edge, and of extents in fifths of their logarithm.
PLACE_SCALE, EXTENT_SCALE = 0.1, 0.2

# The score from which an answer counts as a face: 67 faces of groups score 0.93 and more. Of two boxes the weaker one
# goes if their intersection is more than this part of their union, as in the published code.
LIMIT, LARGEST_OVERLAP = 0.8, 0.4


@once_in_each_process
def retinaface_session(runtime: Runtime) -> "onnxruntime.InferenceSession":
    return open_session(read_bytes(path_of(RETINAFACE)), runtime)


def squares(height: int, width: int) -> np.ndarray:
    """The squares that answers are about, in the network's order.

    Returns
    -------
    ndarray of shape (n, 3), float32
        (x, y) of the middle, and the edge, in pixels of a picture of height x width.
    """
    levels = []
    for cell, edges in SQUARES.items():
        y, x, edge = np.meshgrid(np.arange(-(-height // cell)), np.arange(-(-width // cell)), edges, indexing="ij")
        levels.append(np.stack([(x + 0.5) * cell, (y + 0.5) * cell, edge], axis=-1).reshape(-1, 3))
    return np.concatenate(levels).astype(np.float32)


def decoded(places: np.ndarray, scores: np.ndarray, points: np.ndarray, height: int, width: int) -> np.ndarray:
    """The faces of a picture of height x width.

    Parameters
    ----------
    places : ndarray of shape (n, 4), float32
        Of each square's face the middle and the extents.
    scores : ndarray of shape (n, 2), float32
        How sure the network is that there is none, and that there is one; in sum 1.
    points : ndarray of shape (n, 10), float32
        (x, y) of five landmarks.

    Returns
    -------
    ndarray of shape (faces, 15), float32
        Rows as those of OpenCV's FaceDetectorYN, the surest first: left, top, width and height of the box, (x, y) of
        the eyes on the picture's left and right, the tip of the nose and the corners of the mouth, and the score.
    """
    import cv2

    chosen = np.flatnonzero(scores[:, 1] >= LIMIT)
    around = squares(height, width)[chosen]
    middles, edges = around[:, :2], around[:, 2:]
    extents = edges * np.exp(EXTENT_SCALE * places[chosen, 2:])
    corners = middles + PLACE_SCALE * edges * places[chosen, :2] - extents / 2
    landmarks = np.tile(middles, 5) + PLACE_SCALE * edges * points[chosen]
    rows = np.concatenate([corners, extents, landmarks, scores[chosen, 1:]], axis=1)
    kept = cv2.dnn.NMSBoxes(rows[:, :4].tolist(), rows[:, 14].tolist(), LIMIT, LARGEST_OVERLAP)
    return rows[np.array(kept, np.int64)]


def run_retinaface(image: np.ndarray, runtime: Runtime) -> np.ndarray:
    """What `decoded` gives for a picture of shape (height, width, 3), RGB uint8."""
    session = retinaface_session(runtime)
    (name,) = (entry.name for entry in session.get_inputs())
    pixels = np.ascontiguousarray((image[..., ::-1] - MEANS).transpose(2, 0, 1)[None])  # RGB to BGR, HWC to CHW
    places, scores, points = (found[0] for found in session.run(None, {name: pixels}))
    return decoded(places, scores, points, *image.shape[:2])
