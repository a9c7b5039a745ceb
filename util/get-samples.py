#!/usr/bin/env python3
"""Get a few photographs to try the pipeline with.

Writes  <folder>/training-images/<person>/   people to enrol
        <folder>/demo-photos/                photographs to name: one of them, and a stranger

The photographs come with the source distribution of the package face_recognition, which pip gets, and with
scikit-image. Those that are there already stay.
"""

import importlib.util
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

try:
    from faceline import FacelineError
    from faceline.cli.parser import Parser
    from faceline.cli.program import run
    from faceline.disk.writing import write_bytes, write_errors
    from faceline.wording import one_line
except ModuleNotFoundError as error:
    cure = "source .venv/bin/activate" if (Path(__file__).resolve().parent.parent / ".venv").is_dir() else "./demo.sh"
    print(f"get-samples.py: error: {error}; run {cure}", file=sys.stderr)
    sys.exit(2)

SAMPLES = Path(__file__).resolve().parent.parent / "demos" / "samples.txt"

# Photograph in the distribution's tests/test_images/ -> where it goes.
PHOTOGRAPHS = {
    "obama.jpg": "training-images/obama/obama.jpg",
    "obama2.jpg": "training-images/obama/obama2.jpg",
    "biden.jpg": "training-images/biden/biden.jpg",
    "obama3.jpg": "demo-photos/obama3.jpg",
}
STRANGER = "demo-photos/astronaut.png"


def get_samples(folder: str) -> str:
    root = Path(folder)
    missing = {name: root / place for name, place in PHOTOGRAPHS.items() if not (root / place).exists()}
    if missing:
        with tempfile.TemporaryDirectory() as scratch:
            archive = download(Path(scratch))
            with tarfile.open(archive) as tar:
                for name, path in missing.items():
                    member = tar.extractfile(f"face_recognition-1.3.0/tests/test_images/{name}")
                    if member is None:
                        raise FacelineError(f"the archive of sample photographs has no {name}")
                    put(path, member.read())
    # Found, not imported: the portrait is a file of the package.
    skimage = importlib.util.find_spec("skimage")
    if skimage is not None and skimage.origin is not None and not (root / STRANGER).exists():
        put(root / STRANGER, (Path(skimage.origin).parent / "data" / "astronaut.png").read_bytes())
    return f"Sample photographs: {one_line(root / 'training-images')}, {one_line(root / 'demo-photos')}"


def download(folder: Path) -> Path:
    """Get the source distribution with pip, which compares its hash."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-binary", "face_recognition", "--require-hashes", "-r", str(SAMPLES), "-d", str(folder)]
    if subprocess.run(command, check=False).returncode:
        raise FacelineError("pip could not get the sample photographs (above); check the network and run again")
    return next(folder.glob("face_recognition-*.tar.gz"))


def put(path: Path, data: bytes) -> None:
    with write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, data)


if __name__ == "__main__":
    parser = Parser(prog="get-samples.py", description=__doc__)
    parser.add_argument("folder", help="where the folders of photographs go")
    parser.does(get_samples, get_samples)
    sys.exit(run(parser))
