"""joblib pickles that hold data only: numbers, text, lists, dicts and arrays of numbers.

A pickle is a program that may call anything. The reader here knows three names, makes inert objects of them, and
refuses every other name before it runs. It follows no instruction but those that `dump` writes: a few bytes of others
fill the memory, or tie knots in the data that take for ever to follow.
"""

import math
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from joblib.numpy_pickle import NumpyArrayWrapper, NumpyUnpickler

from faceline.disk.reading import opened
from faceline.disk.writing import replacing
from faceline.errors import FacelineError, MissingError
from faceline.host.interruptions import pass_on
from faceline.wording import one_line

# The largest gallery in sight, 800,000 embeddings, takes 410 MB.
MAX_BYTES = 2 * 1024**3


def dump(value: object, path: Path) -> None:
    """Write `value` with joblib, whole or not at all."""
    with replacing(path) as scratch:
        joblib.dump(value, scratch)


def load(path: Path) -> Any:
    """Read what `dump` wrote, running none of it.

    Raises
    ------
    FacelineError
        If the file is missing, is no such pickle, is cut off, or wants to call something.
    """
    name = one_line(path)
    try:
        with opened(path, MAX_BYTES) as file:
            return DataUnpickler(file, os.fstat(file.fileno()).st_size).load()
    except MissingError:
        raise FacelineError(f"{name}: no such file; run classifier.py train first") from None
    except ForbiddenError as error:
        raise FacelineError(
            f"{name}: refused, it holds {one_line(error)}; use only classifiers that you trained"
        ) from None
    except FacelineError:
        raise
    except Exception as error:  # an unpickler raises nearly everything on bytes that are no pickle
        pass_on(error)
        raise FacelineError(f"{name}: damaged, or no classifier; run classifier.py train again") from None


class ForbiddenError(Exception):
    """The pickle holds something else than data; the text names it."""


class Kind:
    """Stands where joblib names the dtype of an array. numpy believes whatever a file says of a dtype: that numbers are
    objects, for one, which older versions of joblib then read with a pickle that may call anything."""

    def __init__(self, name: str, *copying: bool) -> None:
        self.name, self.order = name, "|"

    def __setstate__(self, state: tuple) -> None:
        self.order = state[1]

    def dtype(self) -> np.dtype:
        if self.name not in KINDS or self.order not in ORDERS:
            raise ForbiddenError(f"an array of {'objects' if self.name == 'O8' else str(self.name)[:40]}")
        return np.dtype(self.order + self.name)


KINDS = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
ORDERS = ("|", "<", ">")


class Array(NumpyArrayWrapper):
    """joblib's description of an array that follows in the file."""

    def __setstate__(self, state: dict) -> None:
        self.shape, self.order, self.dtype = state["shape"], state["order"], state["dtype"]
        self.numpy_array_alignment_bytes = state["numpy_array_alignment_bytes"]
        self.subclass, self.allow_mmap = np.ndarray, False

    def read(self, unpickler: "DataUnpickler", ensure_native_byte_order: bool) -> np.ndarray:
        if type(self.dtype) is not Kind or type(self.shape) is not tuple:
            raise ForbiddenError("an array of no known kind")
        if not all(type(extent) is int and extent >= 0 for extent in self.shape):
            raise ForbiddenError("an array of no known shape")
        self.dtype = self.dtype.dtype()
        if math.prod(self.shape) * self.dtype.itemsize > unpickler.size:
            raise ValueError("an array larger than the file")
        return super().read(unpickler, ensure_native_byte_order)


class NoArray:
    """Stands where joblib names the class of an array."""


ALLOWED = {
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): Array,
    ("numpy", "ndarray"): NoArray,
    ("numpy", "dtype"): Kind,
}

# What numbers, text, lists, tuples, dicts and joblib's arrays consist of; GLOBAL names classes in older pickles.
INSTRUCTIONS = """PROTO FRAME STOP MARK MEMOIZE BINGET LONG_BINGET NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1
LONG4 BINFLOAT SHORT_BINUNICODE BINUNICODE SHORT_BINBYTES BINBYTES EMPTY_LIST APPEND APPENDS EMPTY_TUPLE TUPLE TUPLE1
TUPLE2 TUPLE3 EMPTY_DICT SETITEM SETITEMS GLOBAL STACK_GLOBAL NEWOBJ REDUCE BUILD"""


class DataUnpickler(NumpyUnpickler):
    """joblib's unpickler with an allow-list."""

    def __init__(self, file: object, size: int) -> None:
        super().__init__("", file, ensure_native_byte_order=True)
        self.size = size
        self.dispatch = {
            getattr(pickle, name)[0]: CHECKED.get(name) or NumpyUnpickler.dispatch[getattr(pickle, name)[0]]
            for name in INSTRUCTIONS.split()
        }

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in ALLOWED:
            raise ForbiddenError(f"{module}.{name}")
        return ALLOWED[module, name]


def checked(name: str, what: str, passes: Callable[[list], bool], after: bool = False) -> Callable:
    """An instruction that is refused, as `what`, if the stack does not pass before it, or after it."""
    run = NumpyUnpickler.dispatch[getattr(pickle, name)[0]]

    def instruction(unpickler: DataUnpickler) -> None:
        if after:
            run(unpickler)
        if not passes(unpickler.stack):
            raise ForbiddenError(what)
        if not after:
            run(unpickler)

    return instruction


def is_kept(stack: list) -> bool:
    """Whether what was fetched again is text or part of an array's description: a list would then be there twice."""
    return type(stack[-1]) in (str, type, Kind)


def is_flat(stack: list) -> bool:
    return not any(type(part) is tuple for part in stack[-1])


CHECKED = {
    **{name: checked(name, "a value twice", is_kept, after=True) for name in ("BINGET", "LONG_BINGET")},
    # They would be hashed by a recursion that nothing limits.
    **{
        name: checked(name, "a tuple of tuples", is_flat, after=True)
        for name in ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3")
    },
    "SETITEM": checked("SETITEM", "a key that is no text", lambda stack: type(stack[-2]) is str),
    "SETITEMS": checked("SETITEMS", "a key that is no text", lambda stack: all(type(key) is str for key in stack[::2])),
    "NEWOBJ": checked("NEWOBJ", "a call", lambda stack: stack[-2] is Array),
    "REDUCE": checked("REDUCE", "a call", lambda stack: stack[-2] is Kind),
    "BUILD": checked("BUILD", "a changed value", lambda stack: type(stack[-2]) in (Kind, Array)),
}
