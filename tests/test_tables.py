"""Tables as Parquet: what other programs read of an export, and folders of embeddings from files of any kind."""

import json
import shutil
import subprocess
import sys
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import OFFLINE, at_home, run_script, tree

import faceline.disk.parquet_embeddings
import faceline.stages.export
from faceline import (
    align_folder,
    check,
    cluster,
    correct,
    export_tables,
    import_embeddings,
    infer,
    keep_workers,
    represent_folder,
    train,
)
from faceline.disk.embeddings import read_embeddings
from faceline.disk.manifests import read_manifest
from faceline.disk.reading import file_sha256, read_json
from faceline.disk.rows import USABLE, CropRow, PictureRow
from faceline.errors import FacelineError
from faceline.networks.table import NETWORKS

TABLES = "reps.csv", "reps.npy", "labels.csv"


@pytest.fixture(scope="module", autouse=True)
def kept():
    """The process that reads files first is started once."""
    with keep_workers():
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory, encoded):
    """Three people through both stages; a picture has no face, and a crop has been lost."""
    folder = tmp_path_factory.mktemp("made")
    for number, name in enumerate(["Zoë 1/a.jpg", "anna/1.jpg", "anna/2.jpg", "x/anna/1.jpg"]):
        (folder / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "in" / name).write_bytes(encoded("JPEG", quality=50 + 10 * number))
    (folder / "in" / "anna" / "wall.ppm").write_bytes(b"P6 90 90 255 " + bytes(3 * 90 * 90))
    align_folder(folder / "in", folder / "aligned", upsample=0, fallback="centre", jobs=1)
    (folder / "aligned" / "anna" / "2.jpg.png").unlink()
    represent_folder(folder / "aligned", folder / "out", jobs=1)
    return folder


@pytest.fixture(scope="module")
def exported(made, tmp_path_factory):
    """Where the tables of both stages are exported to: `aligned` and `out`."""
    place = tmp_path_factory.mktemp("exported")
    for name in ("aligned", "out"):
        export_tables(made / name, save_dir=place / name)
    return place


@pytest.fixture
def copy(made, tmp_path):
    return shutil.copytree(made, tmp_path / "made")


def test_embeddings_are_those_of_the_folder_bit_by_bit(made, exported):
    path = exported / "out" / "embeddings.parquet"
    table = pq.read_table(path)
    embeddings, crops = read_embeddings(made / "out", 128)
    rows = [row for row in read_manifest(made / "out" / "manifest.csv", CropRow) if row.status in USABLE]
    assert table.schema.field("embedding").type == pa.list_(pa.float32(), 128)
    assert table["crop"].to_pylist() == crops == ["Zoë 1/a.jpg.png", "anna/1.jpg.png", "anna/wall.ppm.png"] + crops[3:]
    found = table["embedding"].combine_chunks().flatten().to_numpy()
    assert found.tobytes() == embeddings.tobytes()
    assert table["class"].to_pylist() == [1, 2, 2, 3]
    for name, kind in {"person": pa.string(), "class": pa.int32(), "size": pa.int32(), "quality": pa.float64()}.items():
        assert table.schema.field(name).type == kind
        if name != "class":
            assert table[name].to_pylist() == [getattr(row, name) for row in rows]
    assert table["reason"].to_pylist()[:2] == [None, None]  # an empty cell is no text
    assert table["status"].to_pylist() == ["ok", "ok", "fallback", "ok"]


def test_metadata_say_how_embeddings_were_made(made, exported):
    metadata = pq.read_metadata(exported / "out" / "embeddings.parquet").metadata
    said = {key.decode().removeprefix("faceline."): value.decode() for key, value in metadata.items()}
    network, record = NETWORKS["dlib"], read_json(made / "out" / "run.json")
    assert said["network"] == "dlib"
    assert said["network_fingerprint"] == network.fingerprint
    assert said["distance"] == "half-normalized"
    assert said["reps_sha256"] == file_sha256(made / "out" / "reps.csv")
    assert json.loads(said["options"]) == record["options"]
    assert json.loads(said["alignment"]) == record["alignment"]


