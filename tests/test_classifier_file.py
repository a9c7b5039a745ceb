"""`classifier.pkl`: what it holds, and that nothing in it is trusted."""

import math
import pickle
import subprocess
import sys
from typing import Any

import joblib
import numpy as np
import pytest
from conftest import drawn

from faceline import infer
from faceline.disk import pickles
from faceline.errors import FacelineError
from faceline.networks.table import NETWORKS
from faceline.people.gallery import Gallery
from faceline.recognition.classifier_file import FORMAT, read_classifier

NETWORK = NETWORKS["dlib"]


@pytest.fixture(scope="module")
def forged(pipeline, tmp_path_factory):
    """A classifier of made-up people, of whom there are several even where the photographs show one person."""
    embeddings, labels = drawn(5, 3)
    names = [f"person {label}" for label in labels]
    options = {"fpir": 0.01, "classifier": "LinearSvm", "lda_dim": None, "jobs": 1}
    gallery = Gallery.fit(names, embeddings, [f"{name}/1.png" for name in names], NETWORK, **options)
    path = tmp_path_factory.mktemp("forged") / "classifier.pkl"
    pickles.dump(pickles.load(pipeline / "embeddings" / "classifier.pkl") | {"gallery": gallery.record()}, path)
    return path


def test_the_classifier_needs_no_library_of_ours(classifier, photographs):
    content = joblib.load(classifier)
    gallery = content["gallery"]
    assert gallery["people"] == sorted(path.name for path in photographs.train.iterdir())
    assert content["network"] == "dlib"
    assert content["network_sha256"] == NETWORK.sha256
    assert content["alignment"]["landmarks"] == "outerEyesAndNose"
    assert content["versions"]["numpy"] == np.__version__
    assert len(gallery["embeddings"]) == len(gallery["labels"]) == len(gallery["crops"])
    assert len(gallery["scorer"]["means"]) == len(gallery["people"])
    assert gallery["calibration"]["fpir"] == 0.01


def test_plain_joblib_reads_it_where_faceline_is_not_installed(classifier, tmp_path):
    code = f"""
import sys, joblib
print(type(joblib.load({str(classifier)!r})["gallery"]["scorer"]["learnt"]).__name__)
print(sorted({{name.split(".")[0] for name in sys.modules}} & {{"faceline", "sklearn"}}))
"""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "dict\n[]\n", done.stderr


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"format": "faceline classifier 1"}, "no classifier of this version"),
        ({"format": None}, "no classifier of this version"),
        ({"network": "vgg"}, "unknown network 'vgg'"),
        ({"network_sha256": "0"}, "made with another network sha256 than dlib has now"),
        ({"alignment": {}}, "not described as this version does"),
        ({"gallery/people": ["one"] * 99}, "its part labels is damaged, or does not fit the others"),
        ({"gallery/people": 5}, "its part people is damaged"),
        ({"gallery/labels": np.zeros(3, np.int32)}, "its part labels is damaged, or does not fit the others"),
        (
            {"gallery/embeddings": np.zeros((3, 3), np.float32)},
            "its part embeddings is damaged, or does not fit the others",
        ),
        ({"gallery/scorer/learnt/coefficients": None}, "its part scorer/learnt/coefficients is damaged"),
        ({"gallery/scorer/classifier": "Foo"}, "its part scorer is damaged"),
        ({"gallery/scorer/classifier": "Knn"}, "its part scorer/learnt is damaged"),
        ({"gallery/scorer/learnt": {}}, "its part scorer/learnt is damaged, or does not fit the others"),
        ({"gallery/calibration/limit": "far"}, "its part calibration/limit is damaged, or does not fit the others"),
        ({"gallery/calibration/more": 1}, "its part calibration is damaged"),
        ({"gallery/metric/typical_length": 1.5}, "made with another distance than dlib has now"),
        ({"gallery": {"distance": "euclidean"}}, "the distance is not described as this version does"),
    ],
)
def test_a_classifier_of_something_else_is_refused(forged, tmp_path, photographs, change, complaint):
    ((place, value),) = change.items()
    pickles.dump(altered(pickles.load(forged), place, value), tmp_path / "classifier.pkl")
    with pytest.raises(FacelineError, match=rf"{complaint}.*; run classifier\.py train again"):
        infer([photographs.stranger], tmp_path / "classifier.pkl")


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("geometry_version", 99, "the crops were made by another version, with other weights or geometry"),
        ("size", 5000, "size 5000 is out of range"),
        ("landmark_model", 5.0, "the alignment is not described as this version does"),
    ],
)
def test_a_classifier_of_another_geometry_says_what_to_do(forged, tmp_path, option, value, complaint):
    pickles.dump(altered(pickles.load(forged), f"alignment/{option}", value), tmp_path / "classifier.pkl")
    with pytest.raises(FacelineError, match=rf"{complaint}.*; run classifier\.py train again"):
        read_classifier(tmp_path / "classifier.pkl")


