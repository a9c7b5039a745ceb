"""Users without a home, systems without parts of POSIX: the scripts work all the same."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from conftest import ALIGN, CLASSIFIER, ROOT, run_script

from faceline.disk.cache import NOWHERE, cache_folder
from faceline.errors import FacelineError
from faceline.networks.weights import YUNET, download_path

# An identifier that no user has, and how a process gets it that may still read everything, as the interpreter may lie
# in somebody's home.
NOBODY = "54321"
AS_NOBODY = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]
AS_NOBODY += ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]


def plain(**variables):
    """An environment with nothing but these variables, and where the library is."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return kept | variables


@pytest.fixture
def nobody():
    """A folder in which NOBODY may write; skips where the test may not become NOBODY."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to others
        os.chmod(folder, 0o777)
        probe = [*AS_NOBODY, sys.executable, "-c", "open('x', 'w')"]
        if (
            not shutil.which("setpriv")
            or subprocess.run(probe, cwd=folder, capture_output=True, check=False).returncode
        ):
            pytest.skip("cannot become another user")
        yield Path(folder)


def test_without_home_and_without_an_entry_among_the_users(photographs, classifier, nobody):
    (nobody / "in" / "a").mkdir(parents=True)
    shutil.copy(photographs.portrait, nobody / "in" / "a")
    align = [ALIGN, nobody / "in", "align", "outerEyesAndNose", nobody / "aligned", "--jobs", "1"]
    name = [CLASSIFIER, "infer", classifier, photographs.portrait]
    for command in (align, name):
        command = [*AS_NOBODY, sys.executable, *map(str, command)]
        done = subprocess.run(command, capture_output=True, text=True, env=plain(), cwd="/", check=False)
        assert (done.returncode, done.stderr) == (0, "")
    assert f"Predict {photographs.portrait.parent.name} with" in done.stdout


@pytest.mark.parametrize(
    "variables",
    [
        {"HOME": "/dev/null"},
        {"HOME": "/proc", "TMPDIR": "/nowhere"},
        {"HOME": "", "XDG_CACHE_HOME": "relative"},
        {"HOME": ".", "XDG_CACHE_HOME": "", "LANG": "C", "LC_ALL": "C"},
    ],
)
def test_homes_of_other_kinds(photographs, classifier, tmp_path, variables):
    done = run_script(CLASSIFIER, "infer", classifier, photographs.portrait, env=plain(**variables), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Predict {photographs.portrait.parent.name} with" in done.stdout
    assert not list(tmp_path.iterdir())


def test_the_cache_is_never_relative(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert cache_folder().is_absolute()
    monkeypatch.setenv("XDG_CACHE_HOME", "/there")
    assert cache_folder() == Path("/there/faceline")


def test_what_has_to_be_fetched_needs_a_place(monkeypatch):
    monkeypatch.setattr("faceline.networks.weights.cache_folder", lambda: NOWHERE)
    with pytest.raises(FacelineError, match="needs a folder to be kept in; name one in XDG_CACHE_HOME or HOME"):
        download_path.__wrapped__(YUNET)


@pytest.fixture
def without_posix(tmp_path):
    """The environment of a Python that lacks what Windows lacks, also in processes that it starts."""
    (tmp_path / "hidden").mkdir()
    (tmp_path / "temporary").mkdir()
    (tmp_path / "hidden" / "sitecustomize.py").write_text(
        """
import errno, os, sys
for module in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[module] = None
for names in (os, ("O_NONBLOCK", "O_CLOEXEC", "O_NOFOLLOW", "setuid", "mkfifo")), (errno, ("EDQUOT",)):
    for name in names[1]:
        delattr(names[0], name)
"""
    )
    path = os.pathsep.join([str(tmp_path / "hidden"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    return dict(os.environ) | {"PYTHONPATH": path, "TMPDIR": str(tmp_path / "temporary")}


def test_without_fcntl(photographs, without_posix, tmp_path):
    """Two processes, as by default on two cores; and no file in the results that was not there before."""
    for person in ("a", "b"):
        (tmp_path / "in" / person).mkdir(parents=True)
        shutil.copy(photographs.portrait, tmp_path / "in" / person)
    done = run_script(
        ALIGN, tmp_path / "in", "align", "outerEyesAndNose", tmp_path / "out", "--jobs", 2, env=without_posix
    )
    assert (done.returncode, done.stderr) == (0, "")
    name = photographs.portrait.name
    assert sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*")) == [
        *("a", f"a/{name}.png", "b", f"b/{name}.png", "manifest.csv", "run.json")
    ]


def test_without_fcntl_a_second_run_is_kept_out_and_the_lock_dies_with_its_process(without_posix, tmp_path):
    code = (
        "import sys, time, pathlib; from faceline.disk.folder_locks import locked\n"
        "with locked(pathlib.Path('out')): print(1, flush=True); {}"
    )
    command = [sys.executable, "-c", code.format("time.sleep(60)")]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=without_posix)
    assert first.stdout is not None
    assert first.stdout.readline() == "1\n"
    second = run_script("-c", code.format("pass"), cwd=tmp_path, env=without_posix)
    assert "another run is writing here" in second.stderr
    first.send_signal(signal.SIGKILL)
    first.wait()
    first.stdout.close()
    begun = time.monotonic()
    assert run_script("-c", code.format("pass"), cwd=tmp_path, env=without_posix).stdout == "1\n"
    assert time.monotonic() - begun < 30
    assert not list((tmp_path / "out").iterdir())
    assert not list((tmp_path / "temporary").iterdir())


def test_without_fcntl_a_closed_folder_for_temporary_files_keeps_nobody_out(without_posix, tmp_path):
    code = (
        "import pathlib, tempfile; from faceline.disk.folder_locks import locked\n"
        "tempfile.tempdir = '/nowhere'\n"
        "with locked(pathlib.Path('out')): print(1)"
    )
    done = run_script("-c", code, cwd=tmp_path, env=without_posix)
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_only_a_missing_library_is_a_matter_of_the_environment(without_posix):
    for script in (ALIGN, CLASSIFIER, ROOT / "batch_represent" / "main.py"):
        done = run_script(script, "--help", env=without_posix)
        assert (done.returncode, done.stderr) == (0, "")