def test_manifests_are_the_same_rows(made, exported):
    kinds: dict[str, Any] = {"aligned": PictureRow, "out": CropRow}
    for name, kind in kinds.items():
        rows = read_manifest(made / name / "manifest.csv", kind)
        found = pq.read_table(exported / name / "manifest.parquet").to_pylist()
        fields = [field for field in kind.__dataclass_fields__ if field != "embedding"]
        assert found == [
            {field: None if getattr(row, field) == "" else getattr(row, field) for field in fields} for row in rows
        ]
    assert [row["status"] for row in found] == ["ok", "ok", "missing", "fallback", "ok"]


def test_duckdb_reads_them(exported):
    path = exported / "out" / "embeddings.parquet"
    query = f"""
        SELECT a.crop, b.crop, array_distance(a.embedding::FLOAT[128], b.embedding::FLOAT[128])
        FROM '{path}' a, '{path}' b WHERE a.person = 'anna' AND b.person = 'x/anna' AND a.status = 'ok'
    """
    ((one, other, distance),) = duckdb.execute(query).fetchall()
    assert (one, other) == ("anna/1.jpg.png", "x/anna/1.jpg.png")
    table = pq.read_table(path)
    numbers = dict(zip(table["crop"].to_pylist(), table["embedding"].to_pylist(), strict=True))
    assert distance == pytest.approx(np.linalg.norm(np.subtract(numbers[one], numbers[other])), rel=1e-5)
    counts = duckdb.execute(f"SELECT status, count(*) FROM '{exported}/out/manifest.parquet' GROUP BY ALL ORDER BY 1")
    assert counts.fetchall() == [("fallback", 1), ("missing", 1), ("ok", 3)]


def test_the_same_folder_gives_the_same_bytes_from_either_file_of_numbers(copy, exported):
    before = tree(exported / "out")
    export_tables(copy / "out")
    assert {name: tree(copy / "out")[name] for name in before} == before
    (copy / "out" / "reps.npy").write_bytes(b"something else")  # so that reps.csv counts
    done = export_tables(copy / "out")
    assert {name: tree(copy / "out")[name] for name in before} == before
    assert str(done) == (
        f"5 rows written to {copy}/out/manifest.parquet\n4 rows written to {copy}/out/embeddings.parquet"
    )


def test_row_groups(copy, exported, monkeypatch, tmp_path):
    """Groups of two rows hold what one group of all holds, also where a crop without an embedding lies between."""
    monkeypatch.setattr(faceline.stages.export, "group_rows", lambda dimensions: 2)
    monkeypatch.setattr(faceline.disk.parquet_embeddings, "BLOCK_ROWS", 1)
    for numbers in ("reps.npy", "reps.csv"):
        if numbers == "reps.csv":
            (copy / "out" / "reps.npy").unlink()
        export_tables(copy / "out", save_dir=tmp_path / numbers)
        path = tmp_path / numbers / "embeddings.parquet"
        assert pq.read_metadata(path).num_row_groups == 3
        assert pq.read_table(path).equals(pq.read_table(exported / "out" / "embeddings.parquet"))
    import_embeddings(path, tmp_path / "in")
    assert all(
        (tmp_path / "in" / name).read_bytes() == (tmp_path / "made/out" / name).read_bytes() for name in TABLES[::2]
    )


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (lambda out: (out / "run.json").unlink(), "run.json: No such file or directory; run the stage that writes it"),
        (lambda out: edit_lines(out / "labels.csv", lambda lines: lines[:-1]), "labels.csv do not tell of the same"),
        (
            lambda out: edit_lines(out / "labels.csv", lambda lines: lines + lines[-1:]),
            "labels.csv tells of more crops",
        ),
        (lambda out: edit_lines(out / "reps.csv", lambda lines: lines[:-1]), "fewer embeddings than labels"),
        (lambda out: edit_lines(out / "reps.csv", lambda lines: lines + lines[-1:]), "more embeddings than labels"),
        (
            lambda out: edit_lines(out / "reps.csv", lambda lines: [*lines[:-1], "nan,1"]),
            "line 4 has 2 numbers instead",
        ),
        (
            lambda out: edit_lines(out / "reps.csv", lambda lines: [*lines[:-1], "nan" + ",1" * 127]),
            "line 4 holds 'nan'",
        ),
        (lambda out: edit_lines(out / "manifest.csv", lambda lines: lines[:-1]), "rows have been added, removed or"),
        (lambda out: (out / "embeddings.parquet").write_bytes(b"PAR1 of mine PAR1"), "is there already, and no export"),
        (lambda out: (out / "manifest.parquet").symlink_to("nowhere"), "is there already, and no export of this table"),
    ],
)
def test_a_folder_that_cannot_be_exported_takes_one_line_and_gets_no_file(copy, edit, complaint):
    edit(copy / "out")
    before = tree(copy)
    with pytest.raises(FacelineError) as caught:
        export_tables(copy / "out")
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)
    assert tree(copy) == before


