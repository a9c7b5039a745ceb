"""The list of networks and detectors, and how their files come."""

import bz2
import hashlib

import numpy as np
import pytest
from conftest import run_script
from PIL import Image

from faceline.errors import FacelineError
from faceline.faces.catalogue import entries, get
from faceline.faces.embedder import embed
from faceline.networks import weights
from faceline.networks.batches import with_free_batch
from faceline.networks.inference import onnx_session, run_network
from faceline.networks.runtime import Runtime, open_session
from faceline.networks.table import NETWORKS, network_named
from faceline.networks.weights import DLIB_RESNET, TAGUCHI_RESNET, download_path, weights_path

RUNTIME = Runtime()


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    download_path.cache_clear()
    yield tmp_path / "cache" / "faceline"
    download_path.cache_clear()


@pytest.fixture
def crops(portrait):
    """Three different crops, (3, 112, 112, 3) uint8."""
    face = np.array(Image.fromarray(portrait).resize((112, 112)))
    return np.stack([face, face[:, ::-1], 255 - face])


def networks(*arguments):
    return run_script("-m", "faceline", "networks", *arguments)


def test_all_are_listed_and_where_their_files_are(cache):
    listed = networks()
    assert (listed.returncode, listed.stderr) == (0, "")
    for entry in entries():
        assert f"{entry.kind:8}  {entry.name:13}  {entry.state()}\n" in listed.stdout
    states = {entry.name: entry.state().split(":")[0].split(" (")[0] for entry in entries()}
    assert states["dlib"] == states["auto"] == "installed"
    assert states["mobilefacenet"] == states["taguchi"] == "to be brought"
    assert states["sface"] == states["yunet-2026"] == states["retinaface"] == "to be fetched"
    assert not cache.exists()


def test_a_file_is_brought(cache, faces, crops):
    file = faces / "models/MobileFaceNet.onnx"
    done = networks("--get", "mobilefacenet", "--from", file)
    assert (done.returncode, done.stdout) == (0, f"mobilefacenet is at {cache / 'MobileFaceNet.onnx'}\n"), done.stderr
    assert [path.name for path in cache.iterdir()] == ["MobileFaceNet.onnx"]
    assert "mobilefacenet  here (MobileFaceNet.onnx, 4.0 MB)" in networks().stdout
    assert networks("--get", "mobilefacenet").stdout == done.stdout
    assert embed(network_named("mobilefacenet"), crops, RUNTIME).shape == (len(crops), 128)


def test_other_files_are_not_taken(cache, tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"something else")
    for arguments, complaint in (
        (["--get", "sface", "--from", tmp_path / "net.onnx"], "is not the face_recognition_sface_2021dec.onnx that is"),
        (["--get", "retinaface", "--from", tmp_path / "net.onnx"], "is not the retinaface_mv1_0.25.onnx that is known"),
        (["--get", "sface", "--from", tmp_path / "none"], "none: No such file or directory; name the file of weights"),
        (["--get", "sface", "--from", tmp_path], "Is a directory; name the file of weights"),
        (["--get", "vgg"], "unknown network 'vgg'; choose from mobilefacenet, sface"),
        (["--get", "dlib"], "dlib comes with Faceline's requirements; there is nothing to get"),
        (["--get", "mobilefacenet"], "no public address is known; get it yourself, then faceline networks --get mobil"),
        (["--get", "taguchi"], "has to be; get it yourself, then faceline networks --get taguchi --from FILE"),
        (["--from", tmp_path / "net.onnx"], "--from goes with --get NAME"),
    ):
        done = networks(*arguments)
        assert complaint in done.stderr
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert not cache.exists() or not list(cache.iterdir())


def test_one_that_was_altered_since_is_refused(cache, faces):
    place = get("mobilefacenet", faces / "models/MobileFaceNet.onnx")
    place.write_bytes(place.read_bytes()[:-1] + b"?")
    download_path.cache_clear()
    with pytest.raises(FacelineError, match=r"MobileFaceNet\.onnx: damaged or replaced; bring it again"):
        network_named("mobilefacenet").path()


def test_a_file_in_dlib_s_format_is_converted(cache, tmp_path, crops):
    """dlib's own weights stand for those of the same network that cannot be had here; packed as these are."""
    content = weights_path(DLIB_RESNET).read_bytes()
    packed = tmp_path / "taguchi.dat.bz2"
    packed.write_bytes(bz2.compress(content, 1))
    assert get("taguchi", packed).read_bytes() == content
    network = network_named("taguchi")
    assert network.sha256 == hashlib.sha256(content).hexdigest()
    assert NETWORKS["taguchi"].sha256 == ""
    embeddings = embed(network, crops, RUNTIME)
    assert np.array_equal(embeddings, embed(NETWORKS["dlib"], crops, RUNTIME))
    assert np.abs(embeddings - embed(network, crops, Runtime("dlib"))).max() < 1e-5


def test_what_bzip2_packed_has_a_limit(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "MOST_UNPACKED", 1000)
    (tmp_path / "bomb.bz2").write_bytes(bz2.compress(bytes(1001)))
    with pytest.raises(FacelineError, match="unpacks to more than any file of weights has"):
        weights.bring(TAGUCHI_RESNET, tmp_path / "bomb.bz2")
    (tmp_path / "cut.bz2").write_bytes(bz2.compress(bytes(900)).replace(b"1AY", b"???"))
    with pytest.raises(FacelineError, match=r"cut\.bz2: damaged; get it again"):
        weights.bring(TAGUCHI_RESNET, tmp_path / "cut.bz2")


def test_a_network_for_one_picture_takes_several(cache, faces, crops):
    model = get("mobilefacenet", faces / "models/MobileFaceNet.onnx").read_bytes()
    network = network_named("mobilefacenet")
    assert open_session(model, RUNTIME).get_inputs()[0].shape[0] == 1
    assert open_session(with_free_batch(model), RUNTIME).get_inputs()[0].shape[0] == "pictures"
    assert onnx_session(network, RUNTIME).get_inputs()[0].shape[0] == "pictures"
    several = embed(network, crops, RUNTIME)
    assert np.array_equal(several, np.concatenate([embed(network, crop[None], RUNTIME) for crop in crops]))
    assert run_network(network, np.zeros((0, 112, 112, 3), np.uint8), RUNTIME).shape == (0, 128)
