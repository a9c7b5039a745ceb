"""Networks in other arithmetic than float32."""

import shutil
from dataclasses import replace

import numpy as np
import onnx
import pytest
from conftest import OFFLINE, at_home, names, run_script
from onnx import numpy_helper

from faceline import FacelineError, align_folder, enrol, infer, migrate, represent_folder, train
from faceline.disk.manifests import read_manifest
from faceline.disk.names import EMBEDDINGS_DIR
from faceline.disk.pictures.images import decode_image
from faceline.disk.rows import CropRow
from faceline.disk.run_records import read_record
from faceline.faces.embedder import embed
from faceline.faces.test_time_augmentation import Augmentation
from faceline.networks import precision, quantization
from faceline.networks.inference import integer_network
from faceline.networks.network import BFLOAT16, FLOAT32, INT8
from faceline.networks.precision import check_precision, openvino_core, plain_graph, with_precision
from faceline.networks.quantization import LARGEST_WEIGHT, quantized, shipped_ranges, whole_filters
from faceline.networks.runtime import Runtime
from faceline.networks.table import network_named, network_of
from faceline.recognition.recognizer import Recognizer
from faceline.work_folder.options import read_options

ONE_THREAD = Runtime()


def has_bfloat16() -> bool:
    try:
        return "BF16" in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    except FacelineError:
        return False


with_bfloat16 = pytest.mark.skipif(not has_bfloat16(), reason="needs OpenVINO, and a processor that has bfloat16")


@pytest.fixture(scope="module")
def crops(pipeline):
    paths = sorted((pipeline / "aligned").rglob("*.png"))[:6]
    return np.stack([decode_image(path.read_bytes()) for path in paths])


@pytest.fixture(scope="module")
def in_int8(pipeline, tmp_path_factory):
    """Embeddings in int8 of the crops of `pipeline`, by the command, with a classifier."""
    folder = tmp_path_factory.mktemp("int8") / "embeddings"
    done = run_script(
        "-m", "faceline", "represent", "-data", pipeline / "aligned", "-outDir", folder, "--precision", INT8
    )
    assert done.returncode == 0, done.stderr
    train(folder, jobs=1)
    return folder


@pytest.mark.parametrize(
    ("kind", "nearest", "farthest"), [(INT8, 0.01, 0.07), pytest.param(BFLOAT16, 0.002, 0.02, marks=with_bfloat16)]
)
def test_embeddings_lie_beside_those_of_float32(crops, kind, nearest, farthest):
    network = network_named("dlib", kind)
    found = embed(network, crops, ONE_THREAD)
    distances = np.linalg.norm(found - embed(network_named("dlib"), crops, ONE_THREAD), axis=1)
    assert ((distances > nearest) & (distances < farthest)).all(), distances
    # Neither other crops nor threads change a bit.
    assert np.array_equal(embed(network, crops[2:3], Runtime(threads=2)), found[2:3])


def test_passes_and_combinations_go_in_integers_too(crops, mobilefacenet):
    both, plain = network_named("dlib+mobilefacenet", INT8), network_named("dlib+mobilefacenet")
    assert [part.precision for part in both.parts] == [INT8, INT8]
    distances = np.linalg.norm(
        embed(both, crops, ONE_THREAD, frame="dlib") - embed(plain, crops, ONE_THREAD, frame="dlib"), axis=1
    )
    assert ((distances > 0.01) & (distances < 0.15)).all(), distances
    once, twice = (embed(network_named("dlib", INT8), crops, ONE_THREAD, Augmentation(count)) for count in (1, 2))
    assert not np.array_equal(once, twice)
    assert network_of(both.record()) == both
    assert both.fingerprint != plain.fingerprint