def test_a_classifier_that_is_none(tmp_path, photographs):
    joblib.dump(["not", "it"], tmp_path / "classifier.pkl")
    with pytest.raises(FacelineError, match="no classifier of this version"):
        infer([photographs.stranger], tmp_path / "classifier.pkl")


def test_the_probabilities_rise_with_the_score(classifier):
    calibration = read_classifier(classifier).gallery.calibration
    for curve in (calibration.right, calibration.known):
        assert curve(curve.centre) == 0.5
        assert 0 <= curve(-9) < 0.01 < 0.5 < curve(curve.centre + 0.1) < 0.99 < curve(9) <= 1  # no step
    assert calibration.right.centre >= calibration.known.centre


def test_an_enrolled_picture_is_found_at_distance_zero(classifier):
    gallery = read_classifier(classifier).gallery
    identities = gallery.identify(gallery.embeddings)
    assert [identity.name for identity in identities] == [gallery.people[label] for label in gallery.labels]
    assert [identity.likeliest.nearest for identity in identities] == gallery.crops
    assert all(identity.distance == 0 for identity in identities)


HOSTILE: list[Any] = [
    None,
    True,
    -1,
    10**400,
    math.nan,
    -math.inf,
    "",
    "\x1b[2J\n",
    "\0.onnx",
    (),
    [],
    [[]],
    {},
    {"x": 1},
    b"x",
    np.zeros(0, np.float32),
    np.zeros((0, 128), np.float32),
    np.full((2, 128), np.nan, np.float32),
    np.full(2, 1e30, np.float32),
    np.array([1, 2**31 - 1], np.int32),
    np.dtype("f8"),
]
SCORER = ("scale", "centre", "means", "crowding", "components", "classifier", "learnt")
CALIBRATION = ("fpir", "tpir", "limit", "right", "known", "people")
PLACES = [
    *("format", "network", "network_sha256", "alignment", "passes", "jitters", "gallery"),
    *(f"gallery/{name}" for name in Gallery.__dataclass_fields__),
    *(f"gallery/metric/{name}" for name in ("kind", "typical_length")),
    *(f"gallery/scorer/{name}" for name in SCORER),
    *(f"gallery/scorer/learnt/{name}" for name in ("coefficients", "intercepts")),
    *(f"gallery/calibration/{name}" for name in CALIBRATION),
    *(f"gallery/calibration/{curve}/{name}" for curve in ("right", "known") for name in ("centre", "slope")),
]
# Numbers of which -1 is none that can be refused, or need not be.
ANY_NUMBER = ("fpir", "tpir", "limit", "people", "centre")


def altered(content, place, value):
    """A copy of `content` with another value at a place such as "gallery/scorer/means"."""
    key, _, rest = place.partition("/")
    return content | {key: altered(content[key], rest, value) if rest else value}


def value_at(content, place):
    for key in place.split("/"):
        content = content[key]
    return content


def assert_refused(content, folder):
    pickles.dump(content, folder / "classifier.pkl")
    with pytest.raises(FacelineError, match=r"classifier\.pkl: ") as caught:
        read_classifier(folder / "classifier.pkl")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("place", PLACES)
def test_hostile_values_take_one_line(forged, tmp_path, place):
    content = pickles.load(forged)
    holder, _, key = place.rpartition("/")
    for value in HOSTILE:
        if type(value) is not int or value != -1 or "calibration" not in place or key not in ANY_NUMBER:
            complaint = assert_refused(altered(content, place, value), tmp_path)
            assert "its part" in complaint or not place.startswith("gallery/") or "metric" in place
            if place.startswith(("gallery/scorer/", "gallery/calibration/")):
                assert f"its part {place.split('/')[1]}" in complaint
    fewer = {name: value for name, value in (value_at(content, holder) if holder else content).items() if name != key}
    assert_refused(altered(content, holder, fewer) if holder else fewer, tmp_path)


