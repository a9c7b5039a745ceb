"""Stage 2 as a command."""

from faceline.cli.options import (
    add_augmentation_options,
    add_machine_options,
    add_network_option,
    add_precision_option,
    add_run_options,
    add_runtime_options,
)
from faceline.cli.parser import Parser
from faceline.stages.represent import represent_folder

DESCRIPTION = """\
Stage 2: turn every aligned crop into an embedding.

Reads   <data>/<person>/<crop>.png and the manifest beside them, as align-dlib.py wrote them
Writes  <out>/reps.csv (an embedding a line) and its copy reps.npy, labels.csv (class,path), manifest.csv and run.json

Run it again after align-dlib.py: only crops that are new or changed are computed.
"""


def fill(parser: Parser) -> None:
    parser.add_argument("-data", "--data", required=True, metavar="DIR", help="folder of aligned crops")
    parser.add_argument(
        "-outDir", "--out-dir", dest="out_dir", required=True, metavar="DIR", help="folder for the results"
    )
    add_network_option(parser, "embedding network")
    add_augmentation_options(parser, "%(default)s")
    add_precision_option(parser)
    add_runtime_options(parser)
    add_run_options(parser)
    add_machine_options(parser)
    parser.does(represent_folder, represent_folder, resumes=True, summarises=True)
