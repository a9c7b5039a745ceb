"""`face_recognition.face_detection_cli`: what programs take from there, and the command."""

from face_recognition.commands import Command
from face_recognition.face_recognition_cli import image_files_in_folder

from faceline.cli import detection

__all__ = ["image_files_in_folder", "main"]

main = Command(detection, "face_detection")

if __name__ == "__main__":
    main()