def edit_lines(path, edit):
    path.write_text("\n".join(edit(path.read_text().splitlines())) + "\n")


def test_a_file_of_the_user_s_is_replaced_only_if_asked_for(copy, exported):
    path = copy / "out" / "manifest.parquet"
    shutil.copy(exported / "aligned" / "manifest.parquet", path)  # an export, and of something else
    with pytest.raises(FacelineError, match="no export of this table; name another folder with --save"):
        export_tables(copy / "out")
    assert export_tables(copy / "out", overwrite=True).files == [(str(path), 5), (str(path.with_stem("embeddings")), 4)]
    assert path.read_bytes() == (exported / "out" / "manifest.parquet").read_bytes()


def test_a_name_that_is_no_text(copy):
    path = copy / "aligned" / "manifest.csv"
    path.write_bytes(path.read_bytes().replace(b"x/anna", b"x/\xe4nna"))
    with pytest.raises(FacelineError, match=r"x/\\udce4nna.*: image is no text in UTF-8.*rename the file"):
        export_tables(copy / "aligned")
    assert not (copy / "aligned" / "manifest.parquet").exists()


def test_there_and_back(made, exported, tmp_path):
    imported = import_embeddings(exported / "out" / "embeddings.parquet", tmp_path / "in")
    for name in TABLES:
        assert (tmp_path / "in" / name).read_bytes() == (made / "out" / name).read_bytes()
    lines = (made / "out" / "manifest.csv").read_text().splitlines()
    assert (tmp_path / "in" / "manifest.csv").read_text().splitlines() == [
        line for line in lines if "missing" not in line
    ]
    assert str(imported) == (
        f"4 embeddings of 3 people, of the network dlib, as the file says.\nWritten to {tmp_path / 'in'}"
    )
    old, new = read_json(made / "out" / "run.json"), read_json(tmp_path / "in" / "run.json")
    assert new["alignment"] == old["alignment"]
    assert new["options"] == old["options"] | {"imported": file_sha256(exported / "out" / "embeddings.parquet")}
    assert (new["counts"], new["sha256"]) == ({"ok": 3, "fallback": 1}, old["sha256"])


def test_an_imported_folder_is_one_of_stage_2(made, exported, tmp_path):
    folder = tmp_path / "in"
    import_embeddings(exported / "out" / "embeddings.parquet", folder)
    trained = train(folder, jobs=1)
    assert (trained.people, trained.embeddings, trained.left_out) == (3, 3, 1)
    (answer,) = infer([made / "in" / "anna" / "1.jpg"], folder, threshold=0.1)
    assert answer.faces[0].identity.likeliest.distance < 0.01
    assert sum(size for _, size in cluster(folder, jobs=1).sizes) == 4
    assert {suspect.kind for suspect in check(folder, jobs=1).suspects} >= {"few"}
    with pytest.raises(FacelineError, match="imported from a table, which tells nothing of crops"):
        correct(["anna/1.jpg.png"], embeddings_dir=folder, no_face=True)
    correct(same_people=["anna", "x/anna"], embeddings_dir=folder)  # which takes no photographs
    assert train(folder, jobs=1).people == 2


def test_stage_2_and_other_files_do_not_touch_an_imported_folder(made, exported, tmp_path):
    path, folder = exported / "out" / "embeddings.parquet", tmp_path / "in"
    import_embeddings(path, folder)
    before = tree(folder)
    with pytest.raises(FacelineError, match=r"made with imported .*, not None; name another folder"):
        represent_folder(made / "aligned", folder, jobs=1)
    other = shuffled(path, tmp_path / "other.parquet")
    with pytest.raises(FacelineError, match=r"made with imported .*; name another folder, or do all again with --over"):
        import_embeddings(other, folder)
    assert tree(folder) == before
    import_embeddings(path, folder)  # the same file
    assert tree(folder) == before
    import_embeddings(other, folder, overwrite=True)
    assert tree(folder)["reps.csv"] == before["reps.csv"]
    represent_folder(made / "aligned", folder, jobs=1, overwrite=True)
    assert tree(folder)["reps.csv"] == before["reps.csv"]
    assert "imported_from" not in read_json(folder / "run.json")


