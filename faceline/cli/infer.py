"""Stage 3, second half, as a command."""

from faceline.cli.answering import answer_lines
from faceline.cli.options import add_answer_options, add_augmentation_options, add_detection_options
from faceline.cli.parser import Parser
from faceline.disk.names import DEFAULT_CLASSIFIER
from faceline.stages.infer import infer

DESCRIPTION = """Name the main face of each photograph."""


def fill(parser: Parser) -> None:
    parser.usage = f"{parser.prog} [options] [classifier.pkl] picture ..."
    parser.add_argument(
        "pictures",
        nargs="*",
        metavar="picture",
        help="photographs, folders of them, and patterns ('photos/**/*.jpg'); among them the classifier, or the folder"
        f" that holds it, if it is not {DEFAULT_CLASSIFIER}",
    )
    parser.add_argument("--multi", action="store_true", help="name all faces, from left to right")
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="D",
        help="largest distance at which a face is named (default: the classifier's own limit; inf: name every face)",
    )
    add_augmentation_options(parser, "the gallery's")
    add_detection_options(parser, "the gallery's", "and look nowhere closer")
    parser.add_argument(
        "--one-each", action="store_true", help="with --multi: name nobody twice in a picture, as is best for all"
    )
    parser.add_argument("--top", type=int, metavar="N", help="list N candidates for each face (default: %(default)s)")
    parser.add_argument(
        "--verbose", action="store_true", help="give the nearest picture, its distance, the runner-up and the margin"
    )
    add_answer_options(parser)
    parser.add_argument("--save", dest="save_dir", metavar="DIR", help="save the pictures with their faces marked")
    parser.add_argument(
        "--crops", dest="crops_dir", metavar="DIR", help="with --save: the aligned crops, to show each face's nearest"
    )
    parser.does(answer_lines, infer)
    parser.take_rest("pictures")
