"""Small faces in large photographs."""

import json
import math
from itertools import pairwise

import cv2
import numpy as np
import pytest
from conftest import ALIGN, CLASSIFIER, run_script

from faceline import infer
from faceline.disk.pictures.images import decode_image, encode_png
from faceline.faces import promise
from faceline.faces.aligner import Aligner
from faceline.faces.detectors import DETECTORS, Face, detect_hog
from faceline.faces.options import AlignmentOptions
from faceline.faces.promise import detect_promising, load_half_hog
from faceline.faces.tiles import is_same, pyramid, spans, without_repetitions
from faceline.faces.wide import WIDE_LOOKS, WideLook
from faceline.host.sharing import Pool
from faceline.networks.runtime import Runtime

RUNTIME = Runtime(threads=2)


def texture(height: int, width: int) -> np.ndarray:
    """A background without faces that is nowhere plain."""
    drawn = np.random.default_rng(7).integers(0, 255, (height // 10, width // 10, 3), dtype=np.uint8)
    return cv2.resize(drawn, (width, height), interpolation=cv2.INTER_CUBIC)


def paste(canvas: np.ndarray, picture: np.ndarray, face: Face, edge: int, centre: tuple[int, int]) -> None:
    """Put a face with what is around it on a canvas, `edge` pixels large."""
    left, top, right, bottom = face.box_ltrb
    around = (right - left) // 3
    picture = picture[max(top - around, 0) : bottom + around, max(left - around, 0) : right + around]
    scale = edge / (right - left)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=way)
    height, width = picture.shape[:2]
    left, top = centre[0] - width // 2, centre[1] - height // 2
    canvas[top : top + height, left : left + width] = picture


def found_at(found: list[Face], centre: tuple[int, int], edge: int) -> list[Face]:
    """The faces of about the right size whose middle lies at a place."""
    return [
        face
        for face in found
        if math.dist(centre, np.add(face.box_ltrb[:2], face.box_ltrb[2:]) / 2) < 0.4 * edge
        and 0.6 < (face.box_ltrb[2] - face.box_ltrb[0]) / edge < 1.6
    ]


@pytest.fixture(scope="module")
def snapshot(photographs, tmp_path_factory):
    """A photograph of 4000 x 3000 pixels with a face of 60 in the folder of its person, and where the face is."""
    picture = decode_image(photographs.probes[0][0].read_bytes())
    canvas, centre = texture(3000, 4000), (2900, 1100)
    paste(canvas, picture, Aligner(AlignmentOptions(), RUNTIME).find(picture)[0], 60, centre)
    path = tmp_path_factory.mktemp("snapshot") / "in" / photographs.probes[0][1] / "far.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(encode_png(canvas))
    return path, centre


def test_a_face_of_60_pixels_in_12_megapixels_is_aligned(snapshot, tmp_path):
    path, (x, y) = snapshot
    options = ("--detector", "hog", "--jobs", 1)
    done = run_script(ALIGN, path.parent.parent, "align", "outerEyesAndNose", tmp_path / "out", *options)
    assert (done.returncode, "1 ok" in done.stdout) == (0, True), done
    header, row = ((tmp_path / "out" / "manifest.csv").read_text().splitlines())[:2]
    row = dict(zip(header.split(","), row.split(","), strict=True))
    assert (row["status"], row["faces"]) == ("ok", "1")
    assert int(row["left"]) < x < int(row["right"])
    assert int(row["top"]) < y < int(row["bottom"])


def test_a_face_of_60_pixels_in_12_megapixels_is_named(snapshot, classifier):
    path, (x, y) = snapshot
    boxes, distances = [], []
    for options in ([], ["--multi"]):
        done = run_script(CLASSIFIER, "infer", classifier, path, "--json", *options)
        (face,) = json.loads(done.stdout)["faces"]
        left, top, right, bottom = face["box"]
        assert left < x < right
        assert top < y < bottom
        boxes.append(face["box"])
        distances.append(face["distance"])
    assert boxes[0] == boxes[1]
    assert distances[0] == distances[1] < 0.6


def test_faces_of_all_sizes_in_a_panorama(faces):
    """As many pixels as a class photograph of 24 megapixels has, in the shape in which most is lost by shrinking."""
    pictures = [decode_image(path.read_bytes()) for path in sorted((faces / "lfw-dev").glob("*/*_0001.jpg"))[:300:10]]
    canvas, expected = texture(1500, 16000), []
    sizes = [100] * 24 + [45, 60, 80, 300, 550]
    for number, (edge, picture) in enumerate(zip(sizes, pictures, strict=False)):
        centre = 300 + number * 540, (400, 750, 1050)[number % 3]
        (face, *_) = Aligner(AlignmentOptions(), RUNTIME).find(picture)
        paste(canvas, picture, face, edge, centre)
        expected.append((centre, edge))
    found = Aligner(AlignmentOptions(), RUNTIME).find(canvas, every=True)
    assert [len(found_at(found, centre, edge)) for centre, edge in expected] == [1] * len(expected)
    assert len(found) == len(expected)


def test_the_user_s_detection_size_bounds_every_look(photographs, classifier, portrait, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encode_png(portrait))
    sizes = {None: 1, 320: 1, 64: 0}
    for multi in (False, True):
        for size, count in sizes.items():
            (answer,) = infer(path, classifier, multi=multi, detection_size=size, upsample=0)
            assert len(answer.faces) == count


@pytest.mark.parametrize("name", ["2008_002470.jpg", "2009_004587.jpg", "Tom_Cruise_avp_2014_4.jpg"])
def test_the_main_face_is_the_same_among_all(faces, name):
    image = decode_image((faces / "groups" / name).read_bytes())
    aligner = Aligner(AlignmentOptions(detector="hog"), RUNTIME)
    (main, *_), every = aligner.find(image), aligner.find(image, every=True)
    assert every[0] == main
    before = DETECTORS["hog"].find(image, 1, RUNTIME, every=True)
    others = {face.box_ltrb for face in before if not is_same(face.box_ltrb, main.box_ltrb)}
    assert {face.box_ltrb for face in every[1:]} == others


def test_one_large_face_does_not_pay_for_the_wide_look(portrait, monkeypatch):
    def look(image, upsample, runtime):
        raise AssertionError("a wide look")

    monkeypatch.setitem(WIDE_LOOKS, "hog", WideLook(look))
    aligner = Aligner(AlignmentOptions(detector="hog", detection_size=200), RUNTIME)
    assert len(aligner.find(portrait)) == 1
    with pytest.raises(AssertionError, match="a wide look"):
        aligner.find(portrait, every=True)


@pytest.mark.parametrize("turn", [False, True])
@pytest.mark.parametrize("detector", ["hog", "cnn", "yunet"])
def test_each_detector_looks_at_the_whole_photograph(photographs, yunet, detector, turn):
    """A face that each of them misses in the picture of 64 pixels, in a wide picture and in a tall one."""
    picture = decode_image(photographs.probes[0][0].read_bytes())
    shape, centre = ((200, 800), (600, 90)) if not turn else ((800, 200), (110, 650))
    canvas = texture(*shape)
    paste(canvas, picture, Aligner(AlignmentOptions(), RUNTIME).find(picture)[0], 64, centre)
    options = AlignmentOptions(detector=detector, detection_size=64)
    for every in (False, True):
        found = Aligner(options, RUNTIME).find(canvas, every)
        assert len(found_at(found, centre, 64)) == len(found) == 1
        assert Aligner(options, RUNTIME, wide=False).find(canvas, every) == []


def test_threads_and_tiles_change_nothing(faces, monkeypatch):
    image = decode_image((faces / "groups/2008_002470.jpg").read_bytes())
    image = cv2.resize(image, (1000, 664), interpolation=cv2.INTER_CUBIC)
    monkeypatch.setattr("faceline.faces.wide.TILE", 300)  # borders go through faces
    options = AlignmentOptions(detector="hog", detection_size=400)
    serial = Aligner(options, Runtime(threads=1)).find(image, every=True)
    assert len(serial) == 6
    assert Aligner(options, Runtime(threads=3)).find(image, every=True) == serial
    whole = Aligner(AlignmentOptions(detector="hog"), RUNTIME).find(image, every=True)
    assert all(any(is_same(face.box_ltrb, other.box_ltrb) for other in whole) for face in serial)


def test_half_cells_find_what_whole_ones_do_in_the_enlarged_picture(faces, monkeypatch):
    image = decode_image((faces / "groups/2008_004176.jpg").read_bytes())
    expected = detect_hog(image, 1, RUNTIME)
    assert load_half_hog().detection_window_width == 40
    monkeypatch.setattr(promise, "HALF_HOGS", Pool(load_half_hog))
    found = [detect_promising(image, 1, RUNTIME)]
    # A dlib that writes its detector in another way is used as it is.
    monkeypatch.setattr(promise, "WHOLE_CELLS", b"other")
    monkeypatch.setattr(promise, "HALF_HOGS", Pool(load_half_hog))
    found.append(detect_promising(image, 1, RUNTIME))
    for faces_found in found:
        assert len(faces_found) == len(expected) == 7
        assert without_repetitions(faces_found, expected) == []


@pytest.mark.parametrize("shift", range(0, 8, 2))
def test_a_poor_face_is_found_wherever_it_lies_on_the_grid(faces, shift):
    """Blurred and pale, it scores a bit more or less than dlib's HOG asks for, as it happens to lie."""
    picture = decode_image((faces / "known-people/train/biden/biden.jpg").read_bytes())
    (face, *_) = Aligner(AlignmentOptions(detector="hog"), RUNTIME).find(picture)
    picture = cv2.GaussianBlur(picture, (0, 0), 0.04 * (face.box_ltrb[2] - face.box_ltrb[0]))
    edge, centre = 45 + shift, (80 + shift, 80 + shift // 2)
    canvas = texture(160, 160)
    paste(canvas, cv2.convertScaleAbs(picture, alpha=0.4, beta=60), face, edge, centre)
    assert len(detect_hog(canvas, 1, RUNTIME, 0.2)) == 0
    assert len(found_at(detect_promising(canvas, 1, RUNTIME), centre, edge)) == 1


def test_a_part_of_a_picture_is_looked_at_as_its_copy(portrait):
    """dlib itself looks at freed memory there, which its own work overwrites."""
    (face, *_) = detect_hog(portrait, 1, RUNTIME)
    scale = 90 / (face.box_ltrb[2] - face.box_ltrb[0])
    left, top = (max(round(scale * edge) - 20, 0) for edge in face.box_ltrb[:2])
    picture = cv2.resize(portrait, None, fx=scale, fy=scale)
    for height, width in ((120, 120), (137, 144), (144, 137), (160, 160)):
        part = picture[top : top + height, left : left + width]
        expected = detect_hog(part.copy(), 0, RUNTIME)
        assert len(expected) == 1
        assert [detect_hog(part, 0, RUNTIME) for _ in range(10)] == [expected] * 10


@pytest.mark.parametrize("edge", [55, 60])
def test_a_pattern_that_hog_takes_for_a_face_is_none(edge):
    pattern = np.random.default_rng(0).integers(0, 255, (30, 320, 3), dtype=np.uint8)[:6, 236:244]
    image = cv2.resize(pattern, None, fx=edge, fy=edge, interpolation=cv2.INTER_CUBIC)
    assert len(detect_hog(image, 1, RUNTIME)) == 1
    assert detect_promising(image, 1, RUNTIME) == []


@pytest.mark.parametrize(("reduction", "count"), [(0.3, 0), (1, 0), (1.01, 1), (5, 1), (5.1, 2), (25, 2), (41, 3)])
def test_levels_reach_from_the_picture_to_what_was_seen(reduction, count):
    levels, step = pyramid(reduction)
    assert levels == count
    assert step**levels == pytest.approx(max(reduction, 1))


@pytest.mark.parametrize("extent", [1, 60, 299, 300, 301, 1000, 1601, 16000])
@pytest.mark.parametrize("overlap", [50, 250])
def test_tiles_cover_all_and_overlap(extent, overlap):
    pieces = spans(extent, 300, overlap)
    assert pieces[0][0] == 0
    assert pieces[-1][1] == extent
    assert all(0 < end - start <= 300 for start, end in pieces)
    assert all(before[1] - after[0] >= overlap for before, after in pairwise(pieces))


def test_every_detector_has_its_wide_look():
    assert WIDE_LOOKS.keys() == DETECTORS.keys()


@pytest.mark.parametrize(
    ("other", "same"),
    [((0, 0, 100, 100), True), ((20, 20, 120, 120), True), ((60, 0, 160, 100), False), ((40, 40, 60, 60), True)],
)
def test_a_box_mostly_in_another_is_the_same_face(other, same):
    assert is_same((0, 0, 100, 100), other) == is_same(other, (0, 0, 100, 100)) == same
