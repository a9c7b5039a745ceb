"""Spreading a stage's items over processes."""

import warnings
from collections.abc import Callable, Iterator, Sequence

from faceline.errors import FacelineError


def spread(work: Callable, items: Sequence, jobs: int | None, title: str) -> Iterator:
    """Call `work` with every item, in `jobs` processes, and give the results as they come, in any order.

    Processes, since dlib's landmarks, chips and networks hold the interpreter's lock. A progress bar goes to standard
    error where that is a terminal.

    Parameters
    ----------
    work : callable
        A function of a module; it, its argument and its result are pickled.
    items : sequence
    jobs : int or None
        None stands for all cores.
    title : str
        What the progress bar says.

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
    jobs = max(1, min(jobs, len(items)))
    if jobs == 1:
        results = (work(item) for item in items)
    else:
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", max_nbytes=None)
        results = parallel(joblib.delayed(one_thread)(work, item) for item in items)
    try:
        with tqdm(total=len(items), desc=title, disable=None) as bar:
            for result in results:
                bar.update()
                yield result
    finally:
        with warnings.catch_warnings():
            # joblib warns of results that nobody fetches; after a mistake or an interruption nobody wants them.
            warnings.simplefilter("ignore")
            results.close()


def one_thread(work: Callable, item: object) -> object:
    """Call `work` with OpenCV held to one thread, since there is a process for every core."""
    import cv2

    cv2.setNumThreads(1)
    return work(item)
