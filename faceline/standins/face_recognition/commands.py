"""The original's commands are objects of click's, which its own tests invoke; here they are so as far as that needs."""

import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from faceline.cli.parser import Parser
from faceline.cli.program import run


class Command:
    """A command of `faceline.cli` under the original's name, to be called as a function or with arguments."""

    def __init__(self, module: ModuleType, name: str) -> None:
        self._module, self.name = module, name

    def __call__(self) -> NoReturn:
        self.main()

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **options: object) -> NoReturn:
        """Run with arguments, those of the program unless they are given, and exit."""
        parser = Parser(prog=prog_name or self.name, description=self._module.DESCRIPTION, add_help=False)
        parser.add_argument("-h", "--help", action="help", help="Show this message and exit.")
        self._module.fill(parser)
        sys.exit(run(parser, args))
