import base64
import io
from dataclasses import replace

import numpy as np
import pytest

from faceline.disk import embeddings
from faceline.disk.embeddings import (
    embedding_of,
    read_embeddings,
    read_people,
    read_represented,
    reps_digests,
    write_embeddings,
)
from faceline.disk.manifests import read_manifest, write_manifest
from faceline.disk.people_paths import person_of
from faceline.disk.rows import (
    CropRow,
    PictureRow,
    Status,
)
from faceline.disk.writing import write_json
from faceline.errors import FacelineError

NAMES = ["plain", "with space", "comma,comma", 'quote"quote', "line\nfeed", "return\rreturn", "é李", "\udcff", "'", "#"]


def crop_rows(count=10):
    values = np.random.default_rng(0).normal(size=(count, 128)).astype(np.float32)
    return [
        CropRow(f"{name}/a.png", name, "ok", embedding=value) for name, value in zip(sorted(NAMES), values, strict=True)
    ]


def test_manifest_survives_any_name(tmp_path):
    rows = [PictureRow(f"{name}/a.jpg", name, "ok", "", 1, f"{name}/a.jpg.png", 1, -2, 3, 4) for name in NAMES]
    rows.append(PictureRow("b.jpg", "", "no-person", 'why, "it" is'))
    write_manifest(tmp_path / "manifest.csv", rows)
    assert read_manifest(tmp_path / "manifest.csv", PictureRow) == rows


def test_embeddings_come_back_exactly(tmp_path):
    rows = crop_rows()
    write_embeddings(tmp_path, rows)
    embeddings, crops = read_embeddings(tmp_path, 128)
    assert embeddings.dtype == np.float32
    assert np.array_equal(embeddings, [row.embedding for row in rows])
    assert crops == [row.crop for row in rows]


def test_labels_are_openface_s(tmp_path):
    rows = [CropRow(f"{name}/{i}.png", name, "ok", embedding=np.zeros(2, np.float32)) for name in "ab" for i in "12"]
    write_embeddings(tmp_path, rows)
    assert (tmp_path / "labels.csv").read_text() == "1,a/1.png\n1,a/2.png\n2,b/1.png\n2,b/2.png\n"
    assert (tmp_path / "reps.csv").read_text() == "0,0\n" * 4


def test_one_embedding_only(tmp_path):
    write_embeddings(tmp_path, crop_rows()[:1])
    embeddings, crops = read_embeddings(tmp_path, 128)
    assert embeddings.shape == (1, 128)
    assert len(crops) == 1


def saved(array, **options):
    """What `np.save` makes of an array."""
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


@pytest.fixture
def vouched(tmp_path, monkeypatch):
    """A folder whose `run.json` vouches for the embeddings, and the list of what has been read of `reps.csv`."""
    rows = crop_rows()
    write_embeddings(tmp_path, rows)
    write_manifest(tmp_path / "manifest.csv", rows)
    write_json(tmp_path / "run.json", {"sha256": reps_digests(tmp_path)})
    parsed, read_reps = [], embeddings.read_reps

    def noting(path, dimensions):
        parsed.append(path.name)
        return read_reps(path, dimensions)

    monkeypatch.setattr(embeddings, "read_reps", noting)
    return tmp_path, parsed


def test_the_copy_is_what_numpy_saves_and_is_read_in_place_of_the_text(vouched):
    folder, parsed = vouched
    expected = np.array([row.embedding for row in crop_rows()])
    assert (folder / "reps.npy").read_bytes() == saved(expected)
    embeddings, crops = read_embeddings(folder, 128)
    assert not parsed
    assert embeddings.dtype == np.float32
    assert np.array_equal(embeddings, expected)
    assert crops == [row.crop for row in crop_rows()]


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "run.json").unlink(),
        lambda folder: (folder / "run.json").write_text("{"),
        lambda folder: write_json(folder / "run.json", {}),
        lambda folder: write_json(folder / "run.json", {"sha256": "0"}),
        lambda folder: write_json(folder / "run.json", {"sha256": {}}),
        lambda folder: (folder / "reps.npy").unlink(),
        lambda folder: (folder / "reps.npy").write_bytes((folder / "reps.npy").read_bytes()[:-9]),
        lambda folder: (folder / "reps.npy").write_bytes((folder / "reps.npy").read_bytes()[:-1] + b"!"),
        lambda folder: (folder / "reps.npy").write_bytes(b""),
    ],
)
def test_a_copy_that_nobody_vouches_for_is_not_read(vouched, damage):
    folder, parsed = vouched
    damage(folder)
    assert np.array_equal(read_embeddings(folder, 128)[0], [row.embedding for row in crop_rows()])
    assert parsed == ["reps.csv"]


