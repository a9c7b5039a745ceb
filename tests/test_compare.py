"""`compare` and `verify`: which faces are one person's, on real photographs."""

import json
import os
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import ROOT, People, run_script
from PIL import Image
from test_cohort import represented

from faceline import FacelineError, Recognizer, compare, verify
from faceline.disk.pictures.images import decode_image, encode_png
from faceline.networks.combination import combined
from faceline.networks.one_person import OF_COMBINATIONS
from faceline.networks.table import NETWORKS, network_named
from faceline.people.cohort import Cohort, CohortMetric
from faceline.report.drawing.blocks import PAPER, UNKNOWN_PAPER
from faceline.report.pairs_grid import EDGE, EMPTY, GAP, MOST_FACES

COMPARE = ROOT / "demos" / "compare.py"


@pytest.fixture(scope="module")
def heads(samples):
    """Faces of one person, twice, and of another, cut out of the sample photographs."""
    found = {}
    for name, path in {
        "anna.jpg": samples / "training-images/obama/obama.jpg",
        "anna é 2.jpg": samples / "demo-photos/obama3.jpg",
        "berta.jpg": samples / "training-images/biden/biden.jpg",
    }.items():
        (face,) = Recognizer.load().faces(path, every=False)
        left, top, right, bottom = face.box_ltrb
        around = (right - left) // 2
        part = Image.open(path).convert("RGB").crop((left - around, top - around, right + around, bottom + around))
        found[name] = part.resize((300, 300))
    return found


@pytest.fixture
def home(heads, tmp_path):
    """Small photographs: two of one person, one of another, two that show two faces; and what is no photograph."""
    for name, head in heads.items():
        head.save(tmp_path / name, quality=95)
    anna, second, berta = map(np.array, heads.values())
    (tmp_path / "two.png").write_bytes(encode_png(np.concatenate([anna, berta], axis=1)))
    (tmp_path / "other two.png").write_bytes(encode_png(np.concatenate([berta, second], axis=1)))
    (tmp_path / "wall.png").write_bytes(encode_png(np.full((90, 90, 3), 99, np.uint8)))
    (tmp_path / "broken.jpg").write_bytes((tmp_path / "anna.jpg").read_bytes()[:200])
    (tmp_path / "text.jpg").write_bytes(b"hello")
    (tmp_path / "empty").mkdir()
    return tmp_path


def compared(home, *arguments, **options):
    done = run_script(COMPARE, *arguments, cwd=home, **options)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_one_person_and_two(home):
    one, two, three, note = compared(home, "anna.jpg", "anna é 2.jpg", "berta.jpg").splitlines()
    assert one.startswith("One person with 1.00 probability, at distance 0.3")
    assert one.endswith(": anna.jpg and anna é 2.jpg")
    assert two.startswith("One person with 0.00 probability, at distance ")
    assert two.endswith(": anna.jpg and berta.jpg")
    assert three.endswith(": anna é 2.jpg and berta.jpg")
    assert note.startswith("Probability: calibrated on 1,000 pairs of LFW's View 1, dlib, 1 pass, with as many pairs ")


def test_json_says_what_the_text_does(home):
    report = json.loads(compared(home, "--json", "anna.jpg", "wall.png", "two.png", "text.jpg"))
    assert (report["network"], report["distance"], report["passes"]) == ("dlib", "half-normalized", 1)
    assert report["calibrated_on"] == "1,000 pairs of LFW's View 1, dlib, 1 pass"
    assert report["cohort"] == 0
    assert [(one["image"], one["status"], len(one["faces"])) for one in report["pictures"]] == [
        ("anna.jpg", "ok", 1),
        ("wall.png", "no-face", 0),
        ("two.png", "ok", 2),
        ("text.jpg", "unreadable", 0),
    ]
    assert report["pictures"][3]["reason"] == "not a picture"
    assert [pair["second_box"] for pair in report["pairs"]] == [face["box"] for face in report["pictures"][2]["faces"]]
    likely, unlikely = (pair["probability"] for pair in report["pairs"])
    assert likely > 0.95
    assert unlikely < 0.05
    lines = compared(home, "anna.jpg", "wall.png", "two.png", "text.jpg").splitlines()
    assert lines[:2] == ["No face found: wall.png", "Not a usable picture: text.jpg: not a picture"]
    for line, pair in zip(lines[2:4], report["pairs"], strict=True):
        x = (pair["second_box"][0] + pair["second_box"][2]) // 2
        said = f"One person with {pair['probability']:.2f} probability, at distance {pair['distance']:.3f}"
        assert line == f"{said}: anna.jpg and two.png @ x={x}"


