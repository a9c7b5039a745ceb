import cv2
import numpy as np
import pytest

from faceline.disk.pictures.boxes import (
    TURNS,
    turned,
    turned_box,
)
from faceline.errors import FacelineError
from faceline.faces.cutting import (
    affine_transform,
    align_transform,
    cut,
    warped,
)
from faceline.networks.frames import (
    FRAMES,
    LANDMARK_SETS,
    landmark_model_for,
)

SOURCE = np.array([(10.0, 20.0), (60.0, 22.0), (36.0, 51.0)])


def similarity(angle, scale, shift):
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([turn, shift])


@pytest.mark.parametrize("angle", [0, 0.3, np.pi / 2, -3])
@pytest.mark.parametrize("scale", [0.1, 1, 7])
def test_a_similarity_is_found_again(angle, scale):
    matrix = similarity(angle, scale, (5, -7))
    target = SOURCE @ matrix[:, :2].T + matrix[:, 2]
    assert np.allclose(align_transform(SOURCE, target), matrix)


def test_the_face_is_never_distorted():
    target = SOURCE * (1, 2)  # stretched: no similarity fits
    matrix = align_transform(SOURCE, target)
    assert np.isclose(matrix[0, 0], matrix[1, 1])
    assert np.isclose(matrix[0, 1], -matrix[1, 0])


def test_the_fit_has_the_least_squares():
    generator = np.random.default_rng(0)
    target = generator.normal(size=(3, 2))

    def error(matrix):
        return ((SOURCE @ matrix[:, :2].T + matrix[:, 2] - target) ** 2).sum()

    best = align_transform(SOURCE, target)
    for _ in range(200):
        nudge = generator.normal(size=4) * 1e-3
        near = best + [[nudge[0], -nudge[1], nudge[2]], [nudge[1], nudge[0], nudge[3]]]
        assert error(near) >= error(best)


def test_coincident_landmarks_are_refused():
    with pytest.raises(ValueError, match="coincide"):
        align_transform(np.ones((3, 2)), SOURCE)


def test_cut_at_the_same_scale_copies_pixels(portrait):
    places = np.array([(10.0, 10.0), (40.0, 10.0), (25.0, 30.0)])
    crop = cut(portrait, places + (30, 20), places, 50, 50)
    assert np.array_equal(crop, portrait[20:70, 30:80])


def test_cut_is_black_outside(portrait):
    places = np.array([(10.0, 10.0), (40.0, 10.0), (25.0, 30.0)])
    crop = cut(portrait, places - (25, 0), places, 50, 50)
    assert not crop[:, :24].any()
    assert np.array_equal(crop[:, 25:], portrait[:50, :25])


