"""Files that can be made again, kept in the user's cache so that the next process starts sooner."""

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from faceline.host.interruptions import ignoring

# Where no file can be: stands for the cache of a user who has no home.
NOWHERE = Path(os.devnull) / "faceline"


def cache_folder() -> Path:
    """Where they are kept; NOWHERE if the user has no folder for such files: neither HOME nor an entry among the users.

    A folder that is named relative to the current one does not count, as the XDG specification has it: it would lie
    somewhere else each time.
    """
    import platformdirs

    with contextlib.suppress(RuntimeError):
        folder = platformdirs.user_cache_path("faceline")
        if folder.is_absolute():
            return folder
    return NOWHERE


def keep(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file of the cache, whole; several processes may do so at once.

    Where the cache cannot be written, nothing is kept, and the next process makes it again.
    """
    with ignoring(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".making-") as folder:
            scratch = Path(folder) / path.name
            write(scratch)
            os.replace(scratch, path)