def test_stage_2_s_folder_is_not_replaced(copy, exported):
    before = tree(copy)
    for folder, complaint in (("out", "not 'f?|made with imported"), ("aligned", "belongs to the stage align")):
        with pytest.raises(FacelineError, match=complaint):
            import_embeddings(exported / "out" / "embeddings.parquet", copy / folder)
    assert tree(copy) == before


def shuffled(path, place, **options):
    """The same table in another order, metadata and all."""
    table = pq.read_table(path)
    order = np.random.default_rng(0).permutation(len(table))
    pq.write_table(table.take(order), place, **options)
    return place


def test_the_order_of_a_file_does_not_matter(made, exported, tmp_path):
    path = shuffled(exported / "out" / "embeddings.parquet", tmp_path / "other.parquet", row_group_size=3)
    assert pq.read_table(path)["class"].to_pylist() != [1, 2, 2, 3]
    import_embeddings(path, tmp_path / "in")
    for name in TABLES:
        assert (tmp_path / "in" / name).read_bytes() == (made / "out" / name).read_bytes()


def test_crops_of_every_face_belong_to_nobody(encoded, tmp_path):
    (tmp_path / "heap" / "2019").mkdir(parents=True)
    for number, name in enumerate(["1.jpg", "2019/1.jpg"]):
        (tmp_path / "heap" / name).write_bytes(encoded("JPEG", quality=50 + number))
    align_folder(tmp_path / "heap", tmp_path / "aligned", upsample=0, every=True, jobs=1)
    represent_folder(tmp_path / "aligned", tmp_path / "out", jobs=1)
    export_tables(tmp_path / "out")
    path = tmp_path / "out" / "embeddings.parquet"
    assert pq.read_table(path)["person"].to_pylist() == [None, "2019"]
    import_embeddings(path, tmp_path / "in")
    for name in (*TABLES, "manifest.csv"):
        assert (tmp_path / "in" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    with pytest.raises(FacelineError, match="no face has a name"):
        train(tmp_path / "in", jobs=1)


@pytest.fixture(scope="module")
def numbers(made):
    """Real embeddings, (4, 128)."""
    return read_embeddings(made / "out", 128)[0]


def written(path, numbers, people=("bert", "anna", "bert", "7"), kind=None, **columns):
    """A Parquet file of another program."""
    kind = kind or pa.list_(pa.float32())
    embeddings = pa.array([list(row) for row in numbers], pa.list_(pa.float64())).cast(kind)
    pq.write_table(pa.table({"person": pa.array(people), "embedding": embeddings, **columns}), path)
    return path


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.float32()),
        pa.list_(pa.float64()),
        pa.list_(pa.float16()),
        pa.large_list(pa.float32()),
        pa.list_(pa.float32(), 128),
    ],
    ids=str,
)
@pytest.mark.parametrize("text", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())], ids=str)
def test_another_program_s_file(numbers, tmp_path, kind, text):
    path = written(tmp_path / "f.parquet", numbers, kind=kind)
    table = pq.read_table(path)
    pq.write_table(table.set_column(0, "person", table["person"].cast(text)), path)
    done = import_embeddings(path, tmp_path / "in", network="dlib")
    assert str(done).startswith(
        "4 embeddings of 3 people, of the network dlib, as you say; photographs will be cropped"
    )
    found, crops = read_embeddings(tmp_path / "in", 128)
    assert crops == ["7/row-000000004", "anna/row-000000002", "bert/row-000000001", "bert/row-000000003"]
    exact = numbers.astype(np.float16).astype(np.float32) if kind.value_type == pa.float16() else numbers
    assert np.array_equal(found, exact[[3, 1, 0, 2]])
    assert (tmp_path / "in" / "labels.csv").read_text().startswith("1,7/row-000000004\n2,anna/")
    assert read_json(tmp_path / "in" / "run.json")["alignment"]["frame"] == "dlib"


