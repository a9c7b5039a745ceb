"""How much memory is free, and the right of one large picture at a time to it."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from faceline.host.interruptions import ignoring
from faceline.host.locks import locking

# Where nothing says how much memory there is.
SUPPOSED = 4 * 1024**3

CGROUPS = Path("/sys/fs/cgroup")
# Of version 2 and 1: the limit, the use, and the line of the statistics with what the system would give up at once.
CGROUP_FILES = (
    ("memory.max", "memory.current", "inactive_file "),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "),
)


def free_memory() -> int:
    """Bytes that this process may still take: of the machine, of its container, and of its own limits (`ulimit -v`).

    Linux says all of them. Elsewhere it is half of the machine's memory, or SUPPOSED where the system does not say even
    that.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        return max(0, min([free_in_machine(), *free_in_containers(), *free_in_process()]))
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return SUPPOSED


def free_in_machine() -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))


def free_in_containers() -> Iterator[int]:
    """What the process's control group, and those around it, leave it."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = CGROUPS / "memory" if controllers else CGROUPS
        own = root / group.lstrip("/")
        for folder in {root, own, *(parent for parent in own.parents if root in parent.parents)}:
            for limit, use, cache in CGROUP_FILES:
                with contextlib.suppress(OSError, ValueError):
                    bound = int((folder / limit).read_text())  # "max" where there is none
                    lines = (folder / "memory.stat").read_text().splitlines()
                    spare = sum(int(line.split()[1]) for line in lines if line.startswith(cache))
                    yield bound - int((folder / use).read_text()) + spare


def free_in_process() -> Iterator[int]:
    try:
        import resource
    except ImportError:
        return
    bound, _ = resource.getrlimit(resource.RLIMIT_AS)
    if bound != resource.RLIM_INFINITY:
        yield bound - int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait until no other process or thread of this machine's Faceline is in the body, so that what is free now is free
    for this one. Where there are no locks, nobody waits."""
    with contextlib.ExitStack() as lock:
        with ignoring(OSError):
            lock.enter_context(locking(Path(__file__).parent, wait=True))
        yield