def test_the_graph_is_made_of_the_file_alone_and_kept(crops, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    network = network_named("dlib", INT8)
    found = []
    for _ in range(3):
        integer_network.cache_clear()
        found.append(embed(network, crops[:2], ONE_THREAD))
        (kept,) = (tmp_path / "faceline").glob("*int8*")
        content = kept.read_bytes()
        assert content == precision.integer_graph(network)
        if len(found) == 2:
            kept.write_bytes(content[:1_000_000])  # damaged, and made again
    integer_network.cache_clear()
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


def test_no_sum_of_two_products_exceeds_16_bits():
    """On processors without VNNI they are added in 16 bits first, and cut off there."""
    assert 2 * quantization.LARGEST_ACTIVATION * LARGEST_WEIGHT < 2**15
    graph = onnx.load_from_string(precision.integer_graph(network_named("dlib", INT8))).graph
    weights = [numpy_helper.to_array(entry) for entry in graph.initializer if entry.name.endswith("/filters/integers")]
    assert len(weights) == 29  # all convolutions
    assert {values.dtype for values in weights} == {np.dtype(np.int8)}
    assert max(np.abs(values.astype(int)).max() for values in weights) == LARGEST_WEIGHT


def test_whole_filters_keep_the_sums_of_weights():
    filters = np.random.default_rng(0).normal(0, 1, (8, 6, 3, 3)).astype(np.float32)
    filters[3] = 0
    filters[4, 2] = 0
    whole, steps = whole_filters(filters)
    errors = filters - whole * steps[:, None, None, None]
    assert (np.abs(errors) <= 1.01 * steps[:, None, None, None]).all()
    # Half a step for a channel, but for the weight that is moved for the sum over all of them; and for that, too.
    assert (np.abs(errors.sum(axis=(2, 3))) <= 1.01 * steps[:, None]).all()
    assert (np.abs(errors.sum(axis=(1, 2, 3))) <= 0.51 * steps).all()
    assert not whole[3].any()
    rounded = np.round(filters / steps[:, None, None, None])
    plain = np.abs((filters - rounded * steps[:, None, None, None]).sum(axis=(1, 2, 3))).mean()
    assert np.abs(errors.sum(axis=(1, 2, 3))).mean() < plain / 2


def test_ranges_are_of_the_networks_that_are_known(mobilefacenet):
    for name in ("dlib", "mobilefacenet"):
        network = network_named(name)
        assert shipped_ranges(network.sha256)
        with pytest.raises(ValueError, match="no activation is called none"):
            quantized(plain_graph(network), {"none": (0.0, 1.0)})
    assert shipped_ranges("0" * 64) is None


def test_mistakes(tmp_path, mobilefacenet):
    with pytest.raises(FacelineError, match="unknown precision 'int4'; choose from float32, bf16, int8"):
        network_named("dlib", "int4")
    unknown = replace(network_named("mobilefacenet"), sha256="0" * 64, name="mine")
    with pytest.raises(FacelineError, match=r"precision int8: .* not for mine; choose bf16 or float32"):
        with_precision(unknown, INT8)
    integers = network_named("dlib", INT8)
    with pytest.raises(FacelineError, match="the engine dlib knows float32 only, not int8; leave one out"):
        check_precision(integers, Runtime("dlib"))
    with pytest.raises(FacelineError, match="precision int8: is for processors, not for --device cuda"):
        check_precision(integers, Runtime(device="cuda"))
    with pytest.raises(FacelineError, match="made with another network sha256"):
        network_of(integers.record() | {"network_sha256": "0" * 64})
    with pytest.raises(FacelineError, match="unknown precision 'int9'"):
        network_of(integers.record() | {"precision": "int9"})


def test_a_processor_without_bfloat16_gets_a_line(monkeypatch):
    class Older:
        def get_property(self, device: str, name: str) -> list[str]:
            return ["FP32", "INT8"]

    monkeypatch.setattr(precision, "openvino_core", Older)
    with pytest.raises(FacelineError, match="precision bf16: this processor has no instructions for it; choose int8"):
        check_precision(network_named("dlib", BFLOAT16), ONE_THREAD)


def test_without_openvino_a_line_says_how_to_get_it():
    code = (
        "import sys; sys.modules['openvino'] = None\n"
        "from faceline.networks.precision import check_precision\n"
        "from faceline.networks.runtime import Runtime\n"
        "from faceline.networks.table import network_named\n"
        "check_precision(network_named('dlib', 'bf16'), Runtime())"
    )
    done = run_script("-c", code)
    assert done.stderr.strip().endswith("precision bf16 needs OpenVINO; pip install 'faceline[bf16]'")


def test_the_classifier_tells_infer(in_int8, photographs):
    assert read_record(in_int8)["options"]["precision"] == INT8
    assert Recognizer.load(in_int8 / "classifier.pkl").network.precision == INT8
    (answer,) = infer(photographs.portrait, in_int8 / "classifier.pkl")
    (face,) = answer.faces
    assert face.name == photographs.portrait.parent.name
    assert face.identity.candidates[0].distance < 0.005  # it is enrolled; in float32 it would lie 0.03 beside


def test_precisions_do_not_mix_in_a_folder(in_int8, pipeline, tmp_path):
    done = run_script("-m", "faceline", "represent", "-data", pipeline / "aligned", "-outDir", in_int8)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "made with precision 'int8', not 'float32'; name another folder" in done.stderr
    folder = shutil.copytree(pipeline / "embeddings", tmp_path / "embeddings")
    with pytest.raises(FacelineError, match="made with precision 'float32', not 'int8'"):
        represent_folder(pipeline / "aligned", folder, precision=INT8, jobs=1)
    with pytest.raises(FacelineError, match="made with another network or other passes"):
        train(in_int8, strangers=pipeline / "embeddings", jobs=1)


def test_quality_is_measured_in_it_too(in_int8, pipeline):
    whole, plain = (
        {row.crop: row.quality for row in read_manifest(folder / "manifest.csv", CropRow)}
        for folder in (in_int8, pipeline / "embeddings")
    )
    assert whole.keys() == plain.keys()
    differences = [abs((whole[crop] or 0) - (plain[crop] or 0)) for crop in whole]
    assert 0 < max(differences) < 0.1


@with_bfloat16
def test_openvino_sends_nothing(pipeline, tmp_path):
    """It would tell of its import, which takes a socket."""
    command = ["-m", "faceline", "represent", "-data", pipeline / "aligned", "-outDir", tmp_path / "embeddings"]
    done = run_script(OFFLINE, *command, "--precision", BFLOAT16, "--jobs", "1", env=at_home(tmp_path / "home"))
    assert done.returncode == 0, done.stderr
    left = {path.name for path in (tmp_path / "home").rglob("*") if path.is_file()}
    assert not [name for name in left if not name.endswith(".onnx")]


def test_a_work_folder_changes_its_precision(photographs, tmp_path):
    enrol(photographs.train, tmp_path / "work", precision=INT8, upsample=0, jobs=1)
    assert read_options(tmp_path / "work").represent["precision"] == INT8
    (before,) = infer(photographs.portrait, tmp_path / "work")
    done = run_script(
        "-m", "faceline", "migrate", tmp_path / "work", "--network", "dlib", "--precision", FLOAT32, "--jobs", "1"
    )
    assert done.returncode == 0, done.stderr
    assert "From dlib in int8 to dlib, from the crops in aligned-images." in done.stdout
    assert "precision" not in read_record(tmp_path / "work" / EMBEDDINGS_DIR)["options"]
    (after,) = infer(photographs.portrait, tmp_path / "work")
    assert names(before) == names(after) == [photographs.portrait.parent.name]
    with pytest.raises(FacelineError, match="is made for dlib already"):
        migrate(tmp_path / "work", network="dlib", jobs=1)


def test_stage_1_s_own_embeddings_are_not_taken_for_it(pipeline, tmp_path, photographs):
    """It chooses among faces with float32, and notes these embeddings."""
    align_folder(photographs.train, tmp_path / "aligned", upsample=0, jobs=1)
    represent_folder(tmp_path / "aligned", tmp_path / "embeddings", precision=INT8, jobs=1)
    rows = read_manifest(tmp_path / "embeddings" / "manifest.csv", CropRow)
    crop = decode_image((tmp_path / "aligned" / rows[0].crop).read_bytes())
    expected = embed(network_named("dlib", INT8), crop[None], ONE_THREAD)[0]
    assert np.array_equal(np.load(tmp_path / "embeddings" / "reps.npy")[0], expected)
