import json
import shutil

import numpy as np
import pytest
from conftest import tree

from faceline import align_folder, represent_folder
from faceline.disk.embeddings import read_embeddings, read_represented
from faceline.disk.manifests import read_manifest
from faceline.disk.pictures.images import decode_image, encode_png
from faceline.disk.reading import read_json, sha256
from faceline.disk.rows import CropRow
from faceline.disk.writing import write_json
from faceline.errors import FacelineError
from faceline.faces.embedder import embed
from faceline.networks.runtime import Runtime
from faceline.networks.table import NETWORKS


@pytest.fixture(scope="module")
def made(tmp_path_factory, encoded):
    """Three people's crops and their embeddings."""
    folder = tmp_path_factory.mktemp("made")
    for number, person in enumerate(["Zoë 1", "anna", "x/anna"]):
        (folder / "in" / person).mkdir(parents=True)
        (folder / "in" / person / "1.jpg").write_bytes(encoded("JPEG", quality=50 + number))
    align_folder(folder / "in", folder / "aligned", upsample=0, jobs=1)
    represent_folder(folder / "aligned", folder / "out", jobs=1)
    return folder


def cut_line(path):
    """Leave the last line out."""
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


@pytest.fixture
def copy(made, tmp_path):
    for name in ("aligned", "out"):
        shutil.copytree(made / name, tmp_path / name)
    return tmp_path


def test_rows_belong_to_labels(made):
    embeddings, crops = read_embeddings(made / "out", 128)
    assert crops == ["Zoë 1/1.jpg.png", "anna/1.jpg.png", "x/anna/1.jpg.png"]
    assert (made / "out" / "labels.csv").read_text().split("\n")[2] == "3,x/anna/1.jpg.png"
    for embedding, crop in zip(embeddings, crops, strict=True):
        image = decode_image((made / "aligned" / crop).read_bytes())
        assert np.array_equal(embedding, embed(NETWORKS["dlib"], image[None], Runtime())[0])


def test_run_json_tells_how_it_was_made(made):
    record = read_json(made / "out" / "run.json")
    how = {"engine": "onnx", "device": "cpu", "passes": 1, "jitters": 0}
    assert record["options"] == NETWORKS["dlib"].record() | how
    assert record["counts"] == {"ok": 3}
    assert record["alignment"]["size"] == 96
    assert record["versions"]["numpy"] == np.__version__
    files = [made / "out" / name for name in ("reps.csv", "reps.npy")]
    assert record["sha256"] == {path.name: sha256(path.read_bytes()) for path in files}


def test_again_does_only_what_changed(copy):
    before, files = tree(copy), {path: path.stat().st_ino for path in copy.rglob("*")}
    again = represent_folder(copy / "aligned", copy / "out", jobs=1)
    assert (again.done, again.kept) == (0, 3)
    assert tree(copy) == before
    assert {path: path.stat().st_ino for path in copy.rglob("*")} == files
    path = copy / "aligned" / "anna" / "1.jpg.png"
    path.write_bytes(encode_png(decode_image(path.read_bytes())[:, ::-1].copy()))
    assert represent_folder(copy / "aligned", copy / "out", jobs=1).done == 1
    assert tree(copy)["out/reps.csv"] != before["out/reps.csv"]


def test_jobs_do_not_change_a_byte(copy):
    represent_folder(copy / "aligned", copy / "two", jobs=2)
    assert tree(copy / "two") == tree(copy / "out")


def test_a_fallback_stays_one(copy, encoded):
    """The picture of x/anna has no face; then detection finds one in the same place."""
    shutil.copytree(copy / "aligned", copy / "fallback")
    for name, change in (("manifest.csv", ("x/anna,ok,", "x/anna,fallback,no face")), ("run.json", None)):
        path = copy / "fallback" / name
        if change:
            path.write_text(path.read_text().replace(*change))
        else:
            write_json(path, read_json(path) | {"counts": {"ok": 2, "fallback": 1}})
    summary = represent_folder(copy / "fallback", copy / "other", jobs=1)
    assert dict(summary.counts) == {"ok": 2, "fallback": 1}
    assert summary.people == 3
    row = read_manifest(copy / "other" / "manifest.csv", CropRow)[2]
    assert (row.crop, row.status, row.reason) == ("x/anna/1.jpg.png", "fallback", "no face")
    for name in ("reps.csv", "reps.npy", "labels.csv"):
        assert (copy / "other" / name).read_bytes() == (copy / "out" / name).read_bytes()
    assert len(read_represented(copy / "other", 128)) == 3
    assert represent_folder(copy / "fallback", copy / "other", jobs=1).done == 0
    represent_folder(copy / "aligned", copy / "other", jobs=1)
    assert tree(copy / "other") == tree(copy / "out")


