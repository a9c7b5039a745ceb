"""How far something has come: a bar on a terminal or in a notebook, else a line in the log now and then."""

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Self

from faceline.wording import duration

if TYPE_CHECKING:
    from tqdm import tqdm

logger = logging.getLogger(__name__)

LINE_SECONDS = 10.0

# Whether somebody has asked for quiet.
QUIET: ContextVar[bool] = ContextVar("quiet", default=False)


@contextlib.contextmanager
def without_bars() -> Iterator[None]:
    """Within this block, no progress is shown."""
    token = QUIET.set(True)
    try:
        yield
    finally:
        QUIET.reset(token)


# Who else is told of each step, by its title, how many are done and how many there are; raises what ends the work.
WATCHER: ContextVar[Callable[[str, int, int], None] | None] = ContextVar("watcher", default=None)


@contextlib.contextmanager
def watched_by(tell: Callable[[str, int, int], None]) -> Iterator[None]:
    """Within this block, progress is told to `tell`, in the thread of the work, and not shown."""
    token = WATCHER.set(tell)
    try:
        yield
    finally:
        WATCHER.reset(token)


class Silent:
    """A bar that nobody sees; those that can be seen have the same methods."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def update(self, count: int = 1) -> None:
        """Say that `count` more are done."""

    def clear(self) -> None:
        """Make room for something else on the terminal, until `refresh`."""

    def refresh(self) -> None:
        """Show it again."""

    def close(self) -> None:
        """It has come to its end."""


class Told(Silent):
    """Progress that a program is told of."""

    def __init__(self, title: str, total: int, tell: Callable[[str, int, int], None]) -> None:
        self._title, self._total, self._tell, self._done = title, total, tell, 0
        tell(title, 0, total)

    def update(self, count: int = 1) -> None:
        self._done += count
        self._tell(self._title, self._done, self._total)


class Lines(Silent):
    """Lines in the log, for what is no terminal: none at once, so that what takes a moment leaves none."""

    def __init__(self, title: str, total: int) -> None:
        self._title, self._total, self._done = title, total, 0
        self._begun = self._said = time.monotonic()

    def update(self, count: int = 1) -> None:
        self._done += count
        now = time.monotonic()
        if now - self._said < LINE_SECONDS or not 0 < self._done < self._total:
            return
        self._said = now
        left = (now - self._begun) / self._done * (self._total - self._done)
        logger.info("%s: %d of %d, about %s left", self._title, self._done, self._total, duration(left))


def bar(title: str, total: int, leave: bool = True) -> "tqdm | Silent":
    """Progress for a `with` statement; `update(count)` moves it.

    Lines are messages of this module's logger of level INFO: a program that wants them lets them through.
    """
    tell = WATCHER.get()
    if tell is not None:
        return Told(title, total, tell)
    if QUIET.get():
        return Silent()
    if not is_watched():
        return Lines(title, total)
    from tqdm.auto import tqdm

    class Bar(tqdm):
        """Without what tqdm leaves in a program that calls us: a thread that watches, a lock shared with processes."""

        monitor_interval = 0

    Bar.set_lock(threading.RLock())
    return Bar(total=total, desc=title, leave=leave)


def is_watched() -> bool:
    """Whether somebody sees a bar move: on a terminal, or in a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None and "IPKernelApp" in shell.config:
        return True
    return sys.stderr is not None and sys.stderr.isatty()
