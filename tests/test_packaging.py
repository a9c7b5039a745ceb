"""What is installed: the wheel, the source distribution, and the library without its extras."""

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from itertools import chain
from pathlib import Path

import pytest
from conftest import run_script

import faceline

ROOT = Path(__file__).resolve().parent.parent
BUILD = "import sys; from setuptools import build_meta as b; print(b.build_{}(sys.argv[1]))"
SOURCES = "LICENSE", "README.md", "CHANGELOG.md", "MANIFEST.in", "pyproject.toml", "requirements.txt"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheel and the source distribution, built as pip would, from a copy."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    shutil.copytree(ROOT / "faceline", copy / "faceline", ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "tests").mkdir()
    shutil.copy(__file__, copy / "tests")
    for name in SOURCES:
        shutil.copy(ROOT / name, copy)
    for kind in ("wheel", "sdist"):
        subprocess.run([sys.executable, "-c", BUILD.format(kind), out], cwd=copy, check=True, capture_output=True)
    return out


def test_the_wheel_holds_the_library_and_nothing_else(built):
    (path,) = built.glob("*.whl")
    assert path.name == f"faceline-{faceline.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(path) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        (metadata,) = (wheel.read(name).decode() for name in wheel.namelist() if name.endswith("/METADATA"))
    expected = {path.relative_to(ROOT).as_posix() for path in (ROOT / "faceline").rglob("*.py")}
    data = {
        path.relative_to(ROOT).as_posix()
        for ending in ("css", "html", "js", "json")
        for path in (ROOT / "faceline").rglob(f"*.{ending}")
    }
    assert names == expected | {"faceline/py.typed"} | data
    assert "Provides-Extra: heif" in metadata
    assert "Provides-Extra: plots" in metadata


def test_the_source_distribution(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {*SOURCES, "faceline/py.typed", "faceline/errors.py"} <= names
    assert not any(name.startswith("tests") for name in names)


def test_nothing_that_is_needed_is_under_the_gpl():
    """Neither what the library requires, nor what its extras do, nor what these require in turn."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    waiting = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    seen = set()
    while waiting:
        name = re.findall(r"^[\w.-]+", waiting.pop())[0].lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            found = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system or version of Python
        licence = " ".join([*(found.get_all("Classifier") or ()), *(found.get_all("License-Expression") or ())])
        assert not re.search(r"(?<!L)\bA?GPL|(?<!Lesser )General Public License", licence), name
        requirements = importlib.metadata.requires(name) or ()
        waiting += [requirement for requirement in requirements if "extra ==" not in requirement]
    assert {"numpy", "onnxruntime", "matplotlib", "pi-heif"} <= seen


def test_a_heic_picture_without_its_decoder_is_a_row_that_says_what_to_install(photographs, tmp_path):
    from PIL import Image

    (tmp_path / "in" / "anna").mkdir(parents=True)
    shutil.copy(photographs.portrait, tmp_path / "in" / "anna")
    Image.open(photographs.portrait).save(tmp_path / "in" / "anna" / "phone.HEIC", format="HEIF")
    code = "import sys; sys.modules['pi_heif'] = None; import faceline; faceline.align_folder('in', 'out', jobs=1)"
    done = run_script("-c", code, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    rows = (tmp_path / "out" / "manifest.csv").read_text()
    assert "anna/phone.HEIC,anna,unreadable,HEIC pictures need a decoder: pip install 'faceline[heif]'" in rows
    assert rows.count(",ok,") == 1


def test_heic_is_read_by_the_decoder_of_the_extra_and_written_by_that_of_the_tests():
    """Both lie in this process; were the one of the tests to read, too, they would say nothing of the other."""
    import pi_heif
    from PIL import Image

    assert Image.OPEN["HEIF"][0].__module__.startswith("pi_heif")
    assert Image.SAVE["HEIF"].__module__.startswith("pillow_heif")
    assert pi_heif.libheif_info()["HEIF"] == ""  # the encoder


def test_an_evaluation_without_matplotlib_says_what_to_install(tmp_path):
    code = "import sys; sys.modules['matplotlib'] = None; from faceline.evaluation import verify; verify('a', 'b')"
    done = run_script("-c", code, cwd=tmp_path)
    assert "FacelineError: matplotlib is missing, which draws the plots; pip install 'faceline[plots]'" in done.stderr
