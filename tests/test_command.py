"""The command `faceline`, as it is installed and as `python -m faceline`."""

import re
import subprocess

import pytest
from conftest import run_script

import faceline
from faceline.cli.main import COMMANDS, EVALUATIONS, main, own_names

WORDS = [[name] for name in COMMANDS] + [["evaluate", name] for name in EVALUATIONS]


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_every_command_explains_itself(words, capsys):
    with pytest.raises(SystemExit) as end:
        main([*words, "--help"])
    said = capsys.readouterr()
    assert (end.value.code, said.err) == (0, "")
    assert said.out.startswith(f"usage: faceline {' '.join(words)} ")


def test_a_command_explains_itself_in_a_process_of_its_own():
    done = run_script("-m", "faceline", "infer", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: faceline infer ")


def test_a_mistake_points_to_the_help_of_its_own_command(capsys):
    for words in WORDS:
        with pytest.raises(SystemExit) as end:
            main([*words, "--webcam"])
        said, name = capsys.readouterr().err, f"faceline {' '.join(words)}"
        assert said.startswith(f"{name}: error: ")
        assert said.endswith(f"; see {name} --help\n")
        assert (said.count("\n"), end.value.code) == (1, 2)


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


def test_mistakes_take_one_line_and_status_2_and_name_commands_not_scripts(tmp_path, run_here):
    for words, complaint in (
        (["train", "none"], "faceline: error: none: No such file or directory; run faceline represent first"),
        (["represent", "-data", "none", "-outDir", "out"], "none: No such file or directory; run faceline align first"),
        (["infer", "a.jpg"], "classifier.pkl: no such file; run faceline train first"),
        (["infer", "."], "classifier.pkl: no such file; run faceline train first"),
        (["infer", "gone", "a.jpg"], "no such file; run faceline train first"),
        (["infer", "--webcam"], "faceline infer: error: unrecognized arguments: --webcam; see faceline infer --help"),
        (["infer", "none.pkl"], "no picture named; faceline infer classifier.pkl photo.jpg"),
        ([], "faceline: error: the following arguments are required: command; see faceline --help"),
        (
            ["evaluate"],
            "the following arguments are required: lfw|groups|identify|compare; see faceline evaluate --help",
        ),
        (["enroll", "a", "b"], "invalid choice: 'enroll'"),
        (["--webcam", "train"], "unrecognized arguments: --webcam"),
    ):
        done = run_here("-m", "faceline", *words, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert complaint in done.stderr
        assert done.stderr.count("\n") == 1


def test_texts_name_commands_and_leave_file_names_alone(capsys):
    assert own_names("run batch_represent and classifier.py train again") == (
        "run faceline represent and faceline train again"
    )
    assert own_names("batch_represent/x: no; run align-dlib.py") == "batch_represent/x: no; run faceline align"
    assert own_names("look in batch_represent/x") == "look in batch_represent/x"
    for words in WORDS:
        with pytest.raises(SystemExit):
            main([*words, "--help"])
        assert not re.search(r"\w\.py|batch_represent", capsys.readouterr().out)


@pytest.mark.parametrize("before", [True, False])
def test_quiet_leaves_answers_and_mistakes(photographs, tmp_path, before):
    def command(name, *words):
        arguments = ["-q", name, *words] if before else [name, *words, "--quiet"]
        return run_script("-m", "faceline", *arguments, cwd=tmp_path)

    done = command("enrol", photographs.train, "work")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = command("infer", "work", "work/training-images")
    assert done.stdout.count("Predict ") > 0
    assert done.stderr == ""
    done = command("train", "none")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_talkative_says_what_is_done(photographs, tmp_path):
    done = run_script("-m", "faceline", "align", photographs.train, "out", "-v", cwd=tmp_path)
    assert done.stderr.startswith("faceline: align: out, 0 known already\nfaceline: align: ")
    assert run_script("-m", "faceline", "align", photographs.train, "out", cwd=tmp_path).stderr == ""


HEAVY = ["PIL", "cv2", "dlib", "joblib", "matplotlib", "onnx", "onnxruntime", "pooch", "scipy", "sklearn", "tqdm"]


@pytest.mark.parametrize("words", [[], *WORDS], ids=" ".join)
def test_help_comes_at_once(words):
    """As far as that can be said on a busy machine: nothing heavy is imported for it, for the list not even numpy."""
    unwanted = {*HEAVY} if words else {*HEAVY, "numpy"}
    code = (
        "import atexit, sys; from faceline.cli.main import main;"
        f"atexit.register(lambda: print(*(set(sys.modules) & {unwanted}), file=sys.stderr)); main()"
    )
    done = run_script("-c", code, *words, "--help")
    assert (done.returncode, done.stderr) == (0, "\n")


def test_the_shell_completes_commands_and_options():
    code = "import sys; sys.modules['shtab'] = None; from faceline.cli.main import main; sys.exit(main())"
    done = run_script("-c", code, "--print-completion", "bash")
    assert done.stderr == (
        "faceline: error: shtab is missing, which writes the completion; pip install 'faceline[completion]';"
        " see faceline --help\n"
    )
    assert done.returncode == 2
    pytest.importorskip("shtab")
    for shell in ("bash", "zsh"):
        done = run_script("-m", "faceline", "--print-completion", shell)
        assert (done.returncode, done.stderr) == (0, "")
        assert all(word in done.stdout for word in (*COMMANDS, *EVALUATIONS, "--fpir", "--detector"))
    script = run_script("-m", "faceline", "--print-completion", "bash").stdout
    asked = 'COMP_WORDS=(faceline enrol --det); COMP_CWORD=2; _shtab_faceline; echo "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", f"{script}\n{asked}"], capture_output=True, text=True, check=False)
    assert sorted(done.stdout.split()) == ["--detection-size", "--detector"]
