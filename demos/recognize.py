#!/usr/bin/env python3
"""Who is in a picture? One picture of each known person is enough.

demos/recognize.py training-images photo.jpg …        training-images/<person>/<picture>
"""

import argparse
import sys

from faceline import FacelineError, Recognizer, enrol
from faceline.errors import UnreadableError


def main() -> int:
    """How many pictures could not be read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", help="a folder of photographs for each person")
    parser.add_argument("pictures", nargs="+")
    parser.add_argument("--work", default="my-people", help="where people are remembered (default: %(default)s)")
    options = parser.parse_args()
    enrol(options.people, options.work)  # the second time, only what is new is computed
    recognizer = Recognizer.load(options.work)
    failed = 0
    for path in options.pictures:
        try:
            faces = recognizer.faces(path)
        except UnreadableError as error:
            print(f"recognize.py: error: {error}", file=sys.stderr)
            failed += 1
            continue
        for face in faces:
            print(f"{path}: {face.name} with {face.confidence:.2f} confidence, at {face.box_ltrb}")
        if not faces:
            print(f"{path}: no face")
    return failed


if __name__ == "__main__":
    try:
        sys.exit(2 if main() else 0)
    except FacelineError as error:
        print(f"recognize.py: error: {error}", file=sys.stderr)
        sys.exit(2)
