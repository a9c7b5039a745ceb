"""Photographs that are decoded and looked at no further than their faces need."""

import io
import time
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import pytest
from PIL import Image

from faceline.disk.pictures import pillow_pictures
from faceline.disk.pictures.images import Picture, decode_picture, open_picture
from faceline.errors import UnreadableError
from faceline.faces.aligner import Aligner
from faceline.faces.detectors import Face, detect_hog
from faceline.faces.embedder import embed
from faceline.faces.options import AlignmentOptions
from faceline.faces.promise import detect_in_tile
from faceline.faces.tiles import is_same
from faceline.host.steps import measured, step
from faceline.networks.runtime import Runtime
from faceline.networks.table import network_named

OPTIONS = AlignmentOptions()
RUNTIME = Runtime()
EDGE = 3001  # odd, so that the last pixel of a reduced picture stands for a part

# EXIF's number for how a picture lies -> how an upright one is turned to be stored so.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.fixture(scope="module")
def upright(portrait) -> Image.Image:
    """A photograph of a face that is much of it."""
    scale = EDGE / max(portrait.shape[:2])
    return Image.fromarray(cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC))


def jpeg(image: Image.Image, lies: int = 1, **options: object) -> bytes:
    """A picture as a JPEG file that lies as EXIF's number says."""
    exif = Image.Exif()
    exif[0x0112] = lies
    turn = STORED[lies]
    file = io.BytesIO()
    (image if turn is None else image.transpose(turn)).save(file, "JPEG", exif=exif, **{"quality": 90, **options})
    return file.getvalue()


@pytest.fixture
def factors(monkeypatch) -> list[int]:
    """The scales at which JPEG files are decoded from now on."""
    seen: list[int] = []
    load = pillow_pictures.load_reduced

    def recorded(image: Image.Image, factor: int) -> Image.Image:
        seen.append(factor)
        return load(image, factor)

    monkeypatch.setattr(pillow_pictures, "load_reduced", recorded)
    return seen


def looked_at(seen) -> tuple[Face, np.ndarray, np.ndarray]:
    """The main face of a picture, its crop and its landmarks."""
    aligner = Aligner(OPTIONS, RUNTIME)
    face = aligner.find(seen)[0]
    return face, *aligner.crop_and_landmarks(seen, face)


@pytest.fixture(scope="module")
def whole(upright) -> tuple[Face, np.ndarray, np.ndarray]:
    """What there is to see in the photograph, decoded at its full scale."""
    return looked_at(decode_picture(jpeg(upright)).pixels)


@pytest.mark.parametrize("lies", STORED)
def test_a_large_face_is_the_same_from_a_part_of_the_decoding(lies, upright, whole, factors):
    face, crop, landmarks = looked_at(open_picture(jpeg(upright, lies), OPTIONS.first_edge).views)
    assert set(factors) == {2}
    assert np.abs(np.subtract(face.box_ltrb, whole[0].box_ltrb)).max() <= 8, "pixels of 3,001"
    assert np.abs(landmarks - whole[2]).max() <= 8
    assert np.abs(crop.astype(int) - whole[1]).mean() < 6
    one, other = embed(network_named("dlib"), np.array([crop, whole[1]]), RUNTIME, frame="dlib")
    assert np.linalg.norm(one - other) < 0.12


