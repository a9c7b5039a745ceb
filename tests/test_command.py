"""The command `faceline`, as it is installed and as `python -m faceline`."""

import subprocess
import sys

import pytest
from conftest import run_script

import faceline
from faceline.cli.main import COMMANDS, EVALUATIONS

WORDS = [[name] for name in COMMANDS] + [["evaluate", name] for name in EVALUATIONS]


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_every_command_explains_itself(words):
    done = run_script("-m", "faceline", *words, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: faceline {' '.join(words)} ")


def test_a_mistake_points_to_the_help_of_its_own_command():
    for words in WORDS:
        done = run_script("-m", "faceline", *words, "--webcam")
        name = f"faceline {' '.join(words)}"
        assert done.stderr.startswith(f"{name}: error: ")
        assert done.stderr.endswith(f"; see {name} --help\n")
        assert (done.stderr.count("\n"), done.returncode) == (1, 2)


def test_the_version():
    assert run_script("-m", "faceline", "--version").stdout == f"faceline {faceline.__version__}\n"


def test_the_stages_under_one_name(photographs, tmp_path):
    """In a folder with a space and an accent, from another folder."""
    work = tmp_path / "mes photos é"
    work.mkdir()

    def command(*words):
        done = run_script("-m", "faceline", *words, cwd=work)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "ok." in command("align", photographs.train, "aligned")
    assert "Written to embeddings" in command("represent", "-data", "aligned", "-outDir", "embeddings")
    assert "Written to embeddings/classifier.pkl" in command("train", "embeddings")
    probe, name = photographs.probes[0]
    assert f"=== {probe} ===\nPredict {name} with" in command("infer", "embeddings", probe)


def test_mistakes_take_one_line_and_status_2(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "faceline", "train", "none"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stderr == "faceline: error: none: No such file or directory; run batch_represent first\n"
    assert (done.returncode, done.stdout) == (2, "")