def test_duckdb_s_file_with_crops_and_other_columns(numbers, tmp_path):
    path = written(tmp_path / "f.parquet", numbers)
    duckdb.sql(
        f"""COPY (SELECT row_number() OVER () AS id, person, embedding, now() AS seen, 0.5::FLOAT AS quality,
        concat(if(id = 1, 'bert/', ''), 'p', id, '.jpg') AS crop FROM '{path}') TO '{tmp_path}/g.parquet'"""
    )
    import_embeddings(tmp_path / "g.parquet", tmp_path / "in", network="dlib")
    rows = read_manifest(tmp_path / "in" / "manifest.csv", CropRow)
    assert [row.crop for row in rows] == ["7/p4.jpg", "anna/p2.jpg", "bert/p1.jpg", "bert/p3.jpg"]
    assert {row.quality for row in rows} == {0.5}
    assert train(tmp_path / "in", jobs=1).people == 3


def text_of(value):
    return pa.array([value, "b", "c", "d"])


def embedded(numbers, row):
    """The embeddings as lists, the second one another."""
    return pa.array([list(numbers[0]), row, *(list(one) for one in numbers[2:])], pa.list_(pa.float64()))


HOSTILE = [
    (lambda n: {"embedding": embedded(n, [1.0] * 127)}, "row 2: 127 numbers instead of the network's 128"),
    (lambda n: {"embedding": embedded(n, [])}, "row 2: 0 numbers instead"),
    (lambda n: {"embedding": embedded(n, None)}, "row 2: holds no embedding"),
    (lambda n: {"embedding": embedded(n, [None] + [1.0] * 127)}, "row 2: a number of the embedding is null"),
    (
        lambda n: {"embedding": embedded(n, [float("nan")] + [1.0] * 127)},
        "row 2: the embedding holds what is no number",
    ),
    (
        lambda n: {"embedding": embedded(n, [float("inf")] + [1.0] * 127)},
        "row 2: the embedding holds what is no number",
    ),
    (lambda n: {"embedding": embedded(n, [1e300] + [1.0] * 127)}, "row 2: the embedding holds what is no number"),
    (lambda n: {"embedding": embedded(n, [0.0] * 128)}, "row 2: the embedding is nothing but zeros"),
    (lambda n: {"embedding": pa.array([1, 2, 3, 4])}, "column embedding is int64, not lists of floats"),
    (lambda n: {"embedding": pa.array([[1], [2], [3], [4]])}, "not lists of floats"),
    (lambda n: {"embedding": pa.array([[[1.0]]] * 4)}, "not lists of floats"),
    (lambda n: {"person": pa.array([1, 2, 3, 4])}, "column person is int64, not text; correct it, or rename"),
    (lambda n: {"person": pa.array([b"a", b"b", b"c", b"d"])}, "column person is binary, not text"),
    (lambda n: {"person": pa.array([{"a": "b"}] * 4)}, "column person is struct<a: string>, not text"),
    (lambda n: {"person": text_of(None)}, "row 1: nobody is named"),
    (lambda n: {"person": text_of("")}, "row 1: nobody is named"),
    (lambda n: {"person": text_of("../anna")}, "row 1: '../anna' is no name: it could not be that of a folder"),
    (lambda n: {"person": text_of("/etc")}, "row 1: '/etc' is no name"),
    (lambda n: {"person": text_of("a\\b")}, "is no name"),
    (lambda n: {"person": text_of("a\x1b[2Jb")}, r"row 1: 'a\x1b[2Jb' is no name"),
    (lambda n: {"person": text_of("Unknown")}, "row 1: nobody can be called unknown"),
    (lambda n: {"person": text_of("x" * 501)}, "is no name"),
    (lambda n: {"person": text_of("x" * 5000)}, "column person: a text of 5,000 bytes, 4,096 are the limit"),
    (
        lambda n: {"person": text_of("set/12")},
        "crop 'set/12/row-000000001' lies in the folder of 'set', not of 'set/12'",
    ),
    (lambda n: {"crop": text_of("../1.jpg")}, "row 1: crop '../1.jpg' is no path within a folder"),
    (lambda n: {"crop": text_of("/bert/1.jpg")}, "is no path within a folder"),
    (lambda n: {"crop": text_of("bert//1.jpg")}, "is no path within a folder"),
    (lambda n: {"crop": text_of("bert/./1.jpg")}, "is no path within a folder"),
    (lambda n: {"crop": text_of("bert/1\n.jpg")}, "is no path within a folder"),
    (lambda n: {"crop": text_of("anna/1.jpg")}, "row 1: crop 'anna/1.jpg' lies in the folder of 'anna', not of 'bert'"),
    (lambda n: {"crop": text_of("bert/" + "x" * 256)}, "is longer than a path can be"),
    (
        lambda n: {"crop": pa.array(["1.jpg", "1.jpg", "1.jpg", "1.jpg"])},
        "row 3: crop 'bert/1.jpg' stands in row 1, too",
    ),
    (lambda n: {"status": text_of("no-face")}, "row 1: status is no-face, of which there is no embedding"),
    (lambda n: {"status": pa.array(["ok", "fine", "ok", "ok"])}, "row 2: 'fine' is not a valid Status"),
    (lambda n: {"quality": pa.array([2.0, 1, 1, 1])}, "row 1: quality is 2.0, which is not from 0 to 1"),
    (lambda n: {"size": pa.array([1.5, 1, 1, 1])}, "row 1: size is 1.5"),
    (lambda n: {"light": text_of("bright")}, "column light is string, not numbers; correct it, or rename the column"),
]


