"""How long the steps of a computation take, where somebody asks; otherwise marking a step costs next to nothing."""

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar

# Step -> seconds so far, of those who measure.
TIMES: ContextVar[dict[str, float] | None] = ContextVar("times", default=None)


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """Count the time of the body for a step, if it is measured, but for that of steps within it."""
    times = TIMES.get()
    if times is None:
        yield
        return
    begun, before = time.perf_counter(), sum(times.values())
    try:
        yield
    finally:
        within = sum(times.values()) - before
        times[name] = times.get(name, 0.0) + time.perf_counter() - begun - within


@contextlib.contextmanager
def measured() -> Iterator[dict[str, float]]:
    """Give what the steps within the body take in this thread, in seconds each, as they end."""
    times: dict[str, float] = {}
    token = TIMES.set(times)
    try:
        yield times
    finally:
        TIMES.reset(token)
