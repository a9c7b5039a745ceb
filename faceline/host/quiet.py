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

from faceline.host.sharing import Guard, in_forked_child, once


class Here(threading.local):
    """Stands in a filter where the pattern of the message does, and matches for threads that want silence."""

    pattern = "(?!)"  # for those who copy filters, as scikit-learn does: nothing

    def __init__(self) -> None:
        self.patterns: list[str] = []

    def match(self, message: str) -> bool:
        return any(re.match(pattern, message) for pattern in self.patterns)


class Silence:
    """The filter for a category of warnings, and how many threads need it now."""

    def __init__(self, category: type[Warning]) -> None:
        self.here, self.guard, self.needed = Here(), Guard(), 0
        self.filter = ("ignore", self.here, category, None, 0)

    def begin(self, patterns: tuple[str, ...]) -> None:
        self.here.patterns += patterns
        with self.guard.lock:
            self.needed += 1
            if self.filter not in warnings.filters:
                warnings.filters.insert(0, self.filter)

    def end(self, patterns: tuple[str, ...]) -> None:
        del self.here.patterns[-len(patterns) :]
        with self.guard.lock:
            self.needed -= 1
            if not self.needed:
                with contextlib.suppress(ValueError):  # the program has replaced the list meanwhile
                    warnings.filters.remove(self.filter)


silence = once(Silence)


@contextlib.contextmanager
def quiet(category: type[Warning] = Warning, *patterns: str) -> Iterator[None]:
    """Ignore this thread's warnings of a category; those only that begin with one of `patterns`, if there are any."""
    patterns = patterns or ("",)
    silence(category).begin(patterns)
    try:
        yield
    finally:
        silence(category).end(patterns)


class OpenCvSilence:
    """OpenCV prints what it thinks of files, and of itself. The level belongs to the whole process: it is set when the
    first thread needs it, and put back when no thread does any more."""

    def __init__(self) -> None:
        self.guard, self.needed, self.level = Guard(), 0, 0
        in_forked_child(self.renew)

    def __enter__(self) -> None:
        from cv2.utils import logging

        with self.guard.lock:
            if not self.needed:
                self.level = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
            self.needed += 1

    def __exit__(self, *_: object) -> None:
        with self.guard.lock:
            self.needed -= 1
            self.restore()

    def renew(self) -> None:
        if self.needed:  # by threads that are not in this process
            self.needed = 0
            self.restore()

    def restore(self) -> None:
        from cv2.utils import logging

        if not self.needed:
            logging.setLogLevel(self.level)


QUIET_OPENCV = OpenCvSilence()
