"""The command `faceline`: all commands under one name."""

import sys

import faceline
from faceline.cli import align, evaluate_groups, evaluate_identify, evaluate_lfw, infer, represent, train
from faceline.cli.parser import Parser
from faceline.cli.program import run

DESCRIPTION = """Face recognition in stages, each reading what the one before wrote to disk."""

# Name -> its module, and what the list of commands says of it.
COMMANDS = {
    "align": (align, "find, align and crop the face in every picture of a folder"),
    "represent": (represent, "turn every aligned crop into an embedding"),
    "train": (train, "learn people from their embeddings"),
    "infer": (infer, "name the people in photographs"),
}
EVALUATIONS = {
    "lfw": (evaluate_lfw, "pairs of pictures: one person, or two?"),
    "groups": (evaluate_groups, "do thresholds that hold for one group of people hold for another?"),
    "identify": (evaluate_identify, "are known people found, and strangers left unnamed?"),
}


def build_parser() -> Parser:
    parser = Parser(prog="faceline", description=DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"faceline {faceline.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, (module, text) in COMMANDS.items():
        module.fill(commands.add_parser(name, help=text, description=module.DESCRIPTION))
    evaluate = commands.add_parser("evaluate", help="say how good it is", description="Say how good it is.")
    protocols = evaluate.add_subparsers(dest="command", required=True, metavar="|".join(EVALUATIONS))
    for name, (module, text) in EVALUATIONS.items():
        module.fill(protocols.add_parser(name, help=text, description=module.DESCRIPTION))
    return parser


def main() -> int:
    return run(build_parser())


if __name__ == "__main__":
    sys.exit(main())
