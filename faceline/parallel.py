"""Spreading a stage's items over processes."""

import warnings
from collections.abc import Callable, Iterator, Sequence

from faceline.errors import FacelineError


def spread(work: Callable, items: Sequence, jobs: int | None, title: str, batch: int = 1) -> Iterator:
    """Call `work` with lists of items, in `jobs` processes, and give each item's result as it comes, in any order.

    Processes, since dlib's landmarks, chips and networks hold the interpreter's lock. A progress bar goes to standard
    error where that is a terminal.

    Parameters
    ----------
    work : callable
        A function of a module that gives a list with a result for each item of a list; all is pickled.
    items : sequence
    jobs : int or None
        None stands for all cores.
    title : str
        What the progress bar says.
    batch : int
        How many items `work` gets at once.

    Raises
    ------
    FacelineError
        If `jobs` is less than 1.
    """
    import joblib
    from tqdm import tqdm

    if jobs is None:
        jobs = joblib.cpu_count()
    if jobs < 1:
        raise FacelineError(f"jobs {jobs} is out of range; choose 1 or more")
    batches = [items[start : start + batch] for start in range(0, len(items), batch)]
    jobs = max(1, min(jobs, len(batches)))
    if jobs == 1:
        results = (one_thread(work, part) for part in batches)
    else:
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", max_nbytes=None)
        results = parallel(joblib.delayed(one_thread)(work, part) for part in batches)
    try:
        with tqdm(total=len(items), desc=title, disable=None) as bar:
            for part in results:
                bar.update(len(part))
                yield from part
    finally:
        with warnings.catch_warnings():
            # joblib warns of results that nobody fetches; after a mistake or an interruption nobody wants them.
            warnings.simplefilter("ignore")
            results.close()


def one_thread(work: Callable, items: Sequence) -> list:
    """Call `work` with OpenCV held to one thread, since there is a process for every core."""
    import cv2

    cv2.setNumThreads(1)
    return work(items)
