"""A stage that is killed at any moment, and run again, ends with the same bytes as one that was left alone.

The stage runs in a forked process whose every change to the file system is counted by an audit hook; SIGKILL comes
before the first, the second, … of them, until one run gets through.
"""

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import ALIGN, REPRESENT, tree

from faceline import align_folder, export_tables, import_embeddings, represent_folder, train
from faceline.disk.names import JOURNAL_FILE
from faceline.disk.pictures.images import encode_png
from faceline.disk.reading import read_json
from faceline.disk.writing import write_json

FORK = multiprocessing.get_context("fork")


def killed_at(step, folder, stage, arguments, options):
    """Run a stage and kill it before its `step`-th change below `folder`; whether it was killed."""

    def child():
        count = 0

        def hook(event, values):
            nonlocal count
            changes = event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")
            if event == "open" and isinstance(values[2], int):
                changes = bool(values[2] & (os.O_WRONLY | os.O_RDWR))
            if changes and str(values[0]).startswith(str(folder)):
                count += 1
                if count == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        stage(*arguments, **options)

    process = FORK.Process(target=child)
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


@pytest.fixture(scope="module")
def small_people(tmp_path_factory, encoded):
    folder = tmp_path_factory.mktemp("people")
    for person, count in (("anna", 2), ("x/anna", 1)):
        (folder / person).mkdir(parents=True)
        for number in range(count):
            (folder / person / f"{number}.jpg").write_bytes(encoded("JPEG", quality=60 + number))
    return folder


@pytest.fixture(scope="module")
def aligned(tmp_path_factory, small_people):
    folder = tmp_path_factory.mktemp("aligned")
    align_folder(small_people, folder, upsample=0, jobs=1)
    return folder


def kill_everywhere(tmp_path, stage, source, prepare, options):
    """Kill `stage(source, out)` at every step of a run on an output that `prepare` made, and run it again."""
    options = {"jobs": 1} | options
    stage(source, tmp_path / "fresh", **options)
    expected = tree(tmp_path / "fresh")
    prepare(tmp_path / "prepared")
    for step in range(1, 1000):
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        if (tmp_path / "prepared").exists():
            shutil.copytree(tmp_path / "prepared", out)
        was_killed = killed_at(step, out, stage, (source, out), options)
        stage(source, out, **options)
        assert tree(out) == expected, f"killed before change {step}"
        if not was_killed:
            return step
    raise AssertionError("the stage never ended")


def test_align_from_nothing(tmp_path, small_people):
    options: dict[str, Any] = {"upsample": 0}
    assert kill_everywhere(tmp_path, align_folder, small_people, lambda out: None, options) > 12


@pytest.mark.parametrize("fallback", [{}, {"fallback": "centre"}])
def test_align_over_an_older_run(tmp_path, small_people, encoded, portrait, fallback):
    """One picture is new, one has changed, one has lost its face, one is gone, and one is as before."""
    older = tmp_path / "older"
    shutil.copytree(small_people, older)
    (older / "gone").mkdir()
    (older / "gone" / "1.jpg").write_bytes(encoded("JPEG"))
    (older / "x" / "anna" / "0.jpg").write_bytes(encoded("JPEG", quality=30))
    (older / "anna" / "1.jpg").unlink()
    newer = tmp_path / "newer"
    shutil.copytree(small_people, newer)
    for folder, image in ((older, portrait), (newer, portrait * 0)):
        (folder / "anna" / "faceless.png").write_bytes(encode_png(image))
    options: dict[str, Any] = {"upsample": 0, "detector": "hog"} | fallback
    steps = kill_everywhere(
        tmp_path, align_folder, newer, lambda out: align_folder(older, out, jobs=1, **options), options
    )
    assert steps > 12


def test_represent_from_nothing(tmp_path, aligned):
    assert kill_everywhere(tmp_path, represent_folder, aligned, lambda out: None, {}) > 8


def test_represent_over_an_older_run(tmp_path, aligned, small_people, encoded):
    older = tmp_path / "older"
    shutil.copytree(small_people, older)
    (older / "x" / "anna" / "0.jpg").write_bytes(encoded("JPEG", quality=30))
    (older / "anna" / "1.jpg").unlink()
    (older / "zoe").mkdir()
    (older / "zoe" / "1.jpg").write_bytes(encoded("JPEG"))

    def prepare(out):
        align_folder(older, tmp_path / "older aligned", upsample=0, jobs=1)
        represent_folder(tmp_path / "older aligned", out, jobs=1)

    assert kill_everywhere(tmp_path, represent_folder, aligned, prepare, {}) > 8


