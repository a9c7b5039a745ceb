"""RetinaFace's decoder, on a network of the same outputs that answers for coloured cells: so its boxes are known."""

from dataclasses import replace

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from faceline import Recognizer, align_folder, infer, represent_folder, train
from faceline.disk.manifests import read_manifest
from faceline.disk.pictures.images import decode_image
from faceline.disk.rows import PictureRow
from faceline.faces import retinaface
from faceline.faces.aligner import Aligner
from faceline.faces.catalogue import get
from faceline.faces.detectors import DETECTORS, RETINAFACE_DROP, RETINAFACE_EDGE, detect_hog
from faceline.faces.options import AlignmentOptions
from faceline.faces.retinaface import SQUARES, decoded, retinaface_session, run_retinaface, squares
from faceline.faces.tiles import is_same
from faceline.networks.runtime import Runtime
from faceline.networks.weights import RETINAFACE, Download, download_path

RUNTIME = Runtime()

# The edge of a cell -> the channel, as the network counts them, that it answers for, and which of its two squares.
ANSWERS = {8: ("blue", 0, 0), 16: ("green", 1, 1), 32: ("red", 2, 0)}
COLOURS = {"blue": (0, 0, 255), "green": (0, 255, 0), "red": (255, 0, 0)}

# What it says of every face: half as wide again as its square, and as high; landmarks further and further off.
EXTENTS = (np.log(1.5) / 0.2, 0.0)
POINTS = np.arange(10) / 2


