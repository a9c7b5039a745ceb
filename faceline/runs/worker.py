"""What a worker process does: `workers` starts it."""

import contextlib
import io
import os
import pickle
import sys
import threading
import time
import traceback
from dataclasses import dataclass


class WorkerTracebackError(Exception):
    """Where in a worker process an error came from, as text."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


# Of the processes that share some work, which this one is, counted from 0: what there are several of, such as GPUs, is
# shared out by it.
number = 0


@dataclass(frozen=True)
class Failure:
    """An error that `work` raised in a worker process."""

    error: Exception
    origin: WorkerTracebackError


def serve() -> None:
    """Call each function that stands on standard input with the items that follow it."""
    global number
    batches, results = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    assert isinstance(batches, io.BufferedReader)
    os.dup2(2, 1)  # nothing that is printed gets among the results
    threading.Thread(target=follow, args=(pickle.load(batches),), daemon=True).start()
    number = pickle.load(batches)
    while batches.peek(1):
        try:
            work = pickle.load(batches)
            outcome = work(pickle.load(batches))
        except Exception as error:
            outcome = failure(error)
        with contextlib.suppress(BrokenPipeError):  # the parent has ended
            results.write(pickle.dumps(outcome))
            results.flush()
    os._exit(0)  # without taking everything apart first


def failure(error: Exception) -> Failure:
    origin = WorkerTracebackError("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # an error may hold anything
        error = RuntimeError(f"{type(error).__name__}: {error}")
    return Failure(error, origin)


def follow(parent: int) -> None:
    """End this process when its parent has ended: the end of standard input shows only when no work is under way."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
