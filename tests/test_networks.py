import shutil
import threading

import dlib
import numpy as np
import pytest

from faceline.disk.pictures.images import decode_image
from faceline.errors import FacelineError
from faceline.faces.aligner import Aligner
from faceline.faces.embedder import embed
from faceline.faces.jitter import jittered
from faceline.faces.options import AlignmentOptions
from faceline.faces.test_time_augmentation import Augmentation
from faceline.networks import runtime
from faceline.networks import table as networks
from faceline.networks.inference import check_network, onnx_session
from faceline.networks.runtime import Runtime, cache_path, check_device, dlib_session
from faceline.networks.table import NETWORKS, network_named, network_of
from faceline.networks.weights import DLIB_MMOD, DLIB_RESNET, Weights, weights_path

NETWORK = NETWORKS["dlib"]
ONNX, DLIB = Runtime("onnx"), Runtime("dlib")


def crop_of(path, size=150, landmarks="outerEyesAndNose", frame="dlib"):
    image = decode_image(path.read_bytes())
    aligner = Aligner(AlignmentOptions(landmarks, size, upsample=0, frame=frame), ONNX)
    return aligner.crop(image, aligner.find(image)[0])


@pytest.fixture(scope="module")
def crops(photographs):
    """Six crops of different pictures."""
    paths = [photographs.portrait, photographs.stranger, *(path for path, _ in photographs.probes)]
    first = [crop_of(path) for path in paths[:3]]
    return np.stack([*first, *(crop[:, ::-1] for crop in first)])


def test_the_engine_dlib_is_dlib(crops):
    model = dlib.face_recognition_model_v1(str(weights_path(DLIB_RESNET)))
    embeddings = embed(NETWORK, crops[:1], DLIB)
    assert embeddings.shape == (1, 128)
    assert embeddings.dtype == np.float32
    assert np.array_equal(embeddings[0], np.array(model.compute_face_descriptor(crops[0]), np.float32))


def test_the_engine_onnx_gives_dlib_s_numbers(crops):
    ours = embed(NETWORK, crops, ONNX)
    assert ours.dtype == np.float32
    assert np.abs(ours - embed(NETWORK, crops, DLIB)).max() <= 5e-6


def test_the_same_numbers_on_many_faces(faces):
    """johns/ as they are, and crops of groups/ and of LFW."""
    found = [decode_image(path.read_bytes()) for path in sorted((faces / "johns").rglob("*.jpg"))]
    aligner = Aligner(AlignmentOptions(size=150), ONNX)
    pictures = sorted((faces / "groups").glob("2*.jpg")) + sorted((faces / "lfw-dev").glob("*/*_0001.jpg"))[::100]
    for path in pictures:
        image = decode_image(path.read_bytes())
        found += [aligner.crop(image, face) for face in aligner.find(image, every=True)]
    crops = np.stack(found)
    assert len(crops) >= 55 + 43 + 10
    assert np.abs(embed(NETWORK, crops, ONNX) - embed(NETWORK, crops, DLIB)).max() <= 5e-6


@pytest.mark.parametrize("threads", [1, 2])
def test_an_embedding_does_not_depend_on_its_batch_or_the_threads(crops, threads):
    alone = np.concatenate([embed(NETWORK, crops[index : index + 1], ONNX) for index in range(len(crops))])
    many = np.concatenate([crops] * 7)  # more than a batch
    assert np.array_equal(embed(NETWORK, many, Runtime(threads=threads)), np.concatenate([alone] * 7))
    assert embed(NETWORK, crops[:0], ONNX).shape == (0, 128)


@pytest.mark.parametrize("size", [96, 150, 300])
def test_same_person_near_stranger_far_at_any_size(photographs, size):
    probe = next(path for path, name in photographs.probes if name == photographs.portrait.parent.name)
    trio = [crop_of(path, size) for path in (photographs.portrait, probe, photographs.stranger)]
    first, same, other = embed(NETWORK, np.stack(trio), ONNX)
    assert np.linalg.norm(first - same) < 0.5 < 0.7 < np.linalg.norm(first - other)


