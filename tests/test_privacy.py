"""Nothing leaves the machine, and nothing but our own files is left on it."""

import ast
import re
import shutil
import signal
import subprocess
import sys

import pytest
from conftest import CLASSIFIER, OFFLINE, ROOT, at_home, run_script

SOCKET = "import socket; socket.socket({family})"
OURS = re.compile(r"\.cache(/faceline(/(hog-dlib-.*\.svm|(dlib_face_recognition|mmod_human_face)_.*\.onnx))?)?")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux watches")
def test_the_watch_works():
    for family in ("socket.AF_INET", "socket.AF_INET6", "socket.AF_UNIX"):
        done = run_script(OFFLINE, "-c", SOCKET.format(family=family))
        assert done.returncode == -signal.SIGSYS
    lookup = run_script(OFFLINE, "-c", "import socket; socket.getaddrinfo('example.org', 443)")
    assert lookup.returncode == -signal.SIGSYS
    assert run_script(OFFLINE, "-c", "print(1)").stdout == "1\n"


def test_a_whole_run_makes_no_socket_and_leaves_only_our_files(pipeline, classifier, photographs, tmp_path):
    """The other stages have run in the same way."""
    home = pipeline / "home"
    command = [CLASSIFIER, "infer", classifier, photographs.portrait, "--multi", "--save", tmp_path / "marked"]
    done = run_script(OFFLINE, *command, env=at_home(home))
    assert done.returncode == 0, done.stderr
    left = {path.relative_to(home).as_posix() for path in home.rglob("*")}
    assert left
    assert not [path for path in left if not OURS.fullmatch(path)]


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_strace_sees_no_address_and_no_name(photographs, classifier, tmp_path):
    """By other means, for the last stage alone: the trace shows the files that are read to look up a name, too."""
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-qq", "-e", "trace=socket,connect,open,openat", "-o", trace, sys.executable]
    command += [CLASSIFIER, "infer", classifier, photographs.portrait]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=at_home(tmp_path), check=False)
    if "ptrace" in done.stderr:
        pytest.skip("may not trace here")
    assert done.returncode == 0, done.stderr
    text = trace.read_text(errors="replace")
    assert "openat(" in text
    assert not re.findall(r"AF_INET6?|/etc/(?:resolv\.conf|hosts|gai\.conf)", text)


def executed(node):
    """The nodes below a node of a syntax tree, without those that only checkers of types look at."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and getattr(child.test, "id", "") == "TYPE_CHECKING"):
            yield child
            yield from executed(child)


def test_onnx_runtime_comes_from_one_place():
    importing = {
        path.name
        for path in (ROOT / "faceline").rglob("*.py")
        for node in executed(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and "onnxruntime" in [getattr(node, "module", None), *(alias.name for alias in node.names)]
    }
    assert importing == {"telemetry.py"}


@pytest.mark.parametrize(
    ("code", "variable", "is_there"),
    [
        ("", None, False),
        ("", "1", False),
        ("", "0", True),  # the user has a say
        ("import onnxruntime; ", None, True),  # the program had it already
    ],
)
def test_telemetry(tmp_path, code, variable, is_there):
    """Telemetry leaves a file in the cache as soon as ONNX Runtime is imported."""
    code += "import os; before = dict(os.environ); from faceline.networks.telemetry import import_onnxruntime as get; "
    code += "assert get() is get(); assert dict(os.environ) == before"
    environment = at_home(tmp_path) | ({} if variable is None else {"ORT_DISABLE_TELEMETRY": variable})
    done = run_script("-c", code, env=environment)
    assert done.returncode == 0, done.stderr
    if not is_there:
        assert not list(tmp_path.iterdir())
