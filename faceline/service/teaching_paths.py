"""The paths that change who is known: people, their photographs, what is said of faces, and training."""

import asyncio
import time
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from faceline.disk.corrections import Correction
from faceline.disk.names import ALIGNED_DIR
from faceline.disk.paths import inside
from faceline.disk.pictures.images import decode_image, read_picture
from faceline.errors import FacelineError, UnreadableError
from faceline.people.quality import turned
from faceline.service.context import PICTURES, Answer, Context, needs
from faceline.service.guarding import RefusedError
from faceline.service.jobs import Job
from faceline.service.keys import DIGEST
from faceline.service.pictures import json_object, pictures_of
from faceline.work_folder.offered import missing_views, view_of
from faceline.work_folder.options import read_options
from faceline.work_folder.people import PersonPicture, read_people, read_person

WAIT_SECONDS = 30.0  # for a job that an answer can have the outcome of
LOOK_SECONDS = 0.05
MOST_CORRECTIONS = 10_000  # of a request
MOST_FACES = 20_000  # that these are of
MOST_VIEWS = 60  # photographs of a person whose view is told


def teaching_router(context: Context) -> APIRouter:
    """They; who may ask may see them, and change nothing."""
    router = APIRouter()
    asking, teaching = context.asking, context.teaching
    asks, teaches, admin = [needs("ask")], [needs("teach")], [needs("admin")]

    @router.get("/people", dependencies=asks, summary="Everybody: how many photographs and faces, and whether known")
    async def people() -> dict:
        return await context.beside(everybody)

    def everybody() -> dict:
        known = set(known_people(context))
        listed = [vars(person) | {"known": person.name in known} for person in read_people(context.work_dir)]
        there = {person["name"] for person in listed}
        listed += [{"name": name, "photographs": 0, "faces": 0, "known": True} for name in sorted(known - there)]
        return {"people": sorted(listed, key=lambda person: (person["name"].casefold(), person["name"]))}

    @router.get("/people/{name:path}", dependencies=asks, summary="A person's photographs, and what is missing")
    async def person(name: str) -> dict:
        return await context.beside(partial(one, name))

    def one(name: str) -> dict:
        pictures = read_person(context.work_dir, name)
        if not pictures and name not in known_people(context):
            raise RefusedError(404, "nobody is called that")
        frame = read_options(context.work_dir).alignment.frame
        seen = [vars(picture) | {"view": view_in(context, picture, frame)} for picture in pictures[:MOST_VIEWS]]
        seen += [vars(picture) | {"view": ""} for picture in pictures[MOST_VIEWS:]]
        return {"name": name, "pictures": seen, "missing": missing_views([picture["view"] for picture in seen])}

    @router.post(
        "/people/{name:path}", dependencies=teaches, openapi_extra=PICTURES, summary="Add photographs to a person's"
    )
    async def add(request: Request, name: str) -> Response:
        sent = await pictures_of(request, "picture")
        await context.beside(partial(teaching.check_addable, name))
        found = []
        for picture in sent:
            entry = await asking.done(partial(teaching.look, asking.looker, picture))
            if "view" in entry:
                # Not by those who look at pictures: another program may be at work in the folder for some seconds.
                entry = await context.beside(partial(teaching.keep, name, picture, entry))
            found.append(entry)
        good = [entry for entry in found if entry["status"] == "ok"]
        answer: dict[str, Any] = {"name": name, "pictures": found}
        answer["missing"] = missing_views([entry["view"] for entry in good])
        if not good:
            answer["error"] = "; ".join(sorted({entry["reason"] for entry in found}))
        return Answer(answer, 200 if good else 422)

    @router.patch("/people/{name:path}", dependencies=teaches, summary='Rename a person: {"name": "…"}')
    async def rename(request: Request, name: str) -> Response:
        wanted = text_in(json_object(await request.body()), "name")
        return await outcome(context, await context.beside(partial(teaching.accept_rename, name, wanted)))

    @router.delete("/people/{name:path}", dependencies=admin, summary="Forget a person; the receipt")
    async def forget(name: str, photographs: bool = False) -> Response:
        if not name:
            raise RefusedError(404, "say whom: /people/NAME")
        work = partial(teaching.accept_forgetting, name, photographs=photographs)
        return await outcome(context, await context.beside(work))

    @router.delete("/photographs/{sha256}", dependencies=admin, summary="Forget a photograph; the receipt")
    async def forget_photograph(sha256: str, photographs: bool = False) -> Response:
        if not DIGEST.fullmatch(sha256.lower()):
            raise RefusedError(404, "say which: /photographs/SHA256")
        work = partial(teaching.accept_forgetting, photograph=sha256.lower(), photographs=photographs)
        return await outcome(context, await context.beside(work))

    @router.post("/merge", dependencies=teaches, summary='Several people are one, by the first name: {"people": […]}')
    async def merge(request: Request) -> Response:
        people = json_object(await request.body()).get("people")
        if not isinstance(people, list) or len(set(map(str, people))) < 2 or not all(map(is_text, people)):
            raise RefusedError(400, "people: a list of two names or more")
        return await outcome(context, await context.beside(partial(teaching.accept_merge, list(dict.fromkeys(people)))))

    @router.get("/corrections", dependencies=asks, summary="What has been said of faces and people, and holds")
    def corrections() -> dict:
        return {"corrections": [correction.to_json() for correction in teaching.corrections()]}

    @router.post("/corrections", dependencies=teaches, summary='Say what is right of faces: {"corrections": […]}')
    async def correct(request: Request) -> Response:
        content = json_object(await request.body()).get("corrections")
        if not isinstance(content, list) or not 1 <= len(content) <= MOST_CORRECTIONS:
            raise RefusedError(400, f"corrections: a list of 1 to {MOST_CORRECTIONS}, as corrections.jsonl has them")
        try:
            said = [Correction.from_json(entry) for entry in content]
        except ValueError as error:
            raise RefusedError(400, f"corrections: {error}") from None
        if sum(len(group) for correction in said for group in correction.groups) > MOST_FACES:
            raise RefusedError(413, f"corrections: of more than {MOST_FACES} faces")
        return Answer({"added": await context.beside(partial(teaching.note, said))})

    @router.post("/train", dependencies=teaches, status_code=202, summary="Learn what has changed, in the background")
    async def train() -> Response:
        return Answer((await context.beside(partial(teaching.jobs.accept, "train"))).record(), 202)

    @router.get("/jobs", dependencies=teaches, summary="What is under way, and what came of it; the newest first")
    def jobs() -> dict:
        return {"jobs": [job.record() for job in teaching.jobs.all()]}

    @router.get("/jobs/{identifier}", dependencies=teaches, summary="One of them")
    def job(identifier: str) -> dict:
        found = teaching.jobs.found(identifier)
        if found is None:
            raise RefusedError(404, "no such job")
        return found.record()

    return router