def test_two_pictures_with_two_faces_each_are_four_pairs(home):
    found = compare([home / "two.png", home / "other two.png"])
    assert len(found.pairs) == 4
    # From left to right, the first one's faces with each of the second's.
    assert [(pair.probability or 0) > 0.5 for pair in found.pairs] == [False, True, True, False]
    same = verify(home / "two.png", home / "other two.png")
    assert [(pair.distance, pair.probability) for pair in same] == [
        (pair.distance, pair.probability) for pair in found.pairs
    ]
    assert [(pair.first.box_ltrb, pair.second.box_ltrb) for pair in same] == [
        (pair.first.box_ltrb, pair.second.box_ltrb) for pair in found.pairs
    ]


def test_a_picture_alone_has_its_faces_compared(home):
    (pair,) = compare(home / "two.png").pairs
    assert pair.first.box_ltrb[0] < pair.second.box_ltrb[0]
    assert pair.probability is not None
    assert pair.probability < 0.05
    # Beside another one that shows nobody, it is not alone.
    assert not compare([home / "two.png", home / "wall.png"]).pairs


def test_the_same_picture(home):
    Image.open(home / "anna.jpg").save(home / "copy.png")
    first, second = compared(home, "anna.jpg", "anna.jpg", "copy.png").splitlines()[:2]
    assert first == "The same picture, at distance 0.000: anna.jpg and anna.jpg"
    assert second == "The same picture, at distance 0.000: anna.jpg and copy.png"
    report = json.loads(compared(home, "--json", "anna.jpg", "copy.png", "anna é 2.jpg"))
    assert [pair["same_picture"] for pair in report["pairs"]] == [True, False, False]


def test_arrays_bytes_and_pillow_images(home):
    paths = home / "anna.jpg", home / "berta.jpg"
    (expected,) = verify(*paths)
    for first, second in (
        (decode_image(paths[0].read_bytes()), paths[1]),
        (paths[0].read_bytes(), Image.open(paths[1])),
        (str(paths[0]), decode_image(paths[1].read_bytes())),
    ):
        (pair,) = verify(first, second)
        assert (pair.distance, pair.probability) == (expected.distance, expected.probability)
        assert (pair.first.box_ltrb, pair.second.box_ltrb) == (expected.first.box_ltrb, expected.second.box_ltrb)
    assert verify(paths[0], np.zeros((90, 90, 3), np.uint8)) == []
    with pytest.raises(FacelineError, match=r"text\.jpg: not a picture"):
        verify(paths[0], home / "text.jpg")
    with pytest.raises(ValueError, match="a picture is uint8 of shape"):
        verify(paths[0], np.zeros((90, 90)))
    with pytest.raises(FacelineError, match="passes 3 are out of range"):
        verify(*paths, passes=3)


def test_threads_get_the_serial_answers(home):
    pictures = [home / name for name in ("anna.jpg", "berta.jpg", "anna é 2.jpg", "two.png")]
    asked = [(first, second) for first in pictures for second in pictures]

    def told(both):
        return [(pair.distance, pair.probability, pair.first.box_ltrb) for pair in verify(*both, upsample=0)]

    serial = list(map(told, asked))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(told, asked[::-1]))[::-1] == serial