def test_what_the_user_writes_into_the_text_is_read(vouched):
    folder, _ = vouched
    path = folder / "reps.csv"
    path.write_text("0.5" + path.read_text()[path.read_text().index(",") :])
    assert read_embeddings(folder, 128)[0][0, 0] == 0.5
    path.write_text("1,2\n")
    with pytest.raises(FacelineError, match=r"reps\.csv: line 1 has 2 numbers instead of 128"):
        read_embeddings(folder, 128)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        saved(np.zeros((10, 127), np.float32)),
        saved(np.zeros((10, 128), np.float64)),
        saved(np.zeros(1280, np.float32)),
        saved(np.array(0, np.float32)),
        saved(np.full((10, 128), np.nan, np.float32)),
        saved(np.full((10, 128), -np.inf, np.float32)),
        saved(np.array([[None] * 128] * 10), allow_pickle=True),
        saved(np.zeros((10, 128), np.float32)).replace(b"(10, ", b"(99999999999, "),
        saved(np.zeros((10, 128), np.float32)).replace(b"(10, ", b"((((((("),
        saved(np.zeros((10, 128), np.float32))[:-4],
    ],
)
def test_a_forged_copy_is_not_read(vouched, content):
    folder, parsed = vouched
    (folder / "reps.npy").write_bytes(content)
    write_json(folder / "run.json", {"sha256": reps_digests(folder)})
    assert np.array_equal(read_embeddings(folder, 128)[0], [row.embedding for row in crop_rows()])
    assert parsed == ["reps.csv"]


@pytest.mark.parametrize(
    ("file", "damage", "complaint"),
    [
        ("reps.csv", lambda text: text[: len(text) // 2], "cut off in its last line"),
        ("reps.csv", lambda text: text[: text.index("\n") + 1], "1 embedding but 10 labels"),
        ("reps.csv", lambda text: "", "0 embeddings but 10 labels"),
        ("reps.csv", lambda text: text.replace(",", ",nan,", 1), "line 1 has 129 numbers instead of 128"),
        (
            "reps.csv",
            lambda text: "nan" + text[text.index(",") :],
            "line 1 holds 'nan', which is no number to reckon with",
        ),
        (
            "reps.csv",
            lambda text: "1e99" + text[text.index(",") :],
            "line 1 holds '1e99', which is no number to reckon with",
        ),
        (
            "reps.csv",
            lambda text: "1e30" + text[text.index(",") :],
            "line 1 holds '1e30', which is no number to reckon",
        ),
        ("reps.csv", lambda text: text[: text.rindex(",")] + ",oops\n", "line 10 holds 'oops'"),
        ("reps.csv", lambda text: "\x00\xff\n" + text, "line 1 has 1 number instead of 128"),
        ("labels.csv", lambda text: text[:-1], "cut off in its last line"),
        ("labels.csv", lambda text: text[: text.rindex("\n", 0, -1) + 1], "10 embeddings but 9 labels"),
        ("labels.csv", lambda text: text.replace("\n", "\nx,y/a.png\n", 1), "line 2: invalid literal for int"),
        ("labels.csv", lambda text: "nonsense\n" * 10, "line 1: not enough values"),
        ("labels.csv", lambda text: "1,a/1.png\n1,b/1.png\n" * 5, "class 1 stands for two people"),
    ],
)
def test_damaged_embeddings_are_named(tmp_path, file, damage, complaint):
    write_embeddings(tmp_path, crop_rows())
    path = tmp_path / file
    with path.open(newline="", errors="surrogateescape") as stream:
        text = stream.read()
    path.write_bytes(damage(text).encode(errors="surrogateescape"))
    with pytest.raises(FacelineError, match=complaint):
        read_embeddings(tmp_path, 128)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "image,person\na,b,c\n",
        "image,person,status,faces\na,b,ok,many\n",
        "wrong\nx\n",
        'image,"\n',
        "image,person,status\na\n",
    ],
)
def test_damaged_manifest_is_named(tmp_path, text):
    path = tmp_path / "manifest.csv"
    path.write_text(text)
    with pytest.raises(FacelineError, match=r"manifest\.csv: line"):
        read_manifest(path, PictureRow)


def picture_rows():
    rows = [PictureRow(f"anna/{number}.jpg", "anna", "ok", "", 1, f"anna/{number}.jpg.png") for number in range(3)]
    return [*rows, PictureRow("anna/4.jpg", "anna", "no-face")]


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda text: text[: text.rindex("\n", 0, -1) + 1], "rows have been added, removed or changed"),
        (lambda text: text.replace("no-face", "ok"), "rows have been added, removed or changed"),
        (lambda text: text + text.splitlines()[1] + "\n", "line 6: a second row for 'anna/0.jpg'"),
        (lambda text: text.replace("no-face", "fine"), "line 5: 'fine' is not a valid Status"),
        (lambda text: text.replace("image,", "picture,"), "line 1: its columns are not image,person,"),
        (lambda text: text[text.index("\n") + 1 :], "line 1: its columns are not image,person,"),
    ],
)
def test_a_manifest_must_be_whole(tmp_path, damage, complaint):
    path = tmp_path / "manifest.csv"
    write_manifest(path, picture_rows())
    counts = {"ok": 3, "no-face": 1}
    assert read_manifest(path, PictureRow, counts) == picture_rows()
    path.write_text(damage(path.read_text()))
    with pytest.raises(FacelineError, match=rf"manifest\.csv: {complaint}"):
        read_manifest(path, PictureRow, counts)