def test_every_crop_is_accounted_for(copy):
    (copy / "aligned" / "Zoë 1" / "1.jpg.png").unlink()
    (copy / "aligned" / "anna" / "1.jpg.png").write_bytes(encode_png(np.zeros((50, 40, 3), np.uint8)))
    summary = represent_folder(copy / "aligned", copy / "out", jobs=1)
    assert dict(summary.counts) == {"missing": 1, "wrong-size": 1, "ok": 1}
    rows = {row.crop: (row.status, row.reason) for row in read_manifest(copy / "out" / "manifest.csv", CropRow)}
    assert rows == {
        "Zoë 1/1.jpg.png": ("missing", "the crop has been removed"),
        "anna/1.jpg.png": ("wrong-size", "40 x 50 pixels instead of 96 x 96"),
        "x/anna/1.jpg.png": ("ok", ""),
    }
    assert (copy / "out" / "labels.csv").read_text() == "1,x/anna/1.jpg.png\n"
    assert represent_folder(copy / "aligned", copy / "out", jobs=1).done == 0


def test_unreadable_crops_do_not_stop_the_run(copy):
    for data in (b"", b"text", encode_png(np.zeros((96, 96, 3), np.uint8))[:60]):
        (copy / "aligned" / "anna" / "1.jpg.png").write_bytes(data)
        assert represent_folder(copy / "aligned", copy / "out", jobs=1).counts == {"ok": 2, "unreadable": 1}


def test_the_embedding_of_a_vanished_crop_vanishes(made, copy):
    shutil.copytree(made / "in", copy / "in")
    shutil.rmtree(copy / "in" / "anna")
    align_folder(copy / "in", copy / "aligned", upsample=0, jobs=1)
    summary = represent_folder(copy / "aligned", copy / "out", jobs=1)
    assert (summary.done, summary.kept, summary.removed) == (0, 2, 1)
    assert read_embeddings(copy / "out", 128)[1] == ["Zoë 1/1.jpg.png", "x/anna/1.jpg.png"]


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda aligned: shutil.rmtree(aligned), r"aligned: No such file or directory; run align-dlib\.py first"),
        (
            lambda aligned: (aligned / "run.json").unlink(),
            r"run\.json: No such file or directory; run align-dlib\.py, w",
        ),
        (lambda aligned: (aligned / "manifest.csv").unlink(), r"manifest\.csv: No such file or directory; run align"),
        (
            lambda aligned: (aligned / "manifest.csv").write_text("x\n1,2\n"),
            r"manifest\.csv: line 1: its columns are not image,person,",
        ),
        (lambda aligned: (aligned / "run.json").write_text("{"), r"run\.json: damaged"),
        (lambda aligned: (aligned / "run.json").write_text('{"options": {}}'), r"run\.json: damaged: lacks its stage"),
        (
            lambda aligned: write_json(aligned / "run.json", read_json(aligned / "run.json") | {"options": {}}),
            "not described as this version does",
        ),
        (
            lambda aligned: write_json(aligned / "run.json", read_json(aligned / "run.json") | {"stage": "represent"}),
            "holds what the stage represent wrote, not align; run align",
        ),
        (lambda aligned: cut_line(aligned / "manifest.csv"), r"manifest\.csv: rows have been added, removed or"),
        (lambda aligned: [path.unlink() for path in aligned.rglob("*.png")], "none of 3 crops can be read"),
    ],
)
def test_a_reader_distrusts_the_stage_before(copy, damage, complaint):
    damage(copy / "aligned")
    with pytest.raises(FacelineError, match=complaint) as caught:
        represent_folder(copy / "aligned", copy / "new", jobs=1)
    assert "\n" not in str(caught.value)


def test_crops_of_another_network_or_version_are_refused(copy, monkeypatch):
    from faceline.networks.frames import FRAMES

    record = read_json(copy / "aligned" / "run.json")
    write_json(copy / "aligned" / "run.json", record | {"options": record["options"] | {"geometry_version": 0}})
    with pytest.raises(FacelineError, match="made by another version"):
        represent_folder(copy / "aligned", copy / "new", jobs=1)
    monkeypatch.setitem(FRAMES, "arcface", FRAMES["dlib"])
    write_json(copy / "aligned" / "run.json", record | {"options": record["options"] | {"frame": "arcface"}})
    with pytest.raises(FacelineError, match="the crops are for the frame arcface, the network dlib expects dlib"):
        represent_folder(copy / "aligned", copy / "new", jobs=1)


def test_embeddings_of_another_network_are_not_mixed(copy):
    record = read_json(copy / "out" / "run.json")
    options = record["options"] | {"network": "vgg", "network_sha256": "0"}
    write_json(copy / "out" / "run.json", record | {"options": options})
    with pytest.raises(FacelineError, match="made with network 'vgg', not 'dlib'; name another"):
        represent_folder(copy / "aligned", copy / "out", jobs=1)
    assert represent_folder(copy / "aligned", copy / "out", jobs=1, overwrite=True).done == 3


