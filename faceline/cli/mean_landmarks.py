"""The mean landmarks of a folder as a command."""

from faceline.cli.arguments import MEAN_WORDS, mean_words
from faceline.cli.options import add_detection_options
from faceline.cli.parser import Parser
from faceline.disk.names import DEFAULT_MEAN_DIR
from faceline.faces.detectors import DETECTORS
from faceline.faces.landmarks import LANDMARK_MODELS
from faceline.stages.mean_landmarks import mean_landmarks

DESCRIPTION = """\
Average the landmarks of the main faces of all pictures of a folder, as OpenFace's computeMean did.

Reads   all pictures in <input>, and in folders below it
Writes  <output>/mean.csv and <output>/std.csv, "x,y" a point and line, in widths and heights of the detector's box:
        0,0 is its left upper corner, 1,1 the right lower one
"""


def fill(parser: Parser) -> None:
    parser.usage = f"{parser.prog} {MEAN_WORDS} [options]"
    parser.add_argument(
        "words",
        nargs="*",
        metavar=MEAN_WORDS,
        help=f"the folder of pictures; the word computeMean; the folder for the tables (default: {DEFAULT_MEAN_DIR})",
    )
    parser.add_argument(
        "--numImages",
        "--num-images",
        dest="num_images",
        type=int,
        metavar="N",
        help="take N pictures, drawn at random but the same ones each time; 0 for all (default: %(default)s)",
    )
    parser.add_argument(
        "--landmark-model",
        type=int,
        choices=LANDMARK_MODELS,
        help="number of points of the landmark predictor (default: %(default)s)",
    )
    parser.add_argument("--detector", choices=DETECTORS, help="face detector (default: %(default)s)")
    add_detection_options(parser, "%(default)s", "and look closer only where need be")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes to use (default: one for each core)")
    parser.does(mean_landmarks, mean_landmarks, summarises=True)
    parser.take_rest("words", mean_words)
