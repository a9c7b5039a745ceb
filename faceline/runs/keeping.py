"""Worker processes that are kept from one call to the next."""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Protocol

from faceline.host.interruptions import insist
from faceline.host.sharing import Guard, in_forked_child


class Process(Protocol):
    """What is kept; `surroundings` are those in which it was started, and `number` is which it was of its crew."""

    surroundings: object
    number: int

    def is_alive(self) -> bool: ...

    def kill(self) -> None: ...

    def close(self) -> None: ...

    def call(self, work: bytes, items: Sequence) -> list: ...


class Keeper:
    """The processes that wait for the next call, while a block of `keep_workers` is open in any thread.

    A forked child has none: they answer its parent, as its blocks are its parent's. `take` and `give` are for threads
    that Ctrl-C does not come into.
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
        token, ended = object(), []

        def leave() -> None:
            with self._guard.lock:
                self._blocks.discard(token)
                if not self._blocks:
                    ended.extend(self._idle)
                    self._idle.clear()
            end(ended)

        try:
            with self._guard.lock:
                self._blocks.add(token)
            yield
        finally:
            insist(leave)

    def take(self, number: int) -> Process | None:
        """A process that is like a new one, if there is one: that of the number, or else another; nobody else gets it
        until it is given back."""
        here = surroundings()
        while True:
            with self._guard.lock:
                if not self._idle:
                    return None
                numbers = [process.number for process in self._idle]
                process = self._idle.pop(numbers.index(number) if number in numbers else -1)
            if process.surroundings == here and process.is_alive():
                return process
            end([process])

    def give(self, process: Process) -> bool:
        """Keep a process that has done its work; returns whether it is kept."""
        with self._guard.lock:
            if self._blocks:
                self._idle.append(process)
            return bool(self._blocks)


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

    Examples
    --------
    >>> from faceline import align_folder, keep_workers, represent_folder
    >>> with keep_workers():
    ...     aligned = align_folder("training-images", "aligned-images")
    ...     represented = represent_folder("aligned-images", "generated-embeddings")
    >>> represented.done + represented.kept
    3
    """
    with KEEPER.block():
        yield
