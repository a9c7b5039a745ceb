#!/usr/bin/env python3
"""Find the features of each face, and put make-up on them.

demos/makeup.py photo.jpg made-up.jpg
"""

import argparse
import sys

from PIL import Image, ImageDraw

from faceline import FacelineError
from faceline import compat as face_recognition

BROWS, LIPS, LINER = (68, 54, 39, 128), (150, 0, 0, 96), (0, 0, 0, 140)


def made_up(picture: Image.Image, features: dict[str, list[tuple[int, int]]]) -> Image.Image:
    """The picture with brows, lips and eyeliner on the face that has these features."""
    layer = Image.new("RGBA", picture.size)
    draw = ImageDraw.Draw(layer)
    jaw = features["chin"]
    line = max(1, (jaw[-1][0] - jaw[0][0]) // 100)
    for brow in ("left_eyebrow", "right_eyebrow"):
        draw.line(features[brow], fill=BROWS, width=5 * line, joint="curve")
    for lip in ("top_lip", "bottom_lip"):
        draw.polygon(features[lip], fill=LIPS)
    for eye in ("left_eye", "right_eye"):
        draw.line([*features[eye], features[eye][0]], fill=LINER, width=2 * line, joint="curve")
    return Image.alpha_composite(picture, layer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture")
    parser.add_argument("copy", help="where to save the picture with make-up")
    options = parser.parse_args()
    pixels = face_recognition.load_image_file(options.picture, upright=True)
    picture = Image.fromarray(pixels).convert("RGBA")
    faces = face_recognition.face_landmarks(pixels)
    for features in faces:
        print({name: points[0] for name, points in features.items()})
        picture = made_up(picture, features)
    picture.convert("RGB").save(options.copy)
    print(f"{len(faces)} faces. Saved as {options.copy}")


if __name__ == "__main__":
    try:
        main()
    except (FacelineError, Image.DecompressionBombError, OSError, ValueError) as error:
        print(f"makeup.py: error: {error}", file=sys.stderr)
        sys.exit(2)
