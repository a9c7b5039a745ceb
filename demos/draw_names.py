#!/usr/bin/env python3
"""Draw a box and a name on each face of a picture, by a classifier that has learnt people.

demos/draw_names.py photo.jpg named.jpg --classifier generated-embeddings
"""

import argparse
import sys

from PIL import Image, ImageDraw, ImageOps

from faceline import FacelineError, Recognizer

KNOWN, STRANGER = (0, 160, 0), (200, 0, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture")
    parser.add_argument("copy", help="where to save the picture with the names")
    parser.add_argument("--classifier", default="generated-embeddings", help="default: %(default)s")
    options = parser.parse_args()
    recognizer = Recognizer.load(options.classifier)
    faces = recognizer.faces(options.picture)
    picture = ImageOps.exif_transpose(Image.open(options.picture)).convert("RGB")
    draw = ImageDraw.Draw(picture)
    for face in faces:
        left, _, right, bottom = face.box_ltrb
        name = str(face.name)
        colour = STRANGER if name == "unknown" else KNOWN
        width = max(2, (right - left) // 50)
        draw.rectangle(face.box_ltrb, outline=colour, width=width)
        size = max(12, (right - left) // 7)
        place = draw.textbbox((left, bottom + width), name, font_size=size)
        draw.rectangle(place, fill=colour)
        draw.text((left, bottom + width), name, fill="white", font_size=size)
    picture.save(options.copy)
    print(f"{len(faces)} faces: {', '.join(str(face.name) for face in faces)}. Saved as {options.copy}")


if __name__ == "__main__":
    try:
        main()
    except (FacelineError, OSError, ValueError) as error:
        print(f"draw_names.py: error: {error}", file=sys.stderr)
        sys.exit(2)
