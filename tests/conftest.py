"""Photographs to test on: those of the environment variable FACELINE_FACES, or of `../shared/faces`, else the sample
photographs that demo.sh gets. Networks, photographs and scripts are real everywhere."""

import importlib
import io
import os
import runpy
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pillow_heif
import pytest
from filelock import FileLock
from PIL import Image, ImageFile

from faceline import align_folder, represent_folder
from faceline.disk.embeddings import read_people
from faceline.disk.pictures.images import decode_image
from faceline.disk.pictures.openers import register_heif
from faceline.disk.run_records import read_record
from faceline.faces.catalogue import get
from faceline.networks.weights import YUNET, download_path
from faceline.report.answers import Answer

# pillow-heif writes HEIC pictures. The library's own decoder comes behind it, and so reads them.
pillow_heif.register_heif_opener()
register_heif()

ROOT = Path(__file__).resolve().parent.parent
FACES = Path(os.environ.get("FACELINE_FACES", ROOT.parent / "shared" / "faces"))
SAMPLES = ROOT / ".venv" / "samples"

# Several processes of tests share the cores, as joblib and so Faceline count them; a test of processes has --jobs.
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    share = joblib.cpu_count() // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ.setdefault("LOKY_MAX_CPU_COUNT", str(max(1, share)))

ALIGN = ROOT / "util" / "align-dlib.py"
REPRESENT = ROOT / "batch_represent" / "main.py"
CLASSIFIER = ROOT / "demos" / "classifier.py"
EVALUATION = ROOT / "evaluation"
OFFLINE = ROOT / "tests" / "offline.py"


# The files whose tests take a minute together, among them one run of all stages.
QUICK = frozenset(
    [
        "architecture",
        "arguments",
        "command",
        "distances",
        "dlib_format",
        "edited_tables",
        "files",
        "formats",
        "geometry",
        "identification_rates",
        "jpeg_ends",
        "lettering",
        "marks",
        "orientation",
        "packaging",
        "people_paths",
        "pickles",
        "rates",
        "trials",
    ]
)


