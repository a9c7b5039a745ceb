"""Objects that all threads of a process use: made once, lent to one thread at a time, or guarded; and what becomes of
them in a process that is forked off."""

import contextlib
import functools
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, ParamSpec, TypeVar

Given = ParamSpec("Given")
Thing = TypeVar("Thing")


def in_forked_child(renew: Callable[[], None]) -> None:
    """Have `renew` called in every process that is forked off this one, before anything else runs there."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=renew)


class Guard:
    """A lock, to be used as `with guard.lock`. A thread that holds it while another one forks the process does not
    exist in the child, so there it is open again.

    Not a context manager itself: between a method that takes the lock and the block, Ctrl-C could leave it taken.
    """

    def __init__(self) -> None:
        self._open()
        in_forked_child(self._open)

    def _open(self) -> None:
        self.lock = threading.RLock()


class Once(Generic[Given, Thing]):
    """`functools.cache`, but that threads which ask for the same at the same time wait for one of them to make it."""

    def __init__(self, make: Callable[Given, Thing]) -> None:
        self.made: dict[object, Thing] = {}
        self._guard = Guard()
        functools.update_wrapper(self, make)
        self.__wrapped__ = make

    def __call__(self, *values: Given.args, **named: Given.kwargs) -> Thing:
        key = values, tuple(named.items())
        with contextlib.suppress(KeyError):
            return self.made[key]
        with self._guard.lock:
            if key not in self.made:
                self.made[key] = self.__wrapped__(*values, **named)
            return self.made[key]

    def cache_clear(self) -> None:
        self.made.clear()


once = Once  # as a decorator


def once_in_each_process(make: Callable[Given, Thing]) -> Once[Given, Thing]:
    """`once`, for what has threads of its own: a forked child does not have these, and makes what it needs anew.

    What its parent made stays there, untouched for ever: taking it apart, even at the end of the process, would wait
    for threads that are not there.
    """
    import ctypes

    get = once(make)
    made = get.made

    def renew() -> None:
        for thing in made.values():
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
        made.clear()

    in_forked_child(renew)
    return get


class Pool(Generic[Thing]):
    """Objects that only one thread at a time may use: as many as are in use at once, each kept for the next thread.

    Not one for each thread, since a server may have a new thread for every request, or a hundred that wait.

    Parameters
    ----------
    make : callable
        Makes one.
    """

    def __init__(self, make: Callable[[], Thing]) -> None:
        self._make = make
        # Its methods are atomic: no lock that a fork might find held.
        self._idle: deque[Thing] = deque(maxlen=os.cpu_count())

    @contextlib.contextmanager
    def lent(self) -> Iterator[Thing]:
        """One of the objects, for a `with` statement. One that was at work when an error came is not used again."""
        try:
            thing = self._idle.pop()
        except IndexError:
            thing = self._make()
        yield thing
        self._idle.append(thing)


def without_opencv_s_threads() -> None:
    """Have OpenCV compute in the calling thread alone.

    A child that is forked off may find the lock of one of OpenCV's threads held, which nobody there will ever open: it
    would wait for ever, in `warpAffine` for example.
    """
    opencv = sys.modules.get("cv2")
    set_threads = getattr(opencv, "setNumThreads", None)  # not there while it is being imported
    if set_threads is not None:
        set_threads(0)  # 1 would end its threads, and wait for them


in_forked_child(without_opencv_s_threads)

# Matplotlib is not made for several threads: whoever draws by it holds this.
DRAWING = Guard()
