import dlib
import numpy as np
import pytest

from faceline.detect import DETECTORS, Face
from faceline.errors import FacelineError
from faceline.faces import Aligner, AlignmentOptions
from faceline.geometry import FRAMES, LANDMARK_SETS
from faceline.images import decode_image
from faceline.landmarks import LANDMARK_MODELS, predict_landmarks
from faceline.weights import weights_path


@pytest.mark.parametrize("detector", ["hog", "cnn"])
def test_detectors_give_dlib_s_boxes(portrait, detector):
    faces = DETECTORS[detector].load()(portrait, 0)
    if detector == "hog":
        expected = list(dlib.get_frontal_face_detector()(portrait, 0))
    else:
        (weights,) = DETECTORS["cnn"].weights
        expected = [found.rect for found in dlib.cnn_face_detection_model_v1(str(weights_path(weights)))(portrait, 0)]
    assert len(faces) == 1
    assert [face.box_ltrb for face in faces] == [(r.left(), r.top(), r.right() + 1, r.bottom() + 1) for r in expected]
    assert all(face.score > 0 for face in faces)


@pytest.mark.parametrize("model", [5, 68])
@pytest.mark.parametrize("size", [96, 150, 233])
def test_dlib_chip_is_exactly_dlib_s(photographs, model, size):
    image = decode_image(photographs.portrait.read_bytes())
    aligner = Aligner(AlignmentOptions("dlibChip", size, model, upsample=0))
    (face,) = aligner.find(image)
    (rectangle,) = dlib.get_frontal_face_detector()(image, 0)
    shape = dlib.shape_predictor(str(weights_path(LANDMARK_MODELS[model])))(image, rectangle)
    assert np.array_equal(aligner.crop(image, face), dlib.get_face_chip(image, shape, size, 0.25))


@pytest.mark.parametrize(
    ("landmarks", "model"), [("outerEyesAndNose", 5), ("outerEyesAndNose", 68), ("innerEyesAndBottomLip", 68)]
)
@pytest.mark.parametrize("size", [96, 150])
def test_landmarks_of_a_crop_lie_where_the_network_expects_them(photographs, landmarks, model, size):
    image = decode_image(photographs.portrait.read_bytes())
    aligner = Aligner(AlignmentOptions(landmarks, size, model, upsample=0))
    crop = aligner.crop(image, aligner.find(image)[0])
    assert crop.shape == (size, size, 3)
    # Where dlib's detector places its box in dlib's chip.
    box = tuple(round(edge * size / 150) for edge in (20, 20, 130, 130))
    found = predict_landmarks(crop, box, model)
    for point in LANDMARK_SETS[landmarks][model]:
        place = (np.array(FRAMES["dlib"].places[model][point]) + 0.5) * size / 150 - 0.5
        assert np.abs(found[point] - place).max() < 0.05 * size


@pytest.fixture
def aligner_that_finds(monkeypatch):
    """An aligner whose detector is given the boxes, to test which of them is taken."""

    def make(*boxes):
        faces = [Face(box, 1.0) for box in boxes]
        monkeypatch.setitem(DETECTORS, "hog", type(DETECTORS["hog"])(lambda: lambda image, upsample: list(faces)))
        return Aligner(AlignmentOptions())

    return make


def test_the_largest_face_comes_first(aligner_that_finds):
    boxes = (0, 0, 10, 10), (40, 40, 80, 80), (10, 10, 30, 30)
    found = aligner_that_finds(*boxes).find(np.zeros((100, 100, 3), np.uint8))
    assert [face.box_ltrb for face in found] == [boxes[1], boxes[2], boxes[0]]


def test_size_is_what_the_picture_shows(aligner_that_finds):
    cut_off, whole = (-60, 0, 30, 90), (40, 40, 90, 90)
    found = aligner_that_finds(cut_off, whole).find(np.zeros((100, 100, 3), np.uint8))
    assert found[0].box_ltrb == whole


def test_of_equally_large_faces_the_central_one_comes_first(aligner_that_finds):
    edge, middle = (0, 0, 41, 40), (30, 30, 70, 70)
    found = aligner_that_finds(edge, middle).find(np.zeros((100, 100, 3), np.uint8))
    assert found[0].box_ltrb == middle


def test_a_face_outside_the_picture_is_none(aligner_that_finds):
    assert aligner_that_finds((200, 0, 240, 40)).find(np.zeros((100, 100, 3), np.uint8)) == []


def test_visible_box():
    assert Face((-5, 10, 120, 130), 1.0).visible_box(np.zeros((100, 110, 3))) == (0, 10, 110, 100)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (20, 20)])
def test_tiny_pictures_hold_no_face(shape):
    assert Aligner(AlignmentOptions()).find(np.zeros((*shape, 3), np.uint8)) == []


def test_dogs_are_no_people(faces):
    assert Aligner(AlignmentOptions()).find(decode_image((faces / "groups/dogs.jpg").read_bytes())) == []


def test_a_face_that_enlarging_hides_is_found(faces):
    image = decode_image((faces / "lfw-dev/Damarius_Bilbo/Damarius_Bilbo_0001.jpg").read_bytes())
    assert DETECTORS["hog"].load()(image, 1) == []
    assert len(Aligner(AlignmentOptions(upsample=1)).find(image)) == 1


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"landmarks": "nose"}, "choose from outerEyesAndNose"),
        ({"detector": "eye"}, "choose from hog, cnn"),
        ({"size": 0}, "choose 32 to 1024"),
        ({"size": 10**9}, "choose 32 to 1024"),
        ({"upsample": -1}, "choose 0 to 4"),
        ({"upsample": 9}, "choose 0 to 4"),
    ],
)
def test_wrong_options_are_refused(options, complaint):
    with pytest.raises(FacelineError, match=complaint):
        AlignmentOptions(**options)


def test_options_survive_their_record():
    options = AlignmentOptions("innerEyesAndBottomLip", 120, None, "cnn", 0)
    assert AlignmentOptions.from_record(options.record()) == options


@pytest.mark.parametrize("change", [{"geometry_version": 0}, {"weights": {}}, {"frame": "arcface"}, {"size": "96"}])
def test_a_record_of_something_else_is_refused(change):
    with pytest.raises(FacelineError):
        AlignmentOptions.from_record(AlignmentOptions().record() | change)


@pytest.mark.parametrize("record", [None, [], "x", {}])
def test_a_record_that_is_none_is_refused(record):
    with pytest.raises(FacelineError):
        AlignmentOptions.from_record(record)
