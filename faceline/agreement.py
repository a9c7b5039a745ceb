"""Which face of a picture is its person's, where it shows several: the one that the person's other pictures show."""

from collections.abc import Sequence

import numpy as np

# Similarities are cosine distances with a minus, in units of the network's threshold. A face that is less similar to
# the person's others than the first is looked at closer: of LFW's pictures, one in thirty. Another one takes its place
# if it is as similar as the second, and by the third more similar.
DOUBTFUL, AGREEING, GAIN = -0.8, -0.75, 0.25
# Beyond the network's threshold: two people, for all it tells.
UNLIKE = -1.0


def choose_faces(faces: Sequence[np.ndarray], scale: float) -> tuple[list[int], np.ndarray]:
    """Choose a face of each picture so that they are one person's.

    Parameters
    ----------
    faces : sequence of n ndarray of shape (f, d), float32
        For each picture of a person the embeddings, of length 1, of its faces, the main one first.
    scale : float
        The cosine distance that stands for the network's threshold.

    Returns
    -------
    chosen : list of n int
        The face to take of each picture; the main one, 0, where no other one agrees clearly better.
    support : ndarray of shape (n,)
        How similar each is to those of the other pictures.
    """
    chosen = [0] * len(faces)
    for _ in faces:
        gains = []
        for picture, own in enumerate(faces):
            if len(own) > 1:
                found = supports(own, faces, chosen, picture, scale)
                best = int(found.argmax())
                if found[best] >= AGREEING and found[best] - found[chosen[picture]] >= GAIN:
                    gains.append((found[best] - found[chosen[picture]], -picture, best))
        if not gains:
            break
        _, picture, best = max(gains)
        chosen[-picture] = best
    support = [supports(faces[i][chosen[i], None], faces, chosen, i, scale)[0] for i in range(len(faces))]
    return chosen, np.array(support)


def supports(
    own: np.ndarray, faces: Sequence[np.ndarray], chosen: Sequence[int], picture: int, scale: float
) -> np.ndarray:
    """How similar the faces `own`, (f, d), of a picture are to those chosen of the others: (f,).

    The mean over the more similar half of them, so that wrong ones among the others do not count.
    """
    others = np.stack([faces[other][chosen[other]] for other in range(len(faces)) if other != picture])
    similarities = np.sort((own @ others.T - 1) / scale, axis=1)
    return similarities[:, len(others) // 2 :].mean(axis=1)
