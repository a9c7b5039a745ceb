"""The evaluation `compare_groups` as a command."""

from faceline.cli.options import add_cohort_option, add_result_options
from faceline.cli.parser import Parser
from faceline.cli.program import as_text_or_json
from faceline.evaluation import compare_groups

DESCRIPTION = """\
Do thresholds that hold for one group of people hold for another? All pairs of pictures within each group.

Reads   <groups>, a CSV file with the header person,group; people are called as their folders
        <embeddings> ..., as main.py wrote them with one network
Writes  group-rates.csv, the DET curves as group-det.csv, and the plots group-f1, group-roc and group-det
        as .png and .pdf
"""


def fill(parser: Parser) -> None:
    parser.add_argument("groups", metavar="groups.csv", help="who belongs to which group")
    parser.add_argument("embeddings_dirs", nargs="+", metavar="embeddings", help="folders of embeddings")
    parser.add_argument(
        "--threshold", type=float, metavar="D", help="the common threshold (default: that of the network's authors)"
    )
    add_cohort_option(parser)
    add_result_options(parser)
    parser.does(as_text_or_json(compare_groups), compare_groups)
