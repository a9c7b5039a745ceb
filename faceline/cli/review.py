"""The page to look at people and mistakes, as a command."""

from faceline.cli.parser import Parser
from faceline.stages.review import review

DESCRIPTION = """\
Write one page to look at everybody's pictures and say what is right.

Reads   <work folder>/generated-embeddings and the crops that these are of; finds clusters and suspects, if nobody has
Writes  <work folder>/review.html, which needs no network and opens from disk

The page asks who the faces without names are, the most useful question first, and shows clusters, people with their
pictures by how typical they are, suspects, and pictures without a face. What is decided there is downloaded as
corrections.jsonl: faceline correct --add corrections.jsonl.
"""


def fill(parser: Parser) -> None:
    parser.add_argument("work_dir", nargs="?", metavar="work", help="the work folder (default: %(default)s)")
    parser.add_argument("--save", metavar="FILE", help="the page's file (default: review.html in the work folder)")
    parser.add_argument("--jobs", type=int, metavar="N", help="threads to use (default: one for each core)")
    parser.does(review, review, summarises=True)
