"""Photographs to test on: those of the environment variable FACELINE_FACES, or of `../shared/faces`, else the sample
photographs that demo.sh gets. Networks, photographs and scripts are real everywhere."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from faceline.images import decode_image

pillow_heif.register_heif_opener()

ROOT = Path(__file__).resolve().parent.parent
FACES = Path(os.environ.get("FACELINE_FACES", ROOT.parent / "shared" / "faces"))
SAMPLES = ROOT / ".venv" / "samples"

ALIGN = ROOT / "util" / "align-dlib.py"
REPRESENT = ROOT / "batch_represent" / "main.py"
CLASSIFIER = ROOT / "demos" / "classifier.py"


def run_script(script: Path, *arguments: object, **options: object) -> subprocess.CompletedProcess:
    """Run a script as a user does, and keep what it prints."""
    command = [sys.executable, str(script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, errors="surrogateescape", check=False, **options)


@dataclass(frozen=True)
class Photographs:
    """`train` is a folder with a folder for each person; `probes` are (photograph, who is its main face)."""

    train: Path
    probes: list[tuple[Path, str]]
    stranger: Path
    portrait: Path


@pytest.fixture(scope="session")
def photographs() -> Photographs:
    if FACES.is_dir():
        known = FACES / "known-people"
        names = {
            "alex_lacamoire1": "alex_lacamoire",
            "johnsnow_test1": "kit_harington",
            "kit_with_rose": "kit_harington",
            "obama1": "obama",
        }
        probes = [(known / "test" / f"{stem}.jpg", name) for stem, name in names.items()]
        return Photographs(known / "train", probes, FACES / "photos" / "adams.jpg", known / "train/obama/obama.jpg")
    done = run_script(ROOT / "util" / "get-samples.py", SAMPLES)
    assert done.returncode == 0, done.stderr
    train = SAMPLES / "training-images"
    stranger = SAMPLES / "stranger.jpg"  # nobody is left over, so a person is taken out
    if not stranger.exists():
        (train / "biden" / "biden.jpg").rename(stranger)
        (train / "biden").rmdir()
    return Photographs(train, [(SAMPLES / "demo-photos/obama3.jpg", "obama")], stranger, train / "obama/obama.jpg")


@pytest.fixture(scope="session")
def faces() -> Path:
    """The large collection of photographs."""
    if not FACES.is_dir():
        pytest.skip("needs the collection of photographs that FACELINE_FACES names")
    return FACES


@pytest.fixture(scope="session")
def portrait(photographs: Photographs) -> np.ndarray:
    """A small picture of one face, quick to look through."""
    image = Image.fromarray(decode_image(photographs.portrait.read_bytes()))
    image.thumbnail((320, 320), Image.Resampling.LANCZOS)
    return np.array(image)


@pytest.fixture(scope="session")
def encoded(portrait: np.ndarray) -> Callable[..., bytes]:
    """Encode the small portrait: `encoded("PNG", quality=…)`."""

    def encode(kind: str, **options: object) -> bytes:
        file = io.BytesIO()
        Image.fromarray(portrait).save(file, kind, **options)
        return file.getvalue()

    return encode


@pytest.fixture(scope="session")
def pipeline(photographs: Photographs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the scripts of all stages have run: `aligned`, `embeddings` with `classifier.pkl`."""
    folder = tmp_path_factory.mktemp("pipeline")
    for command in (
        (ALIGN, photographs.train, "align", "outerEyesAndNose", folder / "aligned", "--size", 96),
        (REPRESENT, "-outDir", folder / "embeddings", "-data", folder / "aligned"),
        (CLASSIFIER, "train", folder / "embeddings"),
    ):
        done = run_script(*command)
        assert done.returncode == 0, done.stderr
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content, but for the seconds that a run took."""
    content = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.name == "run.json":
                data = b"\n".join(line for line in data.split(b"\n") if b'"seconds"' not in line)
            content[path.relative_to(folder).as_posix()] = data
        else:
            content[path.relative_to(folder).as_posix() + "/"] = b""
    return content


def drawn(people: int, pictures: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Made-up embeddings of length 1, (people * pictures, 128) float32, and the number of each one's person.

    They scatter about as those of dlib's network on LFW do: people around a common direction, pictures around people.
    """
    generator = np.random.default_rng(seed)
    axes = np.arange(127)
    between, within = (1 + axes / 3) ** -1.1, np.exp(-axes / 40)
    offsets = generator.normal(size=(people, 1, 127)) * np.sqrt(0.157 * between / between.sum())
    offsets = offsets + generator.normal(size=(people, pictures, 127)) * np.sqrt(0.054 * within / within.sum())
    embeddings = np.concatenate([np.full((people * pictures, 1), 0.91), offsets.reshape(-1, 127)], axis=1)
    labels = np.repeat(np.arange(people), pictures)
    return (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32), labels
