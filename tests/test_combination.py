"""Several networks as one, and crops that serve several."""

import csv
import json
import shutil

import numpy as np
import pytest
from conftest import run_script

from faceline import Recognizer, align_folder, infer, represent_folder, train
from faceline.disk.embeddings import read_people
from faceline.disk.pictures.images import decode_image
from faceline.disk.run_records import read_record
from faceline.errors import FacelineError
from faceline.evaluation.identification.trials import Trial, answers_of, halves
from faceline.faces.aligner import Aligner
from faceline.faces.embedder import embed
from faceline.faces.landmarks import dlib_chip, predict_landmarks
from faceline.faces.options import AlignmentOptions
from faceline.faces.reframing import carrying, reframed
from faceline.networks.combination import names_of_parts
from faceline.networks.frames import DLIB_TIGHT, FRAMES, SHARED, frame_for, serves
from faceline.networks.runtime import Runtime
from faceline.networks.table import network_named, network_of
from faceline.people.gallery import Gallery

RUNTIME = Runtime()
BOTH = "dlib+mobilefacenet"


@pytest.fixture(scope="module")
def both(mobilefacenet, photographs, tmp_path_factory):
    """A folder with the stages' results for two networks together."""
    folder = tmp_path_factory.mktemp("both")
    align_folder(photographs.train, folder / "aligned", network=BOTH, jobs=1)
    represent_folder(folder / "aligned", folder / "embeddings", network=BOTH, jobs=1)
    train(folder / "embeddings", jobs=1)
    return folder


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a+b", ["a", "b"]),
        ("a+b+c", ["a", "b", "c"]),
        ("a++b.onnx+c", ["a+b.onnx", "c"]),
        ("c+d++/a.onnx", ["c", "d+/a.onnx"]),
        ("a++++b+c", ["a++b", "c"]),
    ],
)
def test_a_plus_in_a_path_is_doubled(name, parts):
    assert names_of_parts(name) == parts


def test_mistakes_in_a_combination(mobilefacenet, tmp_path):
    for name, complaint in (
        ("dlib+", "unknown network ''"),
        ("dlib+dlib", "network 'dlib\\+dlib': the same network twice adds nothing; name each once"),
        ("dlib+vgg", "unknown network 'vgg'; choose from dlib, mobilefacenet"),
        ("dlib+none.onnx", "none.toml: No such file"),
    ):
        with pytest.raises(FacelineError, match=complaint):
            network_named(name)
    done = run_script("-m", "faceline", "align", tmp_path, tmp_path / "out", "--network", "dlib+dlib")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_an_embedding_is_the_parts_side_by_side(mobilefacenet, photographs):
    network = network_named(BOTH)
    assert (network.name, network.dimensions, network.crop_size, network.frame) == (BOTH, 256, 192, SHARED)
    aligner = Aligner(AlignmentOptions(frame=network.frame, size=192, upsample=0), RUNTIME)
    images = [decode_image(path.read_bytes()) for path in (photographs.portrait, photographs.stranger)]
    crops = np.stack([aligner.crop(image, aligner.find(image)[0]) for image in images])
    embeddings = embed(network, crops, RUNTIME)
    assert np.allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)
    parts = [embed(part, crops, RUNTIME, frame=SHARED).astype(float) for part in network.parts]
    cosines = [one @ other / np.linalg.norm(one) / np.linalg.norm(other) for one, other in parts]
    assert float(embeddings[0] @ embeddings[1]) == pytest.approx(np.mean(cosines), abs=1e-6)
    assert network.metric.pairs(embeddings[:1], embeddings[1:])[0] == pytest.approx(1 - np.mean(cosines), abs=1e-6)


def test_all_stages_name_people_by_both(both, photographs):
    record = read_record(both / "aligned")
    assert (record["options"]["frame"], record["options"]["size"]) == (SHARED, 192)
    assert read_record(both / "embeddings")["options"]["network"] == BOTH
    with open(both / "embeddings" / "reps.csv", newline="") as file:
        assert {len(row) for row in csv.reader(file)} == {256}
    for probe, name in photographs.probes:
        (answer,) = infer([probe], both / "embeddings")
        assert answer.faces[0].name == name
        (face,) = Recognizer.load(both / "embeddings").faces(probe, every=False)
        assert (face.name, face.embedding.shape) == (name, (256,))
    (answer,) = infer([photographs.stranger], both / "embeddings")
    assert answer.faces[0].name == "unknown"


def test_the_same_bytes_however_many_processes(both, photographs, tmp_path):
    align_folder(photographs.train, tmp_path / "aligned", network=BOTH, jobs=2)
    represent_folder(tmp_path / "aligned", tmp_path / "embeddings", network=BOTH, jobs=2)
    for name in ("aligned/manifest.csv", "embeddings/reps.csv", "embeddings/labels.csv"):
        assert (tmp_path / name).read_bytes() == (both / name).read_bytes()


def test_the_crops_of_both_serve_each(both, tmp_path):
    embeddings, crops, _ = read_people(both / "embeddings", 256, read_record(both / "embeddings")["counts"])
    for name, columns in (("dlib", slice(0, 128)), ("mobilefacenet", slice(128, 256))):
        represent_folder(both / "aligned", tmp_path / name, network=name, jobs=1)
        alone, own_crops, _ = read_people(tmp_path / name, 128, read_record(tmp_path / name)["counts"])
        assert own_crops == crops
        alone = alone / np.linalg.norm(alone, axis=1, keepdims=True)
        assert np.allclose(embeddings[:, columns], alone * 0.5**0.5, atol=1e-6)