def test_the_tight_frame_costs_nothing_against_dlib_s_chip(photographs):
    chip = embed(NETWORK, crop_of(photographs.portrait, landmarks="dlibChip")[None], ONNX)[0]
    ours = embed(NETWORK, crop_of(photographs.portrait, 96)[None], ONNX)[0]
    assert np.linalg.norm(chip - ours) < 0.25


def test_jitters_repeat_whatever_came_before(crops):
    alone = embed(NETWORK, crops[2:3], ONNX, Augmentation(jitters=5))
    together = embed(NETWORK, crops, ONNX, Augmentation(jitters=5))
    assert np.array_equal(together[2:3], alone)
    assert not np.array_equal(alone, embed(NETWORK, crops[2:3], ONNX))
    copies = jittered(crops[0], 8)
    assert copies.shape == (8, 150, 150, 3)
    assert len({copy.tobytes() for copy in copies}) == 8


def test_jitters_average_as_dlib_s_do(crops):
    """Two averages over 100 copies, drawn differently, lie nearer to each other than either to the plain embedding."""
    model = dlib.face_recognition_model_v1(str(weights_path(DLIB_RESNET)))
    plain = embed(NETWORK, crops[:1], ONNX)[0]
    ours = embed(NETWORK, crops[:1], Runtime(threads=2), Augmentation(jitters=100))[0]
    theirs = np.array(model.compute_face_descriptor(crops[0], 100))
    assert np.linalg.norm(ours - theirs) < 0.04
    assert np.linalg.norm(ours - theirs) < 0.5 * np.linalg.norm(plain - theirs)


def test_weights_that_were_altered_are_refused():
    with pytest.raises(FacelineError, match="damaged or replaced; install it again: pip install"):
        weights_path(Weights(DLIB_RESNET.file, "0" * 64))
    with pytest.raises(FacelineError, match="No such file or directory; install it again"):
        weights_path(Weights("missing.dat", "0" * 64))


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    dlib_session.cache_clear()
    yield tmp_path / "faceline"
    dlib_session.cache_clear()


@pytest.mark.parametrize("weights", [DLIB_RESNET, DLIB_MMOD])
def test_converted_graphs_are_kept(cache, weights, monkeypatch):
    dlib_session(weights, ONNX)
    (kept,) = cache.iterdir()
    assert kept == cache_path(weights)
    dlib_session.cache_clear()
    monkeypatch.setattr(runtime.converter, "convert", None)  # not asked again
    dlib_session(weights, ONNX)


def test_a_damaged_cache_is_made_again(cache, crops):
    expected = embed(NETWORK, crops[:1], ONNX)
    for damage in (b"", b"text", cache_path(DLIB_RESNET).read_bytes()[:1_000_000]):
        cache_path(DLIB_RESNET).write_bytes(damage)
        dlib_session.cache_clear()
        assert np.array_equal(embed(NETWORK, crops[:1], ONNX), expected)
        assert cache_path(DLIB_RESNET).stat().st_size > 20_000_000


def test_without_a_cache_it_works_from_memory(cache, crops):
    cache.parent.joinpath("faceline").write_text("in the way")
    assert embed(NETWORK, crops[:1], ONNX).shape == (1, 128)


def test_two_may_start_at_once(cache, crops):
    results = []
    sessions = [
        threading.Thread(target=lambda: results.append(dlib_session.__wrapped__(DLIB_RESNET, ONNX))) for _ in range(4)
    ]
    for session in sessions:
        session.start()
    for session in sessions:
        session.join()
    assert len(results) == 4
    assert [path.name for path in cache.iterdir()] == [cache_path(DLIB_RESNET).name]


def test_devices_and_engines_that_are_not_there_are_named():
    with pytest.raises(FacelineError, match="unknown device 'tpu'; choose from cpu, cuda"):
        check_device("tpu")
    with pytest.raises(FacelineError, match="unknown engine 'torch'; choose from onnx, dlib"):
        Runtime("torch").check()
    with pytest.raises(FacelineError, match="leave out --device cuda"):
        Runtime("dlib", "cuda").check()


