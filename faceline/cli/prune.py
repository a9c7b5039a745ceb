"""People with too few pictures, as a command."""

from faceline.cli.parser import Parser
from faceline.stages.prune import prune

DESCRIPTION = """\
Find people with too few pictures, and set them aside.

Reads   <input>/<person>/<picture>

Without --move or --yes it only says who they are. With a person's folder goes all that is in it but other people's.
"""


def fill(parser: Parser) -> None:
    parser.add_argument("input_dir", metavar="input", help="the folder that holds a folder of pictures for each person")
    parser.add_argument(
        "--numImagesThreshold",
        "--num-images-threshold",
        dest="num_images_threshold",
        type=int,
        metavar="N",
        help="people with fewer than N pictures are meant (default: %(default)s)",
    )
    parser.add_argument(
        "--move", dest="move_dir", metavar="DIR", help="move them to DIR, where what is there already stays"
    )
    parser.add_argument("--yes", action="store_true", help="without --move: delete them for good")
    parser.does(prune, prune, summarises=True)
