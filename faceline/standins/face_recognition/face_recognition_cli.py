"""`face_recognition.face_recognition_cli`: what programs take from there, and the command."""

import os

from face_recognition.commands import Command

from faceline.cli import recognition
from faceline.stages.known_faces import PICTURE

main = Command(recognition, "face_recognition")


def image_files_in_folder(folder: str) -> list[str]:
    """The paths of the pictures of a folder."""
    return [os.path.join(folder, name) for name in os.listdir(folder) if PICTURE.match(name)]


if __name__ == "__main__":
    main()
