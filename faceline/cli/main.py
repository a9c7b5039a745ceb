"""The command `faceline`: all commands under one name."""

import argparse
import importlib
import re
import sys
from collections.abc import Sequence
from typing import Any

import faceline
from faceline.cli.completion import SHELLS, PrintCompletion
from faceline.cli.parser import Parser, add_output_options
from faceline.cli.program import run

DESCRIPTION = """\
Face recognition: enrol people from their photographs, and name them in others.

enrol is align, represent and train in one; these can be looked into in between. faceline COMMAND --help has more.
"""

# Name -> its module, which is imported when it is asked for, and what the list of commands says of it.
COMMANDS = {
    "enrol": ("enrol", "enrol people: align, represent and train in one"),
    "infer": ("infer", "name the people in photographs"),
    "serve": ("serve", "answer requests for names over HTTP"),
    "watch": ("watch", "name the people in a video, from a file, a camera or a stream"),
    "blur": ("blur", "copy photographs so that nobody in them can be recognised, or some people cannot"),
    "align": ("align", "find, align and crop the face in every picture of a folder"),
    "represent": ("represent", "turn every aligned crop into an embedding"),
    "merge": ("merge", "close the folder that shards of align or represent wrote to"),
    "train": ("train", "learn people from their embeddings"),
    "cluster": ("cluster", "find who is the same in embeddings, without knowing who"),
    "compare": ("compare", "say which faces of photographs are one person's, without enrolling"),
    "review": ("review", "write a page to look at people, clusters and mistakes, and say what is right"),
    "correct": ("correct", "say what is right of faces and people, for cluster, train and migrate to obey"),
    "annotate": ("annotate", "draw boxes, landmarks and names of faces on copies of photographs"),
    "map": ("map", "draw a map of faces: those that look alike lie near each other"),
    "prune": ("prune", "set people aside who have too few pictures"),
    "split": ("split", "divide each person's photographs into parts to train on and to validate by"),
    "mean-landmarks": ("mean_landmarks", "average the landmarks of the faces of a folder"),
    "profile": ("profile", "say where the time goes between a photograph and its names"),
    "check": ("check", "find mistakes: wrong people, doubles, copies, poor pictures, too few"),
    "migrate": ("migrate", "change the network of a work folder, keeping what people have done to it"),
    "export": ("export", "write tables as Parquet, for other programs"),
    "import": ("import_embeddings", "make a folder of embeddings of a Parquet file"),
    "networks": ("networks", "list networks and detectors, and get their files"),
}
EVALUATIONS = {
    "lfw": ("evaluate_lfw", "pairs of pictures: one person, or two?"),
    "groups": ("evaluate_groups", "do thresholds that hold for one group of people hold for another?"),
    "identify": ("evaluate_identify", "are known people found, and strangers left unnamed?"),
    "compare": ("evaluate_compare", "which embeddings of the same pictures tell people apart best?"),
}

# What the library and the help call stages by their scripts' names, which not everybody has who has the command.
SCRIPTS = {
    "align-dlib.py": "faceline align",
    "batch_represent": "faceline represent",
    "main.py": "faceline represent",
    "classifier.py": "faceline",
    "groups.py": "faceline evaluate groups",
}
SCRIPT = re.compile(rf"\b(run|and|that|in|as|by|after|what|;) ({'|'.join(map(re.escape, SCRIPTS))})(?![\w./-])")


class Command(Parser):
    """The parser of one command, which gets its options when they are needed."""

    def __init__(self, module: str, **options: object) -> None:
        super().__init__(**options)
        self._module = module

    def fill(self) -> None:
        """Import the command, and define its options; once."""
        if self._module:
            module, self._module = importlib.import_module(f"faceline.cli.{self._module}"), ""
            self.description = own_names(module.DESCRIPTION)
            module.fill(self)
            add_output_options(self)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        self.fill()
        return super().parse_known_args(args, namespace)


def own_names(text: str) -> str:
    """A text in which a user is told of scripts, with the commands instead."""
    return SCRIPT.sub(lambda match: f"{match[1]} {SCRIPTS[match[2]]}", text)


def build_parser() -> Parser:
    parser = Parser(prog="faceline", description=DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"faceline {faceline.__version__}")
    parser.add_argument(
        "--print-completion",
        action=PrintCompletion,
        choices=SHELLS,
        default=argparse.SUPPRESS,
        help="print what lets a shell complete commands",
    )
    add_output_options(parser)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command", parser_class=Command)
    add_commands(commands, COMMANDS)
    evaluate = commands.add_parser("evaluate", help="say how good it is", description="Say how good it is.", module="")
    protocols = evaluate.add_subparsers(
        dest="command", required=True, metavar="|".join(EVALUATIONS), parser_class=Command
    )
    add_commands(protocols, EVALUATIONS)
    return parser


def add_commands(commands: argparse._SubParsersAction, table: dict[str, tuple[str, str]]) -> None:
    for name, (module, text) in table.items():
        commands.add_parser(name, help=text, module=module)


def main(argv: Sequence[str] | None = None) -> int:
    return run(build_parser(), argv, own_names)


if __name__ == "__main__":
    sys.exit(main())
