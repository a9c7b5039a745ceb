"""What is said of faces in poor pictures."""

import json
import math
import shutil

import numpy as np
import pytest
from conftest import CLASSIFIER, names, run_script
from PIL import Image, ImageDraw, ImageFilter

from faceline import infer, train
from faceline.disk.people_paths import UNKNOWN
from faceline.disk.pictures.images import decode_image
from faceline.faces.aligner import Aligner
from faceline.faces.detectors import Face
from faceline.faces.options import AlignmentOptions
from faceline.faces.test_time_augmentation import ALONE
from faceline.faces.uprightness import likeness
from faceline.networks.frames import FRAMES
from faceline.networks.runtime import DEFAULT_DEVICE, DEFAULT_ENGINE, Runtime
from faceline.networks.table import NETWORKS
from faceline.people.calibration import Calibration, Logistic
from faceline.people.degradation_prior import FEATURES, HIGHEST, LOST, LOWEST, REASONS, SHIFTED
from faceline.people.doubt import probabilities
from faceline.people.gallery import Gallery
from faceline.people.prior import DLIB_PRIOR
from faceline.people.quality import EDGE, GOOD, Quality, excess, in_dlib_frame, judge, turn_features
from faceline.recognition.classifier_file import Model, write_classifier

KINDS = ("small", "blurred", "dark", "covered")


def worse(image, kind, strength):
    """A photograph of one face in the middle, of 250 pixels, made worse in one of KINDS; `strength` is from 0 to 1."""
    if kind == "small":
        edge = round(250 * (0.55 - 0.3 * strength))
        return image.resize((edge, edge), Image.Resampling.HAMMING)
    if kind == "blurred":
        return image.filter(ImageFilter.GaussianBlur(1 + 6 * strength))
    if kind == "dark":
        return image.point(lambda value: value * (0.25 - 0.22 * strength))
    picture = image.copy()
    ImageDraw.Draw(picture).ellipse((70, 175 - 45 * strength, 180, 250), (90, 120, 160))
    return picture


@pytest.fixture(scope="module")
def named(faces, lfw, tmp_path_factory):
    """What is said of poor pictures of 30 people of a gallery of LFW's, and of strangers: (kind, name, answer)."""
    folder = tmp_path_factory.mktemp("poor")
    known = [name for name in np.unique(lfw.names).tolist() if len(lfw.rows(name)) > 4][:30]
    rows = np.concatenate([lfw.rows(name)[:4] for name in known])
    options = {"fpir": 0.01, "classifier": "LinearSvm", "lda_dim": None, "jobs": 1}
    gallery = Gallery.fit(
        lfw.names[rows].tolist(), lfw.embeddings[rows], lfw.crops[rows].tolist(), NETWORKS["dlib"], **options
    )
    write_classifier(folder / "classifier.pkl", Model(AlignmentOptions(), NETWORKS["dlib"], ALONE, gallery))
    strangers = (faces / "lfw-dev-unknown.txt").read_text().split()[::9][: len(known)]
    paths, truth = [], []
    for number, name in enumerate([*known, *strangers]):
        *_, picture = sorted((faces / "lfw-dev" / name).glob("*.jpg"))[:5]
        kind, strength = KINDS[number % len(KINDS)], (number % 7) / 6
        paths.append(folder / f"{name}.png")
        worse(Image.open(picture), kind, strength).save(paths[-1])
        truth.append((kind, name if name in known else UNKNOWN))
    return [(*true, answer) for true, answer in zip(truth, infer(paths, folder / "classifier.pkl"), strict=True)]


def test_the_confidence_is_true_in_poor_pictures(named):
    found = [(name, answer.faces[0].identity) for _, name, answer in named if answer.faces]
    assert len(found) > 40
    confidences = [who.confidence for _, who in found]
    right = [who.name == name for name, who in found]
    assert np.mean(confidences) == pytest.approx(np.mean(right), abs=0.1)
    missed = [who for name, who in found if who.name == UNKNOWN != name]
    assert len(missed) > 3
    assert all(who.confidence < 0.97 for who in missed)
    assert np.mean([who.confidence for who in missed]) < 0.75
    assert np.mean([who.unclear != "" for who in missed]) > 0.5
    assert all(who.name == UNKNOWN or (who.confidence >= 0.5 and not who.unclear) for _, who in found)


