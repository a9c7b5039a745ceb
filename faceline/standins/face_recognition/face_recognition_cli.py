"""`face_recognition.face_recognition_cli`: what programs take from there, and the command."""

import os

from faceline.cli.recognition import main
from faceline.stages.known_faces import PICTURE


def image_files_in_folder(folder: str) -> list[str]:
    """The paths of the pictures of a folder."""
    return [os.path.join(folder, name) for name in os.listdir(folder) if PICTURE.match(name)]


if __name__ == "__main__":
    raise SystemExit(main())