def test_mixing_is_refused(both, photographs, tmp_path):
    with pytest.raises(
        FacelineError, match=r"made with network 'dlib\+mobilefacenet', not 'dlib'; name another folder"
    ):
        represent_folder(both / "aligned", both / "embeddings", network="dlib")
    with pytest.raises(
        FacelineError, match=r"the crops are for the frame arcface, the network dlib\+mobile.* expects dlib"
    ):
        align_folder(photographs.train, tmp_path / "arcface", network="mobilefacenet", jobs=1)
        represent_folder(tmp_path / "arcface", tmp_path / "none", network=BOTH)


def test_a_combination_is_known_again(mobilefacenet, tmp_path):
    network = network_named(BOTH)
    record = json.loads(json.dumps(network.record()))
    assert network_of(record) == network
    shutil.copy(mobilefacenet, tmp_path / "my+net.onnx")
    (tmp_path / "my+net.toml").write_text(
        'input_size = 112\nframe = "arcface"\ndimensions = 128\n'
        'distance = "cosine"\nthreshold = 0.63\nlicence = "any"\n'
    )
    own = network_named(f"dlib+{str(tmp_path).replace('+', '++')}/my++net.onnx")
    assert [part.name for part in own.parts] == ["dlib", "my+net"]
    assert own.name == "dlib+my++net"
    assert network_of(json.loads(json.dumps(own.record()))) == own
    with pytest.raises(FacelineError, match="made with another network weights"):
        network_of(record | {"network_weights": [0.9, 0.1]})
    with pytest.raises(FacelineError, match="made with another network than"):
        network_of(record | {"network_parts": record["network_parts"][::-1]})


def test_frames_that_serve_others():
    assert frame_for(["dlib", "dlib"]) == "dlib"
    assert frame_for(["dlib", "arcface"]) == frame_for(["arcface", "dlib"]) == SHARED
    assert frame_for(["dlib", DLIB_TIGHT]) == "dlib"
    assert frame_for([DLIB_TIGHT, "arcface"]) == SHARED
    assert frame_for(["dlib", "openface"]) is None
    assert [name for name in FRAMES if serves(SHARED, name)] == ["dlib", "arcface", DLIB_TIGHT, SHARED]
    assert serves("dlib", "arcface") and not serves("arcface", "dlib") and not serves("openface", "dlib")


@pytest.mark.parametrize("frame", ["dlib", "arcface", DLIB_TIGHT])
def test_each_frame_lies_inside_the_shared_one(frame):
    edge = FRAMES[frame].edge
    matrix = carrying(frame, edge, SHARED, 192)
    corners = np.array([(0, 0), (edge - 1, 0), (0, edge - 1), (edge - 1, edge - 1)])
    places = corners @ matrix[:, :2].T + matrix[:, 2]
    assert (places > -0.5).all() and (places < 191.5).all()


def test_a_crop_that_is_cut_again_is_the_one_of_its_own(photographs):
    image = decode_image(photographs.portrait.read_bytes())
    options = {frame: AlignmentOptions(frame=frame, size=size, upsample=0) for frame, size in SIZES.items()}
    face = Aligner(options["dlib"], RUNTIME).find(image)[0]
    crops = {frame: Aligner(option, RUNTIME).crop(image, face) for frame, option in options.items()}
    for frame in ("dlib", "arcface"):
        again = reframed(crops[SHARED][None], SHARED, frame, SIZES[frame])[0]
        assert np.abs(again.astype(int) - crops[frame]).mean() < 4
    beyond = reframed(crops["dlib"][None], "dlib", "arcface", 112)[0]
    assert not beyond[:10].any()  # what the crop does not show is black


@pytest.mark.parametrize("size", [150, 224])
def test_the_tight_frame_is_dlib_s_chip_with_less_around(photographs, size):
    image = decode_image(photographs.portrait.read_bytes())
    face = Aligner(AlignmentOptions(upsample=0), RUNTIME).find(image)[0]
    landmarks = predict_landmarks(image, face.box_ltrb, 5)
    wide, tight = (dlib_chip(image, face.box_ltrb, landmarks, *cut) for cut in ((2 * size, 0.25), (size, 0.1)))
    assert np.abs(reframed(wide[None], "dlib", DLIB_TIGHT, size)[0].astype(int) - tight).mean() < 3
    options = AlignmentOptions("dlibChip", size, upsample=0, frame=DLIB_TIGHT)
    assert np.array_equal(Aligner(options, RUNTIME).crop(image, face), tight)


SIZES = {"dlib": 150, "arcface": 112, SHARED: 192}


def test_the_limit_keeps_its_promise_with_other_networks(mobilefacenet, faces, tmp_path):
    """1 % of strangers are asked for, of whom there are 14 people, as many as are known."""
    align_folder(faces / "east-asian-dev", tmp_path / "aligned", network=BOTH, upsample=0, jobs=1)
    represent_folder(tmp_path / "aligned", tmp_path / "embeddings", network=BOTH, jobs=1)
    embeddings, _, people = read_people(tmp_path / "embeddings", 256, read_record(tmp_path / "embeddings")["counts"])
    parts = {BOTH: slice(None), "mobilefacenet": slice(128, 256)}
    for name, columns in parts.items():
        network, found = network_named(name), []
        for seed in range(8):
            generator = np.random.default_rng(seed)
            known, strangers = halves(np.unique(people).tolist(), generator)
            trial = Trial.draw(
                embeddings[:, columns], np.array(people), known, strangers, lambda count: (count + 1) // 2, generator
            )
            enrolled = trial.gallery_names.tolist()
            gallery = Gallery.fit(
                *(enrolled, trial.gallery, enrolled, network), fpir=0.01, classifier="LinearSvm", lda_dim=None, jobs=1
            )
            found.append(answers_of(gallery, trial))
        assert 0.003 < np.mean([one.strangers_named for one in found]) < 0.03
        assert np.mean([one.found for one in found]) > 0.95
