"""The page of the service, and the pictures and pages that it shows."""

import html
import importlib.resources
import tempfile
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from faceline.disk.manifests import manifest_rows
from faceline.disk.names import ALIGNED_DIR, CORRECTIONS_FILE, EMBEDDINGS_DIR, MANIFEST_FILE, REPS_FILE
from faceline.disk.paths import inside
from faceline.disk.pictures.images import read_picture
from faceline.disk.reading import read_bytes
from faceline.disk.rows import PictureRow
from faceline.errors import FacelineError, MissingError, UnreadableError
from faceline.report.pages.review_page import check_page, review_page
from faceline.service.context import Answer, Context, needs
from faceline.service.guarding import COOKIE, RefusedError, secret_in, told
from faceline.service.keys import KeyRing, key_of
from faceline.service.pictures import json_object
from faceline.service.quality import quality_of
from faceline.stages.map import PAGE_FILE, draw_map
from faceline.stages.review import page_data, title_of
from faceline.work_folder.forgetting import EVALUATIONS_DIR

OWN = "faceline.service"
KINDS = {"page.css": "text/css", "page.js": "text/javascript"}

# Nothing from elsewhere, no script in the page itself.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src blob:;"
    " connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Pages that say by themselves what they may do; in a frame of ours.
FRAMED_POLICY = "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

# What the measurement of a gallery draws.
RELIABILITY_FILE = "reliability.png"


class Crops:
    """The crops that the manifest of a work folder names, read again when that is another."""

    def __init__(self, work_dir: Path) -> None:
        self._path = work_dir / ALIGNED_DIR / MANIFEST_FILE
        self._state: tuple[int, int] | None = None
        self._names: frozenset[str] = frozenset()

    def all(self) -> frozenset[str]:
        """Their names; none where the manifest cannot be read."""
        state = state_of(self._path)
        if state is None or state != self._state:
            try:
                self._names = frozenset(row.crop for row in manifest_rows(self._path, PictureRow) if row.crop)
            except FacelineError:
                self._names = frozenset()
            self._state = state
        return self._names


class MapKeeper:
    """The map of a work folder, drawn anew when its embeddings or corrections are others."""

    def __init__(self, work_dir: Path) -> None:
        self._work_dir = work_dir
        self._lock = threading.Lock()
        self._state: list[tuple[int, int] | None] = []
        self._page = b""

    def page(self) -> bytes:
        """It, as HTML; raises FacelineError where there is none to draw."""
        with self._lock:
            embeddings = self._work_dir / EMBEDDINGS_DIR
            state = [state_of(path) for path in (embeddings / REPS_FILE, self._work_dir / CORRECTIONS_FILE)]
            if not self._page or state != self._state:
                with tempfile.TemporaryDirectory() as folder:
                    draw_map(embeddings, save_dir=folder)
                    self._page, self._state = read_bytes(Path(folder) / PAGE_FILE), state
            return self._page


