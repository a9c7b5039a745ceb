import contextlib
import io
import os
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest

from faceline.disk import pickles
from faceline.errors import FacelineError

VALUE = {
    "text": ["a", "é"],
    "numbers": (1, 2.5, None, True),
    "float": np.arange(6, dtype=np.float32).reshape(2, 3),
    "int": np.arange(4, dtype=np.int32),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "empty": np.empty((0, 128), np.float32),
}


def test_data_comes_back(tmp_path):
    pickles.dump(VALUE, tmp_path / "a.pkl")
    for loaded in (pickles.load(tmp_path / "a.pkl"), joblib.load(tmp_path / "a.pkl")):
        assert loaded.keys() == VALUE.keys()
        for key, value in VALUE.items():
            assert np.array_equal(loaded[key], value) if isinstance(value, np.ndarray) else loaded[key] == value


class Call:
    """Pickles as a call of `function` with `arguments`."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (lambda mark: Call(os.system, f"touch {mark}"), r"posix\.system"),
        (lambda mark: Call(subprocess.call, ["touch", mark]), r"subprocess\.call"),
        (lambda mark: Call(eval, f"open({mark!r}, 'w')"), r"builtins\.eval"),
        (lambda mark: Call(open, mark, "w"), r"_?io\.open"),
        (lambda mark: Call(np.load, mark, None, True), r"numpy.*\.load"),
        (lambda mark: Call(np.save, mark, 1), r"numpy.*\.save"),
        (lambda mark: Call(getattr, "x", "upper"), r"builtins\.getattr"),
        (lambda mark: Call(joblib.load, mark), r"joblib.*\.load"),
        (lambda mark: {"x": [1, Call(os.mkdir, mark)]}, r"posix\.mkdir"),
        (lambda mark: np.array([Call(os.mkdir, mark)], object), "an array of object"),
        (lambda mark: np.array({"x": [Call(os.mkdir, mark)]}, object), "an array of object"),
        (lambda mark: np.array([np.array([Call(os.mkdir, mark)], object), 1], object), "an array of object"),
        (lambda mark: Call(exec, f"open({mark!r}, 'w')"), r"builtins\.exec"),
        (lambda mark: Call(np.fromfile, mark), r"numpy.*\.fromfile"),
        (lambda mark: Call(np.memmap, mark, "f4", "w+", 0, 9), r"numpy.*memmap"),
        (lambda mark: Call(np.lib.format.open_memmap, mark, "w+", "f4", (9,)), r"numpy.*\.open_memmap"),
        (lambda mark: Call(pickle.loads, b"N."), r"_?pickle\.loads"),
        (lambda mark: np.float64(1), r"numpy.*\.scalar"),
    ],
)
def test_code_is_refused_by_name_before_it_runs(tmp_path, value, named):
    mark = tmp_path / "mark"
    joblib.dump({"value": value(str(mark))}, tmp_path / "a.pkl")
    with pytest.raises(FacelineError, match=f"refused, it holds {named}"):
        pickles.load(tmp_path / "a.pkl")
    assert not mark.exists()


def forged(**changes):
    """A pickle that describes an array of the given, untrue properties."""
    wrapper = pickles.NumpyArrayWrapper(np.ndarray, (3,), "C", np.dtype("f4"))
    vars(wrapper).update(changes)
    file = io.BytesIO()
    pickle.Pickler(file, 4).dump(wrapper)
    return file.getvalue()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"shape": (10**12,)}, "damaged"),  # as in a file of ours that was cut off
        ({"shape": (2**62, 2**62)}, "damaged"),
        ({"shape": (-5, 5)}, "an array of no known shape"),
        ({"shape": ("a" * 100, 10**12)}, "an array of no known shape"),
        ({"dtype": np.dtype("O")}, "an array of object"),
        ({"dtype": np.dtype("V1000000000")}, "an array of"),
        ({"shape": (0, 2**62)}, "damaged"),
        ({"shape": [3]}, "an array of no known kind"),
        ({"dtype": "f4"}, "an array of no known kind"),
        ({"dtype": np.dtype("U5")}, "an array of U5"),
        ({"dtype": np.dtype([("x", "f4")])}, "refused"),
        ({"dtype": np.dtype("M8[s]")}, "refused"),
        ({"dtype": Call(np.dtype, [("x", "f4", 10**9)])}, "refused"),
    ],
)
def test_forged_arrays_are_refused(tmp_path, changes, complaint):
    (tmp_path / "a.pkl").write_bytes(forged(**changes))
    with pytest.raises(FacelineError, match=complaint):
        pickles.load(tmp_path / "a.pkl")


@pytest.mark.parametrize(
    "state",
    [
        (3, "<", None, None, None, -1, -1, 1),  # numbers that are objects: older joblibs read them with a plain pickle
        (3, "<", (np.dtype("f8"), (10**9,)), None, None, -1, -1, 0),
    ],
)
def test_an_array_s_kind_is_what_its_name_says(tmp_path, state):
    mark = tmp_path / "mark"
    array = forged(dtype=Call(np.dtype, ("f4", False, True), state))
    (tmp_path / "a.pkl").write_bytes(array + b"\0" + pickle.dumps(Call(os.mkdir, str(mark))))
    with contextlib.suppress(FacelineError):
        pickles.load(tmp_path / "a.pkl")
    assert not mark.exists()


def announced(code, length, width):
    """An instruction that says how much follows, which is not true."""
    return b"\x80\x05" + code + length.to_bytes(width, "little") + b"abc."


BOMBS = {
    "bytearray": announced(pickle.BYTEARRAY8, 3 * 10**9, 8),
    "bytes": announced(pickle.BINBYTES, 2**32 - 1, 4),
    "long bytes": announced(pickle.BINBYTES8, 3 * 10**9, 8),
    "endless bytes": announced(pickle.BINBYTES8, 2**62, 8),
    "text": announced(pickle.BINUNICODE, 2**32 - 1, 4),
    "integer": announced(pickle.LONG4, 2**31 - 1, 4),
    "frame": announced(pickle.FRAME, 3 * 10**9, 8),
    "digits": b"I" + b"9" * 4000 + b"\n.",
    "doubled tuples": b")" + b"2\x86" * 100 + b".",
    "doubled lists": b"\x80\x05]\x94" + b"".join(b"](h%ch%ce\x94" % (i, i) for i in range(100)) + b".",
    "a list in itself": b"\x80\x05]\x94h\x00a.",
    "a nested key": b"\x80\x05})" + b"\x85" * 2_000_000 + b"Ns.",
    "a repeated text": b"\x80\x05\x8c\xff" + b"x" * 255 + b"\x94](" + b"h\x00" * 2000 + b"e.",
    "dicts": b"\x80\x05](" + b"}" * 4000 + b"e.",
    "sets": b"\x80\x05](" + b"\x8f" * 4000 + b"e.",
    "marks": b"\x80\x05" + b"(" * 4000,
    "memos": b"\x80\x05]" + b"\x94" * 4000 + b".",
    "a far memo": b"\x80\x05]r\xff\xff\xff\x7f.",
}
LOADING = """
import resource, sys
from pathlib import Path
from faceline.disk import pickles
from faceline.errors import FacelineError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        str(pickles.load(path))
    except FacelineError:
        pass
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert more < 100_000, f"{path.name}: {more} KB"
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux does")
def test_memory_bombs(tmp_path):
    for name, content in BOMBS.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "an array").write_bytes(forged(shape=(10**9,)))
    done = subprocess.run([sys.executable, "-c", LOADING, tmp_path], stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"]\x94h\x00a.", "a value twice"),
        (b"}\x94j\x00\x00\x00\x00.", "a value twice"),
        (b"}K\x01K\x02s.", "a key that is no text"),
        (b"}(\x8c\x01aK\x01K\x01K\x02u.", "a key that is no text"),
        (b")\x85.", "a tuple of tuples"),
        (b"(K\x01)t.", "a tuple of tuples"),
        (b"cnumpy\ndtype\n}b.", "a changed value"),
        (b"cjoblib.numpy_pickle\nNumpyArrayWrapper\nN}\x86b.", "a changed value"),
        (b"cnumpy\nndarray\n)R.", "a call"),
        (b"cnumpy\nndarray\n)\x81.", "a call"),
        (b"\x8c\x01a)R.", "a call"),
        (b"cposix\nsystem\n.", r"posix\.system"),
        (b"\x8c\x0bposix\nevil\n\x8c\x01x\x93.", r"posix\\nevil\\n\.x"),
    ],
)
def test_knots_and_calls_are_refused(tmp_path, content, named):
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04" + content)
    with pytest.raises(FacelineError, match=f"refused, it holds {named}; use only"):
        pickles.load(tmp_path / "a.pkl")


