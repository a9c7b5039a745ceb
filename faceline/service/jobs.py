"""What a work folder is asked to do that takes its time: accepted on disk, done one after the other, asked about."""

import json
import logging
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faceline.disk.placing import put_bytes
from faceline.disk.reading import parse_json, read_bytes
from faceline.disk.writing import remove
from faceline.errors import FacelineError, LockedError
from faceline.runs.progress import watched_by
from faceline.service.guarding import BusyError, plain, told
from faceline.wording import one_line

logger = logging.getLogger(__name__)

FILE = "service-jobs.json"
LARGEST = 100_000_000

MOST_REMEMBERED = 200  # jobs that are done
MOST_WAITING = 100
LOCKED_SECONDS = 1.0  # between two looks whether somebody else has done with the folder

# Gets the fields of a job, and what keeps them on disk when it has changed them, and gives what came of it.
Work = Callable[[dict, Callable[[], None]], dict]


class StoppedError(Exception):
    """The service ends: the job goes on when it is started again."""


@dataclass
class Job:
    """Something to do; `state` is waiting, running, done or failed."""

    id: str
    what: str
    fields: dict
    state: str = "waiting"
    step: str = ""
    done: int = 0
    total: int = 0
    result: dict | None = None
    error: str = ""
    is_to_be_tried_again: bool = False
    ended: threading.Event = field(default_factory=threading.Event, repr=False)

    def record(self) -> dict[str, Any]:
        """What is said of it: the fields may name somebody who is to be forgotten."""
        found: dict[str, Any] = {"id": self.id, "what": self.what, "state": self.state}
        if self.state == "running":
            found["progress"] = {"step": self.step, "done": self.done, "total": self.total}
        if self.result is not None:
            found["result"] = self.result
        if self.error:
            again = "; it is tried again at the next start, or when it is asked for again"
            found["error"] = self.error + (again if self.is_to_be_tried_again else "")
        return found


