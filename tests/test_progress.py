"""How far something has come, where there is no terminal."""

import logging
import re

import pytest
from conftest import ALIGN, run_script

from faceline.runs import progress
from faceline.wording import duration


@pytest.fixture
def clock(monkeypatch):
    """The time, in seconds; it stands still by itself."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_line_every_ten_seconds_with_count_and_estimate(clock, caplog):
    caplog.set_level(logging.INFO, "faceline.runs.progress")
    with progress.bar("align", 1000) as bar:
        for _ in range(100):
            clock[0] += 1
            bar.update(10)
            bar.clear()
            bar.refresh()
    lines = [record.getMessage() for record in caplog.records]
    assert lines[:2] == ["align: 100 of 1000, about 2 min left", "align: 200 of 1000, about 1 min left"]
    assert lines[-1] == "align: 900 of 1000, about 10 s left"
    assert len(lines) == 9


def test_what_takes_a_moment_says_nothing(clock, caplog):
    caplog.set_level(logging.INFO, "faceline.runs.progress")
    with progress.bar("align", 2) as bar:
        bar.update()
        clock[0] += 20
        bar.update()
    assert caplog.records == []


def test_quiet_is_within_its_block_only(clock, caplog):
    caplog.set_level(logging.INFO, "faceline.runs.progress")
    with progress.without_bars():
        silent = progress.bar("silent", 2)
    loud = progress.bar("loud", 2)
    clock[0] += 11
    silent.update()
    loud.update()
    assert [record.getMessage() for record in caplog.records] == ["loud: 1 of 2, about 11 s left"]


def test_durations():
    assert [duration(seconds) for seconds in (0.4, 59, 61, 3500, 9000)] == ["0 s", "59 s", "1 min", "58 min", "2.5 h"]


def test_a_script_without_a_terminal_prints_the_lines(encoded, tmp_path):
    """With the seconds between two of them set to none."""
    for number in range(9):
        (tmp_path / "in" / str(number)).mkdir(parents=True)
        (tmp_path / "in" / str(number) / "1.jpg").write_bytes(encoded("JPEG"))
    code = (
        "import sys, runpy; from faceline.runs import progress; progress.LINE_SECONDS = 0;"
        " sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    done = run_script("-c", code, ALIGN, tmp_path / "in", tmp_path / "out", "--jobs", 1)
    assert done.returncode == 0, done.stderr
    said = r"align-dlib\.py: (align|faces): \d+ of \d+, about \d+ (s|min) left"
    assert done.stderr
    assert all(re.fullmatch(said, line) for line in done.stderr.splitlines())
