"""The evaluation `identify` as a command."""

from faceline.cli.options import add_result_options
from faceline.cli.parser import Parser
from faceline.cli.program import as_text_or_json
from faceline.evaluation import identify
from faceline.people.classifiers.table import CLASSIFIER_NAMES

DESCRIPTION = """\
Evaluate identification: how often known people are found, strangers named, and how true the confidence is.

Reads   <embeddings>, as batch_represent wrote it
Writes  <output>/cmc.*, open-set.*, fnir.*, reliability.*: plots as .png and .pdf, their curves as .csv
"""


def fill(parser: Parser) -> None:
    parser.add_argument(
        "embeddings_dir", nargs="?", metavar="embeddings", help="folder of embeddings (default: %(default)s)"
    )
    parser.add_argument(
        "--known",
        dest="known_path",
        metavar="FILE",
        help="list of known people, one a line (default: people with more pictures than are enrolled)",
    )
    parser.add_argument(
        "--strangers",
        dest="strangers_path",
        metavar="FILE",
        help="list of strangers, one a line (default: everybody else; if there is nobody, half of the people)",
    )
    parser.add_argument(
        "--enrolled",
        type=int,
        metavar="N",
        help="pictures of each known person to enrol; the others are to be named (default: %(default)s)",
    )
    parser.add_argument(
        "--draws", type=int, metavar="N", help="how often the enrolled pictures are drawn (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="what is drawn (default: %(default)s)")
    parser.add_argument(
        "--fpir", type=float, metavar="RATE", help="how often a stranger may get a name (default: %(default)s)"
    )
    parser.add_argument("--classifier", choices=CLASSIFIER_NAMES, help="what tells people apart (default: %(default)s)")
    parser.add_argument(
        "--ldaDim", "--lda-dim", type=int, dest="lda_dim", metavar="N", help="show it N discriminant components only"
    )
    parser.add_argument(
        "--cohort", metavar="DIR", help="embeddings of other people of the same population, as for train"
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="processes to use (default: one for each core)")
    add_result_options(parser)
    parser.does(as_text_or_json(identify), identify)
