"""Programs that call the library from threads, forks and servers; each in a process of its own, so that a crash or a
wait for ever is a failure."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from PIL import Image

PROGRAMS = Path(__file__).with_name("programs.py")


def run_program(name, *arguments, timeout=600):
    command = [sys.executable, PROGRAMS, name, *arguments]
    environment = os.environ | {"LOKY_MAX_CPU_COUNT": "2"}  # two processes where a program names no number
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=timeout, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def small_pictures(photographs, tmp_path_factory):
    """Pictures of people of 24 sizes, in which looking for a face takes milliseconds."""
    folder = tmp_path_factory.mktemp("small")
    sources = [path for path, _ in photographs.probes] + sorted(photographs.train.glob("*/*.jpg"))[:8]
    for number in range(24):
        source = sources[number % len(sources)]
        with Image.open(source) as picture:
            picture.thumbnail((150 + 9 * (number * 7 % 24), 400))
            (folder / source.stem).mkdir(exist_ok=True)
            picture.convert("RGB").save(folder / source.stem / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def few_pictures(small_pictures, tmp_path_factory):
    """Six of them."""
    folder = tmp_path_factory.mktemp("few")
    for path in sorted(small_pictures.glob("*/*"))[::4]:
        (folder / path.parent.name).mkdir(exist_ok=True)
        shutil.copy(path, folder / path.parent.name)
    return folder


def test_500_answers_from_4_threads(classifier, small_pictures):
    assert run_program("threads", classifier, small_pictures) == {
        "wrong": 0,
        "faces": 24,
        "pictures": 24,
        "changed": {},
    }


def test_both_stages_in_two_threads(small_pictures, tmp_path):
    found = run_program("folders", small_pictures, tmp_path)
    assert found.pop("files") >= 20  # it depends on the photographs
    assert found == {"same": True, "changed": {}}


def test_forked_children_and_processes_of_multiprocessing(classifier, few_pictures, tmp_path):
    found = run_program("forks", classifier, few_pictures, tmp_path)
    assert found == dict.fromkeys(found, 0)
    assert len(found) == 9


def test_forked_children_do_not_wait_for_opencv_s_threads():
    found = run_program("forks_beside_opencv", 50)
    assert found == {"ended": {"0": 50}, "OpenCV's threads": cv2.getNumThreads()}


def test_processes_are_given_back(few_pictures, tmp_path):
    assert run_program("give_back", few_pictures, tmp_path) == {"returned": {}, "interrupted": []}


def test_processes_end_whenever_ctrl_c_comes():
    assert run_program("interrupts") == 0


def test_loops_and_workers_of_others(few_pictures, tmp_path):
    assert run_program("hosts", few_pictures, tmp_path) == {"runs": 11, "same": True}


def test_a_script_without_a_guard(few_pictures, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(f"from faceline import align_folder\nprint(align_folder({str(few_pictures)!r}, 'out', jobs=2))\n")
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("pictures") == 1


def test_pictures_of_many_sizes_take_no_more_memory():
    """ONNX Runtime kept a plan of its memory, and memory for it, for every size: 60 MB instead of the largest one's."""
    assert run_program("memory") < 45
