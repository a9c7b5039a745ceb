import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from faceline.disk.folder_locks import locked
from faceline.disk.paths import (
    NAME_BYTES,
    fitting,
    inside,
    named_path,
)
from faceline.disk.reading import (
    file_sha256,
    opened_text,
    read_bytes,
    read_json,
    sha256,
)
from faceline.disk.writing import (
    remove,
    replacing,
    scratch_path,
    write_bytes,
    write_lines,
)
from faceline.errors import FacelineError, UnreadableError
from faceline.host.locks import locking
from faceline.wording import one_line


def test_replacing_keeps_the_old_file_when_the_writer_fails(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as scratch:
        scratch.write_text("half of the n")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_lines_are_written_as_they_come_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.txt"
    write_lines(path, (b"%d\n" % number for number in range(3)))
    assert path.read_bytes() == b"0\n1\n2\n"
    assert file_sha256(path) == sha256(b"0\n1\n2\n")
    with pytest.raises(ZeroDivisionError):
        write_lines(path, (b"%d\n" % (1 // number) for number in (1, 0)))
    assert path.read_bytes() == b"0\n1\n2\n"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_text_that_was_cut_off_is_not_opened(tmp_path):
    path = tmp_path / "a.txt"
    for content in (b"", b"\n", b"a\rb\n\xff\n"):
        path.write_bytes(content)
        with opened_text(path, newline="\n") as file:
            assert "".join(file).encode(errors="surrogateescape") == content
    path.write_bytes(b"a\nb")
    with pytest.raises(FacelineError, match=r"a\.txt: cut off in its last line"), opened_text(path):
        pass


def test_a_link_planted_at_the_scratch_path_is_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("theirs")
    scratch_path(tmp_path / "a").symlink_to(victim)
    write_bytes(tmp_path / "a", b"ours")
    assert victim.read_text() == "theirs"
    assert (tmp_path / "a").read_text() == "ours"
    assert not (tmp_path / "a").is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["a", "victim"]


def test_write_errors_say_what_where_and_what_to_do(tmp_path):
    with pytest.raises(FacelineError, match=r"missing/a: cannot be written: No such file or directory; make it"):
        write_bytes(tmp_path / "missing" / "a", b"")


def test_a_full_disk_is_named():
    with pytest.raises(FacelineError, match="No space left on device; make room and run the same command again"):
        from faceline.disk.writing import write_errors

        with write_errors(Path("somewhere")), open("/dev/full", "w") as full:
            full.write("x")


def test_remove_takes_the_leftover_of_a_killed_run_along(tmp_path):
    path = tmp_path / "a"
    path.touch()
    scratch_path(path).touch()
    remove(path)
    remove(path)
    assert os.listdir(tmp_path) == []
    path.touch()
    remove(path / "below a file")
    remove(tmp_path / ("x" * 300) / "a")
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "x/../../a", "link/a", "a\0b"])
def test_inside_lets_nothing_out(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path)
    with pytest.raises(FacelineError, match="leads out of this folder"):
        inside(tmp_path / "folder", name)


def test_inside_lets_people_of_people_in(tmp_path):
    assert inside(tmp_path, "x/anna/a.jpg.png") == tmp_path / "x" / "anna" / "a.jpg.png"


def test_inside_bears_a_loop_of_links(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    assert inside(tmp_path, "loop/a") == tmp_path / "loop" / "a"


def test_an_empty_path_is_not_the_current_folder():
    assert str(named_path("a")) == "a"
    with pytest.raises(FacelineError, match="an empty path names nothing"):
        named_path("")
    with pytest.raises(FacelineError, match="a path holds no NUL character"):
        named_path("a\0b")


@pytest.mark.parametrize("letter", ["x", "é", "李", "\udcff"])
@pytest.mark.parametrize("offset", range(4))
def test_names_that_are_too_long_are_cut_at_a_character(letter, offset):
    stems = ["x" * offset + letter * 300 + end for end in ("", "1", "2")]
    names = {fitting(stem, ".png") for stem in stems}
    assert len(names) == 3
    for name in names:
        assert NAME_BYTES - 4 < len(os.fsencode(name)) <= NAME_BYTES
        start, _, _ = name.partition("~")
        assert stems[0].startswith(start)
        assert os.fsdecode(os.fsencode(name)) == name
    assert fitting("short", ".png") == "short.png"


@pytest.mark.parametrize("text", ["", "{", "[]", "5", "\xff", "[" * 100_000, '{"a": ' * 100_000])
def test_damaged_json_is_named(tmp_path, text):
    (tmp_path / "a.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(FacelineError, match=r"a\.json: (damaged|not a JSON object)"):
        read_json(tmp_path / "a.json")


def test_read_bytes_does_not_wait_for_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(UnreadableError, match="not a regular file"):
        read_bytes(tmp_path / "pipe.jpg")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
        (lambda path: path.write_bytes(b"123456"), "6 bytes, the limit is 5"),
        (lambda path: None, "No such file or directory"),
    ],
)
def test_read_bytes_says_why_not(tmp_path, make, reason):
    path = tmp_path / "a"
    make(path)
    with pytest.raises(UnreadableError) as caught:
        read_bytes(path, limit=5)
    assert caught.value.reason == reason


def test_a_second_run_is_kept_out_and_the_lock_dies_with_its_process(tmp_path):
    code = (
        "import sys; from pathlib import Path; from faceline.disk.folder_locks import locked\n"
        "with locked(Path(sys.argv[1])): pass"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with locked(tmp_path):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "another run is writing here" in done.stderr
    assert subprocess.run(command, check=False).returncode == 0


def test_a_forked_child_does_not_keep_the_lock(tmp_path):
    """A program may fork while a stage runs, and the child live on."""
    with locked(tmp_path):
        child = os.fork()
        if not child:
            signal.pause()
            os._exit(0)
    try:
        with locked(tmp_path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_the_lock_of_a_folder_that_somebody_holds(tmp_path):
    """Who does not wait is told at once; who waits gets it when it is free; and no file was ever there."""
    order = []

    def wait():
        with locking(tmp_path, wait=True):
            order.append("second")

    with locking(tmp_path):
        with pytest.raises(BlockingIOError), locking(tmp_path):
            pass
        waiting = threading.Thread(target=wait)
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
        assert not list(tmp_path.iterdir())
        order.append("first")
    waiting.join(10)
    assert order == ["first", "second"]
    assert not list(tmp_path.iterdir())


def test_where_there_are_no_locks_nobody_is_kept_out(tmp_path, monkeypatch):
    """As on some network file systems."""
    import filelock

    def refuse(*_, **__):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(filelock, "lock_descriptor", refuse)
    with locking(tmp_path), locking(tmp_path):
        pass


def test_a_time_limit_ends_the_wait_for_a_lock(tmp_path):
    """It is the program's: neither a lock that is held nor a file system without locks."""

    def limit(*_):
        raise TimeoutError("time is up")

    before = signal.signal(signal.SIGALRM, limit)
    try:
        with locking(tmp_path):
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with pytest.raises(TimeoutError, match="time is up"), locking(tmp_path, wait=True):
                pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    with locking(tmp_path):
        pass


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("will-ferrell", "will-ferrell"),
        ("Zoë, «Jr.» 李", "Zoë, «Jr.» 李"),
        ("a\nb", r"a\nb"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\u202egnp", r"\u202egnp"),
        ("narrow\u202fspace", "narrow\u202fspace"),
        ("\udcff", "\udcff"),
    ],
)
def test_one_line(text, line):
    assert one_line(text) == line
