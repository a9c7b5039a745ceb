"""What all paths of a service share, and who may use which."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from faceline.service.asking import Asking
from faceline.service.guarding import BusyError, RefusedError
from faceline.service.keys import ROLES
from faceline.service.metrics import Metrics
from faceline.service.teaching import Teaching

Found = TypeVar("Found")

MOST_AT_ONCE = 16  # of what waits for the disk, or draws a page


class Answer(JSONResponse):
    """JSON of any text: names of folders may be bytes that are none, which JSON's escapes carry."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


@dataclass
class Context:
    """A service's work folder, and what works on it."""

    work_dir: Path
    asking: Asking
    teaching: Teaching
    metrics: Metrics
    waiting: int = 0

    async def beside(self, work: Callable[[], Found]) -> Found:
        """What `work` gives, in a thread that is none of those who look at pictures; raises BusyError."""
        if self.waiting >= MOST_AT_ONCE:
            raise BusyError
        self.waiting += 1
        try:
            return await run_in_threadpool(work)
        finally:
            self.waiting -= 1


def needs(role: str) -> Any:
    """What a path depends on that is for those with this role, and higher ones."""

    def check(request: Request) -> None:
        held = getattr(request.state, "role", "")
        if held not in ROLES or ROLES.index(held) < ROLES.index(role):
            raise RefusedError(403, f"your key may not do that; it takes one with the role {role}")

    check.role = role  # type: ignore[attr-defined]  # for who lists the paths
    return Depends(check)


def body_of(*required: str, **fields: dict) -> dict:
    """What OpenAPI says of a request's body: a form, or JSON, with some fields."""
    schema = {"schema": {"type": "object", "properties": fields, "required": list(required)}}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": schema, "application/json": schema}}}


FILE = {"type": "string", "format": "binary", "description": "a picture; in JSON its base64"}
PICTURES = body_of("picture", picture={"type": "array", "items": FILE})
TWO_PICTURES = body_of("first", "second", first=FILE, second=FILE)
