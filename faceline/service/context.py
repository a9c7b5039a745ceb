"""What all paths of a service share, and who may use which."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import Depends, Request

from faceline.service.asking import Asking
from faceline.service.guarding import RefusedError
from faceline.service.keys import ROLES
from faceline.service.metrics import Metrics
from faceline.service.teaching import Teaching


@dataclass(frozen=True)
class Context:
    """A service's work folder, and what works on it."""

    work_dir: Path
    asking: Asking
    teaching: Teaching
    metrics: Metrics


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
