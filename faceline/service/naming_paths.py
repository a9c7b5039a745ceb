"""The paths that look at pictures: who is on them, and what else is to be seen."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import Response

from faceline.disk.numbers import are_reckonable
from faceline.disk.people_paths import UNKNOWN
from faceline.disk.rows import Status
from faceline.errors import UnreadableError
from faceline.recognition.recognizer import check_question
from faceline.report.answers import identity_record
from faceline.service.asking import Asking
from faceline.service.compared import compared
from faceline.service.context import PICTURES, TWO_PICTURES, Answer, Context, needs
from faceline.service.guarding import RefusedError
from faceline.service.looked import described
from faceline.service.pictures import Sent, json_object, pictures_of
from faceline.stages.infer import Request as Question
from faceline.stages.infer import answer_of
from faceline.wording import one_line

MOST_CANDIDATES = 100
MOST_EMBEDDINGS = 1000  # of a request


def naming_router(context: Context) -> APIRouter:
    """They, for those who may ask."""
    router = APIRouter(dependencies=[needs("ask")])
    asking, metrics = context.asking, context.metrics

    @router.post("/faces", openapi_extra=PICTURES, summary="Name the faces of pictures, as infer --json does")
    async def faces(request: Request, multi: bool = False, top: int = 1, threshold: float | None = None) -> Response:
        sent = await pictures_of(request, "picture")
        question = partial(asked, asking, multi, checked_top(top), threshold)
        answers = [await asking.done(partial(answered, question, picture, len(sent) == 1)) for picture in sent]
        request.state.answers = [[face["name"] for face in answer["faces"]] for answer in answers]
        for names in request.state.answers:
            metrics.count_faces(len(names) - names.count(UNKNOWN), names.count(UNKNOWN))
        return Answer(answers[0] if len(answers) == 1 else answers)

    @router.post("/search", openapi_extra=PICTURES, summary="The nearest people of each face, or of embeddings")
    async def search(request: Request, top: int = 5) -> Response:
        if is_json(request) and "embeddings" in (content := json_object(await request.body())):
            embeddings = embeddings_of(content["embeddings"])
            found = await asking.done(partial(identified, asking, embeddings, checked_top(top)))
            request.state.answers = [[face["name"] for face in found]]
            return Answer({"faces": found})
        return await faces(request, multi=True, top=top)

    @router.post("/detect", openapi_extra=PICTURES, summary="Boxes, landmarks and quality of the faces of pictures")
    async def detect(request: Request) -> Response:
        return await looked_at(request, with_embeddings=False)

    @router.post("/embeddings", openapi_extra=PICTURES, summary="The same with embeddings")
    async def embeddings(request: Request) -> Response:
        return await looked_at(request, with_embeddings=True)

    async def looked_at(request: Request, with_embeddings: bool) -> Response:
        sent = await pictures_of(request, "picture")
        work = partial(described, asking.looker, with_embeddings=with_embeddings)
        found = [await asking.done(partial(work, picture.name, picture.content)) for picture in sent]
        return Answer(found[0] if len(found) == 1 else found)

    @router.post("/compare", openapi_extra=TWO_PICTURES, summary="Whether faces of two pictures are one person's")
    async def compare(request: Request) -> Response:
        sent = await pictures_of(request, "first", "second")
        if [picture.field for picture in sent] != ["first", "second"]:
            raise RefusedError(400, "send two pictures, in the fields first and second")
        return Answer({"pairs": await asking.done(partial(compared, asking, *sent))})

    return router


def checked_top(top: int) -> int:
    if not 1 <= top <= MOST_CANDIDATES:
        raise RefusedError(400, f"top {top} is out of range; choose 1 to {MOST_CANDIDATES}")
    return top


def asked(asking: Asking, multi: bool, top: int, threshold: float | None) -> Question:
    """What `infer` is asked with these options; raises FacelineError if they are none."""
    check_question(threshold, top)
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


def is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def embeddings_of(value: Any) -> np.ndarray:
    """Embeddings as JSON has them, one or a list of them, as an array of shape (n, d); raises RefusedError."""
    rows = [value] if isinstance(value, list) and value and not isinstance(value[0], list) else value
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_EMBEDDINGS:
        raise RefusedError(400, f"embeddings: 1 to {MOST_EMBEDDINGS} lists of numbers")
    numbers = all(isinstance(row, list) and row and all(map(is_number, row)) for row in rows)
    if not numbers or len({len(row) for row in rows}) > 1:
        raise RefusedError(400, "embeddings: lists of as many numbers each")
    found = np.array(rows, np.float32)
    if not are_reckonable(found):
        raise RefusedError(400, "embeddings: numbers that nothing can be reckoned with")
    return found


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6


def identified(asking: Asking, embeddings: np.ndarray, top: int) -> list[dict]:
    """Who faces are, of which there are embeddings only, (n, d): as `infer --json` says it, but for what it says of
    their pictures."""
    recognizer = asking.recognizer()
    gallery = recognizer.gallery
    assert gallery is not None  # a classifier has one
    dimensions = recognizer.network.dimensions
    if embeddings.shape[1] != dimensions:
        raise RefusedError(400, f"embeddings: {recognizer.network.name} has {dimensions} numbers each")
    return [identity_record(who, top) for who in gallery.identify(embeddings, top=top)]
