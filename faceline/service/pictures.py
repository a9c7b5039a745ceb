"""The pictures of a request: fields of a form, or base64 in JSON."""

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from faceline.service.guarding import RefusedError

if TYPE_CHECKING:
    from starlette.requests import Request

MOST_PICTURES = 32  # of a request
MOST_PARTS = 1_000_000  # commas, colons and brackets of JSON
NAME_LENGTH = 200  # of what a picture is called in the answer


@dataclass(frozen=True)
class Sent:
    """A picture that was sent: what it is called, the content of its file, and in which field it came."""

    name: str
    content: bytes
    field: str


async def pictures_of(request: "Request", *fields: str) -> list[Sent]:
    """The pictures of some fields, in their order.

    A form has files in these fields, any number in each. JSON has base64 there, or a list of that, or objects with
    `name` and `data`.

    Raises
    ------
    RefusedError
        If there is none, or too many, or something else.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        found = await of_form(request, fields)
    elif kind == "application/json":
        found = of_json(await request.body(), fields)
    else:
        raise RefusedError(415, "send a form (multipart/form-data), or JSON with pictures in base64")
    if not found:
        raise RefusedError(400, f"no picture; send one in the field {fields[0]}")
    return found


async def of_form(request: "Request", fields: tuple[str, ...]) -> list[Sent]:
    from starlette.datastructures import UploadFile
    from starlette.exceptions import HTTPException

    found = []
    try:
        async with request.form(max_files=MOST_PICTURES, max_fields=MOST_PICTURES) as form:
            for field in fields:
                for part in form.getlist(field):
                    if not isinstance(part, UploadFile):
                        raise RefusedError(400, f"the field {field} is no file")
                    found.append(Sent(shown(part.filename or field), await part.read(), field))
    except HTTPException as error:
        raise RefusedError(400, str(error.detail)[:NAME_LENGTH]) from None
    return found


def json_object(body: bytes) -> dict:
    """The JSON object that a body is; raises RefusedError.

    Parsing holds up everybody: so first it is counted how much there is to parse, which base64 is not.
    """
    if len(body) > MOST_PARTS and sum(map(body.count, (b",", b":", b"[", b"{"))) > MOST_PARTS:
        raise RefusedError(413, "too much JSON; pictures are base64")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError(400, "the body is no JSON") from None
    if not isinstance(content, dict):
        raise RefusedError(400, "the body is no JSON object")
    return content


def of_json(body: bytes, fields: tuple[str, ...]) -> list[Sent]:
    content = json_object(body)
    found: list[Sent] = []
    for field in fields:
        value = content.get(field, [])
        entries = value if isinstance(value, list) else [value]
        if len(found) + len(entries) > MOST_PICTURES:
            raise RefusedError(413, f"more than {MOST_PICTURES} pictures")
        found += [of_entry(entry, field) for entry in entries]
    return found


def of_entry(entry: Any, field: str) -> Sent:
    """A picture as JSON has it."""
    name, data = (entry.get("name", field), entry.get("data")) if isinstance(entry, dict) else (field, entry)
    if not isinstance(name, str) or not isinstance(data, str):
        raise RefusedError(400, f"{field}: a picture is base64, or has name and data")
    try:
        content = base64.b64decode(data.partition("base64,")[2] if data.startswith("data:") else data, validate=True)
    except ValueError:
        raise RefusedError(400, f"{field}: not base64") from None
    return Sent(shown(name), content, field)


def shown(name: str) -> str:
    """What a picture is called in the answer: text that can be encoded, and not too long."""
    return name[:NAME_LENGTH].encode("utf-8", "replace").decode()