@pytest.mark.parametrize(("edit", "complaint"), HOSTILE, ids=[complaint for _, complaint in HOSTILE])
def test_what_is_wrong_with_a_file_takes_one_line_and_leaves_no_folder(numbers, tmp_path, edit, complaint):
    table = pq.read_table(written(tmp_path / "f.parquet", numbers))
    for name, column in edit(numbers).items():
        there = table.schema.get_field_index(name)
        table = table.append_column(name, column) if there < 0 else table.set_column(there, name, column)
    pq.write_table(table, tmp_path / "f.parquet")
    with pytest.raises(FacelineError) as caught:
        import_embeddings(tmp_path / "f.parquet", tmp_path / "in", network="dlib")
    assert complaint in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path}/f.parquet: ")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "in").exists()


def doubled(numbers):
    column = pa.array(["a"] * 4)
    return pa.Table.from_arrays([column, column, embedded(numbers, [1.0] * 128)], ["person", "person", "embedding"])


@pytest.mark.parametrize(
    ("write", "complaint"),
    [
        (lambda path, n: path.write_bytes(b""), "no Parquet file, or cut off"),
        (lambda path, n: path.write_bytes(b"hello, I am no table" * 9), "no Parquet file, or cut off"),
        (lambda path, n: path.write_bytes(written(path, n).read_bytes()[:-20]), "no Parquet file, or cut off"),
        (lambda path, n: path.write_bytes(b"PAR1" + b"\xff\xff\xff\x7fPAR1"), "longer than can be"),
        (lambda path, n: path.write_bytes(b"PAR1" + b"\x00" * 40 + b"\x28\0\0\0PAR1"), "damaged, or no Parquet that"),
        # A list of 2^31 things, and a text of 2^31 bytes, where the schema should stand.
        (
            lambda path, n: path.write_bytes(bomb(b"\x15\x02\x19\xfc\xff\xff\xff\xff\x07")),
            "damaged, or no Parquet that",
        ),
        (
            lambda path, n: path.write_bytes(bomb(b"\x15\x02\x19\x18\xff\xff\xff\xff\x07")),
            "damaged, or no Parquet that",
        ),
        (lambda path, n: path.mkdir(), "Is a directory"),
        (lambda path, n: pq.write_table(doubled(n), path), "has 2 columns called person"),
        (lambda path, n: pq.write_table(pa.table({"person": ["a"]}), path), "has no column embedding; it takes person"),
        (lambda path, n: written(path, n[:0], people=pa.array([], pa.string())), "has no rows"),
        (lambda path, n: pq.write_table(of_one_number(2**17), path), "bytes hold 131,072 embeddings, which cannot be"),
    ],
)
def test_no_file_of_embeddings(numbers, tmp_path, write, complaint):
    write(tmp_path / "f.parquet", numbers)
    with pytest.raises(FacelineError) as caught:
        import_embeddings(tmp_path / "f.parquet", tmp_path / "in", network="dlib")
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "in").exists()


