import shutil

import cv2
import dlib
import numpy as np
import pytest
from conftest import run_script

from faceline.disk.pictures.images import decode_image
from faceline.errors import FacelineError
from faceline.faces.aligner import Aligner
from faceline.faces.detectors import DETECTORS, Detector, Face
from faceline.faces.landmarks import LANDMARK_MODELS, predict_landmarks
from faceline.faces.options import AlignmentOptions
from faceline.networks.frames import FRAMES, LANDMARK_SETS
from faceline.networks.runtime import Runtime
from faceline.networks.weights import DLIB_MMOD, Download, download_path, weights_path

RUNTIME = Runtime()


@pytest.mark.parametrize(("detector", "engine"), [("hog", "onnx"), ("cnn", "onnx"), ("cnn", "dlib")])
def test_detectors_give_dlib_s_boxes(portrait, detector, engine):
    (look,) = DETECTORS[detector].looks
    faces = look(portrait, 0, Runtime(engine))
    if detector == "hog":
        expected = list(dlib.get_frontal_face_detector()(portrait, 0))
    else:
        assert DETECTORS["cnn"].weights == (DLIB_MMOD,)
        expected = [found.rect for found in dlib.cnn_face_detection_model_v1(str(weights_path(DLIB_MMOD)))(portrait, 0)]
    assert len(faces) == 1
    assert [face.box_ltrb for face in faces] == [(r.left(), r.top(), r.right() + 1, r.bottom() + 1) for r in expected]
    assert all(face.score > 0 for face in faces)


@pytest.mark.parametrize("model", [5, 68])
@pytest.mark.parametrize("size", [96, 150, 233])
def test_dlib_chip_is_exactly_dlib_s(photographs, model, size):
    image = decode_image(photographs.portrait.read_bytes())
    aligner = Aligner(AlignmentOptions("dlibChip", size, model, upsample=0), RUNTIME)
    (face,) = aligner.find(image)
    (rectangle,) = dlib.get_frontal_face_detector()(image, 0)
    shape = dlib.shape_predictor(str(weights_path(LANDMARK_MODELS[model])))(image, rectangle)
    assert np.array_equal(aligner.crop(image, face), dlib.get_face_chip(image, shape, size, 0.25))


@pytest.mark.parametrize("frame", ["dlib", "arcface", "dlib-tight"])
@pytest.mark.parametrize(
    ("landmarks", "model"),
    [("outerEyesAndNose", 5), ("outerEyesAndNose", 68), ("innerEyesAndBottomLip", 68), ("eyesNoseAndMouth", 68)],
)
@pytest.mark.parametrize("size", [96, 150])
def test_landmarks_of_a_crop_lie_where_the_network_expects_them(photographs, frame, landmarks, model, size):
    image = decode_image(photographs.portrait.read_bytes())
    aligner = Aligner(AlignmentOptions(landmarks, size, model, upsample=0, frame=frame), RUNTIME)
    crop = aligner.crop(image, aligner.find(image)[0])
    assert crop.shape == (size, size, 3)
    # Where dlib's detector places its box in such a crop.
    edges = {"dlib": (20, 20, 130, 130), "arcface": (14, 27, 98, 111), "dlib-tight": (6, 6, 143, 143)}[frame]
    frame = FRAMES[frame]
    found = predict_landmarks(crop, tuple(round(edge * size / frame.edge) for edge in edges), model)
    places = frame.template[landmarks][model]
    for group, place in zip(LANDMARK_SETS[landmarks][model], places, strict=True):
        expected = (np.array(place) + 0.5) * size / frame.edge - 0.5
        assert np.abs(found[list(group)].mean(axis=0) - expected).max() < 0.07 * size


def test_openface_s_frame_stretches_three_points_onto_their_places(photographs):
    image = decode_image(photographs.portrait.read_bytes())
    aligner = Aligner(AlignmentOptions("innerEyesAndBottomLip", 96, upsample=0, frame="openface"), RUNTIME)
    crop = aligner.crop(image, aligner.find(image)[0])
    found = predict_landmarks(crop, (-4, -8, 100, 96), 68)[[39, 42, 57]]
    assert np.abs(found - FRAMES["openface"].template["innerEyesAndBottomLip"][68]).max() < 5


