"""Progress bars, on standard error where that is a terminal."""

import contextlib
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdm import tqdm


class Silent(contextlib.nullcontext):
    """A bar that nobody sees."""

    def __enter__(self) -> "Silent":
        return self

    def update(self, count: int = 1) -> None:
        pass


def bar(title: str, total: int, leave: bool = True) -> "tqdm | Silent":
    """A progress bar for a `with` statement; `update(count)` moves it."""
    if sys.stderr is None or not sys.stderr.isatty():
        return Silent()
    from tqdm import tqdm

    class Bar(tqdm):
        """Without what tqdm leaves in a program that calls us: a thread that watches, a lock shared with processes."""

        monitor_interval = 0

    Bar.set_lock(threading.RLock())
    return Bar(total=total, desc=title, leave=leave)
