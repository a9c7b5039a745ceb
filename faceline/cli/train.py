"""Stage 3, first half, as a command."""

from faceline.cli.parser import Parser
from faceline.people.classifiers.table import CLASSIFIERS
from faceline.stages.train import train

DESCRIPTION = """Learn people."""


def fill(parser: Parser) -> None:
    parser.add_argument("embeddings_dir", nargs="?", metavar="dir", help="folder of embeddings (default: %(default)s)")
    parser.add_argument(
        "--fpir", type=float, metavar="RATE", help="how often a stranger may get a name (default: %(default)s)"
    )
    parser.add_argument("--classifier", choices=CLASSIFIERS, help="what tells people apart (default: %(default)s)")
    parser.add_argument(
        "--ldaDim", "--lda-dim", type=int, dest="lda_dim", metavar="N", help="show it N discriminant components only"
    )
    parser.add_argument(
        "--distinct",
        nargs=2,
        action="append",
        metavar=("A", "B"),
        help="A and B look like one person and are two, such as twins; remembered",
    )
    parser.add_argument(
        "--strangers", metavar="DIR", help="folder of embeddings of faces that are nobody in the gallery"
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="processes to use (default: one for each core)")
    parser.does(train, train)
