"""A Dask cluster in the place of our own processes: batches go to its workers, results come here, and nothing else.

The process that asks is the only one that writes. The workers need this package, and the same folders under the same
paths. A batch whose worker is gone goes to another one; where the scheduler is gone, all ends, and is to be run again.
"""

import concurrent.futures
import contextlib
import importlib.util
import logging
import pickle
import queue
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import faceline
from faceline.disk.run_records import versions
from faceline.errors import FacelineError
from faceline.host.interruptions import pass_on
from faceline.wording import one_line

if TYPE_CHECKING:
    from distributed import Client, Future

logger = logging.getLogger(__name__)

# Where a stage's batches are worked off.
PROCESSES = "processes"
DASK = "dask"
BACKENDS = (PROCESSES, DASK)
DEFAULT_BACKEND = PROCESSES

# Seconds after which a scheduler does not answer, and after which no worker is going to come.
CONNECTING = 10.0
WAITING = 60.0

# Batches for each thread of a worker: one to be worked off, one on its way.
BATCHES_A_THREAD = 2

# How often it is looked how many workers there are, in seconds.
LOOKING = 2.0


@dataclass(frozen=True)
class Cluster:
    """A Dask cluster by the address of its scheduler, `tcp://host:8786`."""

    scheduler: str


def cluster_of(backend: str, scheduler: str | None) -> Cluster | None:
    """The cluster that a user wants, None for our own processes; raises FacelineError."""
    if backend not in BACKENDS:
        raise FacelineError(f"unknown backend {one_line(backend)!r}; choose from {', '.join(BACKENDS)}")
    if backend == PROCESSES:
        if scheduler is not None:
            raise FacelineError("--scheduler goes with --backend dask")
        return None
    if not scheduler:
        raise FacelineError("--backend dask needs --scheduler ADDRESS, which dask scheduler prints: tcp://host:8786")
    if importlib.util.find_spec("distributed") is None:
        raise FacelineError("distributed is missing, which asks a Dask cluster; pip install 'faceline[dask]'")
    return Cluster(scheduler)


@dataclass(frozen=True)
class Batch:
    """What is sent to a worker: to unpickle it is to call `call`.

    A worker that lacks this package fails in its task then, which it can report, and not as it reads what it is sent,
    which would end it.
    """

    work: Callable
    items: Sequence

    def __reduce__(self) -> tuple[Callable, tuple[str, Callable, Sequence]]:
        return call, (faceline.__version__, self.work, self.items)


def call(version: str, work: Callable, items: Sequence) -> tuple[dict[str, str], list]:
    """What a worker does with a batch: the versions that it has, and the results."""
    if version != faceline.__version__:
        raise FacelineError(f"a worker has faceline {faceline.__version__}, not {version}; install the same everywhere")
    return versions(), work(items)


def in_cluster(
    work: Callable, batches: Iterable[Sequence], cluster: Cluster
) -> Generator[tuple[int, list], None, None]:
    """Call `work` with each of `batches` in a cluster; give the number of a batch and its results, in any order.

    A batch is made when a worker is free for it.

    Raises
    ------
    FacelineError
        If the scheduler does not answer or is lost, there are no workers, or a batch has ended several of them.
    """
    with quiet_dask(), connected(cluster) as client:
        numbered = enumerate(batches)
        under_way: dict[object, tuple[int, Future]] = {}
        ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        room = Room(client, cluster)
        others: set[str] = set()
        while True:
            while len(under_way) < room.batches():
                number, items = next(numbered, (None, None))
                if number is None or items is None:
                    break
                future = client.submit(pickle.loads, pickle.dumps(Batch(work, items)), pure=False)
                under_way[future.key] = number, future
                future.add_done_callback(ended.put)
            if not under_way:
                return
            try:
                future = ended.get(timeout=LOOKING)
            except queue.Empty:
                continue
            number, _ = under_way.pop(future.key)
            theirs, results = result_of(future, cluster)
            warn_of_versions(theirs, others)
            yield number, results


class Room:
    """How many batches may be under way at a time, as workers come and go."""

    def __init__(self, client: "Client", cluster: Cluster) -> None:
        self._client, self._cluster = client, cluster
        self._looked = self._seen = time.monotonic()
        self._batches = self._look()

    def batches(self) -> int:
        """At least 1; raises FacelineError where there has been no worker, or no scheduler, for too long."""
        if time.monotonic() - self._looked >= LOOKING or not self._batches:
            self._batches = self._look()
        return max(1, self._batches)

    def _look(self) -> int:
        try:
            threads = sum(self._client.ncores().values())
        except (OSError, concurrent.futures.CancelledError) as error:  # CommClosedError is an OSError
            pass_on(error)
            raise lost(self._cluster) from error
        self._looked = time.monotonic()
        if threads:
            self._seen = self._looked
        elif self._looked - self._seen > WAITING:
            advice = "start one with dask worker and run again"
            raise FacelineError(f"{one_line(self._cluster.scheduler)}: this Dask cluster has no worker; {advice}")
        return threads * BATCHES_A_THREAD


@contextlib.contextmanager
def connected(cluster: Cluster) -> Iterator["Client"]:
    """A client of the cluster's scheduler; raises FacelineError where there is none."""
    from distributed import Client

    try:
        client = Client(cluster.scheduler, set_as_default=False, timeout=CONNECTING)
    except Exception as error:  # OSError, ValueError, and whatever a wrong address raises
        pass_on(error)
        advice = "start one with dask scheduler, or correct --scheduler"
        raise FacelineError(f"{one_line(cluster.scheduler)}: no Dask scheduler answers there; {advice}") from error
    try:
        yield client
    finally:
        client.close(timeout=CONNECTING)


def lost(cluster: Cluster) -> FacelineError:
    """What there is to say where the scheduler is gone."""
    advice = "start one and run the same command again, which goes on"
    return FacelineError(f"{one_line(cluster.scheduler)}: this Dask scheduler is lost; {advice}")


def result_of(future: "Future", cluster: Cluster) -> tuple[dict[str, str], list]:
    """What a worker gave, or raises what it raised; FacelineError where that is the cluster's fault."""
    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    if future.status not in ("finished", "error"):
        raise lost(cluster)
    try:
        return future.result()
    except (CommClosedError, concurrent.futures.CancelledError) as error:
        raise lost(cluster) from error
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != faceline.__name__:
            raise
        advice = f"install {faceline.__version__} everywhere"
        raise FacelineError(f"a Dask worker lacks Faceline, or has another version of it; {advice}") from error
    except KilledWorker as error:
        advice = "give the workers more memory, or fewer of them a machine"
        raise FacelineError(f"a batch ended several Dask workers, probably for want of memory; {advice}") from error


def warn_of_versions(theirs: dict[str, str], known: set[str]) -> None:
    """Say once of each package that workers have it in another version, which may change the results."""
    ours = versions()
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name) and name not in known:
            known.add(name)
            logger.warning("a Dask worker has %s %s, where %s is here", name, theirs.get(name), ours.get(name))


@contextlib.contextmanager
def quiet_dask() -> Iterator[None]:
    """Within this block, Dask's library says nothing of lost connections: we do."""
    import distributed  # it sets the levels of its loggers, of each its own

    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == distributed.__name__]
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
