#!/usr/bin/env python3
"""Stage 3: learn people from their embeddings, and name the people in photographs.

classifier.py train [generated-embeddings/]
classifier.py infer [classifier.pkl] photo.jpg photos/ ...
"""

import sys

try:
    from faceline import infer, train
    from faceline.cli import program as cli
    from faceline.cli.answering import answer_lines
    from faceline.disk.names import DEFAULT_CLASSIFIER
    from faceline.people.classifiers.table import CLASSIFIERS
except ModuleNotFoundError as error:
    print(f"classifier.py: error: {error}; run 'source .venv/bin/activate' first", file=sys.stderr)
    sys.exit(2)


def build_parser() -> cli.Parser:
    parser = cli.Parser(prog="classifier.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="train|infer")

    learn = commands.add_parser("train", help="learn people from their embeddings", description="Learn people.")
    learn.add_argument("embeddings_dir", nargs="?", metavar="dir", help="folder of embeddings (default: %(default)s)")
    learn.add_argument(
        "--fpir", type=float, metavar="RATE", help="how often a stranger may get a name (default: %(default)s)"
    )
    learn.add_argument("--classifier", choices=CLASSIFIERS, help="what tells people apart (default: %(default)s)")
    learn.add_argument(
        "--ldaDim", "--lda-dim", type=int, dest="lda_dim", metavar="N", help="show it N discriminant components only"
    )
    learn.add_argument(
        "--distinct",
        nargs=2,
        action="append",
        metavar=("A", "B"),
        help="A and B look like one person and are two, such as twins; remembered",
    )
    learn.add_argument(
        "--strangers", metavar="DIR", help="folder of embeddings of faces that are nobody in the gallery"
    )
    learn.add_argument("--jobs", type=int, metavar="N", help="processes to use (default: one for each core)")
    learn.take_defaults(train)

    name = commands.add_parser(
        "infer",
        help="name the people in photographs",
        description="Name the main face of each photograph.",
        usage="classifier.py infer [options] [classifier.pkl] picture ...",
    )
    name.add_argument(
        "pictures",
        nargs="*",
        metavar="picture",
        help="photographs, folders of them, and patterns ('photos/**/*.jpg'); among them the classifier, or the folder"
        f" that holds it, if it is not {DEFAULT_CLASSIFIER}",
    )
    name.add_argument("--multi", action="store_true", help="name all faces, from left to right")
    name.add_argument(
        "--threshold",
        type=float,
        metavar="D",
        help="largest distance at which a face is named (default: the classifier's own limit; inf: name every face)",
    )
    cli.add_averaging_options(name, "the gallery's")
    cli.add_detection_options(name, "the gallery's", "and look nowhere closer")
    name.add_argument(
        "--one-each", action="store_true", help="with --multi: name nobody twice in a picture, the best way in sum"
    )
    name.add_argument("--top", type=int, metavar="N", help="list N candidates for each face (default: %(default)s)")
    name.add_argument(
        "--verbose", action="store_true", help="give the nearest picture, its distance, the runner-up and the margin"
    )
    name.add_argument("--network", metavar="FILE.onnx", help="where the gallery's network lies now, if it has moved")
    cli.add_runtime_options(name)
    name.add_argument("--json", action="store_true", dest="as_json", help="print an object a picture and line")
    name.add_argument("--save", dest="save_dir", metavar="DIR", help="save the pictures with their faces marked")
    name.add_argument(
        "--crops", dest="crops_dir", metavar="DIR", help="with --save: the aligned crops, to show each face's nearest"
    )
    name.take_defaults(infer)
    parser.take_rest("pictures")
    return parser


def run_command(command: str, **options: object) -> object:
    return train(**options) if command == "train" else answer_lines(**options)


if __name__ == "__main__":
    sys.exit(cli.run(run_command, build_parser()))
