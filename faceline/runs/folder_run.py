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
from faceline.disk.run_records import read_record, run_record
from faceline.errors import FacelineError
from faceline.runs.cluster import Cluster
from faceline.runs.journal import Journal, earlier_run, salvaged, write_journal
from faceline.runs.parallel import spread
from faceline.runs.shard_plan import leave_shards, state_dirs
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
    cluster : Cluster or None
        What is asked instead of processes.

    Attributes
    ----------
    tables_dir : Path
        Where the tables go.
    known : dict
        The rows of the run before, by their keys.
    earlier_dir, earlier_record : Path, dict
        Where the tables of that run lie, and its `run.json`; an empty one if it did not come to its end.

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
        read_finished: Callable[[Path, dict | None], list[Row]],
        outputs: Iterable[str],
        overwrite: bool,
        jobs: int,
        begun: float,
        cluster: Cluster | None = None,
    ) -> None:
        self.folder, self.stage, self.options = folder, stage, options
        self.jobs, self.cluster = jobs, cluster
        self.tables_dir = self.earlier_dir = folder
        self.known: dict[str, Row] = {}
        self.earlier_record: dict = {}
        self._read_row: Callable[[dict], Row] = read_row
        self._read_finished: Callable[[Path, dict | None], list[Row]] = read_finished
        self._outputs, self._overwrite, self._begun = outputs, overwrite, begun
        self._done: set[str] = set()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._journal: Journal[Row] = self._begin(stack)
            stack.callback(self._journal.close)
            self.known = dict(self._journal.rows)
            logger.info("%s: %s, %d known already", self.stage, one_line(self.folder), len(self.known))
            self._resources = stack.pop_all()
        return self

    def _begin(self, stack: contextlib.ExitStack) -> Journal[Row]:
        """Keep others out until the stack ends; gives the journal of this run."""
        stack.enter_context(locked(self.folder))
        leave_shards(self.folder, self._absorb if self._overwrite else None)
        journal = self._journal_in(self.folder, self._outputs)
        self.earlier_record = read_record(self.folder) if journal.finished else {}
        return journal

    def _journal_in(
        self, folder: Path, outputs: Iterable[str] = (), earlier: Callable[[], list[Row]] = list
    ) -> Journal[Row]:
        return Journal(
            *(folder, self.stage, self.options),
            read_row=self._read_row,
            read_finished=self._read_finished,
            outputs=outputs,
            overwrite=self._overwrite,
            earlier=earlier,
        )

    def _absorb(self) -> None:
        """Take what shards have done for what is known of the folder, so that they are needed no more."""
        readers = self._read_row, self._read_finished
        rows = {row.key: row for place in (self.folder, *state_dirs(self.folder)) for row in salvaged(place, *readers)}
        header = {"stage": self.stage, "options": self.options}
        with contextlib.suppress(FacelineError):  # until the plan is gone, it is what the other shards were made with
            header = {name: (earlier_run(self.folder) or header)[name] for name in header}
        write_journal(self.folder, header, rows.values())

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
        where = self.cluster.scheduler if self.cluster else f"processes: {self.jobs}"
        logger.info("%s: %d to look at, %s", doing or self.stage, len(tasks), one_line(where))
        results = spread(work, tasks, self.jobs, doing or self.stage, batch, self.cluster)
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
        people = {row.person for row in rows if row.status in USABLE} - {""}  # who is nobody in particular
        done = len(self._done)
        summary = Summary(
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
        entry = run_record(self.stage, self.options, counts, seconds, **self._recorded(record or {}, summary))
        self._journal.finish(rows, write_outputs, entry, vouch)
        return self._closed(summary)

    def _recorded(self, record: dict, summary: Summary) -> dict:
        """What `run.json` holds beside the usual, given what the stage says."""
        return record

    def _closed(self, summary: Summary) -> Summary:
        """What is said in the end; all has been written."""
        return summary
