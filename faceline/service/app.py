"""The service as an application: its paths, and what is answered where something is wrong."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, Response
from starlette.exceptions import HTTPException

import faceline
from faceline.errors import FacelineError, LockedError, UnreadableError
from faceline.service.asking import Asking, NotReadyError
from faceline.service.context import Answer, Context, needs
from faceline.service.guarding import AGAIN_SECONDS, BusyError, RefusedError, told
from faceline.service.keys import KeyRing
from faceline.service.metrics import Metrics
from faceline.service.naming_paths import naming_router
from faceline.service.page_paths import add_docs, page_router
from faceline.service.teaching import Teaching
from faceline.service.teaching_paths import known_people, teaching_router
from faceline.wording import one_line

STOP_SECONDS = 10.0  # for a job that is under way when the service is stopped


def create_app(asking: Asking, teaching: Teaching, keys: KeyRing, metrics: Metrics) -> FastAPI:
    """The application."""
    context = Context(asking.work_dir, asking, teaching, metrics)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        teaching.jobs.close(STOP_SECONDS)
        asking.close()

    app = FastAPI(
        title="Faceline",
        version=faceline.__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        default_response_class=Answer,
    )

    async def refuse(request: Request, error: Exception) -> Response:
        return refused(error, asking.work_dir)

    for kind in (RefusedError, FacelineError, MemoryError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, refuse)

    @app.get("/health", summary="Whether the service runs")
    async def health() -> dict:
        return {"status": "ok", "version": faceline.__version__}

    @app.get("/ready", summary="Whether anybody has been learnt, so that names can be given")
    def ready() -> dict:
        gallery = asking.recognizer().gallery
        return {"status": "ok", "people": 0 if gallery is None else len(gallery.people)}

    @app.get(
        "/metrics",
        response_class=PlainTextResponse,
        dependencies=[needs("ask")],
        summary="Counts, as Prometheus reads them",
    )
    def show_metrics() -> str:
        return metrics.text(asking.waiting, len(known_people(context)))

    add_docs(app)
    app.include_router(naming_router(context))
    app.include_router(teaching_router(context))
    app.include_router(page_router(context, keys))
    return app


def refused(error: Exception, work_dir: Path) -> Response:
    """The answer to a request that cannot be answered otherwise."""
    status, reason, headers = 400, told(error, work_dir), {}
    if isinstance(error, RefusedError):
        status, reason = error.status, error.reason
    elif isinstance(error, HTTPException):
        status, reason = error.status_code, str(error.detail)
    elif isinstance(error, RequestValidationError):
        first = error.errors()[0]
        status, reason = 422, one_line(f"{first['loc'][-1]}: {first['msg']}")
    elif isinstance(error, NotReadyError | LockedError):
        status = 503
    elif isinstance(error, UnreadableError):
        status, reason = 422, one_line(error.reason)
    elif isinstance(error, MemoryError):
        status, reason = 422, "not enough memory"
    if isinstance(error, BusyError | LockedError):
        headers["Retry-After"] = str(AGAIN_SECONDS)
    return Answer({"error": reason}, status, headers)
