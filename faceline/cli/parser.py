"""An argument parser for stages."""

import argparse
import functools
import inspect
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

from faceline.wording import one_line

MISTAKE = 2


class Asked(NamedTuple):
    """What a command line asks for: the parser of the command that it names, and how much is to be said of it."""

    command: "Parser"
    call: functools.partial
    quiet: bool
    is_talkative: bool


class Parser(argparse.ArgumentParser):
    """An argument parser for a stage: its defaults are those of the stage's function, its errors take one line."""

    def __init__(self, **options: Any) -> None:
        self._rest = ""
        self._needs_rest = True
        self._sort: Callable[[list[str]], dict] | None = None
        self._call: Callable = print
        self.resumes = self.summarises = False
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options)

    def take_rest(self, name: str, sort: Callable[[list[str]], dict] | None = None, is_needed: bool = True) -> None:
        """Let the list `name` of positional arguments go on behind options: `classifier.pkl --multi photo.jpg`.

        Its argument has to allow none, so that an unknown option is complained of first. `sort` gives what stands in
        its place: which of them is which; it raises ValueError for a mistake. `is_needed` says whether there has to be
        one.
        """
        self._rest, self._sort, self._needs_rest = name, sort, is_needed

    def does(self, call: Callable, defaults_of: Callable, resumes: bool = False, summarises: bool = False) -> None:
        """Say what is called with the options; call it when all arguments are defined.

        The defaults are those of the parameters of `defaults_of`. `resumes` says whether the same command, run again,
        goes on where it was interrupted; `summarises` whether all that it prints is a summary, which is left out where
        quiet is asked for.
        """
        parameters = inspect.signature(defaults_of).parameters.values()
        defaults = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
        self.set_defaults(**defaults, command_parser=self)
        self._call, self.resumes, self.summarises = call, resumes, summarises

    def parse(self, args: Sequence[str] | None = None) -> Asked:
        """What the arguments ask for."""
        options, rest = self.parse_known_args(args)
        # A mistake is best explained by the help of the command that it was made in.
        command = vars(options).pop("command_parser")
        vars(options).pop("command", None)
        quiet, is_talkative = (vars(options).pop(name, False) for name in ("quiet", "is_talkative"))
        command.take(options, rest)
        return Asked(command, functools.partial(command._call, **vars(options)), quiet, is_talkative)

    def take(self, options: argparse.Namespace, rest: list[str]) -> None:
        """Sort what was left over: arguments that went on behind options, and unknown options."""
        names, literal = rest, []
        if "--" in rest:  # what stands behind it is no option, whatever it begins with
            names, literal = rest[: rest.index("--")], rest[rest.index("--") + 1 :]
        flags = [argument for argument in names if argument.startswith("-") and argument != "-"]
        if flags or (rest and not self._rest):
            file = next((f"; for the file write ./{flag}" for flag in flags if os.path.lexists(flag)), "")
            self.error(f"unrecognized arguments: {' '.join(rest)}{file}")
        if self._rest:
            if names or literal:
                setattr(options, self._rest, [*getattr(options, self._rest), *names, *literal])
            if self._needs_rest and not getattr(options, self._rest):
                self.error("the following arguments are required: " + " ".join(self.positionals()))
        if self._sort is not None:
            try:
                vars(options).update(self._sort(vars(options).pop(self._rest)))
            except ValueError as error:
                self.error(str(error))

    def positionals(self) -> list[str]:
        """The arguments that are no options, as the help calls them."""
        return [str(action.metavar) for action in self._get_positional_actions()]

    def error(self, message: str) -> NoReturn:
        self.exit(MISTAKE, f"{self.prog}: error: {one_line(message)}; see {self.prog} --help\n")


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """How much the commands of `faceline` say, before or behind their names."""
    parser.add_argument(
        "-q", "--quiet", action="store_true", default=argparse.SUPPRESS, help="no progress and no summary"
    )
    parser.add_argument(
        "-v",
        dest="is_talkative",
        action="store_true",
        default=argparse.SUPPRESS,
        help="say on standard error what is being done",
    )
