"""The paths of the service."""

import contextlib
import html
import json
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

import faceline
from faceline.disk.people_paths import UNKNOWN
from faceline.disk.rows import Status
from faceline.errors import FacelineError, UnreadableError
from faceline.service.asking import Asking, BusyError, NotReadyError
from faceline.service.compared import compared
from faceline.service.counting import Counted
from faceline.service.guarding import RefusedError
from faceline.service.looked import described
from faceline.service.metrics import Metrics
from faceline.service.pictures import Sent, pictures_of
from faceline.stages.infer import Request as Question
from faceline.stages.infer import answer_of
from faceline.wording import one_line

MOST_CANDIDATES = 100
AGAIN_SECONDS = 1  # after which who was refused may come again


def body_of(**fields: dict) -> dict:
    """What OpenAPI says of a request's body: a form, or JSON, with some fields."""
    schema = {"schema": {"type": "object", "properties": fields}}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": schema, "application/json": schema}}}


FILE = {"type": "string", "format": "binary", "description": "a picture; in JSON its base64"}
PICTURES = body_of(picture={"type": "array", "items": FILE})
TWO_PICTURES = body_of(first=FILE, second=FILE)


def create_app(asking: Asking, audit: Path | None = None) -> FastAPI:
    """The application.

    Parameters
    ----------
    asking : Asking
    audit : Path or None
        Where to note who asked and what was answered, a line of JSON each.
    """
    metrics = Metrics()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        asking.close()

    app = FastAPI(title="Faceline", version=faceline.__version__, lifespan=lifespan, docs_url=None, redoc_url=None)

    for kind in (RefusedError, FacelineError, MemoryError):
        app.add_exception_handler(kind, refused)
    app.add_middleware(Counted, metrics=metrics, audit=audit)

    @app.get("/health", summary="Whether the service runs")
    async def health() -> dict:
        return {"status": "ok", "version": faceline.__version__}

    @app.get("/ready", summary="Whether anybody has been learnt, so that names can be given")
    def ready() -> dict:
        return {"status": "ok", "people": len(people_of(asking))}

    @app.get("/metrics", response_class=PlainTextResponse, summary="Counts, as Prometheus reads them")
    def show_metrics() -> str:
        with contextlib.suppress(NotReadyError):
            return metrics.text(asking.waiting, len(people_of(asking)))
        return metrics.text(asking.waiting, 0)

    @app.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    def docs() -> str:
        return page_of(app.openapi())

    @app.get("/people", summary="Who is known")
    def people() -> dict:
        return {"people": people_of(asking)}

    @app.post("/faces", openapi_extra=PICTURES, summary="Name the faces of pictures, as infer --json does")
    async def faces(request: Request, multi: bool = False, top: int = 1, threshold: float | None = None) -> Response:
        sent = await pictures_of(request, "picture")
        question = partial(asked, asking, multi, checked_top(top), threshold)
        answers = [await asking.done(partial(answered, question, picture, len(sent) == 1)) for picture in sent]
        request.state.answers = [[face["name"] for face in answer["faces"]] for answer in answers]
        for names in request.state.answers:
            metrics.count_faces(len(names) - names.count(UNKNOWN), names.count(UNKNOWN))
        return JSONResponse(answers[0] if len(answers) == 1 else answers)

    @app.post("/search", openapi_extra=PICTURES, summary="The nearest people of each face, with the evidence")
    async def search(request: Request, top: int = 5) -> Response:
        return await faces(request, multi=True, top=top)

    @app.post("/detect", openapi_extra=PICTURES, summary="Boxes, landmarks and quality of the faces of pictures")
    async def detect(request: Request) -> Response:
        return await looked_at(request, with_embeddings=False)

    @app.post("/embeddings", openapi_extra=PICTURES, summary="The same with embeddings")
    async def embeddings(request: Request) -> Response:
        return await looked_at(request, with_embeddings=True)

    async def looked_at(request: Request, with_embeddings: bool) -> Response:
        sent = await pictures_of(request, "picture")
        work = partial(described, asking.recognizer, with_embeddings=with_embeddings)
        found = [await asking.done(partial(work, picture.name, picture.content)) for picture in sent]
        return JSONResponse(found[0] if len(found) == 1 else found)

    @app.post("/compare", openapi_extra=TWO_PICTURES, summary="Whether faces of two pictures are one person's")
    async def compare(request: Request) -> Response:
        sent = await pictures_of(request, "first", "second")
        if len(sent) != 2:
            raise RefusedError(400, "send two pictures, in the fields first and second")
        return JSONResponse({"pairs": await asking.done(partial(compared, asking, *sent))})

    return app


def refused(request: Request, error: Exception) -> Response:
    """The answer to a request that cannot be answered otherwise."""
    status, reason, headers = 400, str(error), {}
    if isinstance(error, RefusedError):
        status, reason = error.status, error.reason
    elif isinstance(error, BusyError):
        status, headers = 503, {"Retry-After": str(AGAIN_SECONDS)}
    elif isinstance(error, NotReadyError):
        status = 503
    elif isinstance(error, UnreadableError):
        status, reason = 422, one_line(error.reason)
    elif isinstance(error, MemoryError):
        status, reason = 422, "not enough memory"
    return JSONResponse({"error": reason}, status, headers)


def page_of(description: dict) -> str:
    """The paths of an OpenAPI description as a page that needs no other site."""
    rows = [
        f"<tr><td>{method.upper()}</td><td><code>{html.escape(path)}</code></td>"
        f"<td>{html.escape(entry.get('summary', ''))}</td>"
        f"<td>{html.escape(', '.join(one['name'] for one in entry.get('parameters', [])))}</td></tr>"
        for path, methods in sorted(description["paths"].items())
        for method, entry in methods.items()
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Faceline</title><h1>Faceline</h1>'
        '<p>All of it as <a href="openapi.json">OpenAPI</a>.</p>'
        f"<table><tr><th>Method<th>Path<th>What<th>Options</tr>{''.join(rows)}</table>"
    )


def checked_top(top: int) -> int:
    if not 1 <= top <= MOST_CANDIDATES:
        raise RefusedError(400, f"top {top} is out of range; choose 1 to {MOST_CANDIDATES}")
    return top


def people_of(asking: Asking) -> list[str]:
    gallery = asking.recognizer().gallery
    return [] if gallery is None else list(gallery.people)


def asked(asking: Asking, multi: bool, top: int, threshold: float | None) -> Question:
    """What `infer` is asked with these options."""
    return Question(asking.recognizer(), multi, threshold, False, top, False, None)


def answered(question: Callable[[], Question], picture: Sent, is_alone: bool) -> dict[str, Any]:
    """What `infer --json` says of a picture; raises UnreadableError where it is alone and cannot be read."""
    asked = question()
    try:
        answer = answer_of(picture.name, picture.content, asked)
    except UnreadableError as error:
        if is_alone:
            raise
        answer = asked.answer(picture.name, Status.UNREADABLE, one_line(error.reason))
    return json.loads(answer.to_json())
