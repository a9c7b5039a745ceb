"""Spreading a stage's items over processes."""

import contextlib
import multiprocessing
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any

from faceline.errors import FacelineError
from faceline.host.imports import load
from faceline.runs.cluster import Cluster, in_cluster
from faceline.runs.progress import bar
from faceline.runs.workers import in_processes


def all_cores() -> int:
    """The number of cores that this process may use, where a container has fewer than the machine too."""
    load("joblib")
    import joblib

    return joblib.cpu_count()


def process_count(jobs: int | None, usual: Callable[[int], int] = int) -> int:
    """How many processes the user wants, who says None for what is usual with the cores that there are, which is one on
    each; raises FacelineError below 1."""
    if jobs is None:
        return usual(all_cores())
    if jobs < 1:
        raise FacelineError(f"jobs {jobs} is out of range; choose 1 or more")
    return jobs


def spread(
    work: Callable, items: Sequence, jobs: int, title: str, batch: int = 1, cluster: Cluster | None = None
) -> Generator[Any, None, None]:
    """Call `work` with lists of items, in `jobs` processes, and give each item's result as it comes, in any order.

    Processes, since dlib's landmarks, chips and networks hold the interpreter's lock. They end with the iterator. A
    progress bar goes to standard error where that is a terminal.

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
    cluster : Cluster or None
        Where it is called instead.

    Raises
    ------
    FacelineError
        If a process is killed, or what `in_cluster` raises.
    """
    starts = range(0, len(items), batch)
    found = outcomes(work, (items[start : start + batch] for start in starts), len(starts), jobs, cluster)
    with bar(title, len(items)) as progress, contextlib.closing(found):
        for _, part in found:
            progress.update(len(part))
            yield from part


def map_batches(work: Callable, items: Sequence, jobs: int, title: str, batch: int) -> list:
    """Call `work` with lists of items, as `spread` does, and give each item's result in the items' order.

    Items may be made when they are asked for, as few at a time as the processes need.
    """
    starts = range(0, len(items), batch)
    found = outcomes(work, (items[start : start + batch] for start in starts), len(starts), jobs)
    parts: list[list] = [[]] * len(starts)
    with bar(title, len(items), leave=False) as progress, contextlib.closing(found):
        for number, part in found:
            parts[number] = part
            progress.update(len(part))
    return [result for part in parts for result in part]


def outcomes(
    work: Callable, batches: Iterable[Sequence], count: int, jobs: int, cluster: Cluster | None = None
) -> Generator[tuple[int, list], None, None]:
    """The number of each of `count` batches and what `work` gives for it, as it comes: from a cluster, processes, or
    here."""
    jobs = min(jobs, count)
    if cluster is not None:
        yield from in_cluster(work, batches, cluster)
    elif jobs > 1 and may_have_processes():
        yield from in_processes(work, batches, jobs)
    else:
        for number, part in enumerate(batches):
            yield number, work(part)


def may_have_processes() -> bool:
    """Whether this process may start others: not where it is one of many itself, whose cores are spoken for."""
    if multiprocessing.current_process().daemon or getattr(sys, "frozen", False):  # a frozen program is no interpreter
        return False
    if "joblib.parallel" not in sys.modules:  # nobody has chosen anything
        return True
    from joblib.parallel import get_active_backend

    backend, _ = get_active_backend()
    return not backend.nesting_level and not getattr(backend, "uses_threads", False)
