"""Stage 1 as a command."""

from faceline.cli.arguments import ALIGN_WORDS, alignment_words
from faceline.cli.options import (
    add_detection_options,
    add_machine_options,
    add_network_option,
    add_run_options,
    add_runtime_options,
)
from faceline.cli.parser import Parser
from faceline.faces.detectors import DETECTORS
from faceline.faces.landmarks import LANDMARK_MODELS
from faceline.networks.frames import DEFAULT_LANDMARKS, LANDMARK_SETS
from faceline.stages.align import FALLBACKS, align_folder

DESCRIPTION = """\
Stage 1: find, align and crop the face in every picture of a folder, or with --every all its faces.

Reads   <input>/<person>/<picture>, in any format that Pillow and pi-heif read; with --every any picture below <input>
Writes  <output>/<person>/<picture>.png, manifest.csv with a row for every picture, and run.json; with --every
        <picture>-2.png and so on too, and a row for every face

Run it again after adding, changing or removing pictures: only those are computed.
"""


def fill(parser: Parser) -> None:
    parser.usage = f"{parser.prog} {ALIGN_WORDS} [options]"
    parser.add_argument(
        "words",
        nargs="*",
        metavar=ALIGN_WORDS,
        help="the folder that holds a folder of pictures for each person (with --every: any pictures); the word align;"
        f" the landmarks, one of {', '.join(LANDMARK_SETS)} (default: {DEFAULT_LANDMARKS}); the folder for the crops",
    )
    parser.add_argument("--size", type=int, metavar="N", help="edge of the crops in pixels (default: 96 for dlib)")
    add_network_option(parser, "network that the crops are for")
    parser.add_argument(
        "--landmark-model",
        type=int,
        choices=LANDMARK_MODELS,
        help="number of points of the landmark predictor (default: 5 where it has the landmarks, else 68)",
    )
    parser.add_argument("--detector", choices=DETECTORS, help="face detector (default: %(default)s)")
    add_detection_options(parser, "%(default)s", "and look closer only where need be")
    parser.add_argument(
        "--skipMulti",
        "--skip-multi",
        dest="skip_multi",
        action="store_true",
        help="leave out pictures with several faces",
    )
    parser.add_argument(
        "--every",
        action="store_true",
        help="crop every face of a picture, not the main one only: for photographs without names",
    )
    parser.add_argument(
        "--fallback",
        choices=FALLBACKS,
        help="where no face is found, crop the centre of the picture, for evaluations (default: %(default)s)",
    )
    add_runtime_options(parser)
    add_run_options(parser)
    add_machine_options(parser)
    parser.does(align_folder, align_folder, resumes=True, summarises=True)
    parser.take_rest("words", alignment_words)