@pytest.mark.parametrize("shrink", [1.5, 2, 3.3, 8])
def test_cut_does_not_alias(shrink):
    # A checkerboard of single pixels is grey from afar; sampling it would give any pattern.
    board = (np.indices((800, 800)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, axis=2)
    places = np.array([(20.0, 20.0), (60.0, 20.0), (40.0, 60.0)])
    crop = cut(board, places * shrink, places, 80, 80)
    assert np.abs(crop[4:-4, 4:-4].astype(int) - 127).max() <= (70 if shrink < 2 else 40)


def test_cut_keeps_places_when_it_shrinks():
    # A soft dot on every landmark lands on its place.
    picture = np.zeros((600, 700, 3), np.uint8)
    landmarks = np.array([(200, 220), (460, 250), (310, 420)])
    for x, y in landmarks:
        cv2.circle(picture, (int(x), int(y)), 12, (255, 255, 255), -1)
    matrix = similarity(0.1, 0.3, (3, 4))
    places = landmarks @ matrix[:, :2].T + matrix[:, 2]
    crop = cut(picture, landmarks, places, 220, 220)
    _, _, _, centres = cv2.connectedComponentsWithStats((crop[..., 0] > 127).astype(np.uint8))
    found = centres[1:][np.argsort(centres[1:, 0])]
    assert np.abs(found - places[np.argsort(places[:, 0])]).max() < 0.2


def test_cut_takes_pictures_wider_than_opencv_does():
    picture = np.zeros((60, 40_000, 3), np.uint8)
    picture[20:30, 39_900:39_910] = 255
    places = np.array([(10.0, 10.0), (40.0, 10.0), (25.0, 30.0)])
    crop = cut(picture, places + (39_880, 5), places, 50, 50)
    assert np.array_equal(crop, picture[5:55, 39_880:39_930])


def test_a_crop_of_half_the_size_shows_the_same_places(portrait):
    places = np.array([(37.0, 46.0), (110.0, 46.0), (73.0, 87.0)])
    landmarks = places + (20, 30)
    large = cut(portrait, landmarks, places, 150, 150)
    small = cut(portrait, landmarks, places, 150, 75)
    assert np.abs(cv2.resize(large, (75, 75), interpolation=cv2.INTER_AREA).astype(int) - small).mean() < 1


def test_every_frame_has_a_place_for_every_landmark():
    for frame in FRAMES.values():
        for landmarks, models in frame.template.items():
            for model, places in models.items():
                assert len(places) == len(LANDMARK_SETS[landmarks][model])
                assert all(0 < x < frame.edge and 0 < y < frame.edge for x, y in places)


def test_an_affine_map_fits_three_points_exactly():
    target = np.array([(1.0, 2.0), (8.0, 1.0), (3.0, 30.0)])
    matrix = affine_transform(SOURCE, target)
    assert np.allclose(SOURCE @ matrix[:, :2].T + matrix[:, 2], target)
    with pytest.raises(ValueError, match="lie on one line"):
        affine_transform(np.array([(0, 0), (1, 1), (2, 2)]), target)


def test_landmark_models():
    assert landmark_model_for("dlib", "outerEyesAndNose", None) == 5
    assert landmark_model_for("dlib", "outerEyesAndNose", 68) == 68
    assert landmark_model_for("dlib", "dlibChip", None) == 5
    assert landmark_model_for("dlib", "innerEyesAndBottomLip", None) == 68
    with pytest.raises(FacelineError, match="5-point landmark model has no innerEyesAndBottomLip"):
        landmark_model_for("dlib", "innerEyesAndBottomLip", 5)
    with pytest.raises(
        FacelineError, match="choose from outerEyesAndNose, innerEyesAndBottomLip, eyesNoseAndMouth, dlib"
    ):
        landmark_model_for("dlib", "noseOnly", None)


@pytest.mark.parametrize("turn", TURNS)
def test_a_box_turns_with_its_picture(turn):
    picture = np.arange(5 * 8 * 3, dtype=np.uint8).reshape(5, 8, 3)
    left, top, right, bottom = turned_box((1, 2, 4, 5), 5, 8, turn)
    after = turned(picture, turn)
    assert np.array_equal(after[top:bottom, left:right], turned(picture[2:5, 1:4], turn))
    height, width = after.shape[:2]
    assert turned_box((left, top, right, bottom), height, width, -turn % 360) == (1, 2, 4, 5)
    if turn == 90:  # clockwise: what was at the left is at the top
        assert np.array_equal(after[0], picture[::-1, 0])


@pytest.mark.parametrize("oversampling", [1, 2, 3])
@pytest.mark.parametrize("angle", [0, 0.4, -2])
def test_four_channels_are_warped_as_three(portrait, oversampling, angle):
    """The fourth makes OpenCV quicker; the pixels are those without it."""
    for size in (37, 112, 150):
        matrix = similarity(angle, 0.8 * oversampling, (9.3 * oversampling, 11.7 * oversampling))
        plain = cv2.warpAffine(portrait, matrix, (size * oversampling,) * 2, flags=cv2.INTER_LINEAR)
        if oversampling > 1:
            plain = cv2.resize(plain, (size, size), interpolation=cv2.INTER_AREA)
        assert plain.any()
        assert np.array_equal(warped(portrait, matrix, size, oversampling), plain)
