"""Networks of the shapes of JAPANESE FACE v1, with random weights, and its description as the page has it: through all
stages, `migrate`, and beside dlib's network."""

import re
import shutil
from pathlib import Path

import dlib
import numpy as np
import onnx
import pytest
from conftest import ROOT, run_script
from onnx import TensorProto, helper, numpy_helper

from faceline import Recognizer, align_folder, represent_folder, train
from faceline.disk.embeddings import read_people
from faceline.disk.manifests import read_manifest
from faceline.disk.pictures.images import decode_image
from faceline.disk.rows import PictureRow
from faceline.disk.run_records import read_record
from faceline.faces.embedder import embed
from faceline.networks.frames import DLIB_TIGHT
from faceline.networks.inference import onnx_session
from faceline.networks.runtime import Runtime
from faceline.networks.table import network_named
from faceline.networks.telemetry import import_onnxruntime
from faceline.networks.weights import LANDMARKS_5, weights_path

# Whether the colours come last, and how many pictures the file is for.
KINDS = {"nchw-1": (False, 1), "nchw-n": (False, None), "nhwc-1": (True, 1), "nhwc-n": (True, None)}
PEOPLE = ("biden", "obama")


def network(colours_last: bool, pictures: int | None) -> bytes:
    """Two convolutions, the mean over all places, and 512 numbers; always the same weights."""
    generator = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {
        "first": generator.normal(size=(16, 3, 7, 7)).astype(np.float32) / 12,
        "second": generator.normal(size=(32, 16, 3, 3)).astype(np.float32) / 12,
        "last": generator.normal(size=(32, 512)).astype(np.float32),
        "flat": np.array([pictures or 0, 32], np.int64),
    }
    nodes = [
        helper.make_node("Conv", ["colours", "first"], ["a"], strides=[4, 4]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "second"], ["c"], strides=[2, 2]),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("GlobalAveragePool", ["d"], ["e"]),
        helper.make_node("Reshape", ["e", "flat"], ["f"]),
        helper.make_node("MatMul", ["f", "last"], ["embedding"]),
    ]
    perm = [0, 3, 1, 2] if colours_last else [0, 1, 2, 3]
    nodes.insert(0, helper.make_node("Transpose", ["input"], ["colours"], perm=perm))
    count = pictures or "n"
    shape = [count, 224, 224, 3] if colours_last else [count, 3, 224, 224]
    graph = helper.make_graph(
        nodes,
        "own",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [count, 512])],
        [numpy_helper.from_array(values, name) for name, values in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Each kind of network -> its file, with the description of docs/networks.md beside it."""
    page = (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")
    (description,) = re.findall(r"```toml\n# efficientnetv2_arcface\.toml\n(.*?)```", page, re.DOTALL)
    folder = tmp_path_factory.mktemp("own")
    for kind, (colours_last, pictures) in KINDS.items():
        (folder / f"{kind}.onnx").write_bytes(network(colours_last, pictures))
        (folder / f"{kind}.toml").write_text(description)
    return {kind: folder / f"{kind}.onnx" for kind in KINDS}


@pytest.fixture(scope="module")
def pictures(faces, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for person in PEOPLE:
        shutil.copytree(faces / "known-people" / "train" / person, folder / person)
    return folder


@pytest.fixture(scope="module")
def aligned(own, pictures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("aligned")
    align_folder(pictures, folder, "dlibChip", network=str(own["nhwc-1"]), upsample=0, jobs=1)
    return folder


def rows_of(folder: Path, dimensions: int) -> dict[str, np.ndarray]:
    """Crop -> embedding."""
    embeddings, crops, _ = read_people(folder, dimensions, read_record(folder, "represent")["counts"])
    return dict(zip(crops, embeddings, strict=True))


def as_published(file: Path, picture: Path, row: PictureRow) -> np.ndarray:
    """What its author's code makes of a face: the chip, from 0 to 1, ImageNet's mean and deviation, NCHW."""
    image = decode_image(picture.read_bytes())
    assert row.left is not None and row.top is not None and row.right is not None and row.bottom is not None
    place = dlib.rectangle(row.left, row.top, row.right - 1, row.bottom - 1)
    shape = dlib.shape_predictor(str(weights_path(LANDMARKS_5)))(image, place)
    chip = dlib.get_face_chip(image, shape, size=224, padding=0.1)
    values = (chip / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    session = import_onnxruntime().InferenceSession(file.read_bytes(), providers=["CPUExecutionProvider"])
    found = session.run(None, {"input": values.transpose(2, 0, 1)[None].astype(np.float32)})[0].flatten()
    return found / np.linalg.norm(found)


@pytest.mark.parametrize("kind", KINDS)
def test_all_stages_give_the_published_code_s_numbers(own, pictures, aligned, kind, tmp_path):
    options = read_record(aligned)["options"]
    assert (options["frame"], options["size"]) == (DLIB_TIGHT, 224)
    represent_folder(aligned, tmp_path / "embeddings", network=str(own[kind]), jobs=1)
    found = rows_of(tmp_path / "embeddings", 512)
    manifest = read_manifest(aligned / "manifest.csv", PictureRow)
    assert len(found) == len(manifest) == 4
    for row in manifest:
        expected = as_published(own["nchw-1"], pictures / row.image, row)
        assert found[row.crop] == pytest.approx(expected, abs=1e-5)
    assert train(tmp_path / "embeddings", jobs=1).people == len(PEOPLE)
    # Of a file for one picture at a time, too.
    assert onnx_session(network_named(str(own[kind])), Runtime()).get_inputs()[0].shape[0] in ("pictures", "n")
    for row in manifest:
        (face,) = Recognizer.load(tmp_path / "embeddings").faces(pictures / row.image, every=False)
        assert face.embedding == pytest.approx(found[row.crop], abs=1e-6)
        assert face.name in (*PEOPLE, "unknown")


def test_a_combination_with_dlib_s_network(own, pictures, tmp_path):
    both = f"dlib+{own['nhwc-1']}"
    align_folder(pictures, tmp_path / "aligned", network=both, upsample=0, jobs=1)
    options = read_record(tmp_path / "aligned")["options"]
    assert (options["frame"], options["size"]) == ("dlib", 192)
    represent_folder(tmp_path / "aligned", tmp_path / "embeddings", network=both, jobs=1)
    crops = rows_of(tmp_path / "embeddings", 640)
    pixels = np.stack([decode_image((tmp_path / "aligned" / crop).read_bytes()) for crop in crops])
    for name, part in (("dlib", slice(0, 128)), (str(own["nchw-n"]), slice(128, 640))):
        alone = embed(network_named(name), pixels, Runtime(), frame="dlib")
        alone = alone / np.linalg.norm(alone, axis=1, keepdims=True) * 0.5**0.5
        assert np.stack(list(crops.values()))[:, part] == pytest.approx(alone, abs=1e-5)
    # The part of the crop is what the network's own crop shows.
    align_folder(pictures, tmp_path / "own", network=str(own["nhwc-1"]), upsample=0, jobs=1)
    represent_folder(tmp_path / "own", tmp_path / "alone", network=str(own["nhwc-1"]), jobs=1)
    for crop, embedding in rows_of(tmp_path / "alone", 512).items():
        assert embedding @ crops[crop][128:] > 0.98 * 0.5**0.5
    assert train(tmp_path / "embeddings", jobs=1).people == len(PEOPLE)


def test_a_work_folder_of_dlib_s_network_migrates_to_it(own, pictures, tmp_path):
    """By the commands: enrol, migrate, and infer."""
    work = tmp_path / "work"
    done = run_script("-m", "faceline", "enrol", pictures, work, "--upsample", 0, "--jobs", 1)
    assert (done.returncode, done.stderr) == (0, "")
    done = run_script("-m", "faceline", "migrate", work, "--network", own["nhwc-1"], "--jobs", 1)
    assert (done.returncode, done.stderr) == (0, "")
    assert "From dlib to nhwc-1, from the photographs in training-images." in done.stdout
    options = read_record(work / "aligned-images")["options"]
    assert (options["frame"], options["size"]) == (DLIB_TIGHT, 224)
    assert len(rows_of(work / "generated-embeddings", 512)) == 4
    picture = next((pictures / "obama").iterdir())
    done = run_script("-m", "faceline", "infer", work, picture)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"=== {picture} ===" in done.stdout
    assert done.stdout.count("Predict ") == 1
    done = run_script("-m", "faceline", "migrate", work, "--network", f"dlib+{own['nchw-1']}", "--jobs", 1)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(rows_of(work / "generated-embeddings", 640)) == 4
