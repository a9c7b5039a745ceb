"""Locks on folders, which die with their process and leave no file in the folder."""

import contextlib
import errno
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from faceline.host.interruptions import pass_on

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

# What the systems say where somebody else holds the lock.
HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
PAUSE = 0.05  # seconds between two looks at a lock that cannot be waited for otherwise


@contextlib.contextmanager
def locking(folder: Path, wait: bool = False) -> Iterator[None]:
    """Hold the lock of a folder that is there, against other processes and threads.

    Where there are no locks, as on some network file systems, nobody is kept out.

    Raises
    ------
    BlockingIOError
        If somebody else holds it, and `wait` is not set.
    OSError
        If the folder cannot be opened.
    """
    descriptor = os.open(folder, os.O_RDONLY) if fcntl else open_beside(folder)
    if descriptor is None:
        yield
        return
    try:
        held = take(descriptor, wait)
        try:
            yield
        finally:
            # Closing is not enough where a process was forked meanwhile: it has inherited the descriptor.
            if held:
                release(descriptor)
    finally:
        os.close(descriptor)


def take(descriptor: int, wait: bool) -> bool:
    """Whether the lock is held now; false where there are no locks."""
    while True:
        try:
            if fcntl:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            else:
                region(descriptor, lock=True)
            return True
        except OSError as error:
            pass_on(error)
            if error.errno not in HELD:
                return False
            if not wait:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from None
        time.sleep(PAUSE)


def release(descriptor: int) -> None:
    if fcntl:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    else:
        region(descriptor, lock=False)


def open_beside(folder: Path) -> int | None:
    """Open the file that stands for a folder where folders cannot be locked; it stays, empty, in the system's folder
    for temporary files. None where that cannot be had."""
    name = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:32]
    try:
        path = os.path.join(tempfile.gettempdir(), f"faceline-{name}.lock")
        return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError:
        return None


def region(descriptor: int, lock: bool) -> None:
    """Lock or free the first byte of a file, which need not be there; raises OSError at once where it is held."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        import msvcrt
    except ImportError:  # a Python without fcntl, but not on Windows; it keeps out other processes only
        os.lockf(descriptor, os.F_TLOCK if lock else os.F_ULOCK, 1)
    else:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK if lock else msvcrt.LK_UNLCK, 1)
