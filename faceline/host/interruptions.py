"""Exceptions that come from outside: a program's handler of signals raises them wherever its main thread happens to be.

Time limits work like that: celery's soft one, rq's, `signal.alarm`. They say nothing about what was at work.
"""

import contextlib
import functools
import signal
import traceback
from collections.abc import Callable, Iterator

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
