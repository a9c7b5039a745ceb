#!/usr/bin/env python3
"""Write docs/commands.md, the page of all commands and options, from the commands themselves."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

try:
    from faceline.cli.completion import commands_of
    from faceline.cli.main import build_parser
    from faceline.cli.parser import Parser
    from faceline.cli.program import run
except ModuleNotFoundError as error:
    cure = "source .venv/bin/activate" if (Path(__file__).resolve().parent.parent / ".venv").is_dir() else "./demo.sh"
    print(f"make-docs.py: error: {error}; run {cure}", file=sys.stderr)
    sys.exit(2)

PAGE = Path(__file__).resolve().parent.parent / "docs" / "commands.md"

INTRODUCTION = """\
# Commands

Written by `util/make-docs.py` from the commands; a test compares. The scripts are the same commands:
`util/align-dlib.py` is `faceline align`, `batch_represent/main.py` is `faceline represent`, `demos/classifier.py train`
and `infer` are `faceline train` and `infer`, and `evaluation/lfw.py`, `groups.py` and `identify.py` are
`faceline evaluate …`.
"""


def leaves(parser: Parser) -> Iterator[argparse.ArgumentParser]:
    """The commands below a parser that have no further ones below them."""
    for command in commands_of(parser):
        if not any(isinstance(action, argparse._SubParsersAction) for action in command._actions):
            yield command


def table(parser: argparse.ArgumentParser) -> list[str]:
    lines = ["| argument | |", "|---|---|"]
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        names = list(action.option_strings) or [""]
        value = "" if action.nargs == 0 else values(action)
        said = (action.help or "") % {**vars(action), "default": parser.get_default(action.dest)}
        name = ", ".join(f"`{f'{flag} {value}'.strip()}`" for flag in names)
        lines.append(f"| {name} | {said} |".replace("\\", "\\\\"))
    return lines


def values(action: argparse.Action) -> str:
    """What stands behind a flag: one name for each value, or those that may be chosen."""
    name = action.metavar
    if name is None:
        name = "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()
    name = name if isinstance(name, str) else " ".join(name)
    return name.replace("|", " or ")


def page() -> str:
    parts = [INTRODUCTION]
    for command in leaves(build_parser()):
        description = (command.description or "").strip()
        parts += [f"## {command.prog}\n", f"```\n{description}\n```\n", "\n".join(table(command)) + "\n"]
    return "\n".join(parts)


def make_docs() -> str:
    PAGE.write_text(page())
    return f"Written to {PAGE}"


if __name__ == "__main__":
    parser = Parser(prog="make-docs.py", description=__doc__)
    parser.does(make_docs, make_docs)
    sys.exit(run(parser))
