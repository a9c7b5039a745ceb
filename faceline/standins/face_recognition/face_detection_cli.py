"""`face_recognition.face_detection_cli`: what programs take from there, and the command."""

from face_recognition.face_recognition_cli import image_files_in_folder

from faceline.cli.detection import main

__all__ = ["image_files_in_folder", "main"]

if __name__ == "__main__":
    raise SystemExit(main())