def state_of(path: Path) -> tuple[int, int] | None:
    """What changes when a file does."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def page_router(context: Context, keys: KeyRing) -> APIRouter:
    """They, for those who may ask."""
    router = APIRouter()
    asks = [needs("ask")]
    work_dir, asking = context.work_dir, context.asking
    keeper, crops = MapKeeper(work_dir), Crops(work_dir)

    @router.get("/", response_class=HTMLResponse, include_in_schema=False)
    def index(request: Request) -> Response:
        title = title_of(work_dir) if getattr(request.state, "role", "") else ""  # nobody's business without a key
        text = own_file("index.html").decode().replace("{{ title }}", html.escape(title))
        return HTMLResponse(text, headers={"Content-Security-Policy": POLICY})

    @router.get("/static/{name}", include_in_schema=False)
    def static(name: str) -> Response:
        if name not in KINDS:
            raise RefusedError(404, "no such file")
        return Response(own_file(name), media_type=KINDS[name])

    @router.post("/session", include_in_schema=False)
    async def begin_session(request: Request) -> Response:
        """Keep a key in a cookie that no script can read."""
        secret = json_object(await request.body()).get("key")
        key = key_of(secret, keys()) if isinstance(secret, str) else None
        if key is None:
            raise RefusedError(401, "that is none of the keys of this service")
        answer = Answer({"name": key.name, "role": key.role})
        answer.set_cookie(COOKIE, secret_in({"x-api-key": str(secret)}), httponly=True, samesite="strict", path="/")
        return answer

    @router.delete("/session", include_in_schema=False, dependencies=asks)
    def end_session() -> Response:
        answer = Answer({})
        answer.delete_cookie(COOKIE, path="/")
        return answer

    @router.get("/session", include_in_schema=False, dependencies=asks)
    def session(request: Request) -> dict:
        return {"name": getattr(request.state, "key", ""), "role": request.state.role}

    @router.get("/crops/{crop:path}", dependencies=asks, summary="A crop, as manifest.csv names it")
    def crop(crop: str) -> Response:
        path = inside(work_dir / ALIGNED_DIR, crop)
        if crop not in crops.all() or path.is_symlink():
            raise RefusedError(404, "no such crop")
        try:
            return Response(read_picture(path), media_type="image/png")
        except MissingError:
            raise RefusedError(404, "no such crop") from None

    @router.get("/review", dependencies=asks, include_in_schema=False)
    async def review() -> Response:
        def made() -> str:
            check_page()
            return review_page(page_data(work_dir, 1)[0], title_of(work_dir), is_served=True)

        return framed(await shown(partial(context.beside, made), work_dir))

    @router.get("/map", dependencies=asks, include_in_schema=False)
    async def map_of_faces() -> Response:
        return framed(await shown(partial(context.beside, keeper.page), work_dir))

    @router.get("/quality", dependencies=asks, summary="What answers are worth: rates that the classifier expects")
    def quality() -> dict:
        return quality_of(asking.recognizer(), work_dir / EMBEDDINGS_DIR / EVALUATIONS_DIR)

    @router.get("/quality/reliability.png", dependencies=asks, summary="How often names are right, by confidence")
    def reliability() -> Response:
        try:
            path = work_dir / EMBEDDINGS_DIR / EVALUATIONS_DIR / RELIABILITY_FILE
            return Response(read_bytes(path), media_type="image/png")
        except UnreadableError:
            raise RefusedError(404, "not measured yet: POST /quality") from None

    @router.post("/quality", dependencies=[needs("teach")], status_code=202, summary="Measure them on the photographs")
    async def measure() -> Response:
        work = partial(context.teaching.accept_evaluation)
        return Answer((await context.beside(work)).record(), 202)

    return router


async def shown(work: Callable[[], Awaitable[str | bytes]], work_dir: Path) -> str | bytes:
    """A page, or in its place the reason why there is none."""
    try:
        return await work()
    except FacelineError as error:
        reason = html.escape(told(error, work_dir))
        return f'<!doctype html><html lang="en"><title>Nothing yet</title><p>{reason}</p></html>'


def framed(page: str | bytes) -> Response:
    content = page.encode("utf-8", "replace") if isinstance(page, str) else page
    return HTMLResponse(content, headers={"Content-Security-Policy": FRAMED_POLICY})


def own_file(name: str) -> bytes:
    """A file of the page; raises RefusedError where there is none."""
    file = importlib.resources.files(OWN).joinpath("page", name)
    if not file.is_file():
        raise RefusedError(404, "no such file")
    return file.read_bytes()


def add_docs(app: FastAPI) -> None:
    """The paths as a page, instead of the one of FastAPI's that asks another site for its scripts."""

    @app.get("/docs", response_class=HTMLResponse, include_in_schema=False, dependencies=[needs("ask")])
    def docs() -> Response:
        return HTMLResponse(page_of(app.openapi()), headers={"Content-Security-Policy": POLICY})


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
