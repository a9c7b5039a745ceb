#!/usr/bin/env python3
"""Do thresholds that hold for one group of people hold for another? All pairs of pictures within each group.

Reads   <groups>, a CSV file with the header person,group; people are called as their folders
        <embeddings> ..., as main.py wrote them with one network
Writes  group-rates.csv, and the plots group-f1 and group-roc as .png and .pdf
"""

import sys

try:
    from faceline.cli import program as cli
    from faceline.evaluation import compare_groups
except ModuleNotFoundError as error:
    print(f"groups.py: error: {error}; run 'source .venv/bin/activate' first", file=sys.stderr)
    sys.exit(2)


def build_parser() -> cli.Parser:
    parser = cli.Parser(prog="groups.py", description=__doc__)
    parser.add_argument("groups", metavar="groups.csv", help="who belongs to which group")
    parser.add_argument("embeddings_dirs", nargs="+", metavar="embeddings", help="folders of embeddings")
    parser.add_argument(
        "--threshold", type=float, metavar="D", help="the common threshold (default: that of the network's authors)"
    )
    cli.add_result_options(parser)
    parser.take_defaults(compare_groups)
    return parser


if __name__ == "__main__":
    sys.exit(cli.run(cli.as_text_or_json(compare_groups), build_parser()))
