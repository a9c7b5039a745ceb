import numpy as np
import pytest

from faceline.errors import FacelineError
from faceline.formats import (
    CropRow,
    PictureRow,
    person_of,
    read_embeddings,
    read_manifest,
    write_embeddings,
    write_manifest,
)

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


@pytest.mark.parametrize(
    ("file", "damage", "complaint"),
    [
        ("reps.csv", lambda text: text[: len(text) // 2], "cut off in its last line"),
        ("reps.csv", lambda text: text[: text.index("\n") + 1], "1 embeddings but 10 labels"),
        ("reps.csv", lambda text: "", "0 embeddings but 10 labels"),
        ("reps.csv", lambda text: text.replace(",", ",nan,", 1), "line 1 has 129 numbers instead of 128"),
        ("reps.csv", lambda text: "nan" + text[text.index(",") :], "line 1 holds 'nan', which is no finite number"),
        ("reps.csv", lambda text: "1e99" + text[text.index(",") :], "line 1 holds '1e99', which is no finite number"),
        ("reps.csv", lambda text: text[: text.rindex(",")] + ",oops\n", "line 10 holds 'oops'"),
        ("reps.csv", lambda text: "\x00\xff\n" + text, "line 1 has 1 numbers instead of 128"),
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


def test_people_of_the_same_name_in_two_folders_are_two():
    assert person_of("x/anna/a.jpg") == "x/anna"
    assert person_of("a.jpg") == ""
