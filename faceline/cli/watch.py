"""Who is in a video, as a command."""

from collections import Counter
from collections.abc import Generator
from typing import Any

from faceline.cli.options import add_answer_options
from faceline.cli.parser import Parser
from faceline.cli.program import complain
from faceline.disk.names import DEFAULT_CLASSIFIER
from faceline.disk.people_paths import UNKNOWN
from faceline.errors import FacelineError
from faceline.faces.detectors import DETECTORS
from faceline.runs.progress import QUIET
from faceline.stages.watch import watch
from faceline.wording import counted, listed

DESCRIPTION = """\
Follow the faces of a video, and name each of them once, by its best frames.

Reads   a video file, a camera (0) or a stream (rtsp://…, http://…), and the classifier
Writes  a line for each face when it has gone; with --table and --save a table, and the video with names

Faces that are seen less than three times are left out. Of a file every frame is read; a camera or a stream drops frames
rather than fall behind, is waited for when it has gone, and ends with Ctrl-C, with everything written.
"""


def fill(parser: Parser) -> None:
    parser.add_argument("source", help="a video file, the number of a camera, or the address of a stream")
    parser.add_argument(
        "--classifier",
        dest="classifier_path",
        metavar="PATH",
        help=f"classifier, or the folder that holds it (default: {DEFAULT_CLASSIFIER})",
    )
    parser.add_argument("--table", dest="table_path", metavar="FILE.csv", help="write a row for each face there")
    parser.add_argument(
        "--save", dest="save_path", metavar="FILE.mp4", help="write the video there, with boxes and names"
    )
    parser.add_argument(
        "--every", type=int, metavar="N", help="look for faces in every Nth frame (default: in 12.5 a second)"
    )
    parser.add_argument(
        "--detector", choices=DETECTORS, help="face detector (default: the gallery's, and of several its first)"
    )
    parser.add_argument(
        "--upsample", type=int, metavar="N", help="double frames N times, to find smaller faces (default: %(default)s)"
    )
    parser.add_argument(
        "--detection-size", type=int, metavar="N", help="shrink frames to N pixels to find faces (default: %(default)s)"
    )
    add_answer_options(parser)
    parser.does(watched, watch)


def watched(source: str, as_json: bool, **options: Any) -> Generator[str, None, int]:
    """What becomes of each face, as text to print; parameters as those of `watch`; the exit status is 0."""
    names: Counter[str] = Counter()
    is_mistake = False
    faces = watch(source, **options)
    try:
        for face in faces:
            names[face.name] += 1
            yield face.to_json() if as_json else str(face)
    except FacelineError:
        is_mistake = True
        raise
    finally:
        if not is_mistake and not QUIET.get():
            known = [name for name in names if name != UNKNOWN]
            who = f": {listed(sorted(known))}" if known else ""
            complain(f"Followed {counted(names.total(), 'face')}, {names[UNKNOWN]} of them unknown{who}.")
    return 0
