import contextlib
import io
import os
import pickle
import subprocess

import joblib
import numpy as np
import pytest

from faceline import pickles
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
        ({"dtype": "f4"}, "an array of f4"),
    ],
)
def test_forged_arrays_are_refused(tmp_path, changes, complaint):
    (tmp_path / "a.pkl").write_bytes(forged(**changes))
    with pytest.raises(FacelineError, match=complaint):
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
