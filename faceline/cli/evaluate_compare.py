"""The evaluation `compare_embeddings` as a command."""

from faceline.cli.options import add_result_options
from faceline.cli.parser import Parser
from faceline.cli.program import as_text_or_json
from faceline.evaluation import compare_embeddings

DESCRIPTION = """\
Which embeddings of the same pictures tell people apart best? All pairs of the pictures that all folders have.

Reads   <embeddings> ..., as main.py wrote them of the same pictures, with any networks and numbers of passes
Writes  comparison.csv with a row for each folder, and for each group; the DET curves as comparison-det.csv,
        and as a plot, comparison-det.png and .pdf
"""


def fill(parser: Parser) -> None:
    parser.add_argument("embeddings_dirs", nargs="+", metavar="embeddings", help="folders of embeddings")
    parser.add_argument(
        "--groups", metavar="FILE.csv", help="compare within groups of people: a file with the header person,group"
    )
    parser.add_argument(
        "--cohort",
        action="append",
        metavar="DIR",
        help="embeddings of other people of the same population, to normalise distances by; one for each network",
    )
    add_result_options(parser)
    parser.does(as_text_or_json(compare_embeddings), compare_embeddings)
