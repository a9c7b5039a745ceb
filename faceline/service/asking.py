"""What requests ask, answered by the classifier of a work folder as it is now."""

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from faceline.errors import FacelineError
from faceline.host.sharing import Guard
from faceline.networks.runtime import Runtime
from faceline.recognition.classifier_file import classifier_at
from faceline.recognition.recognizer import Recognizer
from faceline.runs.parallel import all_cores
from faceline.service.guarding import BusyError
from faceline.wording import one_line
from faceline.work_folder.options import read_options

logger = logging.getLogger(__name__)

NOBODY = "nobody has been learnt yet; teach somebody on the page, or run faceline enrol"
MOST_FACES = 500  # of a picture
WAITING_FOR_EACH = 8  # requests that may wait for a core; those beyond are told to come again

Found = TypeVar("Found")


class NotReadyError(FacelineError):
    """Nobody has been learnt yet."""


class Asking:
    """Looks at the pictures of requests, one on each core.

    Parameters
    ----------
    work_dir : Path
        A work folder, or another place that `infer` takes for a classifier.
    """

    def __init__(self, work_dir: Path) -> None:
        self.work_dir = work_dir
        self.cores = all_cores()
        self.waiting = 0
        self._workers = ThreadPoolExecutor(self.cores)
        self._guard = Guard()
        self._loaded: tuple[tuple, Recognizer] | None = None

    def recognizer(self) -> Recognizer:
        """The classifier that is there now; where it is damaged, the one before.

        Raises
        ------
        NotReadyError
            If there is none that can be used.
        """
        path = classifier_at(self.work_dir)
        with self._guard.lock:
            try:
                status = os.stat(path)
                state = (str(path), status.st_ino, status.st_mtime_ns, status.st_size)
                if self._loaded is None or self._loaded[0] != state:
                    self._loaded = state, replace(Recognizer.load(path, threads=1), most_faces=MOST_FACES)
            except FileNotFoundError:
                self._loaded = None  # nobody is known any more, as where all have been forgotten
                raise NotReadyError(NOBODY) from None
            except (OSError, FacelineError) as error:
                if self._loaded is None:
                    raise NotReadyError(f"{one_line(error)}; {NOBODY}") from None
                logger.warning(f"{one_line(path)}: cannot be used, the one before goes on answering")
            return self._loaded[1]

    def looker(self) -> Recognizer:
        """The classifier that is there now, or where there is none what finds and embeds faces as the folder has them;
        raises FacelineError where that cannot be told."""
        try:
            return self.recognizer()
        except NotReadyError:
            options = read_options(self.work_dir)
            how, runtime = (options.network, options.alignment, options.augmentation), Runtime(threads=1)
            return Recognizer(*how, runtime=runtime, most_faces=MOST_FACES)

    async def done(self, work: Callable[[], Found]) -> Found:
        """What `work` gives, in a thread of its own as soon as there is a core; raises BusyError."""
        if self.waiting >= self.cores * WAITING_FOR_EACH:
            raise BusyError
        self.waiting += 1
        future = asyncio.get_running_loop().run_in_executor(self._workers, work)
        # It is under way until it is done, also when nobody waits for it any more.
        future.add_done_callback(self._finished)
        return await asyncio.shield(future)

    def _finished(self, future: asyncio.Future) -> None:
        self.waiting -= 1
        if not future.cancelled():
            future.exception()  # so that nobody complains that it was never asked for

    def close(self) -> None:
        self._workers.shutdown(cancel_futures=True)
