import os

import numpy as np
import pytest

from faceline.annotate import draw_faces, marked_paths
from faceline.images import decode_image


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
