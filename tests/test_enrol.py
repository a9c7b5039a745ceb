"""`enrol`: all stages in a work folder, which holds copies of the photographs."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import ALIGN, CLASSIFIER, REPRESENT, names, run_script, tree
from test_kill import killed_at

from faceline import FacelineError, enrol, infer
from faceline.disk.writing import scratch_path
from faceline.work_folder.gathering import gather

QUICK: dict[str, Any] = {"upsample": 0, "jobs": 1}


@pytest.fixture
def photos(tmp_path, encoded):
    """Photographs that differ, of two people."""
    for number, name in enumerate(("anna/a.jpg", "anna/2018/a.jpg", "x/bert/b.jpg")):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(encoded("JPEG", quality=60 + number))
    return tmp_path / "photos"


def run_enrol(*arguments, **options):
    return run_script("-m", "faceline", "enrol", *arguments, **options)


def test_the_same_bytes_as_the_stages_one_by_one(photographs, tmp_path):
    """With the commands, and on a path with a space and an accent."""
    done = run_enrol(photographs.train, "mes photos é", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    work = tmp_path / "mes photos é"
    assert tree(work / "training-images") == tree(photographs.train)
    for command in (
        (ALIGN, work / "training-images", tmp_path / "aligned-images"),
        (REPRESENT, "-data", "aligned-images", "-outDir", "generated-embeddings"),
        (CLASSIFIER, "train"),
    ):
        alone = run_script(*command, cwd=tmp_path)
        assert alone.returncode == 0, alone.stderr
        counts = alone.stdout.splitlines()[0]
        assert counts in done.stdout
    for folder in ("aligned-images", "generated-embeddings"):
        assert tree(work / folder) == tree(tmp_path / folder)
    probe, name = photographs.probes[0]
    for script in (["-m", "faceline"], [CLASSIFIER]):
        answer = run_script(*script, "infer", "mes photos é", probe, cwd=tmp_path)
        assert (answer.returncode, answer.stderr) == (0, "")
        assert answer.stdout.startswith(f"=== {probe} ===\nPredict {name} with ")
    again = run_enrol(photographs.train, work)
    lines = again.stdout.splitlines()
    assert " 0 new, " in lines[0]
    assert sum(" 0 computed" in f" {line}" for line in lines) == 2


def test_adding_merges_and_replaces_nothing(photos, tmp_path, encoded):
    work = tmp_path / "work"
    reports: list[object] = []
    enrolled = enrol(photos, work, **QUICK, report=reports.append)
    assert reports == [enrolled.gathered, enrolled.aligned, enrolled.represented, enrolled.trained]
    assert enrolled.classifier_path == str(work / "generated-embeddings" / "classifier.pkl")
    assert enrolled.gathered is not None
    assert (enrolled.gathered.new, enrolled.gathered.people, enrolled.trained.people) == (3, 2, 2)
    before = tree(work / "training-images")
    more = tmp_path / "more"
    (more / "anna").mkdir(parents=True)
    (more / "anna" / "a.jpg").write_bytes(encoded("JPEG", quality=90))
    (more / "anna" / "new.jpg").write_bytes(encoded("JPEG", quality=91))
    shutil.copytree(photos / "x", more / "x")
    mine = tree(more)
    for new, kept in ((2, 1), (0, 3)):
        enrolled = enrol(more, work, **QUICK)
        assert enrolled.gathered is not None
        assert (enrolled.gathered.new, enrolled.gathered.kept) == (new, kept)
        assert enrolled.gathered.renamed == ["anna/a.jpg is anna/a-2.jpg"]
        assert (enrolled.trained.embeddings, enrolled.trained.people) == (5, 2)
    assert "Under another name: anna/a.jpg is anna/a-2.jpg." in str(enrolled)
    now = tree(work / "training-images")
    assert now.keys() - before.keys() == {"anna/a-2.jpg", "anna/new.jpg"}
    assert before.items() <= now.items()
    assert now["anna/a-2.jpg"] == mine["anna/a.jpg"]
    assert tree(more) == mine
    # To take somebody out, the work folder's own photographs are enrolled.
    shutil.rmtree(work / "training-images" / "x")
    enrolled = enrol(work / "training-images", work, **QUICK)
    assert (enrolled.gathered, enrolled.trained.people, enrolled.aligned.removed) == (None, 1, 1)
    (answer,) = infer([photos / "x" / "bert" / "b.jpg"], work)
    assert names(answer) == ["anna"]


def test_a_work_folder_among_photographs_is_a_classifier(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    enrol(photos, "work", **QUICK)
    done = run_script(CLASSIFIER, "infer", "work", "photos/anna", "--json")
    assert done.stdout.count('"status": "ok"') == 2
    shutil.copy("work/generated-embeddings/classifier.pkl", "other.pkl")
    done = run_script(CLASSIFIER, "infer", "work/training-images", "other.pkl", "--json")
    assert done.stdout.count('"status": "ok"') == 3
    os.chdir("work")
    done = run_script(CLASSIFIER, "infer", ".", "--json")  # as before there was an `enrol`: all pictures below
    assert done.stdout.count('"status": "ok"') == 3 + 3  # with the crops
    shutil.rmtree("generated-embeddings")
    done = run_script(CLASSIFIER, "infer", "../photos/anna")
    assert "classifier.pkl: no such file; run classifier.py train first" in done.stderr


def test_copies_and_links(photos, tmp_path):
    first = Path("anna", "a.jpg")
    copied = gather(photos, tmp_path / "work", link=False)
    linked = gather(photos, tmp_path / "linked", link=True)
    assert copied is not None
    assert linked is not None
    assert (copied.new, linked.new) == (3, 3)
    copy, link = tmp_path / "work" / "training-images" / first, tmp_path / "linked" / "training-images" / first
    assert copy.stat().st_mtime_ns == (photos / first).stat().st_mtime_ns
    assert (copy.samefile(photos / first), link.samefile(photos / first)) == (False, True)
    original = (photos / first).read_bytes()
    with copy.open("r+b") as file:
        file.write(b"edited")
    assert (photos / first).read_bytes() == original
    # A symbolic link among the photographs is followed: what it leads to may be gone tomorrow.
    (photos / "anna" / "link.jpg").symlink_to(photos / "x" / "bert" / "b.jpg")
    gather(photos, tmp_path / "linked", link=True)
    assert not (tmp_path / "linked" / "training-images" / "anna" / "link.jpg").is_symlink()


def test_what_cannot_be_taken_is_told_and_stops_nothing(photos, tmp_path):
    (photos / "loose.jpg").touch()
    (photos / "anna" / "notes.txt").touch()
    (photos / "anna" / "gone.jpg").symlink_to("nowhere")
    os.mkfifo(photos / "anna" / "pipe.jpg")
    (photos / "anna" / f"{'é' * 125}.jpg").write_bytes((photos / "anna" / "a.jpg").read_bytes())
    gathered = gather(photos, tmp_path / "work", link=False)
    assert gathered is not None
    assert (gathered.new, gathered.kept) == (4, 0)
    long, *others = gathered.renamed
    assert others == []
    assert long.startswith(f"anna/{'é' * 100}")
    assert str(gathered).splitlines()[2:4] == [
        "Not taken: loose.jpg (lies outside any person's folder), anna/gone.jpg (No such file or directory),"
        " anna/pipe.jpg (not a regular file).",
        "Left aside, no pictures by their names: 1 .txt.",
    ]


def test_killed_at_any_moment_and_run_again(photos, tmp_path):
    gather(photos, tmp_path / "fresh", link=False)
    for step in range(1, 100):
        work = tmp_path / "out"
        shutil.rmtree(work, ignore_errors=True)
        was_killed = killed_at(step, work, gather, (photos, work, False), {})
        for path in work.glob("**/*.jpg"):
            assert path.read_bytes() == (photos / path.relative_to(work / "training-images")).read_bytes()
        gather(photos, work, False)
        assert tree(work) == tree(tmp_path / "fresh")
        if not was_killed:
            break
    assert step > 8
    assert not list(work.glob(f"**/{scratch_path(Path('x')).name[:1]}*part"))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["none", "work"], "none: No such file or directory; name the folder"),
        (["loose", "work"], "loose: 1 picture but no folder of a person; put each person's pictures in a folder of"),
        (["empty", "work"], "empty: no pictures; put each person's pictures in a folder of their own"),
        (["photos", "photos/work"], "photos/work: lies among the photographs; name a work folder outside photos"),
        (["photos", "photos"], "photos: lies among the photographs"),
        (["done/training-images/anna", "done"], "anna: lies in the work folder; name the folder of your photographs"),
        (["photos", "loose/1.jpg"], "cannot be written: Not a directory"),
        (["photos", ""], "an empty path names nothing"),
        (["", "work"], "an empty path names nothing"),
        (["photos", "work", "--fpir", "2"], "fpir 2.0 is no rate; choose"),
        (["photos", "work", "--size", "7"], "choose 32 to 1024 pixels"),
        (["photos", "work", "--jobs", "0"], "jobs 0 is out of range"),
        (["photos", "work", "--network", "vgg"], "unknown network 'vgg'; choose"),
        (["photos", "work", "--passes", "2", "--jitters", "9"], "passes and jitters do not go together"),
        (["photos", "work", "--device", "cuda", "--engine", "dlib"], "leave out --device cuda"),
        (["photos", "work", "--strangers", ""], "an empty path names nothing"),
        (["photos"], "the following arguments are required: work-folder; see faceline enrol --help"),
    ],
)
def test_a_mistake_takes_one_line_and_status_2_before_anything_is_written(
    photos, tmp_path, arguments, complaint, run_here
):
    (tmp_path / "empty").mkdir()
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose" / "1.jpg").touch()
    (tmp_path / "done" / "training-images" / "anna").mkdir(parents=True)
    before = tree(tmp_path)
    done = run_here("-m", "faceline", "enrol", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("faceline")
    assert tree(tmp_path) == before


def test_nothing_is_written_through_a_link_to_somebody_s_photographs(photos, tmp_path):
    (tmp_path / "work" / "training-images").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "work" / "training-images" / "anna").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FacelineError, match="leads out of this folder"):
        gather(photos, tmp_path / "work", link=False)
    assert not list((tmp_path / "elsewhere").iterdir())
