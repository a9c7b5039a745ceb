"""joblib pickles that hold data only: numbers, text, lists, dicts and arrays of numbers.

A pickle is a program that may call anything. The reader here knows three names, makes inert objects of them, and
refuses every other name before it runs.
"""

import math
import os
from pathlib import Path

import joblib
import numpy as np
from joblib.numpy_pickle import NumpyArrayWrapper, NumpyUnpickler

from faceline.errors import FacelineError, MissingError
from faceline.files import one_line, opened, replacing

# The largest gallery in sight, 800,000 embeddings, takes 410 MB.
MAX_BYTES = 2 * 1024**3


def dump(value: object, path: Path) -> None:
    """Write `value` with joblib, whole or not at all."""
    with replacing(path) as scratch:
        joblib.dump(value, scratch)


def load(path: Path) -> object:
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
    except Exception:  # an unpickler raises nearly everything on bytes that are no pickle
        raise FacelineError(f"{name}: damaged, or no classifier; run classifier.py train again") from None


class ForbiddenError(Exception):
    """The pickle holds something else than data; the text names it."""


class Array(NumpyArrayWrapper):
    """joblib's description of an array that follows in the file."""

    def read(self, unpickler: "DataUnpickler", ensure_native_byte_order: bool) -> np.ndarray:
        if not isinstance(self.dtype, np.dtype) or self.dtype.kind not in "fiub":
            raise ForbiddenError(f"an array of {self.dtype}")
        if not all(type(extent) is int and extent >= 0 for extent in self.shape):
            raise ForbiddenError("an array of no known shape")
        if math.prod(self.shape) * self.dtype.itemsize > unpickler.size:
            raise ValueError("an array larger than the file")
        self.subclass = np.ndarray
        return super().read(unpickler, ensure_native_byte_order)


class NoArray:
    """Stands where joblib names the class of an array; calling it gives nothing that holds memory."""


ALLOWED = {
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): Array,
    ("numpy", "ndarray"): NoArray,
    ("numpy", "dtype"): np.dtype,
}


class DataUnpickler(NumpyUnpickler):
    """joblib's unpickler with an allow-list."""

    def __init__(self, file: object, size: int) -> None:
        super().__init__("", file, ensure_native_byte_order=True)
        self.size = size

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in ALLOWED:
            raise ForbiddenError(f"{module}.{name}")
        return ALLOWED[module, name]