@pytest.mark.parametrize("detection_size", [320, 640, 1600])
def test_a_large_photograph_is_cropped_at_its_full_resolution(photographs, detection_size):
    image = decode_image(photographs.portrait.read_bytes())
    large = cv2.resize(image, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    options = AlignmentOptions(size=300, detection_size=detection_size)
    crops = [Aligner(options, RUNTIME).crop(part, Aligner(options, RUNTIME).find(part)[0]) for part in (image, large)]
    assert np.abs(crops[0].astype(int) - crops[1]).mean() < 12
    height, width = large.shape[:2]
    left, top, right, bottom = Aligner(options, RUNTIME).find(large)[0].visible_box(large)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert right - left > width / 10


def test_small_faces_are_found_where_every_one_is_wanted(faces):
    image = decode_image((faces / "groups/2008_002470.jpg").read_bytes())
    aligner = Aligner(AlignmentOptions(), RUNTIME)
    assert len(aligner.find(image, every=True)) == 6
    assert 1 <= len(aligner.find(image)) <= 6


def test_the_dearer_detector_looks_where_the_cheap_one_finds_nothing(faces):
    image = decode_image((faces / "lfw-dev/Arlen_Specter/Arlen_Specter_0003.jpg").read_bytes())
    assert Aligner(AlignmentOptions(detector="hog"), RUNTIME).find(image) == []
    (face,) = Aligner(AlignmentOptions(detector="auto"), RUNTIME).find(image)
    assert (face.box_ltrb[0] < 100 < face.box_ltrb[2]) and (face.box_ltrb[1] < 130 < face.box_ltrb[3])


def test_yunet(faces, yunet):
    image = decode_image((faces / "groups/2008_002470.jpg").read_bytes())
    found = Aligner(AlignmentOptions(detector="yunet", upsample=0), RUNTIME).find(image, every=True)
    expected = Aligner(AlignmentOptions(detector="hog", upsample=1), RUNTIME).find(image, every=True)
    assert len(found) == len(expected) == 6

    def middle(face):
        left, top, right, bottom = face.box_ltrb
        return (left + right) / 2, (top + bottom) / 2, right - left

    for face in expected:
        nearest = min(found, key=lambda other: np.abs(np.subtract(middle(other), middle(face))).sum())
        assert np.abs(np.subtract(middle(nearest), middle(face))).max() < 0.35 * middle(face)[2]


@pytest.mark.parametrize("jobs", [1, 2])
def test_opencv_says_nothing_of_yunet(faces, yunet, tmp_path, jobs):
    for person in ("biden", "obama"):
        (tmp_path / "in" / person).mkdir(parents=True)
        shutil.copy(faces / "photos" / f"{person}.jpg", tmp_path / "in" / person)
    aligned = ("align", tmp_path / "in", tmp_path / "out", "--detector", "yunet", "--jobs", jobs)
    done = run_script("-m", "faceline", *aligned)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 pictures of 2 people: 2 ok." in done.stdout


def test_a_download_that_fails_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    nowhere = Download("net.onnx", "http://127.0.0.1:9/net.onnx", 5, "0" * 64)
    with pytest.raises(FacelineError, match=r"cannot be fetched: .*; put the file at .*net\.onnx and run again"):
        download_path(nowhere)
    (tmp_path / "faceline").mkdir(exist_ok=True)
    (tmp_path / "faceline" / "net.onnx").write_bytes(b"altered")
    with pytest.raises(FacelineError, match="cannot be fetched"):
        download_path(nowhere)


@pytest.fixture
def aligner_that_finds(monkeypatch):
    """An aligner whose detector is given the boxes, to test which of them is taken."""

    def make(*boxes):
        faces = [Face(box, 1.0) for box in boxes]
        monkeypatch.setitem(DETECTORS, "auto", Detector((lambda image, upsample, runtime: list(faces),)))
        return Aligner(AlignmentOptions(), RUNTIME)

    return make


def test_the_largest_face_comes_first(aligner_that_finds):
    boxes = (0, 0, 10, 10), (40, 40, 80, 80), (10, 10, 30, 30)
    found = aligner_that_finds(*boxes).find(np.zeros((100, 100, 3), np.uint8))
    assert [face.box_ltrb for face in found] == [boxes[1], boxes[2], boxes[0]]


def test_size_is_what_the_picture_shows(aligner_that_finds):
    cut_off, whole = (-60, 0, 30, 90), (40, 40, 90, 90)
    found = aligner_that_finds(cut_off, whole).find(np.zeros((100, 100, 3), np.uint8))
    assert found[0].box_ltrb == whole


@pytest.mark.parametrize(
    ("beside", "is_main"),
    [((0, 30, 40, 70), False), ((0, 30, 60, 90), True)],  # as large as the one in the middle; more than twice as large
)
def test_the_main_face_is_large_and_near_the_middle(aligner_that_finds, beside, is_main):
    middle = (80, 30, 120, 70)
    found = aligner_that_finds(beside, middle).find(np.zeros((100, 200, 3), np.uint8))
    assert [face.box_ltrb for face in found] == ([beside, middle] if is_main else [middle, beside])


def test_a_face_outside_the_picture_is_none(aligner_that_finds):
    assert aligner_that_finds((200, 0, 240, 40)).find(np.zeros((100, 100, 3), np.uint8)) == []


def test_visible_box():
    assert Face((-5, 10, 120, 130), 1.0).visible_box(np.zeros((100, 110, 3))) == (0, 10, 110, 100)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (20, 20)])
