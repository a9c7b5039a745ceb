"""Worker processes: started for one piece of work, and gone when it is done, unless `keeping` keeps them.

They are new interpreters that know nothing of this process: no fork, which another thread's locks would not survive; no
import of `__main__`, which a script without a guard would run again. Each reads functions and batches from its standard
input and writes results to its standard output, as pickles.
"""

import contextlib
import multiprocessing.spawn
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any

from faceline.errors import FacelineError
from faceline.host.interruptions import insist
from faceline.runs.keeping import KEEPER, Process, end, surroundings
from faceline.runs.worker import Failure

# What a new interpreter runs; its modules are to be found where they are here.
START = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); from faceline.runs.worker import serve; serve()"
)

# There is a process for every core.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")

# A function that gives nothing for nothing.
NO_WORK = pickle.dumps(list)

# What a thread says last.
END = None, None


class Worker:
    """A process that calls functions with lists of items.

    Parameters
    ----------
    number : int
        Which it is of those that share the work, counted from 0.

    Raises
    ------
    FacelineError
        If it cannot be started.
    """

    def __init__(self, number: int) -> None:
        command = [os.fsdecode(multiprocessing.spawn.get_executable()), "-c", START]
        environment = dict.fromkeys(ONE_THREAD, "1") | os.environ
        self.number, self.surroundings = number, surroundings()
        try:
            # In a process group of its own: Ctrl-C is for the parent, which ends it.
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, process_group=0
            )
        except OSError as error:
            raise FacelineError(f"no worker process can be started: {error.strerror}; use --jobs 1") from error
        assert self._process.stdin and self._process.stdout  # both are pipes
        self._input, self._output = self._process.stdin, self._process.stdout
        self._unsent = b"".join(map(pickle.dumps, (sys.path, os.getpid(), number)))

    def call(self, work: bytes, items: Sequence) -> list:
        """What a pickled function gives for a list of items, or raises; FacelineError if the process has ended."""
        try:
            self._input.write(self._unsent + work + pickle.dumps(items))
            self._input.flush()
            self._unsent = b""
            outcome = pickle.load(self._output)
        except (OSError, EOFError, pickle.UnpicklingError):  # whatever it had begun to write was cut off
            raise FacelineError(
                "a worker process was killed, probably for want of memory; run again with fewer --jobs"
            ) from None
        if isinstance(outcome, Failure):
            raise outcome.error from outcome.origin
        return outcome

    def is_alive(self) -> bool:
        """Whether it answers: one that has been killed may not have ended yet."""
        try:
            return self.call(NO_WORK, []) == []
        except FacelineError:
            return False

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        """Wait until the process has ended, and nothing is left of it."""
        self._process.wait()
        for pipe in (self._input, self._output):
            with contextlib.suppress(OSError):  # it cannot get what had still to be written
                pipe.close()


class Crew:
    """Threads that each drive a process, from its start to its end: Ctrl-C, which comes into the main thread alone,
    cannot come between the two.

    Parameters
    ----------
    work, batches, jobs
        As `in_processes` takes them.
    """

    def __init__(self, work: Callable, batches: Iterable[Sequence], jobs: int) -> None:
        self._work = pickle.dumps(work)
        self._numbered, self._taking = enumerate(batches), threading.Lock()
        # Not `Queue`, whose lock stays taken where Ctrl-C comes at a bad moment. What waits to be fetched takes memory:
        # so it takes a ticket, too, of which there are few.
        self._outcomes: queue.SimpleQueue[tuple[Any, Any]] = queue.SimpleQueue()
        self._tickets: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(2 * jobs):
            self._tickets.put(None)
        self._at_work: list[Process] = []
        self._is_stopped, self._changing = False, threading.Lock()
        self._threads = [threading.Thread(target=self._drive, args=(number,), daemon=True) for number in range(jobs)]

    def outcomes(self) -> Iterator[tuple[int, list]]:
        """The number of each batch and its results."""
        for thread in self._threads:
            thread.start()
        ended = 0
        while ended < len(self._threads):
            number, outcome = self._outcomes.get()
            if (number, outcome) == END:
                ended += 1
            elif number is None:
                raise outcome
            else:
                self._tickets.put(None)
                yield number, outcome

    def stop(self) -> None:
        """Wait until all threads have ended; what they are at is given up. May be called again."""
        with self._changing:
            self._is_stopped = True
            for worker in self._at_work:
                worker.kill()  # nothing is lost: results go to this process alone
        for thread in self._threads:
            self._tickets.put(None)  # with which it goes on, and finds its process ended
            if thread.ident is not None:  # one that has not begun will find that it is too late
                thread.join()

    def _drive(self, number: int) -> None:
        try:
            if not self._is_stopped:
                self._work_off(KEEPER.take(number) or Worker(number))
        except BaseException as error:
            self._outcomes.put((None, error))
        self._outcomes.put(END)

    def _work_off(self, worker: Process) -> None:
        is_kept = False
        try:
            with self._changing:
                self._at_work.append(worker)
            while not self._is_stopped:
                with self._taking:
                    number, items = next(self._numbered, (None, None))
                if items is None:
                    break
                found = worker.call(self._work, items)
                self._tickets.get()
                self._outcomes.put((number, found))
            with self._changing:
                self._at_work.remove(worker)
                is_kept = not self._is_stopped and KEEPER.give(worker)
        finally:
            if not is_kept:
                end([worker])


def in_processes(work: Callable, batches: Iterable[Sequence], jobs: int) -> Generator[tuple[int, list], None, None]:
    """Call `work` with each of `batches` in `jobs` processes; give the number of a batch and its results, in any order.

    A batch is made when a process is free for it. When the iterator ends, so have the processes, or they are kept; when
    it is closed, or an error comes, they end, whatever they are at.

    Raises
    ------
    FacelineError
        If a process cannot be started, or is killed.
    """
    crew = Crew(work, batches, jobs)
    try:
        yield from crew.outcomes()
    finally:
        insist(crew.stop)
