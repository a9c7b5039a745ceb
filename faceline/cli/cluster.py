"""Who is the same, as a command."""

from faceline.cli.parser import Parser
from faceline.stages.cluster import cluster

DESCRIPTION = """\
Find which faces are one person's, without knowing whose: what names their folders have plays no part.

Reads   <dir>/reps.csv and the tables beside it, as batch_represent wrote them
Writes  <dir>/clusters.csv (cluster,crop,certainty), a row for each crop, also for those that are alone

How alike faces have to be follows from the faces themselves. Clusters are numbered by size; when photographs were added
and it is run again, a cluster keeps the number of the old one that it shares most crops with. The certainty goes from 0
to 1; at 0.5, another place would be as good. --folders makes folders to be renamed to people and enrolled.
"""


def fill(parser: Parser) -> None:
    parser.add_argument("embeddings_dir", nargs="?", metavar="dir", help="folder of embeddings (default: %(default)s)")
    parser.add_argument(
        "--folders",
        metavar="DIR",
        help="make a folder in DIR for each cluster of two or more: links to its photographs, or else to its crops",
    )
    parser.add_argument("--copy", action="store_true", help="put copies into the folders instead of links")
    parser.add_argument(
        "--yes", action="store_true", help="make folders again that were renamed, or in which something was changed"
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="threads to use (default: one for each core)")
    parser.does(cluster, cluster, summarises=True)
