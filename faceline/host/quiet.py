"""Silencing Python's warnings in one thread, and OpenCV while a thread needs it; then all is as it was.

`warnings.catch_warnings` replaces the filters of the whole program, and puts back those that it found: two threads that
take turns at that leave them changed for good. Here a filter joins the list that no other thread's warnings match, and
only this one leaves it again.
"""

import contextlib
import re
import threading
import warnings
from collections.abc import Iterator
from typing import Any

from faceline.host.interruptions import insist
from faceline.host.sharing import Guard, once
from faceline.host.switches import Switch


class Here(threading.local):
    """Stands in a filter where the pattern of the message does, and matches for threads that want silence."""

    pattern = "(?!)"  # for those who copy filters, as scikit-learn does: nothing

    def __init__(self) -> None:
        self.patterns: dict[object, tuple[str, ...]] = {}

    def match(self, message: str) -> bool:
        return any(re.match(pattern, message) for patterns in self.patterns.values() for pattern in patterns)


class Silence:
    """The filter for a category of warnings, and the blocks that need it now."""

    def __init__(self, category: type[Warning]) -> None:
        self.here, self.guard = Here(), Guard()
        self.blocks: set[object] = set()
        self.filter: Any = ("ignore", self.here, category, None, 0)  # with another thing than a pattern in its place

    def begin(self, block: object, patterns: tuple[str, ...]) -> None:
        self.here.patterns[block] = patterns
        with self.guard.lock:
            self.blocks.add(block)
            if self.filter not in warnings.filters:
                filters().insert(0, self.filter)

    def end(self, block: object) -> None:
        """May be called again, and for a block that did not begin."""
        self.here.patterns.pop(block, None)
        with self.guard.lock:
            self.blocks.discard(block)
            if not self.blocks:
                with contextlib.suppress(ValueError):  # the program has replaced the list meanwhile
                    filters().remove(self.filter)


def filters() -> list:
    """The list of all filters, which is said to be for reading only."""
    assert isinstance(warnings.filters, list)
    return warnings.filters


silence = once(Silence)


@contextlib.contextmanager
def quiet(category: type[Warning] = Warning, *patterns: str) -> Iterator[None]:
    """Ignore this thread's warnings of a category; those only that begin with one of `patterns`, if there are any."""
    silenced, block = silence(category), object()
    try:
        silenced.begin(block, patterns or ("",))
        yield
    finally:
        insist(lambda: silenced.end(block))


def opencv_level() -> int:
    from cv2.utils import logging

    return logging.getLogLevel()


def set_opencv_level(level: int) -> None:
    from cv2.utils import logging

    logging.setLogLevel(level)


# OpenCV prints what it thinks of files, and of itself.
OPENCV = Switch(opencv_level, set_opencv_level, 0)  # LOG_LEVEL_SILENT


@contextlib.contextmanager
def quiet_opencv() -> Iterator[None]:
    """OpenCV prints nothing, in any thread."""
    with OPENCV.held():
        yield
