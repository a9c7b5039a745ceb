#!/usr/bin/env python3
"""A page that names the people in a picture: choose one, and read who is in it. Needs: pip install 'faceline[serve]'.

demos/web_form.py --classifier generated-embeddings   then open http://127.0.0.1:5001, on this machine only
"""

import argparse
import html
import socket
import sys

import uvicorn
from fastapi import FastAPI, UploadFile
from fastapi.responses import HTMLResponse

from faceline import FacelineError, Recognizer

FORM = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Who is it?</title>
<h1>Who is it?</h1>
<form method="post" enctype="multipart/form-data">
<input type="file" name="picture" accept="image/*" required aria-label="Picture"> <button>Name them</button>
</form>"""
MOST_BYTES = 20_000_000


def page_for(recognizer: Recognizer) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None)

    @app.get("/", response_class=HTMLResponse)
    def form() -> str:
        return FORM

    @app.post("/", response_class=HTMLResponse)
    def named(picture: UploadFile) -> HTMLResponse:  # in a thread: one Recognizer serves all of them
        if (picture.size or 0) > MOST_BYTES:
            return HTMLResponse(f"{FORM}<p>Larger than 20 MB.", 413)
        try:
            faces = recognizer.faces(picture.file.read())
        except FacelineError as error:
            return HTMLResponse(f"{FORM}<p>{html.escape(str(error))}", 422)
        lines = [f"<li>{html.escape(str(face.name))} with {face.confidence:.2f} confidence" for face in faces]
        return HTMLResponse(f"{FORM}<ol>{''.join(lines)}</ol>" if lines else f"{FORM}<p>No face.")

    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classifier", default="generated-embeddings", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=5001)
    options = parser.parse_args()
    try:
        app = page_for(Recognizer.load(options.classifier))
        with socket.create_server(("127.0.0.1", options.port)) as place:
            uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[place])
    except (FacelineError, OSError, OverflowError) as error:
        print(f"web_form.py: error: {error}", file=sys.stderr)
        sys.exit(2)