@pytest.mark.parametrize("passes", [2, 4])
def test_passes(home, passes):
    first, second = compare([home / "anna.jpg", home / "anna é 2.jpg", home / "berta.jpg"], passes=passes).pairs[:2]
    (alone,) = verify(home / "anna.jpg", home / "anna é 2.jpg")
    assert first.distance != alone.distance
    assert first.probability is not None
    assert second.probability is not None
    assert first.probability > 0.95
    assert second.probability < 0.05


def test_status_1_if_nothing_could_be_compared(home):
    for arguments, said in (
        (["anna.jpg"], "Nothing to compare: 1 face in 1 picture."),
        (["anna.jpg", "wall.png"], "Nothing to compare: 1 face in 2 pictures."),
        (["empty"], "Nothing to compare: 0 faces in 1 picture."),
        (["anna.jpg", "broken.jpg"], "Nothing to compare: 1 face in 2 pictures."),
    ):
        done = run_script(COMPARE, *arguments, "--save", "grid.png", cwd=home)
        assert (done.returncode, done.stderr) == (1, "")
        assert done.stdout.endswith(f"{said}\n")
        assert not (home / "grid.png").exists()
    assert "Not a usable picture: empty: no picture in this folder\n" in run_script(COMPARE, "empty", cwd=home).stdout


def test_what_is_missing_is_told_when_the_others_are_compared(home):
    done = run_script(COMPARE, "anna.jpg", "gone.jpg", "berta.jpg", "none/*.jpg", cwd=home)
    assert done.returncode == 2
    assert done.stdout.splitlines()[:2] == [
        "Not a usable picture: gone.jpg: No such file or directory",
        "Not a usable picture: none/*.jpg: no picture matches this pattern",
    ]
    assert ": anna.jpg and berta.jpg\n" in done.stdout
    assert done.stderr == "compare.py: error: gone.jpg: no such picture (2 in all); correct the path\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "the following arguments are required: picture"),
        ([""], "an empty path names nothing"),
        (["anna.jpg", "--passes", "3"], "argument --passes: invalid choice: 3"),
        (["anna.jpg", "--network", "vgg"], "unknown network 'vgg'; choose from"),
        (["anna.jpg", "--upsample", "9"], "upsample 9 is out of range"),
        (["anna.jpg", "--save", ""], "an empty path names nothing"),
        (["anna.jpg", "--save", "grid.gif"], "grid.gif: a picture is saved as .jpg, .jpeg, .png; name such a file"),
        (["anna.jpg", "--save", "empty"], "empty: a picture is saved as .jpg, .jpeg, .png; name such a file"),
        (["anna.jpg", "--save", "anna.jpg"], "anna.jpg: is there, and no picture of compare; name another file"),
        (["anna.jpg", "--save", "text.jpg"], "text.jpg: is there, and no picture of compare; name another file"),
        (["anna.jpg", "--save", "text.jpg/x.png"], "text.jpg: cannot be written: File exists"),
        (["anna.jpg", "--cohort", "none"], "none: No such file or directory; run both stages on the pictures of the"),
        (["anna.jpg", "--cohort", "empty"], "run.json: No such file or directory; run batch_represent on the crops of"),
    ],
)
def test_a_mistake_takes_one_line(home, arguments, complaint, run_here):
    before = (home / "anna.jpg").read_bytes(), (home / "text.jpg").read_bytes()
    done = run_here(COMPARE, *arguments, cwd=home)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("compare.py: error: ")
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert ((home / "anna.jpg").read_bytes(), (home / "text.jpg").read_bytes()) == before


def difference(grid, wide, high):
    """How much the faces along the top of a grid differ from those down its left edge."""
    edges = [
        (
            grid[GAP : GAP + EDGE, GAP + number * wide : GAP + number * wide + EDGE],
            grid[GAP + number * high : GAP + number * high + EDGE, GAP : GAP + EDGE],
        )
        for number in range(1, 5)
    ]
    return np.mean([np.abs(across - down).mean() for across, down in edges])


