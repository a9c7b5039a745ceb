"""The table of embedding networks."""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from faceline.disk.paths import named_path, real_path
from faceline.errors import FacelineError, cure
from faceline.networks.combination import combined, names_of_parts
from faceline.networks.descriptions import network_sha256, read_network
from faceline.networks.network import FLOAT32, Network
from faceline.networks.one_person import OnePerson
from faceline.networks.precision import with_precision
from faceline.networks.weights import DLIB_RESNET, TAGUCHI_RESNET, Download
from faceline.wording import one_line

# Its last state that we looked at; https://github.com/opencv/opencv_zoo.
OPENCV_ZOO = "https://github.com/opencv/opencv_zoo/raw/47534e27c9851bb1128ccc0102f1145e27f23f98/models"

SFACE = Download(
    file="face_recognition_sface_2021dec.onnx",
    url=f"{OPENCV_ZOO}/face_recognition_sface/face_recognition_sface_2021dec.onnx",
    size=38_696_353,
    sha256="0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
)

SFACE_INT8 = Download(
    file="face_recognition_sface_2021dec_int8.onnx",
    url=f"{OPENCV_ZOO}/face_recognition_sface/face_recognition_sface_2021dec_int8.onnx",
    size=9_896_933,
    sha256="2b0e941e6f16cc048c20aee0c8e31f569118f65d702914540f7bfdc14048d78a",
)
# foamliu's training; no address is known that serves exactly this file.
MOBILEFACENET = Download(
    file="MobileFaceNet.onnx",
    url=None,
    size=3_998_070,
    sha256="b7120c095d60094f28a4a54ba6a8bf51b297a6273fb40ef6350dfec1f63d9507",
)
AURAFACE = Download(
    file="glintr100.onnx",
    url="https://huggingface.co/fal/AuraFace-v1/resolve/af6d057c9b0ec4071d4c49c80e3539258798b609/glintr100.onnx",
    size=260_694_151,
    sha256="a7933ea5330113b01c9b60351d8f4c33003f145d8470ac5f0e52ee2effe25c60",
)

# What networks that were trained on ArcFace's crops have in common.
of_arcface = partial(Network, input_size=112, frame="arcface", distance="cosine", licence="Apache-2.0", crop_size=112)

NETWORKS: Mapping[str, Network] = {
    network.name: network
    for network in [
        Network(
            name="dlib",
            source=DLIB_RESNET,
            sha256=DLIB_RESNET.sha256,
            input_size=150,
            frame="dlib",
            dimensions=128,
            distance="half-normalized",
            threshold=0.6,
            licence="CC0",
            crop_size=96,
            typical_length=1.43,  # the mean on LFW's development pictures; docs/networks.md
            saw_lfw="no",
            one_person=(
                OnePerson(1, 0.6148, 44.56, 0.8321, 0.0898),
                OnePerson(2, 0.5936, 43.60, 0.8157, 0.0900),
                OnePerson(4, 0.5879, 43.91, 0.8128, 0.0904),
            ),
        ),
        of_arcface(
            name="mobilefacenet",
            source=MOBILEFACENET,
            sha256=MOBILEFACENET.sha256 or "",
            dimensions=128,
            threshold=0.63,
            mean=(123.675, 116.28, 103.53),
            deviation=(58.395, 57.12, 57.375),
            saw_lfw="some",
            one_person=(
                OnePerson(1, 0.6982, 23.55, 1.0044, 0.1091),
                OnePerson(2, 0.6897, 23.69, 1.0041, 0.1107),
                OnePerson(4, 0.6893, 23.65, 1.0037, 0.1106),
            ),
        ),
        of_arcface(
            name="sface",
            source=SFACE,
            sha256=SFACE.sha256 or "",
            dimensions=128,
            threshold=0.637,
            is_tested=False,
        ),
        of_arcface(
            name="sface-int8",
            source=SFACE_INT8,
            sha256=SFACE_INT8.sha256 or "",
            dimensions=128,
            threshold=0.637,
            is_tested=False,
        ),
        Network(
            name="taguchi",
            source=TAGUCHI_RESNET,
            sha256="",
            input_size=150,
            frame="dlib",
            dimensions=128,
            distance="euclidean",
            threshold=0.6,
            licence="MIT",
            crop_size=96,
            is_tested=False,
        ),
        of_arcface(
            name="auraface",
            source=AURAFACE,
            sha256=AURAFACE.sha256 or "",
            dimensions=512,
            threshold=0.7,
            mean=(127.5, 127.5, 127.5),
            deviation=(127.5, 127.5, 127.5),
            is_tested=False,
        ),
    ]
}
DEFAULT_NETWORK = "dlib"


def network_named(name: str, precision: str = FLOAT32) -> Network:
    """Look a network up by its name in the table, or by the path of an ONNX file with a description beside it.

    Several of these with `+` between them are one network, see `combination`; a plus in a path is doubled then.

    Raises
    ------
    FacelineError
        If there is no such network, its description is missing or wrong, or it does not go in that precision.
    """
    return with_precision(plain_network(name), precision)


def plain_network(name: str) -> Network:
    if name in NETWORKS:
        network = NETWORKS[name]
        return network if network.sha256 else replace(network, sha256=network_sha256(network.path()))
    if "+" in name and not os.path.isfile(name):
        return combined([plain_network(part) for part in names_of_parts(name)])
    if not name.lower().endswith(".onnx"):
        choices = ", ".join(NETWORKS)
        raise FacelineError(f"unknown network {one_line(name)!r}; choose from {choices}, or name a file.onnx")
    return read_network(real_path(named_path(name)))


def network_of(record: dict, path: str | None = None) -> Network:
    """The network that `Network.record` told of, at another path if it has moved.

    Raises
    ------
    FacelineError
        If it is not there any more, or is another one now.
    """
    known, parts = record.get("network_path"), record.get("network_parts")
    precision = str(record.get("precision", FLOAT32))
    if parts is not None and not path:
        found = with_precision(combined([network_of(part | {"precision": FLOAT32}) for part in parts]), precision)
    else:
        with cure("name its place with --network") if known and not path else contextlib.nullcontext():
            found = network_named(path or str(known or record.get("network")), precision)
    for name, value in found.record().items():
        if name != "network_path" and record.get(name) != value:
            raise FacelineError(f"made with another {name.replace('_', ' ')} than {found.name} has now")
    return found


def name_of(record: dict) -> str:
    """What `network_named` takes for the network that `Network.record` told of."""
    parts = record.get("network_parts")
    if parts:
        return "+".join(name_of(part).replace("+", "++") for part in parts)
    return str(record.get("network_path") or record.get("network"))