MOBILEFACENET = {
    "input_size": "112",
    "frame": '"arcface"',
    "dimensions": "128",
    "distance": '"cosine"',
    "threshold": "0.63",
    "licence": '"Apache-2.0"',
    "mean": "[123.675, 116.28, 103.53]",
    "deviation": "[58.395, 57.12, 57.375]",
}


@pytest.fixture
def mobilefacenet(faces, tmp_path):
    """A copy of the network beside a description; call it to describe it otherwise."""
    shutil.copy(faces / "models/MobileFaceNet.onnx", tmp_path / "MobileFaceNet.onnx")

    def describe(**changes):
        values = {name: value for name, value in (MOBILEFACENET | changes).items() if value is not None}
        text = "".join(f"{name} = {value}\n" for name, value in values.items())
        (tmp_path / "MobileFaceNet.toml").write_text(text)
        return str(tmp_path / "MobileFaceNet.onnx")

    describe()
    return describe


def test_a_network_of_the_user_s_own(photographs, mobilefacenet):
    network = network_named(mobilefacenet())
    assert (network.name, network.crop_size, network.frame) == ("MobileFaceNet", 112, "arcface")
    probe = next(path for path, name in photographs.probes if name == photographs.portrait.parent.name)
    trio = [crop_of(path, 112, frame="arcface") for path in (photographs.portrait, probe, photographs.stranger)]
    first, same, other = embed(network, np.stack(trio), ONNX)
    assert np.allclose(np.linalg.norm([first, same, other], axis=1), 1)
    assert 1 - first @ same < 0.5 < 0.7 < 1 - first @ other


def test_colours_and_scale_are_the_description_s(photographs, mobilefacenet):
    crop = crop_of(photographs.portrait, 112, frame="arcface")[None]
    plain = embed(network_named(mobilefacenet()), crop, ONNX)
    swapped = embed(
        network_named(
            mobilefacenet(channels='"bgr"', mean="[103.53, 116.28, 123.675]", deviation="[57.375, 57.12, 58.395]")
        ),
        crop[..., ::-1],
        ONNX,
    )
    assert np.abs(plain - swapped).max() > 1e-3  # the network is given other colours
    same = embed(network_named(mobilefacenet(mean="[123.675, 116.28, 103.53]")), crop, ONNX)
    assert np.array_equal(plain, same)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"frame": None, "licence": None}, "lacks frame, licence"),
        ({"size": "5"}, "unknown key size"),
        ({"frame": '"vgg"'}, "frame is 'vgg'; choose from dlib, arcface, openface"),
        ({"distance": '"l1"'}, "distance is 'l1'; choose from euclidean, half-normalized, cosine"),
        ({"distance": "[1]"}, r"distance is \[1\]; choose from euclidean, half-normalized, cosine"),
        ({"distance": '"half-normalized"'}, "half-normalized takes a number more than 0 as typical_length"),
        ({"distance": '"half-normalized"', "typical_length": "0"}, "half-normalized takes a number more than 0"),
        ({"distance": '"half-normalized"', "typical_length": "nan"}, "half-normalized takes a number more than 0"),
        ({"distance": '"half-normalized"', "typical_length": "'1'"}, "half-normalized takes a number more than 0"),
        ({"typical_length": "1.43"}, "typical_length goes with the distance half-normalized only"),
        ({"input_size": '"big"'}, "input_size is 'big', not a number from 1 to 4096"),
        ({"mean": "[1, 2]"}, "mean is not three numbers"),
        ({"deviation": "[1, 2, 0]"}, "deviation is not three numbers"),
        ({"threshold": "-1"}, "must be more than 0"),
        ({"threshold": "nan"}, "must be more than 0"),
        ({"threshold": "= ="}, "no TOML"),
    ],
)
def test_wrong_descriptions_take_one_line(mobilefacenet, changes, complaint):
    with pytest.raises(FacelineError, match=rf"MobileFaceNet\.toml: .*{complaint}.*; see docs/networks\.md") as caught:
        network_named(mobilefacenet(**changes))
    assert "\n" not in str(caught.value)


