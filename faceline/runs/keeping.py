"""Worker processes that are kept from one call to the next."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Protocol

from faceline.host.sharing import Guard, in_forked_child


class Process(Protocol):
    """What is kept; `surroundings` are those in which it was started."""

    surroundings: object

    def is_alive(self) -> bool: ...

    def kill(self) -> None: ...

    def close(self) -> None: ...


class Keeper:
    """The processes that wait for the next call, while a block of `keep_workers` is open in any thread.

    A forked child has none: they answer its parent, as its blocks are its parent's.
    """

    def __init__(self) -> None:
        self._guard = Guard()
        self._forget()
        in_forked_child(self._forget)

    def _forget(self) -> None:
        self._blocks: set[object] = set()
        self._idle: list[Process] = []

    @contextlib.contextmanager
    def block(self) -> Iterator[None]:
        """Processes that have done their work are kept until the last block ends."""
        token = object()
        with self._guard:
            self._blocks.add(token)
        try:
            yield
        finally:
            with self._guard:
                self._blocks.discard(token)
                ended, self._idle = ([], self._idle) if self._blocks else (self._idle, [])
            end(ended)

    def take(self, count: int) -> list[Process]:
        """At most so many processes that are like new ones; nobody else gets them until they are given back."""
        here, ended, found = surroundings(), [], []
        with self._guard:
            while self._idle and len(found) < count:
                process = self._idle.pop()
                (found if process.surroundings == here and process.is_alive() else ended).append(process)
        end(ended)
        return found

    def give(self, processes: list[Process]) -> list[Process]:
        """Keep processes that have done their work; returns those that are not kept."""
        with self._guard:
            if not self._blocks:
                return processes
            self._idle += processes
        return []


def surroundings() -> object:
    """What a process has of this one, once for all when it starts."""
    folder = os.stat(".")
    return list(sys.path), dict(os.environ), (folder.st_dev, folder.st_ino)


def end(processes: list[Process]) -> None:
    for process in processes:
        process.kill()
    for process in processes:
        process.close()


KEEPER = Keeper()


@contextlib.contextmanager
def keep_workers() -> Iterator[None]:
    """For a `with` statement: calls inside, in all threads, use the worker processes of those before.

    At its end, however it comes, they are given back; where blocks overlap, at the end of the last.
    """
    with KEEPER.block():
        yield
