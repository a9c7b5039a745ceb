"""A map of faces, as a command."""

from faceline.cli.parser import Parser
from faceline.people.arrangement import METHODS
from faceline.stages.map import GROUPS, draw_map

DESCRIPTION = """\
Draw a map of faces: those that look alike lie near each other.

Reads   <dir>/reps.csv and the tables beside it, as batch_represent wrote them
Writes  map.png, and map.html: a page that needs no network and shows whose face and which crop each point is

The largest people are named, each at the median of its faces; a name that would lie over others is left out. The page
holds the faces of the crops, if these are where they were.
"""


def fill(parser: Parser) -> None:
    parser.add_argument("embeddings_dir", nargs="?", metavar="dir", help="folder of embeddings (default: %(default)s)")
    parser.add_argument("--save", dest="save_dir", metavar="DIR", help="folder for both files (default: dir)")
    parser.add_argument(
        "--method",
        choices=METHODS,
        help="tsne: neighbours stay together; pca: distances, as far as two directions can (default: %(default)s)",
    )
    parser.add_argument("--by", choices=GROUPS, help="colours and names by person or by cluster (default: %(default)s)")
    parser.add_argument(
        "--crops",
        nargs="?",
        const=True,
        metavar="FOLDER",
        help="show the faces themselves as points; the folder of crops, if they are not where they were",
    )
    parser.add_argument("--labels", type=int, metavar="N", help="name the N largest (default: %(default)s)")
    parser.add_argument(
        "--names",
        nargs="+",
        metavar="NAME",
        help="what people are called, in the order of their classes in labels.csv; people beyond are left out",
    )
    parser.does(draw_map, draw_map, summarises=True)