def test_hostile_alignments_take_one_line(forged, tmp_path):
    content = pickles.load(forged)
    for key in content["alignment"]:
        for value in HOSTILE:
            if key != "geometry_version" or value is not True:  # which is 1
                assert_refused(content | {"alignment": content["alignment"] | {key: value}}, tmp_path)
    for key in ("size", "landmark_model", "upsample", "detection_size"):
        value = float(content["alignment"][key])
        assert_refused(content | {"alignment": content["alignment"] | {key: value}}, tmp_path)


ARRAYS = [
    *("embeddings", "scorer/centre", "scorer/means", "scorer/crowding"),
    *("scorer/learnt/coefficients", "scorer/learnt/intercepts"),
]


@pytest.mark.parametrize("part", ARRAYS)
@pytest.mark.parametrize("number", [math.nan, math.inf, 1e30])
def test_numbers_that_would_become_nan_are_refused(forged, tmp_path, part, number):
    content = pickles.load(forged)
    value_at(content["gallery"], part).flat[-1] = number
    assert_refused(content, tmp_path)


@pytest.mark.parametrize("part", [*ARRAYS, "labels", "scorer/components"])
def test_arrays_of_another_shape_or_kind_are_refused(forged, tmp_path, part):
    content = pickles.load(forged)
    array = value_at(content["gallery"], part)
    wrong = [array[:-1], array[..., None], array[None], array.astype(np.int64), array.astype(bool), array.tolist()]
    for value in [*wrong, np.concatenate([array, array[-1:]])]:
        assert_refused(altered(content, f"gallery/{part}", value), tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"gallery/scorer/scale": 0.0},
        {"gallery/scorer/scale": -1.0},
        {"gallery/scorer/scale": 1e-300},
        {"gallery/scorer/scale": 1e300},
        {"gallery/calibration/right/slope": 1e300},
        {"gallery/calibration/known/centre": -1e300},
        {"gallery/calibration/right/slope": 0.0},
        {"gallery/calibration/right/slope": -1},
        {"gallery/calibration/limit": math.nan},
        {"gallery/metric/kind": "manhattan"},
        {"gallery/metric/kind": "euclidean"},
        {"gallery/metric/typical_length": 1e300},
        {"gallery/metric/typical_length": 0.0},
    ],
)
def test_limits_must_be_numbers_to_reckon_with(forged, tmp_path, change):
    ((place, value),) = change.items()
    assert_refused(altered(pickles.load(forged), place, value), tmp_path)


def test_labels_must_name_everybody_in_order(forged, tmp_path):
    content = pickles.load(forged)
    labels = content["gallery"]["labels"]
    for wrong in (labels[::-1], np.zeros_like(labels), labels + 1, labels - 1, labels.astype(np.float32)):
        assert_refused(altered(content, "gallery/labels", np.ascontiguousarray(wrong)), tmp_path)


def test_a_classifier_without_people_is_refused(forged, tmp_path):
    content = pickles.load(forged)
    for place in ("people", "embeddings", "crops", "labels", *ARRAYS[2:]):
        content = altered(content, f"gallery/{place}", value_at(content["gallery"], place)[:0])
    assert_refused(content, tmp_path)


def test_a_deeply_nested_classifier_takes_one_line(forged, tmp_path):
    key, depth = b"\x8c\x07network", 100_000
    start = pickle.dumps({"format": FORMAT}, 4)[:-1]
    (tmp_path / "classifier.pkl").write_bytes(start + key + b"]" * depth + b"a" * (depth - 1) + b"s.")
    with pytest.raises(FacelineError, match=r"classifier\.pkl: damaged"):
        read_classifier(tmp_path / "classifier.pkl")


def test_a_truncated_classifier_is_called_damaged(forged, tmp_path):
    data = forged.read_bytes()
    for length in range(0, len(data), 97):
        (tmp_path / "classifier.pkl").write_bytes(data[:length])
        with pytest.raises(FacelineError, match=r"classifier\.pkl: damaged"):
            read_classifier(tmp_path / "classifier.pkl")