@pytest.mark.parametrize("name", ["grid.png", "a new folder/grid é.JPG"])
def test_a_grid_of_the_faces(home, name):
    arguments = ["anna.jpg", "anna é 2.jpg", "two.png", "--save", name]
    said = compared(home, *arguments)
    assert said.endswith(f"Written to {name}\n")
    grid = decode_image((home / name).read_bytes()).astype(int)
    # Along the top are the same faces as down the left edge; no face is compared with itself.
    wide, high = EDGE + GAP, (grid.shape[0] - 2 * GAP) // 5
    high = min(range(high - 10, high + 1), key=lambda high: difference(grid, wide, high))
    assert difference(grid, wide, high) < 5  # JPEG

    def colour(row, column):
        return grid[GAP + (row + 1) * high + 5, GAP + (column + 1) * wide + 5]

    assert all(np.ptp(colour(number, number)) < 10 for number in range(4))
    assert np.abs(colour(0, 1) - PAPER).max() < 12
    assert np.abs(colour(1, 3) - UNKNOWN_PAPER).max() < 12
    assert np.abs(colour(2, 3) - EMPTY).max() < 12
    # Its own picture may be replaced, and is no photograph to be compared in its folder.
    (home / "photos").mkdir()
    for path in ("anna.jpg", "berta.jpg"):
        shutil.copy(home / path, home / "photos")
    again = home / "photos" / os.path.basename(name)
    shutil.copy(home / name, again)
    before = again.read_bytes()
    found = compare(home / "photos", save=again)
    assert len(found.pictures) == 2
    assert again.read_bytes() != before
    with pytest.raises(FacelineError, match="is compared itself; name another file with --save"):
        compare([home / "anna.jpg", again], save=again)


def test_a_grid_shows_so_many_faces_at_most(home):
    (home / "many").mkdir()
    for number in range(MOST_FACES + 1):
        (home / "many" / f"{number}.jpg").symlink_to(home / "anna.jpg")
    said = str(compare(home / "many", upsample=0, save=home / "grid.jpg"))
    assert said.endswith(f"Written to {home / 'grid.jpg'}: the first {MOST_FACES} of {MOST_FACES + 1} faces")


def test_too_many_faces_are_refused(home, monkeypatch):
    monkeypatch.setattr("faceline.stages.compare.MOST_FACES", 2)
    with pytest.raises(FacelineError, match="more than 2 faces; name fewer pictures, or see faceline cluster"):
        compare([home / "anna.jpg", home / "two.png"])


def test_a_network_without_figures_gives_distances(home, mobilefacenet, tmp_path):
    """The user's own file, though the same network is in the table."""
    own = tmp_path / "mine.onnx"
    shutil.copy(mobilefacenet, own)
    own.with_suffix(".toml").write_text(
        'input_size = 112\nframe = "arcface"\ndimensions = 128\ndistance = "cosine"\nthreshold = 0.63\n'
        'licence = "Apache-2.0"\nmean = [123.675, 116.28, 103.53]\ndeviation = [58.395, 57.12, 57.375]\n'
    )
    pictures = [home / "anna.jpg", home / "anna é 2.jpg"]
    mine, theirs = (compare(pictures, network=network) for network in (str(own), "mobilefacenet"))
    (pair,) = mine.pairs
    assert pair.probability is None
    assert pair.distance == theirs.pairs[0].distance
    assert theirs.pairs[0].probability is not None
    assert theirs.pairs[0].probability > 0.95
    said = str(mine).splitlines()
    assert said[0].startswith("At distance 0.")
    assert said[1].startswith(
        "No probability: no figures for mine with 1 pass; its authors call faces nearer than 0.63"
    )
    report = json.loads(compared(home, "--json", "--network", own, *pictures))
    assert report["calibrated_on"] is None
    assert report["pairs"][0]["probability"] is None


