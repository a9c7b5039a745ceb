"""Locks on folders, which die with their process and leave no file in the folder."""

import contextlib
import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType

from faceline.host.interruptions import pass_on
from faceline.host.quiet import quiet


def locking(folder: Path, wait: bool = False) -> AbstractContextManager[None]:
    """Hold the lock of a folder that is there, against other processes and threads.

    Where there are no locks, as on some network file systems, nobody is kept out.

    Raises
    ------
    BlockingIOError
        If somebody else holds it, and `wait` is not set.
    OSError
        If the folder cannot be opened.
    """
    return on_folder(folder, wait) if library().has_fcntl else beside_folder(folder, wait)


def library() -> ModuleType:
    """filelock, which takes 40 ms to import: at the first lock, not for `--help`."""
    with quiet(UserWarning, "only soft file lock"):  # neither Windows nor fcntl: `beside_folder` knows what to do
        import filelock
    return filelock


@contextlib.contextmanager
def on_folder(folder: Path, wait: bool) -> Iterator[None]:
    """Lock the folder itself, which no file has to stand for; macOS can do that, too."""
    with held_descriptor(os.open(folder, os.O_RDONLY), wait):
        yield


@contextlib.contextmanager
def held_descriptor(descriptor: int, wait: bool) -> Iterator[None]:
    """Hold the lock of what is open there, and close it in the end."""
    filelock = library()
    try:
        try:
            held = filelock.lock_descriptor(descriptor, blocking=wait)
        except OSError as error:
            pass_on(error)
            held = None  # this file system has no locks
        if held is False:
            raise taken()
        try:
            yield
        finally:
            # Closing is not enough where a process was forked meanwhile: it has inherited the descriptor.
            if held:
                filelock.unlock_descriptor(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def beside_folder(folder: Path, wait: bool) -> Iterator[None]:
    """Lock a file in the system's folder for temporary files, which stands for the folder where folders cannot be
    locked, as on Windows; it is gone after use."""
    filelock = library()
    place = os.path.normcase(os.path.realpath(folder))
    name = f"faceline-{hashlib.sha256(os.fsencode(place)).hexdigest()[:32]}.lock"
    with contextlib.ExitStack() as stack:
        try:
            # The thread that ends this block need not be the one that began it.
            lock = filelock.FileLock(os.path.join(tempfile.gettempdir(), name), mode=0o600, thread_local=False)
            stack.enter_context(lock.acquire(blocking=wait))
        except filelock.Timeout:
            raise taken() from None
        except OSError as error:  # no such folder, or it is closed to this user
            pass_on(error)
        yield


@contextlib.contextmanager
def locking_file(path: Path, wait: bool = False) -> Iterator[None]:
    """Hold the lock of a file, which is made if need be and stays, in a folder that is there.

    Network file systems that cannot lock a folder can lock a file that is open for writing, for all their machines.
    Raises what `locking` does.
    """
    with on_file(path, wait) if library().has_fcntl else beside_folder(path, wait):
        yield


@contextlib.contextmanager
def on_file(path: Path, wait: bool) -> Iterator[None]:
    is_ours = False
    while not is_ours:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        with held_descriptor(descriptor, wait):
            is_ours = is_at(descriptor, path)
            if is_ours:
                yield


def is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file lies at a path: who held its lock before may have removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def taken() -> BlockingIOError:
    return BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
