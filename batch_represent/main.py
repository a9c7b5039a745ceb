#!/usr/bin/env python3
"""Stage 2: turn every aligned crop into an embedding.

Reads   <data>/<person>/<crop>.png and the manifest beside them, as align-dlib.py wrote them
Writes  <out>/reps.csv (an embedding a line) and its copy reps.npy, labels.csv (class,path), manifest.csv and run.json

Run it again after align-dlib.py: only crops that are new or changed are computed.
"""

import sys

try:
    from faceline import represent_folder
    from faceline.cli import program as cli
    from faceline.networks.table import NETWORKS
except ModuleNotFoundError as error:
    print(f"main.py: error: {error}; run 'source .venv/bin/activate' first", file=sys.stderr)
    sys.exit(2)


def build_parser() -> cli.Parser:
    parser = cli.Parser(prog="main.py", description=__doc__)
    parser.add_argument("-data", "--data", required=True, metavar="DIR", help="folder of aligned crops")
    parser.add_argument(
        "-outDir", "--out-dir", dest="out_dir", required=True, metavar="DIR", help="folder for the results"
    )
    parser.add_argument(
        "--network",
        metavar="NAME|FILE.onnx",
        help=f"embedding network: {', '.join(NETWORKS)}, or a file (default: %(default)s)",
    )
    cli.add_averaging_options(parser, "%(default)s")
    cli.add_runtime_options(parser)
    cli.add_run_options(parser)
    parser.take_defaults(represent_folder)
    return parser


if __name__ == "__main__":
    sys.exit(cli.run(represent_folder, build_parser(), resumes=True))