def test_combinations_have_figures_in_any_order():
    for first, second in (("dlib", "mobilefacenet"), ("mobilefacenet", "dlib")):
        network = combined([network_named(first), network_named(second)])
        assert network.one_person == OF_COMBINATIONS[frozenset(["dlib", "mobilefacenet"])]
    assert combined([network_named("dlib"), network_named("sface")]).one_person == ()
    for known in (*NETWORKS["dlib"].one_person, *NETWORKS["mobilefacenet"].one_person):
        assert known.probability(known.centre) == 0.5
        assert known.probability(0) > 0.99 > 0.01 > known.probability(2 * known.centre)


def half_of(people, chosen):
    rows = np.flatnonzero(np.isin(people.names, list(chosen)))
    return People(people.embeddings[rows], people.names[rows], people.crops[rows])


def test_probabilities_are_calibrated_on_lfw_s_people(lfw):
    """Those of people with several pictures, and all pairs of two."""
    (known,) = (one for one in NETWORKS["dlib"].one_person if one.passes == 1)
    distances = NETWORKS["dlib"].metric.table(lfw.embeddings, lfw.embeddings)[np.triu_indices(len(lfw.names), 1)]
    same = (lfw.names[:, None] == lfw.names)[np.triu_indices(len(lfw.names), 1)]
    found = np.array([known.probability(distance) for distance in distances])
    assert 0.94 < found[same].mean() <= 1
    assert found[~same].mean() < 0.02


def test_a_cohort_mends_what_the_network_confuses(faces, east_asian, mobilefacenet, tmp_path):
    names = sorted(set(east_asian.names))
    cohort = represented(tmp_path / "cohort", half_of(east_asian, names[::2]))
    several = [name for name, count in Counter(east_asian.names.tolist()).items() if count > 2 and name in names[1::2]]
    pictures = [sorted((faces / "east-asian-dev" / name).glob("*.jpg"))[0] for name in several[:8]]
    plain, mended = compare(pictures), compare(pictures, cohort=cohort)
    assert mended.cohort == len(half_of(east_asian, names[::2]).names)
    assert f"; distances normalised by a cohort of {mended.cohort} faces." in str(mended)
    # All of them are two people.
    before, after = ([pair.probability or 0 for pair in found.pairs] for found in (plain, mended))
    assert sum(before) > 2
    assert sum(after) < 0.25 * sum(before)
    with pytest.raises(FacelineError, match="a picture of the cohort is among those compared; name other people as"):
        compare([faces / "east-asian-dev" / crop.removesuffix(".png") for crop in east_asian.crops[:2]], cohort=cohort)
    for network, passes in (("dlib", 2), ("mobilefacenet", 1)):
        with pytest.raises(FacelineError, match="cohort: made with another network or other passes than what compares"):
            compare(pictures, cohort=cohort, network=network, passes=passes)
    few = represented(tmp_path / "few", half_of(east_asian, names[:1]))
    with pytest.raises(FacelineError, match="too few for a cohort, which takes 40 at least"):
        compare(pictures, cohort=few)


def test_a_calibrated_cohort_of_lfw_leaves_distances_as_they_are(lfw):
    """Of any size: nearness is reckoned by it."""
    (known,) = (one for one in NETWORKS["dlib"].one_person if one.passes == 1)
    counts = Counter(lfw.names.tolist())
    single = half_of(lfw, [name for name, count in counts.items() if count == 1])
    others = half_of(lfw, [name for name, count in counts.items() if count > 1]).embeddings
    metric = NETWORKS["dlib"].metric
    for size in (40, len(single.names)):
        cohort = Cohort.of(single.embeddings[:size], metric).calibrated(known)
        weighed = cohort.weighed(others, 0.6)
        ratios = CohortMetric(metric).table(weighed, weighed) / np.maximum(metric.table(others, others), 1e-3)
        assert abs(np.median(ratios[np.triu_indices(len(others), 1)]) - 1) < 0.04


def test_the_faces_are_those_of_a_recognizer(home):
    faces = Recognizer.load().faces(home / "two.png")
    report = json.loads(compared(home, "--json", "two.png"))
    assert [tuple(face["box"]) for face in report["pictures"][0]["faces"]] == [face.box_ltrb for face in faces]