def bomb(footer):
    return b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def of_one_number(rows):
    """Many embeddings that are one number over and over."""
    flat = pa.array(np.ones(128 * rows, np.float32))
    return pa.table({"person": pa.array(["a"] * rows), "embedding": pa.FixedSizeListArray.from_arrays(flat, 128)})


def test_a_damaged_file_is_refused_or_harmless(exported, tmp_path):
    """Whatever byte is another: one line, or the same embeddings."""
    content = (exported / "out" / "embeddings.parquet").read_bytes()
    import_embeddings(exported / "out" / "embeddings.parquet", tmp_path / "right")
    right = (tmp_path / "right" / "reps.csv").read_bytes()
    generator = np.random.default_rng(0)
    refused = 0
    for place in generator.choice(len(content), 80, replace=False).tolist():
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(generator.integers(8))
        (tmp_path / "f.parquet").write_bytes(damaged)
        shutil.rmtree(tmp_path / "in", ignore_errors=True)
        try:
            import_embeddings(tmp_path / "f.parquet", tmp_path / "in")
        except FacelineError as error:
            assert "\n" not in str(error)
            refused += 1
        else:
            assert (tmp_path / "in" / "reps.csv").read_bytes() == right
    assert refused > 25


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("options", "{", "what it says of its network is damaged; export it again"),
        ("options", "[" * 100_000, "what it says of its network is damaged"),
        ("options", "[]", "what it says of its network is damaged"),
        ("options", '{"network_parts": 7}', "what it says of its network is damaged"),
        ("options", '{"network": "vgg"}', "unknown network 'vgg'"),
        ("options", '{"network": "dlib", "network_sha256": "0"}', "made with another network sha256 than dlib has now"),
        ("alignment", "{}", "the alignment is not described as this version does"),
    ],
)
def test_forged_metadata(exported, tmp_path, key, value, complaint):
    table = pq.read_table(exported / "out" / "embeddings.parquet")
    metadata = table.schema.metadata | {f"faceline.{key}".encode(): value.encode()}
    pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "f.parquet")
    with pytest.raises(FacelineError, match=complaint):
        import_embeddings(tmp_path / "f.parquet", tmp_path / "in")
    assert not (tmp_path / "in").exists()


def test_whose_embeddings_they_are_is_said_by_the_file_or_the_user(numbers, exported, tmp_path):
    path = written(tmp_path / "f.parquet", numbers)
    with pytest.raises(FacelineError, match="does not say which network its embeddings are of; name it with --network"):
        import_embeddings(path, tmp_path / "in")
    with pytest.raises(FacelineError, match="128 numbers instead of the network's 512"):
        import_embeddings(path, tmp_path / "in", network="auraface")
    with pytest.raises(FacelineError, match="made with another network than sface has now"):
        import_embeddings(exported / "out" / "embeddings.parquet", tmp_path / "in", network="sface")
    import_embeddings(path, tmp_path / "in", network="mobilefacenet")
    alignment = read_json(tmp_path / "in" / "run.json")["alignment"]
    assert (alignment["frame"], alignment["size"]) == ("arcface", 112)


def test_the_commands_as_a_user_types_them_without_a_network(made, tmp_path):
    home = at_home(tmp_path)
    for words, output in (
        (["export", made / "out", "--save", "tables"], "4 rows written to tables/embeddings.parquet\n"),
        (["import", "tables/embeddings.parquet", "in"], "4 embeddings of 3 people, of the network dlib, as the file"),
    ):
        done = run_script(OFFLINE, "-m", "faceline", *words, cwd=tmp_path, env=home)
        assert (done.returncode, done.stderr) == (0, "")
        assert output in done.stdout
    (tmp_path / "bad.parquet").write_bytes(b"hello")
    done = run_script(OFFLINE, "-m", "faceline", "import", "bad.parquet", "other", cwd=tmp_path, env=home)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "faceline: error: bad.parquet: no Parquet file, or cut off\n"
    assert {path.name for path in tmp_path.iterdir()} == {"tables", "in", "bad.parquet"}


@pytest.mark.parametrize("call", ["export_tables('.')", "import_embeddings('a', 'b')"])
def test_without_pyarrow_both_say_what_to_install(tmp_path, call):
    code = f"import sys; sys.modules['pyarrow'] = None; import faceline; faceline.{call}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (
        "FacelineError: pyarrow is missing, which reads and writes Parquet; pip install 'faceline[parquet]'"
        in done.stderr
    )