def known_people(context: Context) -> list[str]:
    """Who the classifier knows."""
    try:
        gallery = context.asking.recognizer().gallery
    except FacelineError:
        return []
    return [] if gallery is None else list(gallery.people)


def view_in(context: Context, picture: PersonPicture, frame: str) -> str:
    """From which side a face is seen in its crop; "" where there is none."""
    if not picture.crop or picture.status != "ok":
        return ""
    try:
        crop = decode_image(read_picture(inside(context.work_dir / ALIGNED_DIR, picture.crop)))
    except (UnreadableError, FacelineError):
        return ""
    return view_of(turned(crop, frame))


async def outcome(context: Context, job: Job) -> Response:
    """The answer on a job: what came of it, or where it takes long how it is."""
    until = time.monotonic() + WAIT_SECONDS
    jobs = context.teaching.jobs
    while not job.ended.is_set() and time.monotonic() < until and not jobs.is_ending:  # no thread has to wait for each
        await asyncio.sleep(LOOK_SECONDS)
    if job.state == "done" and job.result is not None:
        return Answer(job.result)
    if job.state == "failed":
        return Answer({"error": job.record()["error"]}, 409)
    return Answer(job.record(), 202)


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def text_in(content: dict, field: str) -> str:
    value = content.get(field)
    if not isinstance(value, str):
        raise RefusedError(400, f"{field}: a text")
    return value
