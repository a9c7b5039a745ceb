"""What a request has to pass before anything looks at it: where it comes from, who asks, how much it brings, when."""

import asyncio
import ipaddress
import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceline.service.keys import ROLES, Key, key_of
from faceline.wording import one_line

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# For those who watch whether it runs; and the page, which shows nothing but where to give a key.
OPEN_PATHS = frozenset(
    {"GET /health", "GET /ready", "GET /", "GET /static/page.css", "GET /static/page.js", "POST /session"}
)

COOKIE = "faceline-key"  # how the page shows the key that it was given

# What every answer says to browsers: take it for nothing else, keep no copy, tell nobody where you come from.
ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]

HIGHEST = ROLES[-1]

MOST_BYTES = 100_000_000  # of a request
MOST_BYTES_AT_ONCE = 400_000_000  # of all that are under way
MOST_SECONDS = 60.0  # until it is there
SLICE_SECONDS = 1.0  # between two looks whether the service is being stopped
AGAIN_SECONDS = 1  # after which who was told that there is too much to do may come again


class RefusedError(Exception):
    """A request that goes no further, with the status of the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class BusyError(RefusedError):
    """A request that may come again in a moment."""

    def __init__(self, reason: str = "too many requests at once; come again") -> None:
        super().__init__(503, reason)


@dataclass
class Guarded:
    """An application behind the guard.

    Attributes
    ----------
    app : callable
        ASGI.
    is_loopback : bool
        Whether only programs of this machine can ask: then they need no key, but have to know where they are. A page of
        somebody else's could have its name lead here.
    keys : callable
        Gives the keys that there are now, a list of Key.
    most_bytes, most_seconds
        Of a request's body.
    under_way : int
        Bytes of the bodies of all requests that are not answered yet.
    is_ending : callable
        Whether the service is being stopped: then it waits for no body any more.
    """

    app: App
    is_loopback: bool
    keys: Callable[[], list[Key]] = list
    most_bytes: int = MOST_BYTES
    most_seconds: float = MOST_SECONDS
    under_way: int = 0
    is_ending: Callable[[], bool] = bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def sent(message: MutableMapping[str, Any]) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [*message.get("headers", ()), *ALWAYS]
            await send(message)

        taken = [0]
        try:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            self.check(scope, headers)
            await self.app(scope, self.limited(receive, taken), sent)
        except RefusedError as refusal:
            if not begun:
                await refuse(send, refusal)
        finally:
            self.under_way -= taken[0]

    def check(self, scope: Scope, headers: dict[str, str]) -> None:
        """Raise RefusedError if the request may not be asked; else say in the scope whose it is."""
        host = headers.get("host", "")
        if self.is_loopback and not is_loopback(hostname(host)):
            raise RefusedError(403, "this service is for this machine: ask localhost")
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            raise RefusedError(403, "a page of another site may not ask")
        site = headers.get("sec-fetch-site", "none")
        if site in ("cross-site", "same-site") and not (
            scope["path"] == "/" and headers.get("sec-fetch-dest") == "document"
        ):
            raise RefusedError(403, "a page of another site may not ask")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self.most_bytes:
            raise RefusedError(413, f"more than {self.most_bytes // 1_000_000} MB")
        state = scope.setdefault("state", {})
        if self.is_loopback:
            state["role"] = HIGHEST
            return
        if f"{scope['method']} {scope['path']}" in OPEN_PATHS:
            return
        key = key_of(secret_in(headers), self.keys())
        if key is None:
            raise RefusedError(401, "no key, or a wrong one; send Authorization: Bearer KEY")
        state["key"], state["role"] = key.name, key.role

    def limited(self, receive: Receive, taken: list[int]) -> Receive:
        """The same, but no more than a request may bring, and no later; `taken` is how much it has brought."""
        until = asyncio.get_running_loop().time() + self.most_seconds
        whole = False

        async def taking() -> MutableMapping[str, Any]:
            nonlocal whole
            if whole:
                return await receive()  # whether somebody is still there
            message = None
            while message is None:
                left = until - asyncio.get_running_loop().time()
                try:
                    message = await asyncio.wait_for(receive(), max(min(left, SLICE_SECONDS), 0.001))
                except TimeoutError:
                    if self.is_ending():
                        raise BusyError("the service is being stopped") from None
                    if left <= SLICE_SECONDS:
                        raise RefusedError(408, f"not there after {self.most_seconds:.0f} s") from None
            count = len(message.get("body", b""))
            taken[0] += count
            self.under_way += count
            if self.under_way > MOST_BYTES_AT_ONCE:
                raise BusyError
            if taken[0] > self.most_bytes:
                raise RefusedError(413, f"more than {self.most_bytes // 1_000_000} MB")
            whole = not message.get("more_body", False)
            return message

        return taking


def secret_in(headers: dict[str, str]) -> str:
    """The key that a request shows; empty where it shows none."""
    kind, _, secret = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return secret.strip()
    if "x-api-key" in headers:
        return headers["x-api-key"].strip()
    cookies = (entry.strip().partition("=") for entry in headers.get("cookie", "").split(";"))
    return next((value for name, _, value in cookies if name == COOKIE), "")


def told(error: Exception, work_dir: Path) -> str:
    """What an error says on a line, without where on the machine the work folder lies, which is nobody's business."""
    return str(plain(one_line(error), work_dir))


def plain(value: Any, work_dir: Path) -> Any:
    """A value as JSON has it, in whose texts nothing tells where the work folder lies."""
    if isinstance(value, dict):
        return {name: plain(part, work_dir) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part, work_dir) for part in value]
    if not isinstance(value, str):
        return value
    for folder in (str(work_dir), os.path.realpath(work_dir)):
        value = value.replace(f"{one_line(folder)}/", "").replace(one_line(folder), "the work folder")
    return value


def hostname(host: str) -> str:
    """What stands before the port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches that address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def refuse(send: Send, refusal: RefusedError) -> None:
    body = json.dumps({"error": refusal.reason}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close"), *ALWAYS]
    if refusal.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if isinstance(refusal, BusyError):
        headers.append((b"retry-after", str(AGAIN_SECONDS).encode()))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