def network(right=1.0, down=-2.0):
    """An ONNX model; faces of pure colours lie that many tenths of an edge off the middle."""
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []
    parts: dict[str, list[str]] = {"loc": [], "conf": [], "landmarks": []}

    def add(operation, inputs, output, **attributes):
        nodes.append(helper.make_node(operation, inputs, [output], **attributes))
        return output

    def constant(name, values, kind=np.float32):
        weights.append(numpy_helper.from_array(np.array(values, kind), name))
        return name

    for cell, (_, channel, square) in ANSWERS.items():
        means = add("AveragePool", ["input"], f"mean{cell}", kernel_shape=[cell] * 2, strides=[cell] * 2, ceil_mode=1)
        full = 255 - (104, 117, 123)[channel]  # blue, green, red
        place, logit, points = np.zeros((8, 3)), np.zeros((4, 3)), np.zeros((20, 3))
        place[[0, 4], channel] = right / full
        logit[2 * square + 1, channel] = 1 / 4
        scores = np.array([0, -50.0, 0, -50.0])
        scores[2 * square + 1] = 8 - full / 4  # a pure colour scores softmax(0, 8)
        biases = {"loc": (0, down, *EXTENTS) * 2, "conf": scores, "landmarks": np.tile(POINTS, 2)}
        for name, filters in (("loc", place), ("conf", logit), ("landmarks", points)):
            kernel = constant(f"{name}{cell}w", filters[:, :, None, None])
            bias = constant(f"{name}{cell}b", biases[name])
            maps = add("Conv", [means, kernel, bias], f"{name}{cell}")
            rows = add("Transpose", [maps], f"{name}{cell}t", perm=[0, 2, 3, 1])
            shape = constant(f"{name}{cell}s", [1, -1, len(filters) // 2], np.int64)
            parts[name].append(add("Reshape", [rows, shape], f"{name}{cell}r"))
    for name, found in parts.items():
        joined = add("Concat", found, f"{name}all" if name == "conf" else name, axis=1)
        if name == "conf":
            add("Softmax", [joined], "conf", axis=-1)
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, None]) for name in parts]
    entry = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, "height", "width"])
    graph = helper.make_graph(nodes, "cells", [entry], outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """A function that puts such a network where RetinaFace's file would be."""

    def install(**options):
        (tmp_path / "cache" / "faceline").mkdir(parents=True)
        (tmp_path / "cache" / "faceline" / "cells.onnx").write_bytes(network(**options))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        brought = Download("cells.onnx", None, None, None)
        monkeypatch.setattr(retinaface, "RETINAFACE", brought)
        monkeypatch.setitem(DETECTORS, "retinaface", replace(DETECTORS["retinaface"], weights=(brought,)))
        download_path.cache_clear()
        retinaface_session.cache_clear()

    yield install
    download_path.cache_clear()
    retinaface_session.cache_clear()


def painted(height, width, *cells):
    """A grey picture with cells (colour, row, column)."""
    picture = np.full((height, width, 3), 128, np.uint8)
    edges = {colour: edge for edge, (colour, _, _) in ANSWERS.items()}
    for colour, row, column in cells:
        edge = edges[colour]
        picture[row * edge : (row + 1) * edge, column * edge : (column + 1) * edge] = COLOURS[colour]
    return picture


def expected_row(colour, row, column, right=1.0, down=-2.0):
    cell, square = next((edge, square) for edge, (name, _, square) in ANSWERS.items() if name == colour)
    edge = SQUARES[cell][square]
    middle = np.array([column + 0.5, row + 0.5]) * cell
    left, top = middle + 0.1 * edge * np.array([right, down]) - np.array([1.5, 1]) * edge / 2
    points = np.tile(middle, 5) + 0.1 * edge * POINTS
    return [left, top, 1.5 * edge, edge, *points, 1 / (1 + np.exp(-8))]


@pytest.mark.parametrize("shape", [(160, 224), (161, 219)], ids=["whole cells", "cells that are cut off"])
@pytest.mark.parametrize("cell", [("blue", 3, 7), ("blue", 19, 0), ("green", 2, 11), ("red", 4, 5), ("red", 0, 3)])
def test_a_coloured_cell_is_a_face_at_a_known_place(installed, shape, cell):
    installed()
    rows = run_retinaface(painted(*shape, cell), RUNTIME)
    assert rows.shape == (1, 15)
    assert rows[0] == pytest.approx(expected_row(*cell), abs=1e-3)


def test_of_boxes_that_overlap_the_surest_stays(installed):
    installed()
    rows = run_retinaface(painted(160, 224, ("blue", 9, 9), ("blue", 9, 10), ("blue", 9, 12), ("red", 1, 1)), RUNTIME)
    lefts = sorted(rows[:, 0].tolist())
    # Boxes of 24 x 16 pixels that are 8 apart share half of their union; those 16 apart, a fifth.
    blue = [expected_row("blue", 9, column)[0] for column in (9, 12)]
    assert lefts == pytest.approx(sorted([*blue, expected_row("red", 1, 1)[0]]), abs=1e-3)
    dull = painted(160, 224, ("blue", 9, 10))
    dull[72:80, 72:80] = (0, 0, 251)  # left of it, and less sure
    (row,) = run_retinaface(dull, RUNTIME)
    assert row[[0, 14]] == pytest.approx(np.array(expected_row("blue", 9, 10))[[0, 14]], abs=1e-3)


def test_what_scores_less_is_no_face(installed):
    installed()
    for blue, count in ((232, 1), (225, 0)):  # softmax(0, 2.25), 0.90, and softmax(0, 0.5), 0.62
        picture = painted(64, 64)
        picture[8:16, 8:16] = (0, 0, blue)
        assert len(run_retinaface(picture, RUNTIME)) == count
    for shape in ((1, 1), (1, 500), (500, 1), (20, 20)):
        assert run_retinaface(np.zeros((*shape, 3), np.uint8), RUNTIME).shape == (0, 15)


def test_squares_are_in_the_published_order():
    """Level by level, rows, columns, and then the smaller square first."""
    found = squares(33, 20)
    assert found.tolist()[:4] == [[4, 4, 16], [4, 4, 32], [12, 4, 16], [12, 4, 32]]
    assert found.tolist()[2 * 5 * 3 : 2 * 5 * 3 + 3] == [[8, 8, 64], [8, 8, 128], [24, 8, 64]]
    assert found.tolist()[-2:] == [[16, 48, 256], [16, 48, 512]]
    assert len(found) == 2 * (5 * 3 + 3 * 2 + 2 * 1)
    nothing = decoded(np.zeros((46, 4)), np.tile((1.0, 0.0), (46, 1)), np.zeros((46, 10)), 33, 20)
    assert nothing.shape == (0, 15)


def test_through_all_stages(installed, photographs, tmp_path):
    """Photographs cut so that the face lies where the network says one is when it sees a red cell in their corner."""
    installed(right=9.0, down=9.0)
    left, top, width, height = expected_row("red", 0, 0, right=9.0, down=9.0)[:4]
    edge = RETINAFACE_EDGE * np.sqrt(width * height)
    middle = left + width / 2, top + height / 2 + RETINAFACE_DROP * edge

    def prepare(path, folder):
        image = decode_image(path.read_bytes())
        (face,) = detect_hog(image, 0, RUNTIME)[:1]
        corners = np.reshape(face.box_ltrb, (2, 2))
        scale = edge / (corners[1] - corners[0])[0]
        shift = middle - corners.mean(axis=0) * scale
        picture = cv2.warpAffine(image, np.array([[scale, 0, shift[0]], [0, scale, shift[1]]]), (520, 520))
        picture[:32, :32] = COLOURS["red"]
        place = folder / path.parent.name / f"{path.stem}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place)
        return place

    for path in sorted(photographs.train.glob("*/*.*")):
        prepare(path, tmp_path / "in")
    align_folder(tmp_path / "in", tmp_path / "aligned", detector="retinaface", jobs=1)
    rows = read_manifest(tmp_path / "aligned" / "manifest.csv", PictureRow)
    box = *(round(place - edge / 2) for place in middle), *(round(place + edge / 2) for place in middle)
    assert {row.status for row in rows} == {"ok"}
    for row in rows:
        assert (row.left, row.top, row.right, row.bottom) == pytest.approx(box, abs=1)
    represent_folder(tmp_path / "aligned", tmp_path / "embeddings", jobs=1)
    train(tmp_path / "embeddings", jobs=1)
    probe, name = photographs.probes[-1]
    probe = prepare(probe, tmp_path / "probes")
    (answer,) = infer([probe], tmp_path / "embeddings")
    assert answer.faces[0].name == name
    for every in (False, True):
        (face,) = Recognizer.load(tmp_path / "embeddings").faces(probe, every=every)
        assert (face.name, face.detector) == (name, "retinaface")


def test_the_real_network_finds_dlib_s_faces(faces, monkeypatch, tmp_path):
    file = faces / "models" / RETINAFACE.file
    if not file.is_file():
        pytest.skip(f"needs models/{file.name} in the collection of photographs")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    download_path.cache_clear()
    get("retinaface", file)
    for name, count in (("2008_002470", 6), ("2008_004176", 7), ("dogs", 0)):
        image = decode_image((faces / "groups" / f"{name}.jpg").read_bytes())
        found, expected = (
            Aligner(AlignmentOptions(detector=detector), RUNTIME).find(image, every=True)
            for detector in ("retinaface", "auto")
        )
        assert len(found) == len(expected) == count
        for face in expected:
            assert any(is_same(face.box_ltrb, other.box_ltrb) for other in found)
    download_path.cache_clear()
    retinaface_session.cache_clear()
