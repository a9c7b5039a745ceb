"""Names of a package that are imported at first use, so that a program loads only what it needs."""

import importlib
from collections.abc import Callable, Mapping


def at_first_use(package: str, modules: Mapping[str, str]) -> Callable[[str], object]:
    """The `__getattr__` of a package whose public names, the keys, lie in the modules that are their values."""

    def get(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(modules[name]), name)

    return get
