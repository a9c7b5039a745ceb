"""Both halves of stage 3 as commands of one script."""

from faceline.cli import infer, train
from faceline.cli.parser import Parser

DESCRIPTION = """\
Stage 3: learn people from their embeddings, and name the people in photographs.

classifier.py train [generated-embeddings/]
classifier.py infer [classifier.pkl] photo.jpg photos/ ...
"""


def fill(parser: Parser) -> None:
    commands = parser.add_subparsers(dest="command", required=True, metavar="train|infer")
    train.fill(commands.add_parser("train", help="learn people from their embeddings", description=train.DESCRIPTION))
    infer.fill(commands.add_parser("infer", help="name the people in photographs", description=infer.DESCRIPTION))
