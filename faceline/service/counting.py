"""What is kept of requests that were answered: counts, and who asked what, if that is wanted."""

import datetime
import json
import logging
import os
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect

from faceline.service.guarding import OPEN_PATHS, App, Receive, Scope, Send
from faceline.service.metrics import Metrics
from faceline.wording import one_line

logger = logging.getLogger(__name__)

GONE = 499  # as nginx has it: who asked does not wait for the answer


class Counted:
    """An application (ASGI) whose answers are counted and, with `audit`, noted."""

    def __init__(self, app: App, metrics: Metrics, audit: Path | None) -> None:
        self._app, self._metrics, self._audit = app, metrics, audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 500

        async def sent(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except ClientDisconnect:
            status = GONE
        finally:
            path = getattr(scope.get("route"), "path", "other")  # as few as there are, whatever is asked for
            self._metrics.count(path, status, time.perf_counter() - begun)
            if self._audit is not None and f"{scope['method']} {scope['path']}" not in OPEN_PATHS:
                try:
                    note(self._audit, scope, path, status)
                except OSError as error:
                    logger.warning(f"{one_line(self._audit)}: cannot be written: {error.strerror}")


def note(path: Path, scope: Scope, asked: str, status: int) -> None:
    """Add a line to the audit log: who asked what and when, and which names were answered."""
    state = scope.get("state", {})
    client = scope.get("client")
    line = {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "key": state.get("key"),
        "client": client[0] if client else None,
        "method": scope["method"],
        "path": asked,
        "status": status,
        "names": state.get("answers"),
    }
    content = (json.dumps(line) + "\n").encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, content)  # at once, so that lines of several processes do not mix
    finally:
        os.close(descriptor)
