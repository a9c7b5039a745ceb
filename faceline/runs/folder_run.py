"""What all stages that write a folder do: one run at a time, nothing computed twice, safe to kill, a summary.

A stage lists its tasks, given what is known of each, and says what becomes of one; all else is here:

    with FolderRun(folder, "stage", options, ...) as run:
        tasks = [Task(item, run.known.get(item)) for item in items]
        for row in run.results(work, tasks):
            if row != run.known.get(row.key):
                run.note(row)
        return run.finish(rows, write_outputs, ...)
"""

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self

from faceline.disk.folder_locks import locked
from faceline.disk.rows import USABLE, Row
from faceline.disk.run_records import run_record
from faceline.runs.journal import Journal
from faceline.runs.parallel import spread
from faceline.runs.summary import Summary
from faceline.wording import one_line

logger = logging.getLogger(__name__)


class FolderRun(Generic[Row]):
    """A run of a stage over its output folder, to be used in a `with` statement.

    Parameters
    ----------
    folder : Path
        The output folder; nobody else may write there during the run.
    stage : str
        The stage's name. Each stage has a folder of its own.
    options : dict
        Everything that the results depend on beside the input, as JSON for `run.json`.
    read_row, read_finished, outputs, overwrite
        As those of `Journal`.
    jobs : int
        Processes.
    begun : float
        When the run began, by `time.monotonic`.

    Attributes
    ----------
    known : dict
        The rows of the run before, by their keys.
    was_finished : bool
        Whether that came to its end.

    Raises
    ------
    FacelineError
        If another run is at work in the folder, it cannot be written, or what is there forbids this run: see `Journal`.
    """

    def __init__(
        self,
        folder: Path,
        stage: str,
        options: dict,
        *,
        read_row: Callable[[dict], Row],
        read_finished: Callable[[dict | None], list[Row]],
        outputs: Iterable[str],
        overwrite: bool,
        jobs: int,
        begun: float,
    ) -> None:
        self.folder, self.stage, self.options, self.jobs = folder, stage, options, jobs
        self.known: dict[str, Row] = {}
        self.was_finished = False
        self._open_journal: Callable[[], Journal[Row]] = lambda: Journal(
            folder,
            stage,
            options,
            read_row=read_row,
            read_finished=read_finished,
            outputs=outputs,
            overwrite=overwrite,
        )
        self._begun = begun
        self._done: set[str] = set()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(locked(self.folder))
            self._journal: Journal[Row] = self._open_journal()
            stack.callback(self._journal.close)
            self.known, self.was_finished = dict(self._journal.rows), self._journal.finished
            logger.info("%s: %s, %d known already", self.stage, one_line(self.folder), len(self.known))
            self._resources = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._resources.__exit__(kind, error, traceback)

    def results(
        self, work: Callable[[list[Any]], list[Any]], tasks: Sequence[Any], doing: str = "", batch: int = 1
    ) -> Iterator[Any]:
        """What `work` gives for the tasks, as it comes, in any order; see `parallel.spread`."""
        if not tasks:
            return iter(())
        logger.info("%s: %d to look at, processes: %d", doing or self.stage, len(tasks), self.jobs)
        results = spread(work, tasks, self.jobs, doing or self.stage, batch)
        return self._resources.enter_context(contextlib.closing(results))

    def begin_changes(self) -> None:
        """Say on disk that the folder is not what `run.json` says any more; `note` and `put` do so, too."""
        self._journal.start()

    @property
    def rows(self) -> dict[str, Row]:
        """The rows that the folder has by now, by their keys."""
        return self._journal.rows

    def note(self, row: Row) -> None:
        """Put on disk what became of an item in this run."""
        self._done.add(row.key)
        self.put(row)

    def put(self, row: Row) -> None:
        """The same of an item that was not looked at."""
        self._journal.add(row)

    def finish(
        self,
        rows: list[Row],
        write_outputs: Callable[[list[Row]], None],
        *,
        what: str,
        everybody: Iterable[str],
        removed: int,
        record: dict | None = None,
        vouch: Callable[[], dict] = dict,
        left_out: int = 0,
        ignored: Counter | None = None,
        notes: Sequence[str] = (),
        pictures: int | None = None,
    ) -> Summary:
        """Write the outputs and `run.json`, as far as anything has changed.

        Parameters
        ----------
        rows : list
            Of all items, as they are to be written.
        write_outputs : callable
            Writes the outputs from the rows.
        what : str
            What an item is, in the singular.
        everybody : iterable of str
            All people of whom there are items, usable or not.
        record : dict or None
            What `run.json` holds beside the usual.
        vouch : callable
            What it says of the outputs, once they are written.
        removed, left_out, ignored, notes, pictures
            As those of `Summary`.
        """
        counts = Counter(str(row.status) for row in rows)
        seconds = time.monotonic() - self._begun
        entry = run_record(self.stage, self.options, counts, seconds, **(record or {}))
        self._journal.finish(rows, write_outputs, entry, vouch)
        people = {row.person for row in rows if row.status in USABLE} - {""}  # who is nobody in particular
        done = len(self._done)
        return Summary(
            str(self.folder),
            what,
            len(people),
            counts,
            done=done,
            kept=len(rows) - done - left_out,
            removed=removed,
            seconds=seconds,
            left_out=left_out,
            ignored=ignored or Counter(),
            without=sorted(set(everybody) - people),
            notes=notes,
            pictures=pictures,
        )
