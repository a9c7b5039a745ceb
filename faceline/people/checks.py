"""Checks of what comes from a file that may hold anything: each names the part that is wrong, as the file calls it."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from faceline.disk.numbers import LARGEST, are_reckonable
from faceline.errors import FacelineError
from faceline.host.interruptions import pass_on

NUMBERS = ("float32", "float64", "int32")


def require(holds: Any, part: str) -> None:
    """Raise FacelineError unless something holds that it takes for a part to be right."""
    if not holds:
        raise FacelineError(f"its part {part} is damaged, or does not fit the others")


@contextlib.contextmanager
def part_of_file(part: str) -> Iterator[None]:
    """Blame a part for whatever is raised by values of a wrong kind in the body, which may be nearly everything."""
    try:
        yield
    except (FacelineError, MemoryError):
        raise
    except Exception as error:
        pass_on(error)
        require(False, part)


def check_array(array: Any, part: str, shape: tuple[int, ...] | None = None) -> None:
    """Raise FacelineError unless that is an array of numbers to reckon with, of that shape where one is given."""
    require(type(array) is np.ndarray and array.dtype in NUMBERS and are_reckonable(array), part)
    require(shape is None or array.shape == shape, part)


def check_indices(array: Any, part: str, count: int, below: int) -> None:
    """Raise FacelineError unless that is an array of `count` int32 from 0 to `below` - 1."""
    check_array(array, part, (count,))
    require(array.dtype == np.int32 and bool(((array >= 0) & (array < below)).all()), part)


def check_number(number: Any, part: str) -> None:
    """Raise FacelineError unless that is a number to reckon with; NaN is none."""
    require(type(number) in (int, float) and abs(number) < LARGEST, part)


def check_texts(texts: Any, part: str) -> None:
    """Raise FacelineError unless that is a list of str."""
    require(type(texts) is list and all(type(text) is str for text in texts), part)
