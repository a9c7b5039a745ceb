"""The map of faces as a page: one file that needs no network and opens from disk."""

import base64
import importlib.resources
import importlib.util
import json
from collections.abc import Sequence

import numpy as np

from faceline.errors import FacelineError
from faceline.report.map_picture import FaceMap
from faceline.report.pages.review_page import digest_of
from faceline.wording import one_line

JPEG_QUALITY = 62

# Up to how many faces have pictures of which edge, in pixels, so that the page stays under 30 MB; beyond, none has one.
EDGES = ((5_000, 80), (10_000, 56), (20_000, 40))

# So many groups may have their names on it when the map is enlarged, the largest ones.
MOST_LABELS = 2000


def check_map_page() -> None:
    """Raise FacelineError if no page can be made."""
    if importlib.util.find_spec("jinja2") is None:
        raise FacelineError("jinja2 is missing, which makes the page; pip install 'faceline[map]'")


def edge_for(count: int) -> int:
    """The edge of the pictures of so many faces, in pixels; 0 where they would be too much for a page."""
    return next((edge for most, edge in EDGES if count <= most), 0)


def thumbnail(crop: np.ndarray, edge: int) -> str:
    """A crop, (h, w, 3) uint8 RGB, as a small JPEG in base 64."""
    import cv2

    way = cv2.INTER_AREA if len(crop) > edge else cv2.INTER_LINEAR
    small = cv2.resize(crop, (edge, edge), interpolation=way)
    _, content = cv2.imencode(".jpg", small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return base64.b64encode(content.tobytes()).decode()


def map_page(
    faces: FaceMap, crops: Sequence[str], people: Sequence[str], labels: int, thumbs: Sequence[str], as_faces: bool
) -> str:
    """The page as HTML.

    `crops` and `people` are the names of the crops and of whose they are; `labels` says how many groups are named
    at first, before the map is enlarged;
    `thumbs` are JPEG in base 64 ("" for none), one for each face, or none at all; `as_faces` shows them as points.
    """
    import jinja2
    from markupsafe import Markup

    own = importlib.resources.files("faceline.report.pages")
    template, style, script = (own.joinpath(f"map.{ending}").read_text("utf-8") for ending in ("html", "css", "js"))
    data = {
        "groups": [one_line(name) for name in faces.groups],
        "colours": faces.colours(),
        "middles": [
            faces.middle(group).round(4).tolist() for group in range(min(max(labels, MOST_LABELS), len(faces.groups)))
        ],
        "labels": labels,
        "places": faces.places.round(4).tolist(),
        "group": faces.group_of.tolist(),
        "crops": [one_line(crop) for crop in crops],
        "people": [one_line(person) for person in people],
        "thumbs": list(thumbs),
        "faces": as_faces,
    }
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(template).render(
        title=faces.title,
        style=Markup(style),
        style_digest=digest_of(style),
        script=Markup(script),
        script_digest=digest_of(script),
        # No `<` may end the element that it stands in.
        data=Markup(json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")),
    )