def test_tiny_pictures_hold_no_face(shape):
    assert Aligner(AlignmentOptions(), RUNTIME).find(np.zeros((*shape, 3), np.uint8)) == []


def test_dogs_are_no_people(faces):
    assert Aligner(AlignmentOptions(), RUNTIME).find(decode_image((faces / "groups/dogs.jpg").read_bytes())) == []


@pytest.mark.parametrize("every", [False, True])
def test_a_face_that_enlarging_hides_is_found(faces, every):
    image = decode_image((faces / "lfw-dev/Damarius_Bilbo/Damarius_Bilbo_0001.jpg").read_bytes())
    (look,) = DETECTORS["hog"].looks
    assert look(image, 1, RUNTIME) == []
    assert len(Aligner(AlignmentOptions(detector="hog", upsample=1), RUNTIME).find(image, every)) == 1


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"landmarks": "nose"}, "choose from outerEyesAndNose"),
        ({"detector": "eye"}, "choose from auto, hog, cnn, yunet"),
        ({"size": 0}, "choose 32 to 1024"),
        ({"size": 10**9}, "choose 32 to 1024"),
        ({"upsample": -1}, "choose 0 to 4"),
        ({"upsample": 9}, "choose 0 to 4"),
        ({"detection_size": 3}, "choose 64 to 65536"),
        ({"frame": "vgg"}, "choose from dlib, arcface, openface"),
        ({"landmarks": "dlibChip", "frame": "arcface"}, "no places for dlibChip; choose from outerEyesAndNose"),
    ],
)
def test_wrong_options_are_refused(options, complaint):
    with pytest.raises(FacelineError, match=complaint):
        AlignmentOptions(**options)


def test_options_survive_their_record():
    options = AlignmentOptions("innerEyesAndBottomLip", 120, None, "cnn", 0)
    assert AlignmentOptions.from_record(options.record()) == options


@pytest.mark.parametrize("change", [{"geometry_version": 0}, {"weights": {}}, {"frame": "vgg"}, {"size": "96"}])
def test_a_record_of_something_else_is_refused(change):
    with pytest.raises(FacelineError):
        AlignmentOptions.from_record(AlignmentOptions().record() | change)


@pytest.mark.parametrize("record", [None, [], "x", {}])
def test_a_record_that_is_none_is_refused(record):
    with pytest.raises(FacelineError):
        AlignmentOptions.from_record(record)
