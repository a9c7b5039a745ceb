"""Exceptions that come from outside: a program's handler of signals raises them wherever its main thread happens to be.

Time limits work like that: celery's soft one, rq's, `signal.alarm`. They say nothing about what was at work.
"""

import contextlib
import functools
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

# How often something is tried that Ctrl-C comes into.
ATTEMPTS = 5


def pass_on(error: Exception) -> None:
    """Raise `error` again if a handler of signals raised it; to be called where an error would be explained away."""
    codes = {code_of(signal.getsignal(number)) for number in signal.valid_signals()} - {None}
    if any(frame.f_code in codes for frame, _ in traceback.walk_tb(error.__traceback__)):
        raise error


def code_of(handler: object) -> object:
    """The code that a handler runs, as frames have it; None where it is no function of Python."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    if callable(handler) and not hasattr(handler, "__code__"):  # an object that can be called
        handler = handler.__call__
    return getattr(handler, "__code__", None)


@contextlib.contextmanager
def ignoring(*errors: type[Exception]) -> Iterator[None]:
    """`contextlib.suppress`, but for what a handler of signals raised."""
    try:
        yield
    except errors as error:
        pass_on(error)


@dataclass
class Asked:
    """Whether Ctrl-C was pressed."""

    to_end: bool = False


@contextlib.contextmanager
def interrupted_between_steps() -> Iterator[Asked]:
    """Let Ctrl-C only be noted, for work in steps that looks between them; at the second time it raises as ever.

    KeyboardInterrupt may come while a lock is being taken, which nobody gives back then, so that threads that want it
    wait for ever. Only where Python's own handler is in place, and in the main thread, which gets the signals.
    """
    asked = Asked()

    def note(number: int, frame: FrameType | None) -> None:
        if asked.to_end:
            signal.default_int_handler(number, frame)
        asked.to_end = True

    is_ours = threading.current_thread() is threading.main_thread()
    if not is_ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield asked
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield asked
    finally:
        if signal.getsignal(signal.SIGINT) is note:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def insist(work: Callable[[], object]) -> None:
    """Call `work`, which gives something back, again when Ctrl-C or another exception came into it; raise that then.

    `work` must bear to be called again after it was left anywhere.
    """
    raised = None
    for _ in range(ATTEMPTS):
        try:
            work()
            break
        except BaseException as error:
            raised = error
    if raised is not None:
        raise raised
