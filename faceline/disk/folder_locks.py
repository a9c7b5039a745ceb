"""One run at a time writes to a folder."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from faceline.disk.writing import write_errors
from faceline.errors import LockedError
from faceline.host.locks import locking
from faceline.wording import one_line


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Create `folder` if need be and keep other runs from writing there; the lock dies with the process.

    Raises
    ------
    FacelineError
        If the folder cannot be made or written to, or, as LockedError, another run is at work in it.
    """
    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        lock = contextlib.ExitStack()
        try:
            lock.enter_context(locking(folder))
        except BlockingIOError:
            raise LockedError(f"{one_line(folder)}: another run is writing here; wait for it to end") from None
    with lock:
        yield