# The files that take longest, the longest first: begun last, they would be waited for in the end.
LONG = (
    "teaching",
    "calibration",
    "scripts",
    "kill",
    "shards",
    "docs",
    "migrate",
    "programs",
    "blur",
    "every",
    "settling",
    "watch",
    "page",
    "cluster_backend",
    "precision",
    "identification",
    "compat",
    "compare",
    "cluster",
    "networks",
    "command",
    "compat_commands",
    "review",
    "verification",
    "enrol",
    "service",
    "demos",
    "map",
    "check",
    "pipeline",
    "corrections",
    "recognizer",
    "classifiers",
    "part_weights",
    "cohort",
    "combination",
    "own_networks",
    "retinaface",
    "small_faces",
    "faces",
    "uprightness",
    "infer_command",
    "classifier_file",
    "surroundings",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.stem.removeprefix("test_") in QUICK:
            item.add_marker("quick")
    if hasattr(config, "workerinput"):  # one of several processes
        places = {name: place for place, name in enumerate(LONG)}
        items.sort(key=lambda item: places.get(item.path.stem.removeprefix("test_"), len(LONG)))


def run_script(script: Path | str, *arguments: object, **options: Any) -> subprocess.CompletedProcess:
    """Run a script as a user does, and keep what it prints."""
    command = [sys.executable, str(script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, errors="surrogateescape", check=False, **options)


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """`run_script` in the process of the tests, for mistakes: to start one takes longer than to find them."""

    def run(*command: object, cwd: Path) -> subprocess.CompletedProcess:
        script, *arguments = map(str, command)
        with monkeypatch.context() as patch, pytest.raises(SystemExit) as ended:
            patch.chdir(cwd)
            if script == "-m":
                module, *arguments = arguments
                patch.setattr(sys, "argv", [module, *arguments])
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            else:
                patch.setattr(sys, "argv", [script, *arguments])
                runpy.run_path(script, run_name="__main__")
        said = capfd.readouterr()
        return subprocess.CompletedProcess(command, ended.value.code or 0, said.out, said.err)  # type: ignore[arg-type]

    return run


@dataclass(frozen=True)
class Photographs:
    """`train` is a folder with a folder for each person; `probes` are (photograph, who is its main face)."""

    train: Path
    probes: list[tuple[Path, str]]
    stranger: Path
    portrait: Path


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders `training-images` and `demo-photos` that demo.sh gets."""
    folder = SAMPLES
    if FACES.is_dir():  # without a network
        folder = tmp_path_factory.mktemp("samples")
        for name in ("training-images/obama/obama", "training-images/obama/obama2", "training-images/biden/biden"):
            copy_if_there(FACES / "photos" / f"{Path(name).name}.jpg", folder / f"{name}.jpg")
        copy_if_there(FACES / "photos" / "obama3.jpg", folder / "demo-photos" / "obama3.jpg")
    with FileLock(f"{folder}.lock"):  # other processes of the tests may want them at the same time
        done = run_script(ROOT / "util" / "get-samples.py", folder)
    assert done.returncode == 0, done.stderr
    return folder


def copy_if_there(path: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        shutil.copy(path, place)


@pytest.fixture(scope="session")
def photographs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Photographs:
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
    samples = request.getfixturevalue("samples")
    train = tmp_path_factory.mktemp("photographs")
    shutil.copytree(samples / "training-images" / "obama", train / "obama")
    stranger = samples / "training-images/biden/biden.jpg"  # nobody is left over, so a person is taken out
    return Photographs(train, [(samples / "demo-photos/obama3.jpg", "obama")], stranger, train / "obama/obama.jpg")


@pytest.fixture(scope="session")
def small(photographs: Photographs, tmp_path_factory: pytest.TempPathFactory) -> Photographs:
    """The same, shrunk to what is quick to look through."""
    home = tmp_path_factory.mktemp("small")

    def shrunk(path: Path, copy: Path) -> Path:
        copy.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as picture:
            picture.thumbnail((500, 500), Image.Resampling.LANCZOS)
            picture.convert("RGB").save(copy, "JPEG", quality=95)
        return copy

    for path in sorted(photographs.train.rglob("*")):
        if path.is_file():
            shrunk(path, home / "train" / path.relative_to(photographs.train).with_suffix(".jpg"))
    probes = [(shrunk(path, home / path.name), name) for path, name in photographs.probes]
    stranger = shrunk(photographs.stranger, home / f"stranger-{photographs.stranger.stem}.jpg")
    return Photographs(home / "train", probes, stranger, photographs.portrait)


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


def at_home(folder: Path) -> dict[str, str]:
    """The environment of a user whose home that is, and who has set nothing of what libraries heed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ORT_"))}
    return kept | {"HOME": str(folder)}


@pytest.fixture(scope="session")
def pipeline(photographs: Photographs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the scripts of all stages have run: `aligned`, `embeddings` with `classifier.pkl`.

    They ran with the empty folder `home` for their user's, and would have died of making a socket.
    """
    folder = tmp_path_factory.mktemp("pipeline")
    (folder / "home").mkdir()
    for command in (
        (ALIGN, photographs.train, "align", "outerEyesAndNose", folder / "aligned", "--size", 96),
        (REPRESENT, "-outDir", folder / "embeddings", "-data", folder / "aligned"),
        (CLASSIFIER, "train", folder / "embeddings"),
    ):
        done = run_script(OFFLINE, *command, env=at_home(folder / "home"))
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def classifier(pipeline: Path) -> Path:
    """The `classifier.pkl` that the scripts made."""
    return pipeline / "embeddings" / "classifier.pkl"


@dataclass(frozen=True)
class People:
    """Embeddings of real photographs, (n, 128) float32, with whose each one is and which crop it came from."""

    embeddings: np.ndarray
    names: np.ndarray
    crops: np.ndarray

    def rows(self, person: str) -> np.ndarray:
        return np.flatnonzero(self.names == person)


def embedded(pictures: list[Path], folder: Path) -> People:
    """Run the first two stages on pictures, whose folders say who they show."""
    for path in pictures:
        (folder / "in" / path.parent.name).mkdir(parents=True, exist_ok=True)
        (folder / "in" / path.parent.name / path.name).symlink_to(path)
    align_folder(folder / "in", folder / "aligned", upsample=0)
    represent_folder(folder / "aligned", folder / "embeddings")
    counts = read_record(folder / "embeddings", "represent")["counts"]
    embeddings, crops, names = read_people(folder / "embeddings", 128, counts)
    return People(embeddings, np.array(names), np.array(crops))


@pytest.fixture(scope="session")
def lfw(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> People:
    """40 people with up to 5 pictures each, and 80 with one picture, whose names are `strangers`."""
    known = (faces / "lfw-dev-known.txt").read_text().split()[::5][:40]
    unknown = (faces / "lfw-dev-unknown.txt").read_text().split()[::6][:80]
    pictures = [path for name in known for path in sorted((faces / "lfw-dev" / name).glob("*.jpg"))[:5]]
    pictures += [sorted((faces / "lfw-dev" / name).glob("*.jpg"))[0] for name in unknown]
    return embedded(pictures, tmp_path_factory.mktemp("lfw"))


@pytest.fixture(scope="session")
def east_asian(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> People:
    """People whom the network tells apart badly."""
    pictures = sorted((faces / "east-asian-dev").glob("*/*.jpg"))
    return embedded(pictures, tmp_path_factory.mktemp("east-asian"))


@pytest.fixture
def yunet(faces: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """YuNet's file lies where the download would put it."""
    (tmp_path / "faceline").mkdir()
    shutil.copy(faces / "models" / YUNET.file, tmp_path / "faceline")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    download_path.cache_clear()


@pytest.fixture(scope="module")
def mobilefacenet(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """MobileFaceNet in a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        download_path.cache_clear()
        yield get("mobilefacenet", faces / "models/MobileFaceNet.onnx")
    download_path.cache_clear()


@pytest.fixture(scope="session")
def original() -> Any:
    """The package face_recognition 1.3.0, installed without what it asks for: it wants dlib compiled."""
    folder = ROOT / ".venv" / "face_recognition-1.3.0"
    with FileLock(f"{folder}.lock"):
        if not (folder / "face_recognition").is_dir():
            wanted = ["--no-deps", "--target", str(folder), "face_recognition==1.3.0"]
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
            if subprocess.run(command, check=False).returncode:
                pytest.skip("needs face_recognition 1.3.0, which pip cannot fetch")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pkg_resources
        patch.syspath_prepend(folder)
        patch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)  # it switches that on for the whole process
        module = importlib.import_module("face_recognition.api")
        assert str(module.__file__).startswith(str(folder))
    return module


def names(answer: Answer) -> list[str]:
    """Who the faces of a picture are, as `infer` says."""
    return [face.identity.name for face in answer.faces]


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
    """Made-up embeddings, (people * pictures, 128) float32 of length 1.43, and the number of each one's person.

    They scatter about as those of dlib's network on LFW do: people around a common direction, and pictures around
    people, some pictures further than others.
    """
    generator = np.random.default_rng(seed)
    axes = np.arange(127)
    between, within = (1 + axes / 3) ** -1.1, np.exp(-axes / 40)
    offsets = generator.normal(size=(people, 1, 127)) * np.sqrt(0.157 * between / between.sum())
    spread = np.sqrt(0.045) * np.exp(0.4 * generator.normal(size=(people, pictures, 1)))
    offsets = offsets + spread * generator.normal(size=(people, pictures, 127)) * np.sqrt(within / within.sum())
    embeddings = np.concatenate([np.full((people * pictures, 1), 0.91), offsets.reshape(-1, 127)], axis=1)
    labels = np.repeat(np.arange(people), pictures)
    return (1.43 * embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32), labels


@pytest.fixture(scope="module")
def chromium():
    """Starts browsers that save downloads into a folder; they end with the test."""
    from selenium import webdriver

    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("needs Debian's packages chromium and chromium-driver")
    started = []

    def start(downloads, size="1200,900", more=()):
        options = webdriver.ChromeOptions()
        usual = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--window-size={size}")
        for argument in (*usual, *more):
            options.add_argument(argument)
        options.binary_location = binary
        options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        started.append(webdriver.Chrome(options=options, service=webdriver.ChromeService(driver)))
        return started[-1]

    yield start
    for browser in started:
        browser.quit()
