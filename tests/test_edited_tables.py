"""Tables that somebody edited: what is wrong, and how it is done right, in one line."""

import shutil

import pytest
from conftest import ALIGN, CLASSIFIER, REPRESENT, run_script

from faceline import align_folder, correct, infer, represent_folder, train
from faceline.errors import FacelineError

ADVICE = " (edited by hand? rename or remove people by their folders of pictures, and run all stages again)"


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory, encoded):
    """Two people, through all stages."""
    home = tmp_path_factory.mktemp("enrolled")
    for name, quality in (("anna/1.jpg", 90), ("anna/2.jpg", 80), ("bert/1.jpg", 70)):
        (home / "people" / name).parent.mkdir(parents=True, exist_ok=True)
        (home / "people" / name).write_bytes(encoded("JPEG", quality=quality))
    align_folder(home / "people", home / "aligned", upsample=0, jobs=1)
    represent_folder(home / "aligned", home / "embeddings", jobs=1)
    train(home / "embeddings", jobs=1)
    return home


@pytest.fixture
def home(enrolled, tmp_path):
    return shutil.copytree(enrolled, tmp_path / "home")


def without_line(text):
    return text.partition("\n")[2]


@pytest.mark.parametrize(
    ("table", "edit", "complaint"),
    [
        ("labels.csv", lambda text: text.replace("anna", "anne"), "labels.csv: line 1: anne/1.jpg.png, where anna/1"),
        ("labels.csv", without_line, "3 embeddings but 2 labels"),
        ("labels.csv", lambda text: text.replace(",", ";"), "labels.csv: line 1: not enough values"),
        ("labels.csv", lambda text: "\ufeff" + text, "labels.csv: line 1: invalid literal"),
        ("labels.csv", lambda text: text.replace("2,", "1,"), "labels.csv: line 3: class 1 stands for two people"),
        ("reps.csv", without_line, "2 embeddings but 3 labels"),
        ("manifest.csv", lambda text: text.replace("anna", "anne"), "labels.csv: line 1: anna/1.jpg.png, where anne/1"),
        ("manifest.csv", lambda text: text.replace(",anna,", ",anne,"), "line 2: anna/1.jpg.png is not anne's"),
        ("manifest.csv", lambda text: text.replace(",", ";"), "manifest.csv: line 1: its columns are not crop,person"),
        ("manifest.csv", lambda text: text[: text.rindex("bert")], "manifest.csv: cut off in its last line"),
    ],
)
def test_tables_of_embeddings(home, table, edit, complaint):
    path = home / "embeddings" / table
    path.write_text(edit(path.read_text()))
    for stage, cure in (
        (lambda: train(home / "embeddings", jobs=1), "run batch_represent again with --overwrite"),
        (lambda: represent_folder(home / "aligned", home / "embeddings", jobs=1), "--overwrite does all again"),
    ):
        with pytest.raises(FacelineError) as caught:
            stage()
        assert complaint in str(caught.value)
        assert str(caught.value).endswith(cure + ("" if "cut off" in complaint else ADVICE))
        assert "\n" not in str(caught.value)


def test_the_table_of_crops(home):
    path = home / "aligned" / "manifest.csv"
    path.write_text(path.read_text().replace(",anna,", ",anne,"))
    for script, arguments in (
        (ALIGN, ["people", "aligned", "--upsample", "0"]),
        (REPRESENT, ["-outDir", "embeddings", "-data", "aligned"]),
    ):
        done = run_script(script, *arguments, cwd=home)
        assert done.returncode == 2
        assert "manifest.csv: line 2: anna/1.jpg is not anne's, by its folder; " in done.stderr
        assert done.stderr.endswith(ADVICE + "\n")


def test_a_person_is_renamed_by_the_folder(home):
    (home / "people" / "anna").rename(home / "people" / "anne")
    align_folder(home / "people", home / "aligned", upsample=0, jobs=1)
    represent_folder(home / "aligned", home / "embeddings", jobs=1)
    train(home / "embeddings", jobs=1)
    done = run_script(CLASSIFIER, "infer", "embeddings", "people/anne/1.jpg", "--threshold", "inf", cwd=home)
    assert (done.returncode, done.stderr) == (0, "")
    assert (home / "embeddings" / "labels.csv").read_text() == "1,anne/1.jpg.png\n1,anne/2.jpg.png\n2,bert/1.jpg.png\n"


def stale(home, caplog, name="embeddings"):
    """What `infer` warns of."""
    caplog.clear()
    infer([], home / name)
    return caplog.text.replace(str(home) + "/", "")


def test_a_classifier_older_than_its_embeddings_or_their_crops_says_so(home, encoded, caplog):
    for path in sorted(home.rglob("*")):
        path.touch()  # times say nothing
    assert stale(home, caplog) == ""
    (home / "people" / "carl").mkdir()
    (home / "people" / "carl" / "1.jpg").write_bytes(encoded("JPEG", quality=60))
    align_folder(home / "people", home / "aligned", upsample=0, jobs=1)
    warning = (
        "embeddings/classifier.pkl: older than the crops in aligned; run batch_represent and classifier.py train again"
    )
    assert warning in stale(home, caplog)
    done = run_script(CLASSIFIER, "infer", "embeddings", "people/bert/1.jpg", "--json", cwd=home)
    assert (done.returncode, done.stderr) == (0, f"classifier.py: warning: {warning}\n")
    assert done.stdout.startswith("{")
    assert done.stdout.count("\n") == 1
    train(home / "embeddings", jobs=1)
    assert "embeddings: older than the crops in" in caplog.text
    assert "run batch_represent first" in caplog.text
    represent_folder(home / "aligned", home / "embeddings", jobs=1)
    assert "classifier.pkl: older than the reps.csv beside it; run classifier.py train again" in stale(home, caplog)
    train(home / "embeddings", jobs=1)
    assert stale(home, caplog) == ""
    # A picture without a face changes no crop.
    (home / "people" / "carl" / "2.jpg").write_bytes(b"hello")
    align_folder(home / "people", home / "aligned", upsample=0, jobs=1)
    assert stale(home, caplog) == ""
    labels = home / "embeddings" / "labels.csv"
    labels.write_text(labels.read_text().replace("carl", "karl"))
    assert "classifier.pkl: older than the labels.csv beside it; run classifier.py train again" in stale(home, caplog)


def test_a_classifier_older_than_the_corrections_says_so(home, caplog):
    correct(["anna/1.jpg.png"], home / "embeddings", name="bert")
    assert "classifier.pkl: older than corrections.jsonl; run classifier.py train again" in stale(home, caplog)
    train(home / "embeddings", jobs=1)
    assert stale(home, caplog) == ""
    correct([], home / "embeddings", undo="last")
    assert "classifier.pkl: older than corrections.jsonl; run classifier.py train again" in stale(home, caplog)
    (home / "copy").mkdir()
    shutil.copy(home / "embeddings" / "classifier.pkl", home / "copy")
    assert stale(home, caplog, "copy") == ""


def test_what_cannot_be_known_is_not_said(home, caplog):
    """Where a classifier was copied alone, the crops have moved, or `run.json` is none."""
    (home / "copy").mkdir()
    shutil.copy(home / "embeddings" / "classifier.pkl", home / "copy")
    assert stale(home, caplog, "copy") == ""
    (home / "aligned").rename(home / "moved")
    assert stale(home, caplog) == ""
    for text in ("[]", '{"aligned": 3, "sha256": 3}', '{"aligned": {"folder": "a\\u0000", "manifest_sha256": ""}}'):
        (home / "embeddings" / "run.json").write_text(text)
        assert stale(home, caplog) == ""
