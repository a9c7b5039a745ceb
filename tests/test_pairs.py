import pytest

from faceline.errors import FacelineError
from faceline.evaluation.pairs.lists import ListedPicture, read_pairs, rows_of_pairs

VIEW_1 = "2\nAnn\t1\t2\nBob\t3\t14\nAnn\t1\tBob\t1\nBob\t2\tCy\t1\n"
VIEW_2 = "2\t1\nAnn 1 2\nAnn 1 Bob 1\nBob\t1\t2\nBob\t1\tJean Luc\t7\n\n"


def listed(tmp_path, text):
    path = tmp_path / "pairs.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("change", [lambda text: text, lambda text: text.replace("\n", "\r\n"), str.rstrip])
def test_view_1(tmp_path, change):
    found = read_pairs(listed(tmp_path, change(VIEW_1)))
    assert not found.has_folds
    assert [(str(pair.first), str(pair.second)) for pair in found.pairs] == [
        ("Ann/Ann_0001", "Ann/Ann_0002"),
        ("Bob/Bob_0003", "Bob/Bob_0014"),
        ("Ann/Ann_0001", "Bob/Bob_0001"),
        ("Bob/Bob_0002", "Cy/Cy_0001"),
    ]
    assert [(pair.same, pair.fold, pair.line) for pair in found.pairs] == [
        (True, 0, 2),
        (True, 1, 3),
        (False, 0, 4),
        (False, 1, 5),
    ]


def test_view_2(tmp_path):
    found = read_pairs(listed(tmp_path, VIEW_2))
    assert found.has_folds
    assert [(pair.same, pair.fold) for pair in found.pairs] == [(True, 0), (False, 0), (True, 1), (False, 1)]
    assert found.pairs[3].second == ListedPicture("Jean Luc", 7)
    assert str(ListedPicture("x/Jean Luc", 7)) == "x/Jean Luc/Jean Luc_0007"


def test_pairs_are_dealt_out_into_ten_folds(tmp_path):
    lines = [f"Ann 1 {number + 2}" for number in range(25)] + [f"Ann 1 Bob {number + 1}" for number in range(25)]
    found = read_pairs(listed(tmp_path, "\n".join(["25", *lines])))
    assert [pair.fold for pair in found.pairs] == [*range(10), *range(10), *range(5)] * 2


def test_the_real_list(faces):
    found = read_pairs(faces / "pairsDevTest.txt")
    assert sum(pair.same for pair in found.pairs) == 500
    assert len(found.pairs) == 1000
    for fold in range(10):
        assert [pair.same for pair in found.pairs if pair.fold == fold] == [True] * 50 + [False] * 50


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "line 1: empty"),
        ("\n \n", "line 1: empty"),
        ("Ann 1 2\n", "line 1: 'Ann 1 2' is no number of pairs, as 500, or of folds and pairs, as 10 300"),
        ("0\n", "line 1: '0' is no number of pairs"),
        ("-2\n", "line 1: '-2' is no number of pairs"),
        ("1 2 3\n", "line 1: '1 2 3' is no number"),
        ("9" * 5000, "line 1: '9{40}' is no number"),
        ("2\n", "line 1: there are 0 pairs; the first line promises 4"),
        (VIEW_1[: VIEW_1.index("Bob\t2")], "line 4: there are 3 pairs; the first line promises 4"),
        (VIEW_1 + "\nAnn 1 Bob 2\n", "line 7: there are 5 pairs; the first line promises 4"),
        (VIEW_1.replace("2\n", "99999999999999999999\n", 1), "line 1: '9{20}' is no number of pairs"),
        (VIEW_1.replace("Bob\t3\t14", "Bob\t3"), "line 3: 'Bob\\\\t3' is not of the form `name i j`"),
        (VIEW_1.replace("Bob\t3\t14", "Bob\t3\tAnn\t1"), "line 3: .* is not of the form `name i j`"),
        (VIEW_1.replace("Ann\t1\tBob\t1", "Ann\t1\t3"), "line 4: .* is not of the form `name i name j`"),
        (VIEW_1.replace("Ann\t1\tBob\t1", "Ann\t1\t\t1"), "line 4: .* is not of the form `name i name j`"),
        (VIEW_1.replace("Bob\t3\t14", "Bob\t3\tx"), "line 3: 'x' is no number of a picture, counted from 1"),
        (VIEW_1.replace("Bob\t3\t14", "Bob\t0\t1"), "line 3: '0' is no number of a picture"),
        (VIEW_1.replace("Bob\t3\t14", "Bob\t3\t3"), "line 3: a picture is compared with itself"),
        (VIEW_1.replace("Ann\t1\tBob\t1", "Bob\t1\tBob\t2"), "line 4: two pictures of Bob among the pairs of two"),
        ("1\nAnn 1 2\nAnn 1 Bob 1\n", "line 3: one pair of each kind is too few for an accuracy"),
        (b"\xff\xfe2\n", "line 1: .* is no number of pairs"),
    ],
)
def test_what_is_wrong_takes_one_line(tmp_path, text, complaint):
    with pytest.raises(FacelineError, match=rf"pairs\.txt: {complaint}") as caught:
        read_pairs(listed(tmp_path, text))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def rows(tmp_path, crops, text=VIEW_1):
    path = listed(tmp_path, text)
    return rows_of_pairs(path, read_pairs(path).pairs, crops)


CROPS = ["Ann/Ann_0001.jpg.png", "Ann/Ann_0002.jpg.png", "Bob/Bob_0001.png.png", "Bob/Bob_0002.jpg.png"]
CROPS += ["Bob/Bob_0003.HEIC.png", "Bob/Bob_0014.jpg.png", "Cy/Cy_0001.jpg.png", "Zoe/Zoe_0001.jpg.png"]


def test_pictures_are_found_by_their_names(tmp_path):
    expected = [(0, 1), (4, 5), (0, 2), (3, 6)]
    assert rows(tmp_path, CROPS) == expected
    assert rows(tmp_path, [f"faces/lfw/{crop}" for crop in CROPS]) == expected
    # A folder of that very name goes before one that lies deeper.
    assert rows(tmp_path, [*CROPS, "other/Ann/Ann_0001.jpg.png"]) == expected
    text = VIEW_1.replace("Ann", "x/Ann")
    assert rows(tmp_path, [f"x/{crop}" if "Ann" in crop else crop for crop in CROPS], text) == expected


def test_every_pair_counts(tmp_path):
    complaint = r"pairs\.txt: line 3: Bob/Bob_0014 has no embedding \(2 pictures in all\); every pair counts: manifest"
    with pytest.raises(FacelineError, match=complaint):
        rows(tmp_path, [crop for crop in CROPS if "0014" not in crop and "Cy" not in crop])


@pytest.mark.parametrize("prefixes", [("", ""), ("x/", "y/")])
def test_two_crops_for_a_picture(tmp_path, prefixes):
    crops = [prefixes[0] + crop for crop in CROPS] + [prefixes[1] + "Bob/Bob_0002.png.png"]
    with pytest.raises(
        FacelineError, match=r"line 5: (x/)?Bob/Bob_0002\.jpg\.png and (y/)?Bob.*png are both Bob/Bob_0002"
    ):
        rows(tmp_path, crops)
