import json
import math
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from conftest import drawn, tree
from PIL import Image

from faceline import align_folder, infer, pickles, represent_folder, train
from faceline.annotate import draw_faces, marked_paths
from faceline.classify import FORMAT, read_classifier
from faceline.errors import FacelineError
from faceline.files import read_json, write_json
from faceline.gallery import UNKNOWN, Gallery
from faceline.images import decode_image, encode_png
from faceline.networks import NETWORKS

NETWORK = NETWORKS["dlib"]


def names(answer):
    return [face.identity.name for face in answer.faces]


@pytest.fixture
def classifier(pipeline):
    return pipeline / "embeddings" / "classifier.pkl"


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


def test_probes_get_their_names(photographs, classifier):
    answers = list(infer([path for path, _ in photographs.probes], classifier))
    assert [names(answer) for answer in answers] == [[name] for _, name in photographs.probes]
    assert all(face.identity.confidence > 0.9 for answer in answers for face in answer.faces)


def test_a_stranger_is_unknown_unless_a_name_is_wanted(photographs, classifier):
    (answer,) = infer([photographs.stranger], classifier)
    assert names(answer) == [UNKNOWN]
    assert answer.faces[0].identity.confidence > 0.9
    (answer,) = infer([photographs.stranger], classifier, threshold=math.inf)
    assert names(answer) != [UNKNOWN]
    assert answer.faces[0].identity.confidence < 0.1


def test_the_threshold_moves_the_limit(photographs, classifier):
    path, name = photographs.probes[0]
    distance = next(infer([path], classifier)).faces[0].identity.distance
    assert names(next(infer([path], classifier, threshold=distance + 0.01))) == [name]
    assert names(next(infer([path], classifier, threshold=distance - 0.01))) == [UNKNOWN]
    for wrong in (-1.0, math.nan):
        with pytest.raises(FacelineError, match="is no distance; choose 0 or more"):
            infer([path], classifier, threshold=wrong)


def test_several_faces_from_left_to_right(photographs, classifier, tmp_path):
    (path, name), *_ = photographs.probes
    pictures = [decode_image(photographs.stranger.read_bytes()), decode_image(path.read_bytes())]
    height = max(len(picture) for picture in pictures)
    pictures = [np.pad(picture, ((0, height - len(picture)), (0, 0), (0, 0))) for picture in pictures]
    together = tmp_path / "two.png"
    together.write_bytes(encode_png(np.concatenate(pictures, axis=1)))
    (answer,) = infer([together], classifier, multi=True)
    assert names(answer) == [UNKNOWN, name]
    left, right = answer.faces
    assert left.centre_x < pictures[0].shape[1] < right.centre_x
    lines = str(answer).split("\n")
    assert lines[0] == f"=== {together} ==="
    assert lines[2] == f"Predict {name} @ x={right.centre_x} with {right.identity.confidence:.2f} confidence."
    assert len(next(infer([together], classifier)).faces) == 1


def test_two_known_people_in_a_picture(faces, classifier):
    (answer,) = infer([faces / "known-people/test/obama_and_biden.jpg"], classifier, multi=True)
    assert {"obama", "biden"} <= set(names(answer))


def test_bad_pictures_have_their_own_answer(photographs, classifier, tmp_path):
    path, name = photographs.probes[0]
    (tmp_path / "blank.png").write_bytes(encode_png(np.zeros((90, 90, 3), np.uint8)))
    (tmp_path / "text.jpg").write_text("hello")
    pictures = [tmp_path / "blank.png", tmp_path / "text.jpg", tmp_path / "gone.jpg", tmp_path, path]
    answers = list(infer(pictures, classifier))
    assert [str(answer).split("\n", 1)[1] for answer in answers[:4]] == [
        "No face found.",
        "Not a usable picture: not a picture.",
        "Not a usable picture: No such file or directory.",
        "Not a usable picture: Is a directory.",
    ]
    assert [answer.status for answer in answers] == ["no-face", "unreadable", "missing", "unreadable", "ok"]
    assert names(answers[4]) == [name]
    assert json.loads(answers[0].to_json()) == {"image": str(pictures[0]), "status": "no-face", "faces": []}


def test_json(photographs, classifier):
    path, name = photographs.probes[0]
    (answer,) = infer([path], classifier)
    line = answer.to_json()
    assert "\n" not in line
    value = json.loads(line)
    assert value["image"] == str(path)
    assert value["status"] == "ok"
    (face,) = value["faces"]
    left, top, right, bottom = face["box"]
    height, width = decode_image(path.read_bytes()).shape[:2]
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert face["name"] == name
    assert 0 <= face["distance"] < 0.6
    assert 0.5 <= face["confidence"] <= 1