def test_what_is_wrong_with_a_picture(named):
    unclear = [(kind, answer.faces[0].identity.unclear) for kind, _, answer in named if answer.faces]
    unclear = [(kind, reason) for kind, reason in unclear if reason]
    assert {reason for _, reason in unclear} <= {"small", "blurred", "dark", "turned away", "covered"}
    assert np.mean([kind == reason or (kind, reason) == ("small", "blurred") for kind, reason in unclear]) > 0.7


def test_a_blurred_enrolled_person_as_text_and_as_json(faces, classifier, tmp_path):
    picture = Image.open(faces / "photos" / "obama2.jpg").convert("RGB")
    picture.thumbnail((500, 500))
    picture.filter(ImageFilter.GaussianBlur(6)).save(tmp_path / "blurred.png")
    done = run_script(CLASSIFIER, "infer", classifier, tmp_path / "blurred.png")
    line = done.stdout.splitlines()[1]
    assert line.startswith("Predict unknown with 0.")
    assert line.endswith(" confidence (unclear: blurred).")
    done = run_script(CLASSIFIER, "infer", classifier, tmp_path / "blurred.png", faces / "photos/obama2.jpg", "--json")
    poor, good = (json.loads(line)["faces"][0] for line in done.stdout.splitlines())
    assert poor["name"] == UNKNOWN
    assert poor["confidence"] < 0.7
    assert poor["unclear"] == "blurred"
    assert good["name"] == "obama"
    assert good["confidence"] > 0.98
    assert "unclear" not in good
    # Whoever wants a name, gets one.
    (answer,) = infer(tmp_path / "blurred.png", classifier, threshold=math.inf)
    assert names(answer) == ["obama"]
    assert answer.faces[0].identity.unclear == ""


def test_no_name_is_given_that_is_more_likely_wrong_than_right(faces, pipeline, classifier, tmp_path):
    """With half of the strangers to be named, `alex_lacamoire with 0.03 confidence` was an answer."""
    shutil.copytree(pipeline / "embeddings", tmp_path / "embeddings")
    train(tmp_path / "embeddings", fpir=0.5)
    pictures = [faces / "photos" / f"{name}.jpg" for name in ("adams", "carell", "clapton-1", "lennon-1", "obama3")]
    for one_each in (False, True):
        answers = list(infer(pictures, tmp_path / "embeddings" / "classifier.pkl", one_each=one_each))
        assert [names(answer) for answer in answers] == [[UNKNOWN]] * 4 + [["obama"]]
    answers = list(infer(pictures[:4], classifier, threshold=math.inf, one_each=True))
    assert all(name != UNKNOWN for answer in answers for name in names(answer))
    assert all(face.identity.confidence < 0.5 for answer in answers for face in answer.faces)


def test_good_large_photographs_are_clear(faces, classifier):
    pictures = [faces / "photos" / f"{name}.jpg" for name in ("carell", "obama", "obama2", "biden")]
    for answer in infer(pictures, classifier):
        assert answer.faces[0].identity.confidence > 0.98
        assert answer.faces[0].identity.unclear == ""


def test_the_faces_of_a_picture_are_judged_each_by_itself(faces, classifier, tmp_path):
    sharp = Image.open(faces / "known-people/test/obama1.jpg").convert("RGB")
    sharp.thumbnail((400, 400))
    poor = sharp.filter(ImageFilter.GaussianBlur(5))
    both = Image.new("RGB", (sharp.width * 2, sharp.height))
    both.paste(sharp, (0, 0))
    both.paste(poor, (sharp.width, 0))
    both.save(tmp_path / "both.png")
    (answer,) = infer(tmp_path / "both.png", classifier, multi=True)
    left, right = (face.identity for face in answer.faces)
    assert left.name == "obama"
    assert left.confidence > 0.98
    assert right.confidence < left.confidence


CURVES = {"right": Logistic(0.2, 15.0), "known": Logistic(0.19, 14.0)}
CALIBRATION = Calibration(fpir=0.01, tpir=0.9, limit=0.3, people=20, doubtful=0, **CURVES)


