"""People who go, through the scripts: the last one, too; and people of whom no picture is usable."""

import shutil

import pytest
from conftest import ALIGN, CLASSIFIER, REPRESENT, run_script, tree

from faceline import align_folder, represent_folder, train
from faceline.errors import FacelineError
from faceline.evaluation import identify


@pytest.fixture
def home(tmp_path, encoded):
    """A folder in which two people are enrolled; a third has a damaged picture, a fourth a document."""
    for name, data in {
        "anna/1.jpg": encoded("JPEG"),
        "bert/1.jpg": encoded("JPEG", quality=60),
        "carl/1.jpg": b"hello",
        "dora/passport.pdf": b"",
        "anna/raw/1.dng.txt": b"",
    }.items():
        (tmp_path / "people" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "people" / name).write_bytes(data)
    return tmp_path


def stages(home):
    """Run all stages as a user does."""
    for script, arguments in (
        (ALIGN, ["people", "aligned", "--upsample", "0", "--jobs", "1"]),
        (REPRESENT, ["-outDir", "embeddings", "-data", "aligned", "--jobs", "1"]),
        (CLASSIFIER, ["train", "embeddings"]),
    ):
        yield run_script(script, *arguments, cwd=home)


def test_the_last_person_goes_and_comes_back(home):
    aligned, represented, trained = stages(home)
    assert aligned.stdout.splitlines()[2] == "No usable picture of 2 people: carl, dora."
    assert "No usable picture of 1 person: carl.\n" in represented.stdout
    assert trained.returncode == 0, trained.stderr
    before = tree(home / "aligned")
    for person in ("anna", "bert", "carl", "dora"):
        shutil.rmtree(home / "people" / person)
    aligned, represented, trained = stages(home)
    assert (aligned.returncode, aligned.stderr) == (0, "")
    assert aligned.stdout.startswith("0 pictures of 0 people: none is left.\n0 computed, 0 as before, 3 removed, in ")
    assert sorted(tree(home / "aligned")) == ["manifest.csv", "run.json"]
    assert (represented.returncode, represented.stderr) == (0, "")
    assert represented.stdout.startswith("0 crops of 0 people: none is left.\n")
    assert (home / "embeddings" / "reps.csv").read_bytes() == (home / "embeddings" / "labels.csv").read_bytes() == b""
    assert trained.returncode == 2
    assert trained.stderr == (
        "classifier.py: error: embeddings: nobody is left to learn; add pictures and run all stages again;"
        " classifier.pkl, which knew people of before, has been removed\n"
    )
    assert not (home / "embeddings" / "classifier.pkl").exists()
    # Once more, with nothing to do; the same for an output that was never made, which tells of a mistyped folder.
    assert "0 removed" in str(align_folder(home / "people", home / "aligned", upsample=0, jobs=1))
    assert "0 removed" in str(represent_folder(home / "aligned", home / "embeddings", jobs=1))
    with pytest.raises(
        FacelineError, match=r"embeddings: nobody is left to learn; add pictures and run all stages again$"
    ):
        train(home / "embeddings", jobs=1)
    with pytest.raises(FacelineError, match="embeddings: holds no embedding; add pictures"):
        identify(home / "embeddings")
    with pytest.raises(FacelineError, match=r"any more; add pictures and run align-dlib\.py$"):
        represent_folder(home / "aligned", home / "new", jobs=1)
    with pytest.raises(FacelineError, match="people: no pictures; put each person's pictures"):
        align_folder(home / "people", home / "new", jobs=1)
    assert not (home / "new").exists()
    shutil.copytree(home / "people", home / "typo")
    with pytest.raises(FacelineError, match="typo: no pictures; put each person's pictures"):
        align_folder(home / "typo", home / "aligned", upsample=0, jobs=1)
    (home / "people" / "anna").mkdir()
    (home / "people" / "anna" / "1.jpg").write_bytes(before["anna/1.jpg.png"])
    assert "1 picture of 1 person: 1 ok." in str(align_folder(home / "people", home / "aligned", upsample=0, jobs=1))
    assert "1 crop of 1 person: 1 ok." in str(represent_folder(home / "aligned", home / "embeddings", jobs=1))
    assert "Learned 1 person from 1 embedding." in str(train(home / "embeddings", jobs=1))


def test_the_last_usable_picture_goes(home):
    for _ in stages(home):
        pass
    for person in ("anna", "bert"):
        shutil.rmtree(home / "people" / person)
    aligned, represented, trained = stages(home)
    assert "1 picture of 0 people: 1 unreadable." in aligned.stdout
    assert "No usable picture of 2 people: carl, dora.\n" in aligned.stdout
    assert "0 crops of 0 people: none is left.\n" in represented.stdout
    assert "nobody is left to learn" in trained.stderr


def test_many_people_without_a_picture_are_not_all_listed(tmp_path, encoded):
    for number in range(13):
        (tmp_path / "people" / f"p{number:02}").mkdir(parents=True)
    (tmp_path / "people" / "p00" / "1.jpg").write_bytes(encoded("JPEG"))
    listed = ", ".join(f"p{number:02}" for number in range(1, 11))
    summary = align_folder(tmp_path / "people", tmp_path / "aligned", upsample=0, jobs=1)
    assert f"No usable picture of 12 people: {listed} and 2 more.\n" in str(summary)