def test_marked_pictures(photographs, classifier, tmp_path):
    path, _ = photographs.probes[0]
    picture = decode_image(path.read_bytes())
    (tmp_path / "in").mkdir()
    for name in ("a.png", "a.heic.tiff"):
        (tmp_path / "in" / name).write_bytes(encode_png(picture))
    pictures = [tmp_path / "in" / "a.png", tmp_path / "in" / "a.heic.tiff", path, tmp_path / "in" / "a.png"]
    answers = list(infer(pictures, classifier, save_dir=tmp_path / "new" / "marked"))
    copies = ["a-faces.png", "a-faces-2.png", "a.heic.tiff-faces.jpg", f"{path.stem}-faces.jpg"]
    assert sorted(os.listdir(tmp_path / "new" / "marked")) == sorted(copies)
    marked = decode_image((tmp_path / "new" / "marked" / "a-faces.png").read_bytes())
    assert marked.shape == picture.shape
    changed = np.argwhere((marked != picture).any(axis=2))
    left, top, right, _ = answers[0].faces[0].box_ltrb
    assert tuple(marked[top, (left + right) // 2]) == (255, 212, 0)
    assert changed[:, 0].min() == top
    assert changed[:, 1].min() == left


def test_captions_show_every_script(tmp_path, portrait):
    """Letters that a font lacks all look the same."""
    drawn = []
    for name in ("ë", "Ł", "李", "김", "Ж", "\udcff"):
        draw_faces(portrait, [(10, 10, 90, 90)], [name], tmp_path / "a.png")
        drawn.append(decode_image((tmp_path / "a.png").read_bytes()).tobytes())
    assert len(set(drawn)) == len(drawn)


@pytest.mark.parametrize(
    ("box", "left"),
    [
        ((10, 20, 60, 100), 60),
        ((200, 20, 260, 100), 156),
        ((10, 200, 60, 259), 60),
    ],
)
def test_an_inset_lies_beside_its_box_and_inside_the_picture(tmp_path, box, left):
    image, inset = np.zeros((260, 270, 3), np.uint8), np.full((96, 96, 3), 200, np.uint8)
    draw_faces(image, [box], ["a"], tmp_path / "a.png", [inset])
    draw_faces(image, [box], ["a"], tmp_path / "b.png", [None])
    with_inset, without = (decode_image((tmp_path / name).read_bytes()) for name in ("a.png", "b.png"))
    rows, columns = np.nonzero((with_inset == 200).all(axis=2))
    assert len(rows) > 20**2
    assert not (without == 200).all(axis=2).any()
    assert 0 <= columns.min() - left <= 4
    assert columns.min() >= box[2] or columns.max() < box[0]


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 900, 3), (900, 2, 3), (8, 8, 3)])
def test_an_inset_in_a_picture_without_room(tmp_path, shape):
    image, inset = np.zeros(shape, np.uint8), np.full((96, 96, 3), 200, np.uint8)
    draw_faces(image, [(0, 0, shape[1], shape[0])], ["a"], tmp_path / "a.png", [inset])
    assert decode_image((tmp_path / "a.png").read_bytes()).shape == shape


def test_originals_are_not_overwritten(classifier, tmp_path, portrait):
    for name in ("a.png", "a-faces.png"):
        (tmp_path / name).write_bytes(encode_png(portrait))
    before = tree(tmp_path)
    for original in (tmp_path / "a.png", tmp_path / "a-faces.png"):
        list(infer(original, classifier, save_dir=tmp_path / "new"))
    assert sorted(os.listdir(tmp_path / "new")) == ["a-faces-faces.png", "a-faces.png"]
    shutil.rmtree(tmp_path / "new")
    with pytest.raises(FacelineError, match="would replace an original; name another folder"):
        infer([tmp_path / "a.png", tmp_path / "a-faces.png"], classifier, save_dir=tmp_path)
    assert tree(tmp_path) == before


def test_no_photograph_is_replaced_by_the_marked_copy_of_another(classifier, tmp_path, portrait):
    (tmp_path / "in").mkdir()
    for name in ("in/a.png", "a.png"):
        (tmp_path / name).write_bytes(encode_png(portrait))
    before = tree(tmp_path)
    for _ in range(2):  # the second time, its own copy is there
        (answer,) = infer(tmp_path / "in" / "a.png", classifier, save_dir=tmp_path)
        assert answer.status == "ok"
    assert tree(tmp_path).keys() - before.keys() == {"a-faces.png"}
    assert tree(tmp_path)["a.png"] == before["a.png"]