def test_tables_over_older_ones(tmp_path, aligned, small_people):
    represent_folder(aligned, tmp_path / "embeddings", jobs=1)
    one_person = tmp_path / "one"
    shutil.copytree(small_people / "anna", one_person / "anna")
    align_folder(one_person, tmp_path / "one aligned", upsample=0, jobs=1)
    represent_folder(tmp_path / "one aligned", tmp_path / "one embeddings", jobs=1)

    def export(folder, out, jobs):
        export_tables(folder, save_dir=out)

    def bring(folder, out, jobs):
        import_embeddings(folder / "embeddings.parquet", out, overwrite=True)

    for folder in ("embeddings", "one embeddings"):
        export_tables(tmp_path / folder)
    for stage in (export, bring):
        older = tmp_path / stage.__name__
        older.mkdir()
        steps = kill_everywhere(
            older,
            stage,
            tmp_path / "embeddings",
            lambda out, stage=stage: stage(tmp_path / "one embeddings", out, 1),
            {},
        )
        assert steps > 4


def test_represent_over_a_run_without_the_copy(tmp_path, aligned):
    """All embeddings are known, so that the outputs are all that is written."""

    def prepare(out):
        represent_folder(aligned, out, jobs=1)
        (out / "reps.npy").unlink()
        record = read_json(out / "run.json")
        del record["sha256"]
        write_json(out / "run.json", record)

    assert kill_everywhere(tmp_path, represent_folder, aligned, prepare, {}) > 8


def test_train(tmp_path, aligned):
    represent_folder(aligned, tmp_path / "fresh", jobs=1)
    shutil.copytree(tmp_path / "fresh", tmp_path / "out")
    train(tmp_path / "fresh")
    expected = tree(tmp_path / "fresh")
    step = 1
    while killed_at(step, tmp_path / "out", train, (tmp_path / "out",), {}):
        step += 1
    assert step > 2
    assert tree(tmp_path / "out") == expected


def test_a_torn_journal_loses_its_torn_line_only(tmp_path, small_people):
    options: dict[str, Any] = {"upsample": 0, "jobs": 1}
    align_folder(small_people, tmp_path / "fresh", **options)
    expected = tree(tmp_path / "fresh")
    out = tmp_path / "out"
    step = 1
    while not (out / JOURNAL_FILE).exists() or (out / JOURNAL_FILE).read_bytes().count(b"\n") < 4:
        assert killed_at(step, out, align_folder, (small_people, out), options)
        step += 1
    journal = (out / JOURNAL_FILE).read_bytes()
    for length in range(journal.index(b"\n") + 1, len(journal), 37):
        (out / JOURNAL_FILE).write_bytes(journal[:length])
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(out, copy)
        rows = [json.loads(line) for line in journal[:length].split(b"\n")[1:-1]]
        whole = {row["image"] for row in rows if (out / row["crop"]).exists()}
        assert align_folder(small_people, copy, **options).kept == len(whole)
        assert tree(copy) == expected


@pytest.mark.parametrize("jobs", [1, 2])
def test_scripts_killed_with_all_their_processes(tmp_path, small_people, jobs, encoded):
    """As a user or the kernel does it: no warning, in the middle of the work."""
    people = tmp_path / "in"
    shutil.copytree(small_people, people)
    for number in range(12):
        (people / "anna" / f"more{number}.jpg").write_bytes(encoded("JPEG", quality=30 + number))
    stages = [
        (ALIGN, people, "align", "outerEyesAndNose", "{}/aligned"),
        (REPRESENT, "-outDir", "{}/embeddings", "-data", "{}/aligned"),
    ]
    for command in stages:
        arguments = [sys.executable, *(str(part).format(tmp_path / "fresh") for part in command), "--jobs", "1"]
        subprocess.run(arguments, check=True, capture_output=True)
        arguments = [sys.executable, *(str(part).format(tmp_path / "out") for part in command), "--jobs", str(jobs)]
        folder = Path(arguments[5] if "align" in arguments else arguments[3])
        kills = 0
        for lines in (3, 8):
            process = subprocess.Popen(arguments, start_new_session=True, stderr=subprocess.DEVNULL)
            while process.poll() is None:
                if (folder / JOURNAL_FILE).exists() and (folder / JOURNAL_FILE).read_bytes().count(b"\n") > lines:
                    os.killpg(process.pid, signal.SIGKILL)
                    kills += 1
                    break
                time.sleep(0.001)
            process.wait()
        assert kills
        done = subprocess.run(arguments, check=True, capture_output=True, text=True)
        assert " 0 as before" not in done.stdout
        assert tree(tmp_path / "out") == {
            name: data for name, data in tree(tmp_path / "fresh").items() if (tmp_path / "out" / name).exists()
        }
    assert tree(tmp_path / "out") == tree(tmp_path / "fresh")
