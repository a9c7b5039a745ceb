"""Spreading a stage's items over processes."""

import contextlib
import functools
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence

from faceline.errors import FacelineError


def all_cores() -> int:
    """The number of cores that this process may use, where a container has fewer than the machine too."""
    import joblib

    return joblib.cpu_count()


def process_count(jobs: int | None) -> int:
    """How many processes the user wants, who says None for one on each core; raises FacelineError below 1."""
    if jobs is None:
        return all_cores()
    if jobs < 1:
        raise FacelineError(f"jobs {jobs} is out of range; choose 1 or more")
    return jobs


def spread(work: Callable, items: Sequence, jobs: int, title: str, batch: int = 1) -> Iterator:
    """Call `work` with lists of items, in `jobs` processes, and give each item's result as it comes, in any order.

    Processes, since dlib's landmarks, chips and networks hold the interpreter's lock. A progress bar goes to standard
    error where that is a terminal.

    Parameters
    ----------
    work : callable
        A function of a module that gives a list with a result for each item of a list; all is pickled.
    items : sequence
    jobs : int
    title : str
        What the progress bar says.
    batch : int
        How many items `work` gets at once.

    Raises
    ------
    FacelineError
        If a process is killed.
    """
    import joblib
    from tqdm import tqdm

    batches = [items[start : start + batch] for start in range(0, len(items), batch)]
    jobs = max(1, min(jobs, len(batches)))
    if jobs == 1:
        results = (one_thread(work, part) for part in batches)
    else:
        parallel = joblib.Parallel(n_jobs=jobs, batch_size=1, return_as="generator_unordered", max_nbytes=None)
        results = parallel(joblib.delayed(in_worker)(os.getpid(), work, part) for part in batches)
    try:
        with killed_workers(), tqdm(total=len(items), desc=title, disable=None) as bar:
            for part in results:
                bar.update(len(part))
                yield from part
    finally:
        with warnings.catch_warnings():
            # joblib warns of results that nobody fetches; after a mistake or an interruption nobody wants them.
            warnings.simplefilter("ignore")
            results.close()


@contextlib.contextmanager
def killed_workers() -> Iterator[None]:
    """Turn the end of a worker process into a FacelineError."""
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    try:
        yield
    except TerminatedWorkerError:
        raise FacelineError(
            "a worker process was killed, probably for want of memory; run again with fewer --jobs"
        ) from None


def map_batches(work: Callable, items: Sequence, jobs: int, title: str, batch: int) -> list:
    """Call `work` with lists of items, as `spread` does, and give each item's result in the items' order.

    Items may be made when they are asked for, as few at a time as the processes need. joblib's own choice of processes
    can be replaced from outside, by `joblib.parallel_config`: this asks nothing of them that another backend lacks.
    """
    import joblib
    from tqdm import tqdm

    starts = range(0, len(items), batch)
    batches = (items[start : start + batch] for start in tqdm(starts, desc=title, disable=None, leave=False))
    jobs = max(1, min(jobs, len(starts)))
    if jobs == 1:
        parts = [one_thread(work, part) for part in batches]
    else:
        with killed_workers():
            parallel = joblib.Parallel(n_jobs=jobs, batch_size=1, max_nbytes=None)
            parts = parallel(joblib.delayed(in_worker)(os.getpid(), work, part) for part in batches)
    return [result for part in parts for result in part]


def in_worker(parent: int, work: Callable, items: Sequence) -> list:
    """`one_thread` in a process of its own, which ends when the process `parent` does."""
    follow(parent)
    return one_thread(work, items)


@functools.cache
def follow(parent: int) -> None:
    """End this process when its parent has ended; joblib's wait for work for ever where the parent was killed.

    Where joblib cannot start processes, this is the parent itself, and follows nobody.
    """
    if os.getppid() != parent:
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def one_thread(work: Callable, items: Sequence) -> list:
    """Call `work` with OpenCV held to one thread, since there is a process for every core."""
    import cv2

    cv2.setNumThreads(1)
    return work(items)
