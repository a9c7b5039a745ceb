"""A package of ours in the place of another one, which programs import by its name."""

import importlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parents[1] / "standins"


class StandIn:
    """A package that can be put in the place of another one, and taken away again.

    Parameters
    ----------
    name : str
        What it is called.
    folder : Path
        The folder that holds it: processes that are started from here find it there, too.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, str(folder)
        self._replaced: dict[str, ModuleType] = {}

    def install(self) -> None:
        """Let it be what is imported; done again, nothing changes."""
        if self.folder not in sys.path:
            self._replaced = self._taken_out()
            sys.path.insert(0, self.folder)
            importlib.invalidate_caches()

    def uninstall(self) -> None:
        """Let all be as it was before `install`."""
        if self.folder in sys.path:
            self._taken_out()
            sys.path.remove(self.folder)
            sys.modules.update(self._replaced)
            self._replaced = {}
            importlib.invalidate_caches()

    def _taken_out(self) -> dict[str, ModuleType]:
        """The modules of that name that are imported by now, which are not any more."""
        names = [name for name in sys.modules if name == self.name or name.startswith(f"{self.name}.")]
        return {name: sys.modules.pop(name) for name in names}


FACE_RECOGNITION = StandIn("face_recognition", FOLDER)


def run_program(package: StandIn, module: str) -> int:
    """What `python -m module program.py …` does: `python program.py …`, with the package in its place.

    Python begins anew, so that nothing in the program's process is not as usual: its `__main__`, its tracebacks, its
    end. Whatever Python takes may stand for the program, such as `-m other` or `-c code`.

    Parameters
    ----------
    package : StandIn
    module : str
        The one that was run.
    """
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(f"usage: python -m {module} program.py [argument ...]")
        return 0 if arguments else 2
    if sys.flags.ignore_environment:
        complaint = f"Python's -E and -I keep {package.name} from being found; leave them out"
        print(f"{module}: error: {complaint}", file=sys.stderr)
        return 2
    paths = [package.folder, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, *options_before(module, sys.orig_argv, len(arguments)), *arguments]
    if os.name != "nt":  # there, a process that becomes another one has ended for those who wait for it
        os.execve(sys.executable, command, environment)
    return subprocess.run(command, env=environment, check=False).returncode


def options_before(module: str, command: Sequence[str], arguments: int) -> list[str]:
    """What stands between `python` and `-m module` in a command that ends with a number of arguments.

    Examples
    --------
    >>> options_before("x", ["python", "-X", "dev", "-um", "x", "program.py"], 1)
    ['-X', 'dev', '-u']
    """
    *options, last = command[1 : len(command) - arguments]
    if last == module:
        *options, last = options
    last = last.removesuffix(module).removesuffix("m")
    return options if last == "-" else [*options, last]