def test_marked_copies_fit_the_file_system_and_the_format(tmp_path, portrait):
    pictures = [f"in/{'é' * 120}{letter}.png" for letter in "ab"] + ["wide.jpg", "wide.png"]
    paths = marked_paths(pictures, tmp_path / "out")
    wide = np.zeros((3, 66_000, 3), np.uint8)
    for path, image in zip(paths, [portrait, portrait, wide, wide], strict=True):
        draw_faces(image, [], [], path)
    written = sorted(os.listdir(tmp_path / "out"))
    assert len(written) == 4
    assert written[:2] == ["wide-faces-2.png", "wide-faces.png"]
    assert all(name.startswith("é" * 100) and name.endswith("-faces.png") for name in written[2:])


def gallery_of(folder, tmp_path):
    """Run all stages on a folder of people; the classifier's path."""
    align_folder(folder, tmp_path / "aligned", jobs=1)
    represent_folder(tmp_path / "aligned", tmp_path / "embeddings", jobs=1)
    return train(tmp_path / "embeddings").path


def test_one_person_with_one_picture(photographs, tmp_path):
    name = photographs.portrait.parent.name
    (tmp_path / "in" / name).mkdir(parents=True)
    shutil.copy(photographs.portrait, tmp_path / "in" / name)
    classifier = gallery_of(tmp_path / "in", tmp_path)
    probe = next(path for path, who in photographs.probes if who == name)
    assert [names(answer) for answer in infer([probe, photographs.stranger], classifier)] == [[name], [UNKNOWN]]


def test_nobody_is_learned_from_a_picture_without_a_face(tmp_path, portrait):
    for person, image in (("anna", portrait), ("anna", portrait * 0), ("bert", portrait[:, ::-1]), ("x", portrait * 0)):
        folder = tmp_path / "in" / person
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{len(list(folder.iterdir()))}.png").write_bytes(encode_png(np.ascontiguousarray(image)))
    options = {"upsample": 0, "detector": "hog", "fallback": "centre", "jobs": 1}
    align_folder(tmp_path / "in", tmp_path / "aligned", **options)
    represent_folder(tmp_path / "aligned", tmp_path / "out", jobs=1)
    trained = train(tmp_path / "out")
    assert (trained.people, trained.embeddings, trained.left_out) == (2, 2, 2)
    assert str(trained).splitlines()[1] == "Left out: 2 of pictures without a face (fallback)."
    assert read_classifier(tmp_path / "out" / "classifier.pkl").gallery.crops == ["anna/0.png.png", "bert/0.png.png"]

    for person in ("anna", "bert"):
        (tmp_path / "in" / person / "0.png").unlink()
    align_folder(tmp_path / "in", tmp_path / "aligned", **options)
    represent_folder(tmp_path / "aligned", tmp_path / "out", jobs=1)
    with pytest.raises(FacelineError, match=r"out: no crop shows a face that was found; see manifest\.csv there"):
        train(tmp_path / "out")


def test_two_people_with_one_picture_each(photographs, tmp_path):
    name = photographs.portrait.parent.name
    for person, path in ((name, photographs.portrait), ('x/ other, "one"', photographs.stranger)):
        (tmp_path / "in" / person).mkdir(parents=True)
        shutil.copy(path, tmp_path / "in" / person)
    with pytest.raises(FacelineError, match="--ldaDim needs people with more than one picture; leave it out"):
        train(Path(gallery_of(tmp_path / "in", tmp_path)).parent, lda_dim=2)
    trained = train(tmp_path / "embeddings", fpir=1e-6, jobs=1)
    assert "name 0.0001 % of strangers" in str(trained)
    assert "(from a background, as there are too few to hold out)" in str(trained)
    classifier = train(tmp_path / "embeddings").path
    probe = next(path for path, who in photographs.probes if who == name)
    found = [names(answer) for answer in infer([probe, photographs.stranger], classifier)]
    assert found == [[name], ['x/ other, "one"']]


