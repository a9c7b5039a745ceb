"""The service on a port, until it is stopped."""

import contextlib
import importlib.util
import json
import socket
from collections.abc import Generator, Iterator
from pathlib import Path

from faceline.disk.folder_locks import locked
from faceline.disk.paths import named_path
from faceline.disk.writing import write_errors
from faceline.errors import FacelineError, LockedError
from faceline.service.asking import Asking, NotReadyError
from faceline.service.guarding import Guarded, is_loopback
from faceline.service.keys import KeyRing, make_key, read_keys
from faceline.wording import counted, one_line

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8000
WAITING = 128  # connections that the system keeps until they are taken
LONGEST_LINE = 1_000_000  # of an audit log
LOCK_DIR = ".service"  # which the service locks that serves a folder


def serve(
    work_dir: str | Path,
    *,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    audit: str | Path | None = None,
    new_key: tuple[str, str] | None = None,
) -> Generator[str, None, int]:
    """Name, teach and forget people over HTTP, until Ctrl-C or SIGTERM.

    Parameters
    ----------
    work_dir : path
        A work folder, as `enrol` makes it, or an empty one. What its classifier becomes meanwhile counts from then on.
    host : str
        The address to listen at. On any other than the loopback, requests need a key; the first one is made and given
        when there is none.
    port : int
        0 for any that is free.
    audit : path or None
        Where to note who asked and what was answered, a line of JSON each.
    new_key : (name, role) or None
        Make this key and give it, instead of serving; roles: `keys.ROLES`.

    Returns
    -------
    iterator of str
        What there is to say; the work is done while it is asked for more.

    Raises
    ------
    FacelineError
        If the folder, the port, the keys or the audit log cannot be used, or FastAPI is missing.
    """
    folder = named_path(work_dir)
    if not folder.is_dir():
        raise FacelineError(f"{one_line(folder)}: no such folder; name a work folder, made by faceline enrol")
    if new_key is not None:
        return only(f"Key {one_line(new_key[0])} ({one_line(new_key[1])}): {make_key(folder, *new_key)}")
    if importlib.util.find_spec("fastapi") is None or importlib.util.find_spec("uvicorn") is None:
        raise FacelineError("fastapi or uvicorn is missing, which serve; pip install 'faceline[serve]'")
    if not 0 <= port < 65536:
        raise FacelineError(f"port {port} is out of range; choose 0 to 65535")
    log = None if audit is None else named_path(audit)
    if log is not None:
        check_log(log)
    return served(folder, listening(host, port), is_loopback(host), log)


def check_log(path: Path) -> None:
    """Raise FacelineError where lines cannot be added, or something else lies than an audit log."""
    with write_errors(path), path.open("a+b") as file:
        file.seek(0)
        first = file.readline(LONGEST_LINE)
    try:
        is_log = not first or {"time", "path", "status"} <= set(json.loads(first))
    except (ValueError, TypeError, RecursionError):
        is_log = False
    if not is_log:
        raise FacelineError(f"{one_line(path)}: holds something else than an audit log; name another file")


def only(line: str) -> Generator[str, None, int]:
    yield line
    return 0


def listening(host: str, port: int) -> socket.socket:
    """A socket at an address; raises FacelineError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=WAITING)
    except (OSError, UnicodeError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FacelineError(f"{one_line(host)}:{port}: {one_line(reason)}; name another --host or --port") from None


def served(folder: Path, at: socket.socket, loopback: bool, audit: Path | None) -> Generator[str, None, int]:
    """Serve, and say where."""
    import uvicorn

    from faceline.service.app import STOP_SECONDS, create_app
    from faceline.service.connections import Connection, Server
    from faceline.service.counting import Counted
    from faceline.service.metrics import Metrics
    from faceline.service.teaching import Teaching

    with contextlib.closing(at), alone_in(folder):
        if not loopback and not read_keys(folder):
            secret = make_key(folder, "first", "admin")
            yield f"Key first (admin), shown once: {secret}"
        asking, teaching, ring, metrics = Asking(folder), Teaching(folder), KeyRing(folder), Metrics()
        teaching.start()
        try:
            gallery = asking.recognizer().gallery
            who = counted(0 if gallery is None else len(gallery.people), "person")
        except NotReadyError as error:
            who = str(error)
        app = Counted(
            Guarded(
                create_app(asking, teaching, ring, metrics), loopback, ring, is_ending=lambda: teaching.jobs.is_ending
            ),
            metrics,
            audit,
        )
        config = uvicorn.Config(
            app,
            http=Connection,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=round(STOP_SECONDS),
            server_header=False,
        )
        server = Server(config, teaching.jobs.about_to_end)
        host, port = at.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        with server.listening_to_signals():
            yield f"Serving {one_line(folder)} ({who}) on http://{shown}:{port}"
            server.run(sockets=[at])
    return 0


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep another service from the folder; raises FacelineError if there is one. The lock dies with the process."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(folder / LOCK_DIR))
        except LockedError:
            advice = "stop that one, or name another folder"
            raise FacelineError(f"{one_line(folder)}: another service serves it; {advice}") from None
        yield