class Jobs:
    """The jobs of a work folder.

    One that is accepted stands in `service-jobs.json` until it is done: whenever the service is killed, it is done when
    it runs again. So what does it has to end well when it is done twice.

    Parameters
    ----------
    work_dir : Path
    works : mapping of str to callable
        What a job is called, and what does it.
    must_end : collection of str
        Those that stay accepted when they fail.
    needed : mapping of str to set of str
        The fields that some of them have.

    Attributes
    ----------
    is_ending : bool
        Whether the service is about to be stopped, so that nobody shall wait for a job any more.
    """

    def __init__(
        self, work_dir: Path, works: Mapping[str, Work], must_end: Collection[str], needed: Mapping[str, set[str]]
    ) -> None:
        self.path = work_dir / FILE
        self.is_ending = False
        self._works, self._must_end, self._needed = works, must_end, needed
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        """Go on with what was accepted before; raises FacelineError if the file is damaged."""
        for entry in self._read():
            self._jobs[entry["id"]] = Job(entry["id"], entry["what"], entry["fields"])
        self._thread.start()

    def _read(self) -> list[dict]:
        if not self.path.exists():
            return []
        content = parse_json(read_bytes(self.path, LARGEST), self.path)
        if not isinstance(content, list) or not all(map(self._is_entry, content)):
            raise FacelineError(f"{one_line(self.path)}: damaged; remove it, and ask again for what it asked for")
        return content

    def _is_entry(self, entry: object) -> bool:
        fits = isinstance(entry, dict) and entry.keys() == {"id", "what", "fields"}
        if not fits or not isinstance(entry, dict):
            return False
        texts = isinstance(entry["id"], str) and isinstance(entry["what"], str)
        if not texts or entry["what"] not in self._works or not isinstance(entry["fields"], dict):
            return False
        return entry["fields"].keys() >= self._needed.get(entry["what"], set())

    def accept(self, what: str, **fields: Any) -> Job:
        """A new job, on disk when this returns; where one that waits is the same, that one.

        Raises
        ------
        FacelineError
            If too many wait, or it cannot be written.
        """
        with self._lock:
            waiting = [job for job in self._jobs.values() if job.state == "waiting"]
            for job in waiting:
                if (job.what, job.fields) == (what, fields):
                    self._news.notify_all()
                    return job
            if len(waiting) >= MOST_WAITING:
                raise BusyError("too many jobs wait; come again")
            if not self.path.parent.is_dir():
                raise FacelineError(f"{one_line(self.path.parent)}: the work folder is gone; put it back")
            job = Job(uuid.uuid4().hex, what, fields)
            self._write([*self._open(), job])
            self._jobs[job.id] = job
            self._news.notify_all()
            return job

    def _open(self) -> list[Job]:
        return [job for job in self._jobs.values() if job.state in ("waiting", "running") or job.is_to_be_tried_again]

    def _write(self, jobs: list[Job]) -> None:
        if jobs:
            entries = [{"id": job.id, "what": job.what, "fields": job.fields} for job in jobs]
            put_bytes(json.dumps(entries).encode(), self.path)
        else:
            remove(self.path)

    def again(self, what: str, is_it: Callable[[dict], bool], **fields: Any) -> Job | None:
        """A job that failed and stays accepted, which is to be done again, with some of its fields anew; None where
        none is it."""
        with self._lock:
            for job in self._jobs.values():
                if job.what == what and job.is_to_be_tried_again and job.state == "failed" and is_it(job.fields):
                    anew = Job(job.id, job.what, job.fields | fields)
                    self._write([anew if one is job else one for one in self._open()])  # or nothing has changed
                    self._jobs[job.id] = anew
                    self._news.notify_all()
                    return anew
        return None

    def open_fields(self, what: str) -> list[dict]:
        """The fields of all jobs of a kind that are not done."""
        with self._lock:
            return [job.fields for job in self._open() if job.what == what]

    def _keep(self) -> None:
        with self._lock:
            self._write(self._open())

    def found(self, identifier: str) -> Job | None:
        with self._lock:
            return self._jobs.get(identifier)

    def all(self) -> list[Job]:
        """Those that are not done, and the last of the others; the newest first."""
        with self._lock:
            return list(reversed(self._jobs.values()))

    def _run(self) -> None:
        while True:
            with self._news:
                job = None
                while job is None and not self._stopping:
                    job = next((one for one in self._jobs.values() if one.state == "waiting"), None)
                    if job is None:
                        self._news.wait()
                if self._stopping or job is None:
                    return
                job.state = "running"
            self._do(job)

    def _do(self, job: Job) -> None:
        def tell(step: str, done: int, total: int) -> None:
            if self._stopping:
                raise StoppedError
            job.step, job.done, job.total = step, done, total

        try:
            with watched_by(tell):
                result = self._when_free(lambda: self._works[job.what](job.fields, self._keep))
        except StoppedError:
            return
        except FacelineError as error:
            job.error = told(error, self.path.parent)
            job.is_to_be_tried_again = job.what in self._must_end
        except Exception as error:  # the next job, and all that is asked meanwhile, must not suffer from it
            logger.exception("a job failed")
            job.error = f"failed: {type(error).__name__}; see what the service logs"
            job.is_to_be_tried_again = job.what in self._must_end
        else:
            job.result = plain(result, self.path.parent)
        with self._lock:
            job.state = "failed" if job.error else "done"
            try:
                self._write(self._open())
            except FacelineError as error:  # then it is done once more after the next start
                logger.warning(f"{error}")
            ended = [one for one in self._jobs.values() if one.state in ("done", "failed")]
            for one in [one for one in ended if not one.is_to_be_tried_again][:-MOST_REMEMBERED]:
                del self._jobs[one.id]
        job.ended.set()

    def _when_free(self, work: Callable[[], dict]) -> dict:
        """What `work` gives, as soon as no other program is at work in the folder."""
        while True:
            try:
                return work()
            except LockedError:
                if self._stopping:
                    raise StoppedError from None
                time.sleep(LOCKED_SECONDS)

    def about_to_end(self) -> None:
        """Say that the service is being stopped: who waits for a job is told that it is accepted."""
        self.is_ending = True

    def close(self, seconds: float) -> None:
        """End what can be ended; what cannot in that time goes on after the next start, as after a kill."""
        with self._news:
            self._stopping = True
            self._news.notify_all()
        if self._thread.is_alive():
            self._thread.join(seconds)