@pytest.mark.parametrize("name", ["reps.csv", "labels.csv", "manifest.csv"])
def test_damaged_outputs_are_named_and_mended(copy, name):
    expected = tree(copy / "out")
    (copy / "out" / name).write_bytes((copy / "out" / name).read_bytes()[:-9])
    with pytest.raises(FacelineError, match=rf"{name}: .*; --overwrite does all again"):
        represent_folder(copy / "aligned", copy / "out", jobs=1)
    represent_folder(copy / "aligned", copy / "out", jobs=1, overwrite=True)
    assert tree(copy / "out") == expected


def forget_digests(out):
    """Make a folder one that was written before there was a copy of the embeddings."""
    (out / "reps.npy").unlink()
    record = read_json(out / "run.json")
    del record["sha256"]
    write_json(out / "run.json", record)


@pytest.mark.parametrize(
    "damage",
    [
        forget_digests,
        lambda out: (out / "reps.npy").unlink(),
        lambda out: (out / "reps.npy").write_bytes((out / "reps.npy").read_bytes()[:-9]),
    ],
)
def test_a_lost_copy_is_made_again_without_computing(copy, damage):
    expected = tree(copy / "out")
    damage(copy / "out")
    assert represent_folder(copy / "aligned", copy / "out", jobs=1).done == 0
    assert tree(copy / "out") == expected


def test_the_copy_follows_what_the_user_writes_into_the_text(copy):
    path = copy / "out" / "reps.csv"
    edited = "0.5" + path.read_text()[path.read_text().index(",") :]
    path.write_text(edited)
    assert represent_folder(copy / "aligned", copy / "out", jobs=1).done == 0
    assert path.read_text() == edited
    assert np.load(copy / "out" / "reps.npy")[0, 0] == 0.5
    assert read_json(copy / "out" / "run.json")["sha256"]["reps.csv"] == sha256(edited.encode())


@pytest.mark.parametrize("name", ["reps.csv", "reps.npy", "labels.csv", "manifest.csv"])
def test_files_that_are_not_ours_are_not_replaced(copy, name):
    (copy / "new").mkdir()
    (copy / "new" / name).write_text("1,./openface/a.png\n")
    with pytest.raises(FacelineError, match=rf"{name}: is there already, but no run\.json says it is ours"):
        represent_folder(copy / "aligned", copy / "new", jobs=1)
    assert tree(copy / "new") == {name: b"1,./openface/a.png\n"}


def test_a_file_without_its_last_line_is_named_and_mended(copy):
    expected = tree(copy / "out")
    for names in (["manifest.csv"], ["reps.csv", "labels.csv"], ["reps.csv", "labels.csv", "manifest.csv"]):
        for name in names:
            cut_line(copy / "out" / name)
        with pytest.raises(FacelineError, match="--overwrite does all again"):
            represent_folder(copy / "aligned", copy / "out", jobs=1)
        represent_folder(copy / "aligned", copy / "out", jobs=1, overwrite=True)
        assert tree(copy / "out") == expected


def test_a_damaged_journal_is_named_and_mended(copy):
    expected = tree(copy / "out")
    record = read_json(copy / "out" / "run.json")
    (copy / "out" / "run.json").unlink()
    row = read_represented(copy / "out", 128)[0].to_json()
    for change in ({"embedding": None}, {"embedding": row["embedding"][:-8]}, {"crop": 5}):
        lines = [{"stage": "represent", "options": record["options"]}, row | change]
        (copy / "out" / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        with pytest.raises(FacelineError, match=r"journal\.jsonl: damaged: .*; --overwrite does all again"):
            represent_folder(copy / "aligned", copy / "out", jobs=1)
    represent_folder(copy / "aligned", copy / "out", jobs=1, overwrite=True)
    assert tree(copy / "out") == expected


def test_a_manifest_cannot_point_outside(copy, made):
    manifest = copy / "aligned" / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("anna/1.jpg.png", "../../secret.png", 1))
    with pytest.raises(FacelineError, match="leads out of this folder"):
        represent_folder(copy / "aligned", copy / "out", jobs=1)


def test_an_alignment_without_faces_says_so(tmp_path):
    (tmp_path / "in" / "anna").mkdir(parents=True)
    (tmp_path / "in" / "anna" / "1.png").write_bytes(encode_png(np.zeros((60, 60, 3), np.uint8)))
    align_folder(tmp_path / "in", tmp_path / "aligned", jobs=1)
    with pytest.raises(FacelineError, match="no face was found in any picture"):
        represent_folder(tmp_path / "aligned", tmp_path / "out", jobs=1)
