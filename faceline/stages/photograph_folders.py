"""Folders of people's photographs, told from those that a stage wrote."""

from pathlib import Path

from faceline.disk.names import ALIGNED_DIR, EMBEDDINGS_DIR, RUN_FILE, TRAINING_DIR
from faceline.disk.paths import named_path, real_path
from faceline.errors import FacelineError
from faceline.wording import one_line


def photographs_in(folder: str | Path) -> Path:
    """A folder that the user named; raises FacelineError if its files are a stage's, or it is a work folder."""
    path = named_path(folder)
    if (path / RUN_FILE).is_file():
        advice = "name the folder of photographs, and run the stages again after it has changed"
        raise FacelineError(f"{one_line(path)}: a stage wrote what is in it; {advice}")
    if any((path / name / RUN_FILE).is_file() for name in (ALIGNED_DIR, EMBEDDINGS_DIR)):
        raise FacelineError(f"{one_line(path)}: a work folder; name its photographs, {one_line(path / TRAINING_DIR)}")
    return path


def place_outside(place: str | Path, photographs: Path) -> Path:
    """A folder that the user named for what is made of photographs; raises FacelineError if it lies among them, where
    it would be taken for people's."""
    path = named_path(place)
    if real_path(path).is_relative_to(real_path(photographs)):
        raise FacelineError(f"{one_line(path)}: lies among the photographs; name a folder outside {photographs}")
    if path.exists() and not path.is_dir():
        raise FacelineError(f"{one_line(path)}: is no folder; name another place")
    return path
