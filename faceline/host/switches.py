"""Switches that libraries have once for a whole process, set while a thread needs it; then all is as it was."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from faceline.host.interruptions import insist
from faceline.host.sharing import Guard, in_forked_child


class Switch:
    """A setting of the whole process: it is set when the first block needs it, and put back when none does any more.

    Parameters
    ----------
    read : callable
        Gives what it is.
    write : callable
        Sets it.
    wanted : object
        What it is to be within the blocks.
    """

    def __init__(self, read: Callable[[], Any], write: Callable[[Any], object], wanted: Any) -> None:
        self._read, self._write, self._wanted = read, write, wanted
        self._guard, self._before = Guard(), None
        self._blocks: set[object] = set()
        in_forked_child(self._renew)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """It is as it is wanted within the block, in any thread."""
        block = object()
        try:
            self._begin(block)
            yield
        finally:
            insist(lambda: self._end(block))

    def _begin(self, block: object) -> None:
        with self._guard.lock:
            if not self._blocks:
                self._before = self._read()
                self._blocks.add(block)
                self._write(self._wanted)
            self._blocks.add(block)

    def _end(self, block: object) -> None:
        """May be called again, and for a block that did not begin."""
        with self._guard.lock:
            if block in self._blocks:
                if self._blocks == {block}:
                    self._write(self._before)
                self._blocks.discard(block)

    def _renew(self) -> None:
        if self._blocks:  # of threads that are not in this process
            self._write(self._before)
            self._blocks.clear()
