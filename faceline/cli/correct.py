"""What the user says of faces and people, as a command."""

from faceline.cli.parser import Parser
from faceline.stages.correct import correct

DESCRIPTION = """\
Say what is right of faces or people; cluster, check, train and migrate obey it from then on.

Reads   <dir>/labels.csv, and the crops' manifest, which tells of each its photograph and box
Adds to corrections.jsonl in the folder that holds <dir>; no line is ever changed

A face is known by its photograph's content and its box: what was said holds after the photograph was renamed or aligned
again, and with another network. Without options, what has been said is listed, each with its id.
"""


def fill(parser: Parser) -> None:
    parser.add_argument(
        "crops",
        nargs="*",
        metavar="face",
        help="crops, as labels.csv has them, or photographs, as the crops' manifest has them",
    )
    parser.add_argument(
        "--embeddings", dest="embeddings_dir", metavar="DIR", help="folder of embeddings (default: %(default)s)"
    )
    parser.add_argument(
        "--cluster",
        dest="clusters",
        type=int,
        action="append",
        metavar="N",
        help="all faces of this cluster of clusters.csv; may be given several times",
    )
    parser.add_argument("--is", dest="name", metavar="NAME", help="the faces are this person's")
    parser.add_argument("--is-not", dest="not_name", metavar="NAME", help="they are not this person's")
    parser.add_argument("--no-face", action="store_true", help="they are no faces, or shall not count")
    parser.add_argument("--same", action="store_true", help="they, or the clusters, are one person's")
    parser.add_argument("--different", action="store_true", help="each of them, or each cluster, is another person's")
    parser.add_argument(
        "--split", action="store_true", help="they are one person's, and not that of the others in their cluster"
    )
    parser.add_argument(
        "--same-people", nargs="+", metavar="NAME", help="these people are one, who is called the first name"
    )
    parser.add_argument("--different-people", nargs="+", metavar="NAME", help="these people are different ones")
    parser.add_argument("--undo", metavar="ID", help="what was said with this id, or last, does not hold any more")
    parser.add_argument("--add", metavar="FILE", help="what another such file says, as the review page gives it")
    parser.take_rest("crops", is_needed=False)
    parser.does(correct, correct, summarises=False)