def test_a_good_picture_leaves_probabilities_as_they_are():
    for score in (-1.0, 0.1, 0.2, 0.5):
        expected = CALIBRATION.right(score), CALIBRATION.known(score)
        assert probabilities(CALIBRATION, DLIB_PRIOR, 20, score, GOOD) == expected
        assert probabilities(CALIBRATION, DLIB_PRIOR, 20, score, Quality(1e-9, 0, 0)) == pytest.approx(
            expected, abs=1e-6
        )


def test_where_all_is_lost_a_score_says_nothing():
    for score in (-9.0, 0.0, 9.0):
        right, known = probabilities(CALIBRATION, DLIB_PRIOR, 20, score, Quality(1.0, 0.5, 1.0))
        assert right == 0
        assert known == pytest.approx(0.5)


@pytest.mark.parametrize("people", [1, 2, 1000])
def test_probabilities_are_some_and_rise_with_the_score(people):
    for lost in (0.0, 0.3, 0.9):
        found = [
            probabilities(CALIBRATION, DLIB_PRIOR, people, score, Quality(lost, 0.2, 0.3))
            for score in np.linspace(-60, 60, 400)
        ]
        assert np.min(found) >= 0
        assert np.max(found) <= 1
        assert (np.diff(found, axis=0) >= -1e-9).all()


def test_nothing_is_believed_beyond_what_was_seen():
    assert len(FEATURES) == len(LOWEST) == len(HIGHEST) == len(LOST) - 1 == len(SHIFTED) - 1
    assert all(len(weights) == len(LOST) for weights in REASONS.values())
    middle = np.mean([LOWEST, HIGHEST], axis=0)
    for number in range(len(FEATURES)):
        for bound, beyond in ((LOWEST[number], -1e6), (HIGHEST[number], 1e6)):
            near, far = middle.copy(), middle.copy()
            near[number], far[number] = bound, beyond
            assert judge(near) == judge(far)


def test_a_little_worse_than_good_is_nearly_good():
    values = np.linspace(-2, 3, 501)
    found = excess(values)
    assert (found[values <= 0] == 0).all()
    steps = np.diff(found) / 0.01
    assert (np.diff(steps) > -1e-9).all()
    assert steps[-1] == pytest.approx(1)
    assert found[values == 1] == pytest.approx(0.5)


def test_a_face_looks_as_much_like_one_whatever_finds_it(photographs):
    image = decode_image(photographs.portrait.read_bytes())
    runtime = Runtime(DEFAULT_ENGINE, DEFAULT_DEVICE, 1)
    hog, cnn = (
        likeness(image, Aligner(AlignmentOptions(detector=detector), runtime).find(image)[0], runtime)
        for detector in ("hog", "cnn")
    )
    assert cnn == pytest.approx(hog, abs=0.6)
    nothing = Face((10, 10, 60, 60), 1.0, detector="cnn")
    assert likeness(np.zeros((100, 100, 3), np.uint8), nothing, runtime) < 0


@pytest.mark.parametrize("frame", FRAMES)
def test_crops_of_other_frames_and_sizes_are_looked_at_in_dlib_s(photographs, frame):
    image = decode_image(photographs.portrait.read_bytes())
    runtime = Runtime(DEFAULT_ENGINE, DEFAULT_DEVICE, 1)
    wanted = Aligner(AlignmentOptions(size=96, landmark_model=68), runtime)
    other = Aligner(AlignmentOptions(size=150, landmark_model=68, frame=frame), runtime)
    face = wanted.find(image)[0]
    ours, theirs = wanted.crop(image, face), in_dlib_frame(other.crop(image, face), frame)
    assert ours.shape == theirs.shape == (EDGE, EDGE, 3)
    middle = slice(30, 66)
    difference = ours[middle, middle].astype(float) - theirs[middle, middle]
    assert np.abs(difference).mean() < (20 if FRAMES[frame].affine else 8)
    found = turn_features(ours)
    assert found["yaw"] < 0.15
    assert -0.8 < found["long"] < -0.4