@pytest.mark.parametrize(
    "content", [b"(iposix\nsystem\n.", b"\x80\x02\x82\x01.", b"Pname\n.", b"\x80\x05\x97.", b"\x8f.", b"N2.", b"I1\n."]
)
def test_instructions_that_data_does_not_need(tmp_path, content):
    (tmp_path / "a.pkl").write_bytes(content)
    with pytest.raises(FacelineError, match="damaged, or no classifier"):
        pickles.load(tmp_path / "a.pkl")


def test_every_truncation_is_refused(tmp_path):
    pickles.dump(VALUE, tmp_path / "a.pkl")
    data = (tmp_path / "a.pkl").read_bytes()
    for length in range(0, len(data), 7):
        (tmp_path / "b.pkl").write_bytes(data[:length])
        with pytest.raises(FacelineError, match=r"damaged, or no classifier|refused"):
            pickles.load(tmp_path / "b.pkl")


def test_random_bytes_raise_nothing_else(tmp_path):
    pickles.dump(VALUE, tmp_path / "a.pkl")
    data = np.frombuffer((tmp_path / "a.pkl").read_bytes(), np.uint8)
    generator = np.random.default_rng(0)
    for _ in range(300):
        altered = data.copy()
        altered[generator.integers(0, len(data), 4)] = generator.integers(0, 256, 4)
        (tmp_path / "b.pkl").write_bytes(altered.tobytes())
        with contextlib.suppress(FacelineError):
            pickles.load(tmp_path / "b.pkl")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x05N.", bytes(range(256))])
def test_other_files(tmp_path, content):
    (tmp_path / "a.pkl").write_bytes(content)
    if content == b"\x80\x05N.":
        assert pickles.load(tmp_path / "a.pkl") is None
    else:
        with pytest.raises(FacelineError, match="damaged, or no classifier"):
            pickles.load(tmp_path / "a.pkl")


def test_missing_file(tmp_path):
    with pytest.raises(FacelineError, match=r"no such file; run classifier\.py train first"):
        pickles.load(tmp_path / "a.pkl")
