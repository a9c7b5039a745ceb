"""From pictures in memory to named faces, as `infer` names those in files."""

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

from faceline import Recognizer, infer
from faceline.disk.pictures.images import decode_image, encode_png
from faceline.errors import FacelineError, MissingError, UnreadableError
from faceline.faces.options import AlignmentOptions
from faceline.networks.table import NETWORKS


@pytest.fixture(scope="module")
def recognizer(pipeline):
    return Recognizer.load(pipeline / "embeddings" / "classifier.pkl")


@pytest.fixture(scope="module")
def finder():
    """Without a gallery."""
    return Recognizer.load()


@pytest.fixture(scope="module")
def small(photographs, tmp_path_factory):
    """The photographs to name, a stranger's and the portrait, so small that they take a quarter of the time or less."""
    folder = tmp_path_factory.mktemp("small")
    paths = []
    for path in [path for path, _ in photographs.probes] + [photographs.stranger, photographs.portrait]:
        with Image.open(path) as picture:
            picture.thumbnail((480, 480))
            picture.save(folder / path.name, quality=95)
        paths.append(folder / path.name)
    return paths


@pytest.fixture(scope="module")
def pair(small):
    """A picture of two people side by side."""
    pictures = [decode_image(path.read_bytes()) for path in (small[-2], small[0])]
    height = max(map(len, pictures))
    return np.concatenate([np.pad(one, ((0, height - len(one)), (0, 0), (0, 0))) for one in pictures], axis=1)


def told(faces):
    """All that is said of faces, as values that compare."""
    return [
        (face.box_ltrb, face.turn, face.score, face.detector, face.identity)
        + (face.landmarks.tobytes(), face.embedding.tobytes())
        for face in faces
    ]


def as_png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def test_every_kind_of_picture_has_the_same_faces(recognizer, small):
    for path in [*small[:2], small[-2]]:
        data = path.read_bytes()
        opened = Image.open(path)
        expected = told(recognizer.faces(decode_image(data)))
        assert expected
        for given in (path, str(path), data, bytearray(data), memoryview(data), opened, opened):
            assert told(recognizer.faces(given)) == expected


def test_faces_are_those_that_infer_names(recognizer, classifier, pair, small, photographs, tmp_path):
    (tmp_path / "pair.png").write_bytes(encode_png(pair))
    for path in [tmp_path / "pair.png", *small[:-2], photographs.probes[0][0]]:
        for every in (True, False):
            (answer,) = infer(path, classifier, multi=every)
            faces = recognizer.faces(path, every=every)
            said = [(face.box_ltrb, face.identity, face.turn) for face in answer.faces]
            assert [(face.box_ltrb, face.identity, face.turn) for face in faces] == said
            assert [(face.name, face.confidence) for face in faces] == [
                (face.name, face.confidence) for face in answer.faces
            ]
    options: dict[str, Any] = {"threshold": np.inf, "one_each": True}
    (answer,) = infer(tmp_path / "pair.png", classifier, multi=True, top=5, **options)
    faces = recognizer.faces(pair, candidates=5, **options)
    assert [face.identity for face in faces] == [face.identity for face in answer.faces]


def test_a_face_has_its_places_numbers_and_evidence(recognizer, photographs):
    path, name = photographs.probes[0]
    (face,) = recognizer.faces(path, every=False)
    assert face.name == name
    assert face.confidence == face.identity.confidence > 0.9
    assert face.identity.likeliest.nearest.startswith(name)
    assert face.embedding.shape == (128,)
    assert face.embedding.dtype == np.float32
    assert face.score > 0
    assert face.detector in ("hog", "cnn")
    assert_on_face(face)


