import os

import numpy as np
import pytest

from faceline.disk.pictures.images import decode_image
from faceline.report.marked_pictures import draw_faces, marked_paths


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


def test_known_and_unknown_differ_in_colour_and_stroke(tmp_path):
    image, box = np.full((200, 200, 3), 90, np.uint8), (20, 30, 120, 130)
    rows = {}
    for caption in ("anna 0.90", ""):
        draw_faces(image, [box], [caption], tmp_path / "a.png")
        marked = decode_image((tmp_path / "a.png").read_bytes())
        rows[caption] = marked[30, 20:120]
        outside = (marked != 90).any(axis=2)
        outside[30:130, 20:120] = False
        assert outside.any() == bool(caption)  # unknown people have no text
    known, unknown = ({tuple(map(int, pixel)) for pixel in row} for row in rows.values())
    assert known == {(255, 212, 0)}
    assert unknown == {(86, 180, 233), (90, 90, 90)}
    gaps = (rows[""] == 90).all(axis=1)
    assert 0.3 < gaps.mean() < 0.6
    assert np.count_nonzero(np.diff(gaps.astype(int)) == 1) > 4


def test_a_legend_leaves_the_picture_where_it_is(tmp_path, portrait):
    height, width = portrait.shape[:2]
    boxes = [(30 * face, 20, 30 * face + 20, 40) for face in range(9)]
    captions = [f"person-{face} 0.50" if face != 4 else "" for face in range(9)]
    crops = [np.full((96, 96, 3), 20 * face, np.uint8) for face in range(9)]
    numbered, _ = draw_faces(portrait, boxes, captions, tmp_path / "a.png", crops)
    assert numbered == [0, 1, 2, 3, 5, 6, 7, 8]
    marked = decode_image((tmp_path / "a.png").read_bytes())
    assert marked.shape > portrait.shape
    assert np.array_equal(marked[60:height, :width], portrait[60:])
    legend = marked.copy()
    legend[:height, :width] = 255
    for face in range(1, 9):
        assert (legend == 20 * face).all(axis=2).sum() > 30**2 or face == 4


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
