"""The rooms of the library: who imports whom, and whether the page about them tells of every module."""

import ast
import importlib.util
import re
import sys
from pathlib import Path

import pytest

import faceline
import faceline.evaluation

ROOT = Path(__file__).resolve().parent.parent
ROOMS = (
    "cli",
    "service",
    "work_folder",
    "stages",
    "report",
    "recognition",
    "people",
    "faces",
    "networks",
    "runs",
    "disk",
    "host",
)
# Room -> how high it lies; evaluations lie beside the stages. What stands in for other packages lies above all, and the
# functions that it has beside the people.
HEIGHT = {room: len(ROOMS) - height for height, room in enumerate(ROOMS)}
HEIGHT |= {"evaluation": HEIGHT["stages"], "standins": HEIGHT["cli"] + 1, "compat": HEIGHT["people"]}
MODULES = sorted(path for path in (ROOT / "faceline").rglob("*.py") if path.stem not in ("__init__", "__main__"))


def room_of(module: str) -> str:
    """The room of a module, `faceline.room.module`; of the modules that are in none their own name."""
    return module.split(".")[1]


def imported(path: Path) -> set[str]:
    """The modules of ours that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith("faceline."):
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("faceline.")}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_import_downwards(path):
    room = path.relative_to(ROOT / "faceline").with_suffix("").parts[0]
    height = HEIGHT.get(room, 0)
    for module in imported(path):
        below = room_of(module)
        assert below == room or HEIGHT.get(below, 0) < height or (height == 0 and below in ("errors", "wording")), (
            f"{path.relative_to(ROOT)} imports {module}"
        )


@pytest.mark.parametrize("package", [faceline, faceline.evaluation], ids=lambda package: package.__name__)
def test_names_that_are_imported_at_first_use(package):
    """They stand there twice: for those who check types, and for those who run the program."""
    tree = ast.parse(Path(package.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert {alias.name: node.module for node in imports for alias in node.names} == package.MODULES
    assert sorted(package.MODULES) == sorted(package.__all__)
    for name in package.__all__:
        assert getattr(package, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        package.nothing  # noqa: B018


def test_the_page_names_every_module_and_no_other():
    text = (ROOT / "docs" / "architecture.md").read_text()
    named = set()
    for room, section in re.findall(r"^### (\w+):(.*?)(?=^##)", text, re.MULTILINE | re.DOTALL):
        named |= {f"{room}.{module}" for module in re.findall(r"^\| `([\w.]+)` \|", section, re.MULTILINE)}
    modules = {".".join(path.relative_to(ROOT / "faceline").with_suffix("").parts) for path in MODULES}
    assert named == {module for module in modules if "." in module}
    assert all(f"`{module}`" in text for module in modules if "." not in module)


@pytest.mark.parametrize("script", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.stem)
def test_benchmarks_find_what_they_import(script, monkeypatch):
    """They reach into the library: a module that moves must not break them unseen."""
    monkeypatch.syspath_prepend(script.parent)
    others = {path.stem for path in script.parent.glob("*.py")}
    for node in ast.walk(ast.parse(script.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in others | {"faceline"}:
            module = importlib.import_module(node.module)
            for alias in node.names:
                found = hasattr(module, alias.name) or importlib.util.find_spec(f"{node.module}.{alias.name}")
                assert found, ast.unparse(node)
    for name in others:
        sys.modules.pop(name, None)