@pytest.mark.parametrize(
    ("mode", "options"), [("RGB", {}), ("L", {}), ("CMYK", {"progressive": True}), ("RGB", {"subsampling": 0})], ids=str
)
def test_views_are_the_picture_made_smaller(mode, options, upright):
    data = jpeg(upright.convert(mode), 6, **options)
    views = open_picture(data, 300).views
    assert views.scales == (1, 2, 4, 8)
    for scale in views.scales[1:]:
        view = views.at(scale)
        height, width = views.shape[:2]
        assert view.pixels.shape[:2] == (-(-height // scale), -(-width // scale))
        part = views.whole[view.top % scale :, view.left % scale :]
        part = part[: part.shape[0] // scale * scale, : part.shape[1] // scale * scale]
        mean = part.reshape(part.shape[0] // scale, scale, part.shape[1] // scale, scale, 3).mean(axis=(1, 3))
        top, left = int(view.top < 0), int(view.left < 0)
        seen = view.pixels[top:, left:][: mean.shape[0], : mean.shape[1]]
        assert np.abs(seen - mean).mean() < 1.5


def outcome(decode: Callable[[bytes], Picture], data: bytes) -> str | bytes:
    """The pixels of a picture, or why there are none."""
    try:
        return decode(data).pixels.tobytes()
    except UnreadableError as error:
        return error.reason


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=str)
def test_a_file_that_was_cut_off_is_what_it_is_at_full_scale(options, upright):
    data = jpeg(upright.resize((2000, 1600)), **options)
    seen = set()
    for part in (0.3, 0.9, 0.99, 0.999, 1):
        cut = data[: round(part * len(data)) - 2]
        expected = outcome(decode_picture, cut)
        assert outcome(partial(open_picture, edge=OPTIONS.first_edge), cut) == expected
        seen.add(type(expected))
    assert seen == {str, bytes}


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_what_is_not_a_large_jpeg_is_decoded_at_once(kind, upright):
    file = io.BytesIO()
    edge = 1600 if kind == "JPEG" else 1700
    upright.resize((edge, 1200)).save(file, kind)
    views = open_picture(file.getvalue(), OPTIONS.first_edge).views
    assert views.scales == (1,)
    assert (views.whole == decode_picture(file.getvalue()).pixels).all()


def pasted(canvas: np.ndarray, portrait: np.ndarray, edge: int, centre: tuple[int, int]) -> None:
    """Put the head of a portrait on a canvas, its face `edge` pixels large."""
    left, top, right, bottom = detect_hog(portrait, 1, RUNTIME)[0].box_ltrb
    around = (right - left) // 3
    head = portrait[max(top - around, 0) : bottom + around, max(left - around, 0) : right + around]
    scale = edge / (right - left)
    head = cv2.resize(head, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = centre[0] - head.shape[1] // 2, centre[1] - head.shape[0] // 2
    canvas[top : top + head.shape[0], left : left + head.shape[1]] = head


def plain(height: int, width: int) -> np.ndarray:
    """A background that fades."""
    return np.broadcast_to(np.linspace(60, 180, width, dtype=np.uint8)[None, :, None], (height, width, 3)).copy()


def test_a_small_face_beside_nothing_else_is_found(portrait):
    canvas = plain(2000, 2600)
    pasted(canvas, portrait, 48, (1900, 700))
    faces = Aligner(OPTIONS, RUNTIME).find(open_picture(jpeg(Image.fromarray(canvas)), OPTIONS.first_edge).views)
    assert [is_same(face.box_ltrb, (1876, 676, 1924, 724)) for face in faces] == [True]


def test_small_faces_beside_a_large_one_are_found_and_the_main_one_is_the_same(portrait):
    canvas = plain(2000, 2600)
    pasted(canvas, portrait, 560, (1300, 900))
    pasted(canvas, portrait, 48, (300, 1500))
    data = jpeg(Image.fromarray(canvas))
    aligner = Aligner(OPTIONS, RUNTIME)
    alone, every = (open_picture(data, OPTIONS.first_edge).views for _ in range(2))
    (main,) = aligner.find(alone)
    found = aligner.find(every, every=True)
    assert found[0] == main
    assert [is_same(face.box_ltrb, (276, 1476, 324, 1524)) for face in found[1:]] == [True]
    assert (aligner.crop(every, found[0]) == aligner.crop(alone, main)).all()


def test_a_large_face_at_the_edge_is_not_taken_for_the_main_one_unseen(portrait):
    """One in the middle that the quick look is too coarse for is."""
    canvas = plain(2000, 2600)
    pasted(canvas, portrait, 420, (350, 1600))
    pasted(canvas, portrait, 300, (1300, 1000))
    main = Aligner(OPTIONS, RUNTIME).find(open_picture(jpeg(Image.fromarray(canvas)), OPTIONS.first_edge).views)[0]
    assert is_same(main.box_ltrb, (1150, 850, 1450, 1150))


@pytest.mark.parametrize("degrees", [-22, 0, 22])
def test_a_tile_shows_faces_that_lean(degrees, portrait):
    canvas = plain(300, 400)
    pasted(canvas, portrait, 52, (200, 150))
    matrix = cv2.getRotationMatrix2D((200, 150), degrees, 1)
    canvas = cv2.warpAffine(canvas, matrix, (400, 300), borderMode=cv2.BORDER_REFLECT)
    faces = detect_in_tile(canvas, 1, RUNTIME)
    assert [is_same(face.box_ltrb, (174, 124, 226, 176)) for face in faces] == [True]


def test_a_step_within_another_one_counts_once():
    with measured() as times, step("outer"), step("inner"):
        time.sleep(0.05)
    assert times["inner"] >= 0.05 > times["outer"]