@pytest.mark.parametrize("jobs", [None, 1, 3])
def test_training_again_gives_the_same_bytes(pipeline, classifier, jobs):
    before = classifier.read_bytes()
    train(pipeline / "embeddings", jobs=jobs)
    assert classifier.read_bytes() == before


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
    ("damage", "complaint"),
    [
        (lambda folder: shutil.rmtree(folder), "No such file or directory; run batch_represent first"),
        (
            lambda folder: (folder / "run.json").unlink(),
            "No such file or directory; run batch_represent, which writes it",
        ),
        (
            lambda folder: (folder / "reps.csv").write_text("1,2\n"),
            r"reps\.csv: line 1 has 2 numbers instead of 128; run",
        ),
        (
            lambda folder: (folder / "reps.csv").unlink(),
            r"reps\.csv: No such file or directory; run batch_represent again",
        ),
        (lambda folder: (folder / "labels.csv").write_text(""), "embeddings but 0 labels; run batch_represent again"),
        (
            lambda folder: write_json(
                folder / "run.json", read_json(folder / "run.json") | {"options": {"network": "x"}}
            ),
            "unknown network 'x'",
        ),
        (
            lambda folder: write_json(folder / "run.json", read_json(folder / "run.json") | {"counts": {"ok": 1000}}),
            "rows have been added, removed or changed",
        ),
        (lambda folder: write_json(folder / "run.json", {"options": []}), "lacks its stage"),
    ],
)
def test_train_distrusts_the_stage_before(pipeline, tmp_path, damage, complaint):
    folder = tmp_path / "embeddings"
    shutil.copytree(pipeline / "embeddings", folder)
    damage(folder)
    with pytest.raises(FacelineError, match=complaint) as caught:
        train(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"format": "faceline classifier 1"}, "no classifier of this version"),
        ({"format": None}, "no classifier of this version"),
        ({"network": "vgg"}, "unknown network 'vgg'"),
        ({"network_sha256": "0"}, "made with another network sha256 than dlib has now"),
        ({"alignment": {}}, "not described as this version does"),
        ({"gallery/people": ["one"] * 99}, "its parts do not fit together"),
        ({"gallery/people": 5}, "classifier.pkl: "),
        ({"gallery/labels": np.zeros(3, np.int32)}, "its parts do not fit together"),
        ({"gallery/embeddings": np.zeros((3, 3), np.float32)}, "its parts do not fit together"),
        ({"gallery/scorer/learnt/coefficients": None}, "classifier.pkl: "),
        ({"gallery/scorer/classifier": "Foo"}, "classifier.pkl: "),
        ({"gallery/scorer/classifier": "Knn"}, "classifier.pkl: "),
        ({"gallery/scorer/learnt": {}}, "its parts do not fit together"),
        ({"gallery/calibration/limit": "far"}, "its parts do not fit together"),
        ({"gallery/calibration/more": 1}, "classifier.pkl: "),
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


HOSTILE = [
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
    *("format", "network", "network_sha256", "alignment", "jitters", "gallery"),
    *(f"gallery/{name}" for name in Gallery.__dataclass_fields__),
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


@pytest.mark.parametrize("place", PLACES)
def test_hostile_values_take_one_line(forged, tmp_path, place):
    content = pickles.load(forged)
    holder, _, key = place.rpartition("/")
    for value in HOSTILE:
        if type(value) is not int or value != -1 or "calibration" not in place or key not in ANY_NUMBER:
            assert_refused(altered(content, place, value), tmp_path)
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
        {"gallery/distance": "manhattan"},
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


def test_train_wants_the_labels_of_the_rows(pipeline, tmp_path):
    folder = tmp_path / "embeddings"
    shutil.copytree(pipeline / "embeddings", folder)
    lines = (folder / "labels.csv").read_text().splitlines()
    (folder / "labels.csv").write_text("\n".join(lines[::-1]) + "\n")
    with pytest.raises(FacelineError, match="do not tell of the same crops; run batch_represent again"):
        train(folder)


def test_nobody_may_be_called_unknown(photographs, tmp_path):
    (tmp_path / "in" / UNKNOWN).mkdir(parents=True)
    shutil.copy(photographs.portrait, tmp_path / "in" / UNKNOWN)
    with pytest.raises(FacelineError, match="a person is named unknown, as strangers are; rename that folder"):
        gallery_of(tmp_path / "in", tmp_path)


def test_a_single_path_is_one_picture(photographs, classifier):
    for picture in (photographs.stranger, str(photographs.stranger)):
        assert [answer.image for answer in infer(picture, classifier)] == [str(photographs.stranger)]
    with pytest.raises(FacelineError, match="an empty path names nothing"):
        infer("", classifier)


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of a process as Linux does")
def test_infer_goes_on_when_memory_is_short(photographs, classifier, tmp_path):
    Image.new("1", (10_000, 11_000)).save(tmp_path / "large.png")
    code = f"""
import resource
from faceline import infer
large, small = {str(tmp_path / "large.png")!r}, {str(photographs.portrait)!r}
answers = infer([small, large, small], {str(classifier)!r})
statuses = [next(answers).status]
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 100_000_000, resource.RLIM_INFINITY))
answer = next(answers)
statuses += [answer.status, answer.reason]
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(*statuses, next(answers).status, sep=", ")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "ok, unreadable, not enough memory, ok\n", done.stderr