def test_a_network_that_is_not_as_described(photographs, mobilefacenet):
    crop = crop_of(photographs.portrait, 112, frame="arcface")[None]
    with pytest.raises(FacelineError, match="see its description"):
        embed(network_named(mobilefacenet(input_size="100")), crop, ONNX)
    with pytest.raises(FacelineError, match=r"gives \(128,\), not 512 numbers"):
        embed(network_named(mobilefacenet(dimensions="512")), crop, ONNX)
    with pytest.raises(FacelineError, match="the engine dlib does not run the network MobileFaceNet"):
        check_network(network_named(mobilefacenet()), DLIB)


def test_files_that_are_no_networks(tmp_path, mobilefacenet):
    with pytest.raises(
        FacelineError, match=r"unknown network 'vgg'; choose from dlib, mobilefacenet, sface, .*, or name a file.onnx"
    ):
        network_named("vgg")
    with pytest.raises(FacelineError, match=r"none\.toml: No such file or directory; a network is an ONNX file and"):
        network_named(str(tmp_path / "none.onnx"))
    path = mobilefacenet()
    with open(path, "wb") as file:
        file.write(b"no network")
    networks.network_sha256.cache_clear()
    with pytest.raises(FacelineError, match="ONNX Runtime refuses the network"):
        onnx_session(network_named(path), ONNX)
    networks.network_sha256.cache_clear()


HALF = {"distance": '"half-normalized"', "typical_length": "11"}


@pytest.mark.parametrize("changes", [{}, {"distance": '"euclidean"'}, HALF], ids=["cosine", "euclidean", "half"])
def test_each_distance_of_a_network_of_the_user_s_own(photographs, mobilefacenet, changes):
    network = network_named(mobilefacenet(**changes))
    crops = [crop_of(path, 112, frame="arcface") for path in (photographs.portrait, photographs.stranger)]
    first, second = embed(network, np.stack(crops), ONNX).astype(float)
    lengths = np.linalg.norm([first, second], axis=1)
    assert np.allclose(lengths, 1) == (changes == {})  # what is written for a cosine has length 1, else the network's
    expected = {
        "cosine": 1 - first @ second / lengths.prod(),
        "euclidean": ((first - second) ** 2).sum() ** 0.5,
        "half-normalized": ((first * (11 / lengths[0]) ** 0.5 - second * (11 / lengths[1]) ** 0.5) ** 2).sum() ** 0.5,
    }
    distance = network.metric.pairs(first[None], second[None])
    assert distance == pytest.approx([expected[network.distance]])
    assert network.record()["network_description"].get("typical_length") == (11 if changes == HALF else None)


def test_dlib_s_distance_on_real_faces(crops):
    embeddings = embed(NETWORK, crops, ONNX)
    first, second = np.triu_indices(len(crops), 1)
    scaled = [embedding * (1.43 / np.linalg.norm(embedding)) ** 0.5 for embedding in embeddings.astype(float)]
    expected = [np.linalg.norm(scaled[one] - scaled[other]) for one, other in zip(first, second, strict=True)]
    found = NETWORK.metric.pairs(embeddings[first], embeddings[second])
    assert np.allclose(found, expected, atol=1e-6)
    # The typical length keeps distances about as they were, and with them the meaning of 0.6.
    plain = np.linalg.norm(embeddings[first] - embeddings[second], axis=1)
    assert 1e-4 < np.abs(found - plain).max() < 0.05


def test_a_network_is_known_again(mobilefacenet):
    network = network_named(mobilefacenet(**HALF))
    assert network_of(network.record()) == network
    record = network_named(mobilefacenet(**HALF | {"typical_length": "12"})).record()
    mobilefacenet(**HALF)
    with pytest.raises(FacelineError, match="made with another network description than MobileFaceNet has now"):
        network_of(record)
    network = network_named(mobilefacenet())
    assert "typical_length" not in network.record()["network_description"]  # as before there was any
    assert network_of(network.record()) == network
    with pytest.raises(FacelineError, match="made with another network description than MobileFaceNet has now"):
        network_of(network_named(mobilefacenet(mean="[0, 0, 0]")).record() | {"network_description": {}})
    with pytest.raises(FacelineError, match="made with another network sha256 than MobileFaceNet has now"):
        network_of(network.record() | {"network_sha256": "0"})
