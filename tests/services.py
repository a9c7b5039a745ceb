"""A service that tests ask by real requests."""

import contextlib
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Served:
    """A service that runs: its work folder, its address, and what it said."""

    work: Path
    port: int
    process: subprocess.Popen
    said: list[str]

    def ask(
        self, path: str, body: bytes | None = None, kind: str = "", host: str = "", method: str = "", **headers: str
    ) -> tuple[int, Any]:
        """The status and the content of an answer; the method is that of `urllib`, unless it is given."""
        url = f"http://127.0.0.1:{self.port}{path}"
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= ({"Content-Type": kind} if kind else {}) | ({"Host": host} if host else {})
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, body, sent, method=method or None), timeout=60
            ) as answer:
                return answer.status, parsed(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, parsed(error.read())

    def send(self, path: str, *pictures: tuple[str, str, bytes], **headers: str) -> tuple[int, Any]:
        """The answer to a form of (field, file name, content)."""
        mark = uuid.uuid4().hex
        body = b"".join(
            f'--{mark}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'.encode()
            + content
            + b"\r\n"
            for field, name, content in pictures
        )
        body += f"--{mark}--\r\n".encode()
        return self.ask(path, body, f"multipart/form-data; boundary={mark}", **headers)

    def raw(self, path: str) -> tuple[int, bytes]:
        """The status and the bytes of an answer."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            return answer.status, answer.read()

    def tell(self, method: str, path: str, value: Any = None, **headers: str) -> tuple[int, Any]:
        """The answer to JSON."""
        body = None if value is None else json.dumps(value).encode()
        return self.ask(path, body, "" if body is None else "application/json", method=method, **headers)

    def done(self, job: dict, **headers: str) -> dict:
        """A job when it has come to its end."""
        until = time.monotonic() + 120
        while job["state"] in ("waiting", "running"):
            assert time.monotonic() < until
            time.sleep(0.1)
            status, job = self.tell("GET", f"/jobs/{job['id']}", **headers)
            assert status == 200
        return job

    def train(self, **headers: str) -> dict:
        """What came of training."""
        status, job = self.tell("POST", "/train", **headers)
        assert status == 202
        job = self.done(job, **headers)
        assert job["state"] == "done", job
        return job["result"]


def parsed(content: bytes) -> Any:
    with contextlib.suppress(ValueError):
        return json.loads(content)
    return content.decode()


@contextlib.contextmanager
def serving(work: Path, *options: str, check: bool = True) -> Iterator[Served]:
    """A service on a work folder while the block runs; it ends well, unless `check` says that it may not."""
    command = [sys.executable, "-m", "faceline", "serve", str(work), "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = []
        try:
            for line in process.stdout:
                said.append(line.rstrip("\n"))
                if line.startswith("Serving"):
                    break
            yield Served(work, int(said[-1].rpartition(":")[2]), process, said)
        finally:
            process.send_signal(signal.SIGINT)
            status = process.wait(30)
        assert status == 0 or not check
