"""A package of ours in the place of another one, which programs import by its name."""

import importlib
import sys
from pathlib import Path
from types import ModuleType


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
        self._name, self._folder = name, str(folder)
        self._replaced: dict[str, ModuleType] = {}

    def install(self) -> None:
        """Let it be what is imported; done again, nothing changes."""
        if self._folder not in sys.path:
            self._replaced = self._taken_out()
            sys.path.insert(0, self._folder)
            importlib.invalidate_caches()

    def uninstall(self) -> None:
        """Let all be as it was before `install`."""
        if self._folder in sys.path:
            self._taken_out()
            sys.path.remove(self._folder)
            sys.modules.update(self._replaced)
            self._replaced = {}
            importlib.invalidate_caches()

    def _taken_out(self) -> dict[str, ModuleType]:
        """The modules of that name that are imported by now, which are not any more."""
        names = [name for name in sys.modules if name == self._name or name.startswith(f"{self._name}.")]
        return {name: sys.modules.pop(name) for name in names}
