"""Shell completion: `faceline --print-completion bash`, through shtab."""

import argparse
from collections.abc import Iterator

SHELLS = ("bash", "zsh")

# What shells complete with the names of files, and with those of folders only.
FILES = {"bash": "_shtab_compgen_files", "zsh": "_files"}
FOLDERS = {"bash": "_shtab_compgen_dirs", "zsh": "_files -/"}


class PrintCompletion(argparse.Action):
    """Print a script that lets a shell complete the commands and their options, and end."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        try:
            import shtab
        except ModuleNotFoundError:
            parser.error("shtab is missing, which writes the completion; pip install 'faceline[completion]'")
        for command in commands_of(parser):
            for action in command._actions:
                if action.choices is None and action.nargs != 0 and action.type is None:
                    is_folder = action.metavar == "DIR" or action.dest.endswith("_dir") or action.dest == "photos"
                    vars(action)["complete"] = FOLDERS if is_folder else FILES  # what shtab looks for
        print(shtab.complete(parser, str(values)))
        parser.exit()


def commands_of(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser and those of its commands, all with their options."""
    fill = getattr(parser, "fill", None)
    if fill is not None:
        fill()
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from commands_of(command)
