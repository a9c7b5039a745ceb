#!/usr/bin/env python3
"""Accuracy on a list of pairs: is it one person in both pictures, or two?

Reads   <pairs>, a file of Labeled Faces in the Wild: pairsDevTest.txt (View 1) or pairs.txt (View 2)
        <embeddings>, as main.py wrote them, of crops by align-dlib.py --fallback centre, so that every pair counts
Writes  roc.png, roc.pdf and roc.csv, and pairs.csv with every pair, the most wrongly judged ones first;
        with --groups also what groups.py writes
"""

import sys

try:
    from faceline.cli import program as cli
    from faceline.evaluation import verify
except ModuleNotFoundError as error:
    print(f"lfw.py: error: {error}; run 'source .venv/bin/activate' first", file=sys.stderr)
    sys.exit(2)


def build_parser() -> cli.Parser:
    parser = cli.Parser(prog="lfw.py", description=__doc__)
    parser.add_argument("pairs", help="list of pairs")
    parser.add_argument("embeddings_dir", metavar="embeddings", help="folder of embeddings")
    parser.add_argument(
        "--groups", metavar="FILE.csv", help="compare groups of people, too: a file with the header person,group"
    )
    cli.add_result_options(parser)
    parser.take_defaults(verify)
    return parser


if __name__ == "__main__":
    sys.exit(cli.run(cli.as_text_or_json(verify), build_parser()))
