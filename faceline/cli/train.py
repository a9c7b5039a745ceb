"""Stage 3, first half, as a command."""

from faceline.cli.options import add_calibration_options
from faceline.cli.parser import Parser
from faceline.stages.train import train

DESCRIPTION = """Learn people."""


def fill(parser: Parser) -> None:
    parser.add_argument("embeddings_dir", nargs="?", metavar="dir", help="folder of embeddings (default: %(default)s)")
    add_calibration_options(parser)
    parser.add_argument("--jobs", type=int, metavar="N", help="processes to use (default: one for each core)")
    parser.does(train, train, summarises=True)
