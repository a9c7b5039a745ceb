"""Names over HTTP, as a command."""

from faceline.cli.parser import Parser
from faceline.service.keys import ROLES
from faceline.service.serving import serve

DESCRIPTION = """\
Name, teach and forget people over HTTP and on a page in the browser, until Ctrl-C or SIGTERM.

Reads   <work folder>, as faceline enrol makes it, or an empty one; when its classifier changes, the new one answers
Writes  what is taught: <work folder>/training-images/ and what the stages make of it, corrections.jsonl
        with --audit who asked and what was answered; on other addresses than the loopback <work folder>/api-keys.json

POST /faces?multi=true names the faces of a picture and answers as infer --json does. GET / is the page; GET /docs lists
all paths.
"""


def fill(parser: Parser) -> None:
    parser.add_argument("work_dir", metavar="work_folder", help="work folder, as faceline enrol makes it")
    parser.add_argument(
        "--host",
        metavar="ADDRESS",
        help="address to listen at; on any but the loopback, requests need a key (default: %(default)s)",
    )
    parser.add_argument("--port", type=int, metavar="N", help="port; 0 for one that is free (default: %(default)s)")
    parser.add_argument("--audit", metavar="FILE", help="note there who asked and which names were answered")
    parser.add_argument(
        "--new-key",
        nargs=2,
        metavar=("NAME", "ROLE"),
        help=f"make a key and print it, instead of serving; roles: {', '.join(ROLES)}",
    )
    parser.does(serve, serve)
