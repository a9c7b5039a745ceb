import itertools

import numpy as np
import pytest

from faceline.disk.pictures.boxes import Box
from faceline.report.drawing.legend import legend
from faceline.report.drawing.lettering import Lettering
from faceline.report.drawing.marks import MAX_CAPTIONS, Marks, mark_faces

NAMES = ("will-ferrell 0.93", "Jo 1.00", f"{'Wolfeschlegelsteinhausen ' * 2}Senior 0.51", "", "李小龙 0.90", "x" * 60)


def shared(a: Box, b: Box) -> bool:
    return min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])


def crowd(generator: np.random.Generator, width: int, height: int, faces: int) -> list[Box]:
    """Boxes of all sizes that do not overlap, some of them at the border."""
    boxes: list[Box] = []
    for _ in range(100 * faces):
        edge = int(generator.integers(20, max(21, min(width, height) // 3)))
        left, top = (int(generator.integers(-edge // 3, size - edge // 2)) for size in (width, height))
        box = max(0, left), max(0, top), min(width, left + edge), min(height, top + edge)
        if len(boxes) < faces and not any(shared(box, other) for other in boxes):
            boxes.append(box)
    return boxes


def check(marks: Marks, boxes: list[Box], width: int, height: int) -> None:
    """Nothing leaves the picture, covers anything else, or any face but, as a number of its own, a corner."""
    places = [mark.place_ltrb for mark in marks.marks]
    for (left, top, right, bottom), mark in zip(places, marks.marks, strict=True):
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        assert mark.picture.size == (right - left, bottom - top)
    assert not any(shared(a, b) for a, b in itertools.combinations(places, 2))
    covered = [(place, box) for place in places for box in boxes if shared(place, box)]
    for (left, top, right, bottom), box in covered:
        assert marks.numbered
        assert left == box[0] or right == box[2] or top == box[1] or bottom == box[3]
        assert right - left <= 60
        assert bottom - top <= 30


@pytest.mark.parametrize("with_insets", [False, True])
@pytest.mark.parametrize(
    ("width", "height", "faces"), [(1600, 1000, 24), (500, 375, 6), (800, 600, 100), (150, 150, 1), (300, 2000, 5)]
)
def test_nothing_covers_a_face_or_another_mark(width, height, faces, with_insets):
    letters, generator = Lettering(), np.random.default_rng(faces)
    for _ in range(5 if faces < 100 else 1):
        boxes = crowd(generator, width, height, faces)
        captions = [NAMES[i] for i in generator.integers(0, len(NAMES), len(boxes))]
        insets = [np.zeros((96, 96, 3), np.uint8) if with_insets else None] * len(boxes)
        marks = mark_faces(width, height, boxes, captions, insets, letters)
        check(marks, boxes, width, height)
        named = [face for face, caption in enumerate(captions) if caption]
        assert set(marks.numbered) <= set(named)
        if len(named) > MAX_CAPTIONS:
            assert marks.numbered == named
        again = mark_faces(width, height, boxes, captions, insets, Lettering())
        assert [mark.place_ltrb for mark in again.marks] == [mark.place_ltrb for mark in marks.marks]


def test_faces_without_a_gap_get_their_numbers_in_their_own_boxes():
    boxes = [(50 * x, 37 * y, 50 * x + 50, 37 * y + 37) for y in range(10) for x in range(10)]
    marks = mark_faces(500, 370, boxes, ["a 0.50"] * 100, [None] * 100, Lettering())
    check(marks, boxes, 500, 370)
    assert len(marks.marks) == 100
    for mark, box in zip(marks.marks, boxes, strict=True):
        assert [other for other in boxes if shared(mark.place_ltrb, other)] == [box]


def test_faces_that_are_not_marked_are_left_alone():
    boxes, inset = [(200, 100, 300, 200), (310, 100, 400, 200), (200, 205, 330, 300)], np.zeros((96, 96, 3), np.uint8)
    marks = mark_faces(600, 400, boxes[:1], ["anna 0.90"], [inset], Lettering(), boxes[1:])
    check(marks, boxes, 600, 400)
    assert len(marks.marks) == 2
    assert not marks.numbered


def test_captions_touch_their_faces_and_grow_with_them():
    boxes = [(100, 100, 160, 160), (900, 300, 1300, 700)]
    marks = mark_faces(2000, 1000, boxes, ["anna 0.90"] * 2, [None, None], Lettering())
    small, large = (mark.place_ltrb for mark in marks.marks)
    assert (small[0], small[1]) == (100, 160)
    assert (large[0], large[1]) == (900, 700)
    assert large[3] - large[1] > 2 * (small[3] - small[1]) > 40


def test_a_legend_has_a_row_for_each_number_outside_the_picture():
    captions = [f"person-{number} 0.50" for number in range(30)]
    faces = [face for face in range(30) if face % 3]
    for width, height in ((800, 600), (300, 1200), (2000, 200)):
        wide, high, rows = legend(width, height, faces, captions, [None] * 30, Lettering())
        assert len(rows) == len(faces)
        places = [row.place_ltrb for row in rows]
        assert not any(shared(a, b) for a, b in itertools.combinations([(0, 0, width, height), *places], 2))
        assert all(right <= wide and bottom <= high for _, _, right, bottom in places)
        assert max(wide / width, high / height) < 3.5


def test_names_without_a_font_get_a_number_and_no_legend():
    marks = mark_faces(500, 400, [(100, 100, 200, 200)], ["\U0010fffe 0.50"], [None], Lettering())
    assert marks.numbered == [0]
    assert len(marks.marks) == 1
    assert legend(500, 400, [0], ["\U0010fffe 0.50"], [None], Lettering()) == (500, 400, [])
