"""The evaluation `verify` as a command."""

from faceline.cli.options import add_cohort_option, add_result_options
from faceline.cli.parser import Parser
from faceline.cli.program import as_text_or_json
from faceline.evaluation import verify

DESCRIPTION = """\
Accuracy on a list of pairs: is it one person in both pictures, or two?

Reads   <pairs>, a file of Labeled Faces in the Wild: pairsDevTest.txt (View 1) or pairs.txt (View 2)
        <embeddings>, as main.py wrote them, of crops by align-dlib.py --fallback centre, so that every pair counts
Writes  the curves roc and det, each as .png, .pdf and .csv, and pairs.csv with every pair, the most wrongly
        judged ones first;
        with --groups also what groups.py writes
"""


def fill(parser: Parser) -> None:
    parser.add_argument("pairs", help="list of pairs")
    parser.add_argument("embeddings_dir", metavar="embeddings", help="folder of embeddings")
    parser.add_argument(
        "--groups", metavar="FILE.csv", help="compare groups of people, too: a file with the header person,group"
    )
    add_cohort_option(parser)
    add_result_options(parser)
    parser.does(as_text_or_json(verify), verify)
