"""The page on which people say whose faces are: one file that needs no network and opens from disk."""

import base64
import hashlib
import importlib.resources
import importlib.util
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from faceline.disk.reading import read_bytes
from faceline.errors import FacelineError
from faceline.wording import one_line

# Edge of the pictures on the page, in pixels, and JPEG's quality: 10,000 of them take 30 MB.
EDGE, JPEG_QUALITY = 80, 62

# What a page has among its first bytes.
PAGE_MARK, LOOKED_AT = b"<title>Review: ", 2000


@dataclass(frozen=True)
class Question:
    """What is asked of faces, which are numbers of the page's: `who` they are, or whether they are `name` (`is`), whose
    pictures `others` are, as far as is known with a probability."""

    kind: str
    faces: Sequence[int]
    name: str = ""
    probability: float = 0.0
    others: Sequence[int] = ()


@dataclass(frozen=True)
class PageFace:
    """A face on the page: short names, as there are many.

    `c` is its crop, `p` its photograph and `n` its person, numbers of the page's lists (-1: none), `b` its box, `k` its
    cluster, `s` the certainty of that, `q` its quality, `u` what is wrong with it, `z` its size, `t` how typical it is
    of its person, from -1 to 1.
    """

    c: str
    p: int
    b: Sequence[int]
    n: int
    k: int = 0
    s: float | None = None
    q: float | None = None
    u: str = ""
    z: int | None = None
    t: float | None = None


@dataclass(frozen=True)
class PageData:
    """All that the page shows; `photos` are SHA-256, and `thumbs` JPEG in base 64, one for each face."""

    photos: Sequence[str]
    people: Sequence[str]
    faces: Sequence[PageFace]
    thumbs: Sequence[str]
    questions: Sequence[Question] = ()
    suspects: Sequence[dict] = field(default_factory=list)
    without: Sequence[dict] = field(default_factory=list)

    def to_json(self) -> str:
        """As JSON that may stand in a page: no `<` can end the element that it stands in."""
        faces = [
            {name: value for name, value in vars(face).items() if value is not None and value != ""}
            for face in self.faces
        ]
        fields = {
            "photos": self.photos,
            "people": self.people,
            "faces": faces,
            "questions": [asdict(question) for question in self.questions],
            "suspects": self.suspects,
            "without": self.without,
        }
        digest = hashlib.sha256(json.dumps([self.photos, [face.c for face in self.faces]]).encode()).hexdigest()
        text = json.dumps({"id": digest[:16], **fields, "thumbs": self.thumbs}, separators=(",", ":"))
        return text.replace("<", "\\u003c")


def check_page() -> None:
    """Raise FacelineError if no page can be made."""
    if importlib.util.find_spec("jinja2") is None:
        raise FacelineError("jinja2 is missing, which makes the page; pip install 'faceline[review]'")


def check_place(path: Path) -> None:
    """Raise FacelineError where something else lies than such a page."""
    if path.is_dir():
        raise FacelineError(f"{one_line(path)}: is a folder; name a file")
    if os.path.lexists(path) and PAGE_MARK not in read_bytes(path)[:LOOKED_AT]:
        raise FacelineError(f"{one_line(path)}: holds something else than a review page; name another file")


def thumbnail(crop: np.ndarray) -> str:
    """A crop, (size, size, 3) uint8 RGB, as a small JPEG in base 64."""
    import cv2

    way = cv2.INTER_AREA if len(crop) > EDGE else cv2.INTER_LINEAR
    small = cv2.resize(crop, (EDGE, EDGE), interpolation=way)
    _, content = cv2.imencode(".jpg", small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return base64.b64encode(content.tobytes()).decode()


def review_page(data: PageData, title: str, is_served: bool = False) -> str:
    """The page as HTML; where it `is_served`, what is decided on it is sent to `/corrections` at once."""
    import jinja2
    from markupsafe import Markup

    own = importlib.resources.files("faceline.report.pages")
    template, style, script = (own.joinpath(f"review.{ending}").read_text("utf-8") for ending in ("html", "css", "js"))
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(template).render(
        title=title,
        style=Markup(style),
        style_digest=digest_of(style),
        script=Markup(script),
        script_digest=digest_of(script),
        data=Markup(data.to_json()),
        is_served=is_served,
    )


def digest_of(text: str) -> str:
    """What a Content-Security-Policy calls the text of an element by: so nothing else runs on the page."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