def assert_on_face(face):
    """The five landmarks lie where they are in an upright face that was turned back by `face.turn`."""
    left, top, right, bottom = face.box_ltrb
    assert face.landmarks.shape == (5, 2)
    assert face.landmarks.dtype == np.float64
    assert (face.landmarks > (left, top)).all()
    assert (face.landmarks < (right, bottom)).all()
    on_right, on_left, nose = face.landmarks[0], face.landmarks[2], face.landmarks[4]
    across = complex(*(on_right - on_left)) * 1j ** (face.turn // 90)
    down = complex(*(nose - (on_right + on_left) / 2)) * 1j ** (face.turn // 90)
    assert across.real > 2 * abs(across.imag)
    assert down.imag > 2 * abs(down.real)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_places_are_those_of_the_picture_as_it_lies(finder, photographs, turn):
    upright = decode_image(photographs.portrait.read_bytes())
    (expected,) = finder.faces(upright, every=False)
    lying = np.rot90(upright, turn // 90)
    (face,) = finder.faces(lying, every=False)
    assert face.turn == turn
    assert_on_face(face)
    back = np.rot90(face_map(face.landmarks, lying.shape), -turn // 90)
    ys, xs = np.nonzero(back)
    assert abs(xs.mean() - expected.landmarks[:, 0].mean()) < 0.05 * (expected.box_ltrb[2] - expected.box_ltrb[0])
    assert abs(ys.mean() - expected.landmarks[:, 1].mean()) < 0.05 * (expected.box_ltrb[2] - expected.box_ltrb[0])


def face_map(landmarks, shape):
    """A picture of that shape in which the landmarks' pixels alone are set."""
    found = np.zeros(shape[:2], bool)
    x, y = landmarks.astype(int).T
    found[y, x] = True
    return found


def test_a_picture_is_seen_as_its_exif_says(finder, encoded, portrait):
    exif = Image.Exif()
    exif[0x0112] = 6  # it is shown turned clockwise by 90 degrees
    data = encoded("PNG", exif=exif)
    shown = np.rot90(portrait, -1)
    expected = told(finder.faces(shown))
    assert expected
    assert told(finder.faces(data)) == expected
    assert told(finder.faces(Image.open(io.BytesIO(data)))) == expected


@pytest.mark.parametrize("mode", ["RGBA", "L", "P", "CMYK", "I;16"])
def test_images_of_any_mode(finder, portrait, mode):
    image = Image.fromarray(portrait)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    (face,) = finder.faces(image.convert(mode) if mode != "I;16" else image, every=False)
    (expected,) = finder.faces(portrait, every=False)
    assert np.abs(np.subtract(face.box_ltrb, expected.box_ltrb)).max() < 20


def test_very_large_arrays_are_reduced_as_files_are(finder, portrait, monkeypatch):
    monkeypatch.setattr("faceline.disk.pictures.limits.MAX_PIXELS", 320 * 320)
    large = np.array(Image.fromarray(portrait).resize((portrait.shape[1] * 2, portrait.shape[0] * 2)))
    (face,) = finder.faces(large, every=False)
    assert (
        told([face])
        == told(finder.faces(as_png(large), every=False))
        == told(finder.faces(Image.fromarray(large), every=False))
    )
    (half,) = finder.faces(np.array(Image.fromarray(large).reduce(2)), every=False)
    assert face.box_ltrb == tuple(2 * edge for edge in half.box_ltrb)
    assert np.array_equal(face.landmarks, 2 * half.landmarks + 0.5)


def test_without_a_gallery_faces_have_embeddings_and_no_names(finder, recognizer, photographs):
    path, _ = photographs.probes[0]
    (face,) = finder.faces(path, every=False)
    (named,) = recognizer.faces(path, every=False)
    assert np.array_equal(face.embedding, named.embedding)
    assert (face.identity, face.name, face.confidence) == (None, None, None)


def test_parts_of_one_s_own(photographs):
    alignment = AlignmentOptions(landmark_model=68)
    (face,) = Recognizer(NETWORKS["dlib"], alignment).faces(photographs.portrait, every=False)
    assert face.landmarks.shape == (68, 2)
    with pytest.raises(FacelineError, match="the network dlib wants crops in the frame dlib, not in arcface"):
        Recognizer(NETWORKS["dlib"], AlignmentOptions(frame="arcface"))


def test_non_contiguous_and_read_only_arrays(finder, portrait):
    expected = told(finder.faces(portrait))
    padded = np.zeros((*portrait.shape[:2], 4), np.uint8)
    padded[..., :3] = portrait
    padded.flags.writeable = False
    assert told(finder.faces(padded[..., :3])) == expected
    assert told(finder.faces(np.asfortranarray(portrait))) == expected


def test_a_picture_without_a_face(recognizer):
    for shape in ((90, 90, 3), (1, 1, 3)):
        assert recognizer.faces(np.zeros(shape, np.uint8)) == []


def test_what_is_no_picture_is_refused(recognizer, portrait, tmp_path):
    (tmp_path / "text.jpg").write_text("hello")
    with pytest.raises(UnreadableError, match=r"text\.jpg: not a picture"):
        recognizer.faces(tmp_path / "text.jpg")
    with pytest.raises(MissingError, match=r"gone\.jpg: No such file"):
        recognizer.faces(tmp_path / "gone.jpg")
    with pytest.raises(UnreadableError, match="not a picture"):
        recognizer.faces(b"hello")
    with pytest.raises(UnreadableError, match="empty file"):
        recognizer.faces(b"")
    with pytest.raises(FacelineError, match="an empty path names nothing"):
        recognizer.faces("")
    with pytest.raises(UnreadableError, match="damaged picture"):
        recognizer.faces(Image.open(io.BytesIO(as_png(portrait)[:2000])))
    for wrong in (portrait[..., 0], portrait.astype(np.float32), portrait[:0], np.dstack([portrait, portrait])):
        with pytest.raises(ValueError, match="a picture is uint8 of shape"):
            recognizer.faces(wrong)
    for wrong in (None, 5, [portrait]):
        with pytest.raises(TypeError, match="an RGB uint8 array, the bytes or the path of a picture"):
            recognizer.faces(wrong)


def test_what_cannot_be_asked_is_refused(recognizer, portrait, tmp_path):
    for options in ({"threshold": -1.0}, {"threshold": np.nan}, {"candidates": 0}):
        with pytest.raises(FacelineError, match=r"is no distance|is out of range"):
            recognizer.faces(portrait, **options)
    for more in ({"passes": 3}, {"upsample": 9}, {"engine": "tin"}, {"network": "none"}):
        with pytest.raises(FacelineError, match=r"out of range|unknown"):
            Recognizer.load(**more)
    with pytest.raises(FacelineError, match=r"classifier\.pkl"):
        Recognizer.load(tmp_path)


def test_threads_get_the_serial_answers(recognizer, finder, small, pair):
    opened = Image.open(small[-1])  # not decoded yet: by all threads at once
    pictures = [*small, pair, decode_image(small[-2].read_bytes()), opened, opened, opened, opened]
    asked = [(who, picture) for picture in pictures for who in (recognizer, finder)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda one: told(one[0].faces(one[1])), asked[::-1]))[::-1]
    assert found == [told(who.faces(picture)) for who, picture in asked]
