"""Which word is which where the words of a command line may be left out: `align-dlib.py people aligned`."""

from collections.abc import Sequence

from faceline.disk.names import DEFAULT_MEAN_DIR
from faceline.networks.frames import DEFAULT_LANDMARKS, LANDMARK_SETS

ALIGN_WORDS = "input [align] [landmarks] output"
COMPUTE_MEAN = "computeMean"
MEAN_WORDS = f"input [{COMPUTE_MEAN}] [output]"


def alignment_words(words: Sequence[str]) -> dict[str, str]:
    """The input folder, the landmarks and the output folder of stage 1, in whose midst words may be left out.

    A folder that is called like one of these words is told from it by its place as the first of all, or by a path in
    front of its name, as in `./align`.

    Raises
    ------
    ValueError
        If a word is none that belongs there, or a folder is missing.
    """
    first, *between, last = words if len(words) > 1 else (*words, "align")
    if last == "align" or last in LANDMARK_SETS:
        raise ValueError("the following arguments are required: output")
    if last == COMPUTE_MEAN and not between:
        raise ValueError(f"{COMPUTE_MEAN} is a command of its own, mean-landmarks; a folder of that name is ./{last}")
    landmarks = DEFAULT_LANDMARKS
    if between and between[0] == "align":
        between = between[1:]
    elif len(between) > 1 or (between and between[0] not in LANDMARK_SETS):
        choices = ["align", *LANDMARK_SETS] if len(between) == 1 else ["align"]
        raise ValueError(f"argument align: invalid choice: {between[0]!r} (choose from {', '.join(choices)})")
    if between:
        landmarks, *between = between
        if landmarks not in LANDMARK_SETS:
            raise ValueError(
                f"argument landmarks: invalid choice: {landmarks!r} (choose from {', '.join(LANDMARK_SETS)})"
            )
    if between:
        raise ValueError(f"unrecognized arguments: {' '.join([*between[1:], last])}")
    return {"input_dir": first, "landmarks": landmarks, "output_dir": last}


def mean_words(words: Sequence[str]) -> dict[str, str]:
    """The input folder and, if it is named, the output folder of the mean landmarks; raises ValueError."""
    folder, *rest = words
    if rest and rest[0] == COMPUTE_MEAN:
        rest = rest[1:]
    if folder == COMPUTE_MEAN and not rest:
        raise ValueError("the following arguments are required: input")
    if len(rest) > 1:
        raise ValueError(f"unrecognized arguments: {' '.join(rest[1:])}")
    return {"input_dir": folder, "output_dir": rest[0] if rest else DEFAULT_MEAN_DIR}