def test_tables_of_earlier_versions_are_read(tmp_path):
    path = tmp_path / "manifest.csv"
    write_manifest(path, picture_rows())
    lines = [line.split(",") for line in path.read_text().splitlines()]
    column = lines[0].index("turn")
    path.write_text("".join(",".join(cells[:column]) + "\n" for cells in lines))
    assert read_manifest(path, PictureRow) == picture_rows()
    empty = [lines[0], *([*cells[:column], "", *cells[column + 1 :]] for cells in lines[1:])]
    path.write_text("".join(",".join(cells) + "\n" for cells in empty))
    assert read_manifest(path, PictureRow) == picture_rows()
    path.write_text("".join(",".join([*cells, cells[column]]) + "\n" for cells in lines))
    with pytest.raises(FacelineError, match=r"manifest\.csv: line 1: its columns are not image,person,"):
        read_manifest(path, PictureRow)


def test_embeddings_must_belong_to_the_rows(tmp_path):
    rows = crop_rows()
    write_embeddings(tmp_path, rows)
    write_manifest(tmp_path / "manifest.csv", rows)
    counts = {"ok": 10}
    found = read_represented(tmp_path, 128, counts)
    assert found == rows
    for row, before in zip(found, rows, strict=True):
        assert np.array_equal(embedding_of(row), embedding_of(before))
    write_embeddings(tmp_path, rows[::-1])
    for read in (read_represented, read_people):
        with pytest.raises(FacelineError, match=r"manifest\.csv and labels\.csv do not tell of the same crops"):
            read(tmp_path, 128, counts)


def test_people_are_those_of_the_crops_with_an_embedding(tmp_path):
    rows = crop_rows()
    write_embeddings(tmp_path, rows)
    lost = CropRow("zoe/a.png", "zoe", "missing", "the crop has been removed")
    write_manifest(tmp_path / "manifest.csv", [*rows, lost])
    embeddings, crops, people = read_people(tmp_path, 128, {"ok": 10, "missing": 1})
    assert np.array_equal(embeddings, [row.embedding for row in rows])
    assert crops == [row.crop for row in rows]
    assert people == [row.person for row in rows]
    found = read_represented(tmp_path, 128)
    assert found == [*rows, lost]
    assert found[-1].embedding is None
    with pytest.raises(FacelineError, match="rows have been added, removed or changed"):
        read_people(tmp_path, 128, {"ok": 11})


def test_fallbacks_have_an_embedding_and_may_be_left_out(tmp_path):
    rows = crop_rows()
    rows[3] = replace(rows[3], status="fallback")
    assert CropRow.from_json(rows[3].to_json(), 128) == rows[3]
    write_embeddings(tmp_path, rows)
    write_manifest(tmp_path / "manifest.csv", rows)
    counts = {"ok": 9, "fallback": 1}
    assert np.array_equal(embedding_of(read_represented(tmp_path, 128, counts)[3]), embedding_of(rows[3]))
    for found, kept in (
        (read_people(tmp_path, 128, counts), rows),
        (read_people(tmp_path, 128, counts, frozenset({Status.OK})), rows[:3] + rows[4:]),
    ):
        assert np.array_equal(found[0], [row.embedding for row in kept])
        assert found[1:] == ([row.crop for row in kept], [row.person for row in kept])


def test_a_folder_without_embeddings_says_so(tmp_path):
    write_embeddings(tmp_path, [])
    write_manifest(tmp_path / "manifest.csv", [CropRow("zoe/a.png", "zoe", "missing")])
    for read in (read_represented, read_people):
        with pytest.raises(FacelineError, match="holds no embedding"):
            read(tmp_path, 128)


@pytest.mark.parametrize(
    "change",
    [
        {"crop": 5},
        {"crop": None},
        {"crop": "\ud800"},
        {"status": "fine"},
        {"status": ["ok"]},
        {"status": "missing"},
        {"embedding": None},
        {"embedding": 5},
        {"embedding": "AAAA"},
        {"embedding": "?"},
        {"embedding": base64.b64encode(np.zeros(127, np.float32).tobytes()).decode()},
        {"embedding": base64.b64encode(np.full(128, np.nan, np.float32).tobytes()).decode()},
        {"more": 1},
    ],
)
def test_a_row_of_a_damaged_journal_is_refused(change):
    fields = crop_rows()[0].to_json()
    assert CropRow.from_json(fields, 128) == crop_rows()[0]
    with pytest.raises((ValueError, TypeError)):
        CropRow.from_json(fields | change, 128)


@pytest.mark.parametrize("change", [{"faces": "1"}, {"faces": True}, {"left": 1.5}, {"image": None}])
def test_a_picture_s_row_has_the_right_types(change):
    fields = picture_rows()[0].to_json()
    assert PictureRow.from_json(fields) == picture_rows()[0]
    with pytest.raises(TypeError):
        PictureRow.from_json(fields | change)


def test_people_of_the_same_name_in_two_folders_are_two():
    assert person_of("x/anna/a.jpg") == "x/anna"
    assert person_of("a.jpg") == ""
