import csv
import itertools
import json
import shutil
from collections import Counter

import numpy as np
import pytest
from conftest import EVALUATION, embedded, run_script, tree
from sklearn.metrics import roc_auc_score

from faceline.disk.reading import read_json
from faceline.disk.rows import CropRow
from faceline.disk.run_records import run_record
from faceline.disk.writing import write_json
from faceline.errors import FacelineError
from faceline.evaluation import compare_groups, verify
from faceline.evaluation.comparison import all_distances, read_embedded
from faceline.faces.test_time_augmentation import ALONE, Augmentation
from faceline.networks.distances import Metric
from faceline.networks.table import NETWORKS, network_named
from faceline.stages.represented_tables import write_represented

# Where the pictures of made-up people lie on the first axis of the embeddings; sums of powers of 2, so that all
# distances are exact: as the network of these embeddings is described, they compare as they are.
A = {"a/1": [0.0, 0.125], "a/2": [0.5, 0.875]}
B = {"b/1": [2.0, 2.25], "b/2": [2.3125]}


PLAIN = {
    "input_size": 150,
    "frame": "dlib",
    "dimensions": 128,
    "distance": "euclidean",
    "threshold": 0.6,
    "licence": "",
}


def described(path, **changes):
    """A network of the user's own, of which nothing but its description is needed."""
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in (PLAIN | changes).items()]
    path.write_bytes(b"the same")
    path.with_suffix(".toml").write_text("".join(lines))
    return network_named(str(path))


def made_up(folder, people, fallbacks=(), network=None, augmentation=ALONE):
    """Write embeddings as stage 2 does; without another network, they are of one `plain` beside the folder."""
    network = NETWORKS[network] if network else described(folder.parent / "plain.onnx")
    rows = []
    for person, places in sorted(people.items()):
        for number, place in enumerate(places, start=1):
            crop = f"{person}/{person.rpartition('/')[2]}_{number:04d}.jpg.png"
            embedding = np.zeros(128, np.float32)
            embedding[:2] = (np.cos(place), np.sin(place)) if network.name == "sface" else (place, 0)
            status = "fallback" if crop in fallbacks else "ok"
            rows.append(CropRow(crop, person, status, "", "0" * 64, embedding=embedding))
    folder.mkdir()
    write_represented(folder, rows)
    counts = Counter(row.status for row in rows)
    write_json(folder / "run.json", run_record("represent", network.record() | augmentation.record(), counts, 1.0))
    return folder


def written(path, text):
    path.write_text(text)
    return path


def groups_of(path, people):
    return written(path, "person,group\n" + "".join(f"{name},{name[0]}\n" for name in people))


def test_rates_of_groups_are_those_counted_by_hand(tmp_path):
    """Within a: genuine 1/8, 3/8; impostors 3/8, 4/8, 6/8, 7/8. Within b: genuine 1/4; impostors 1/16, 5/16."""
    folders = [made_up(tmp_path / "one", A | {"x": [9.0]}), made_up(tmp_path / "two", B, ["b/1/1_0002.jpg.png"])]
    groups = groups_of(tmp_path / "groups.csv", [*B, *A])
    found = compare_groups(groups, folders, threshold=0.4, output_dir=tmp_path / "out").comparison
    assert (found.threshold, found.without_group) == (0.4, 1)
    assert (found.false_match_rate, found.false_non_match_rate) == (3 / 6, 0)
    ends = [
        (rates.false_match_low, rates.false_match_high, rates.false_non_match_low, rates.false_non_match_high)
        for rates in found.rates
    ]
    # Two people make pairs of two in the draws of both, where all is as it is.
    assert ends == [(1, 1, 0, 0), (0.25, 0.25, 0, 0)]
    without_ends = [
        {name: value for name, value in vars(rates).items() if not name.endswith(("_low", "_high"))}
        for rates in found.rates
    ]
    assert without_ends == [
        {
            "group": "b",
            "people": 2,
            "pictures": 3,
            "fallbacks": 1,
            "genuine": 1,
            "impostors": 2,
            "false_match_rate": 1,
            "false_non_match_rate": 0,
            "area": 0.5,
            "f1": 0.5,
            "best_f1": 2 / 3,
            "best_f1_threshold": 9 / 32,
            # Half of the impostors accepted, with none and then all of the genuine ones.
            "equal_error_rate": 0.5,
            "equal_error_threshold": (5 / 32 + 9 / 32) / 2,
            # One of two impostors: less than 5/16.
            "matched_threshold": 9 / 32,
            "matched_false_non_match_rate": 0,
        },
        {
            "group": "a",
            "people": 2,
            "pictures": 4,
            "fallbacks": 0,
            "genuine": 2,
            "impostors": 4,
            "false_match_rate": 0.25,
            "false_non_match_rate": 0,
            "area": (4 + 3.5) / 8,
            "f1": 0.8,
            "best_f1": 0.8,
            "best_f1_threshold": 7 / 16,
            "equal_error_rate": pytest.approx(1 / 6),
            "equal_error_threshold": pytest.approx(3 / 8),
            # Two of four impostors: less than 6/8.
            "matched_threshold": 5 / 8,
            "matched_false_non_match_rate": 0,
        },
    ]
    with (tmp_path / "out" / "group-rates.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["group"] for row in rows] == ["b", "a"]
    assert float(rows[1]["f1"]) == 0.8
    plots = {f"group-{name}.{ending}" for name in ("f1", "roc", "det") for ending in ("png", "pdf")}
    names = {"group-rates.csv", "group-det.csv", *plots}
    assert tree(tmp_path / "out").keys() == names


def test_the_common_threshold_is_the_network_s(tmp_path):
    folder, groups = made_up(tmp_path / "one", A), groups_of(tmp_path / "groups.csv", A)
    assert compare_groups(groups, [folder], output_dir=tmp_path / "out").comparison.threshold == 0.6
    folder = made_up(tmp_path / "two", {"a/1": [0.0, 0.25], "a/2": [0.75, 1.5]}, network="sface")
    found = compare_groups(groups, [folder], output_dir=tmp_path / "out").comparison
    # Angles: genuine 1/4, 3/4; impostors 3/4, 3/2, 1/2, 5/4; an angle of 1.2 has the cosine distance 0.637.
    assert found.threshold == 0.637
    assert found.rates[0].false_match_rate == 0.5
    assert found.rates[0].false_non_match_rate == 0


def test_a_group_without_pairs_says_so(tmp_path):
    folder = made_up(tmp_path / "one", A | {"c/1": [1.0], "d/1": [1.0, 1.5], "e$\\x/1": [0.0], "_e/2": [1.0]})
    people = [*A, "c/1", "d/1", "e$\\x/1"]
    result = compare_groups(groups_of(tmp_path / "groups.csv", people), [folder], output_dir=tmp_path / "out")
    _, lonely, single, _ = result.comparison.rates
    assert (lonely.genuine, lonely.impostors, lonely.area, lonely.false_match_rate) == (0, 0, None, None)
    assert (single.genuine, single.impostors, single.false_non_match_rate, single.f1) == (1, 0, 0, None)
    assert str(result).splitlines()[5].split() == ["c", "1", "1", "0", "0", *"-" * 10]
    assert json.loads(result.to_json())["comparison"]["rates"][1]["area"] is None
    only = groups_of(tmp_path / "only.csv", ["c/1"])
    assert compare_groups(only, [folder], output_dir=tmp_path / "out").comparison.false_match_rate is None


@pytest.mark.parametrize("name", ["$\\frac{", "_hidden", "\u65e5\u672c", "a\nb", "\udcff"])
def test_plots_bear_any_name(tmp_path, name, recwarn):
    folder = made_up(tmp_path / "one", A)
    groups = tmp_path / "groups.csv"
    text = f'person,group\na/1,"{name}"\na/2,"{name}"\n'
    groups.write_bytes(text.encode(errors="surrogateescape"))
    result = compare_groups(groups, [folder], output_dir=tmp_path / "out")
    assert result.comparison.rates[0].group == name
    assert len(str(result).splitlines()) == 9
    assert not recwarn.list


def test_the_same_input_gives_the_same_files(tmp_path):
    folder, groups = made_up(tmp_path / "one", A), groups_of(tmp_path / "groups.csv", A)
    for name in "xy":
        compare_groups(groups, [folder], output_dir=tmp_path / name)
    assert tree(tmp_path / "x") == tree(tmp_path / "y")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "line 0: the header is not person,group"),
        ("name,group\na/1,x\n", "line 1: the header is not person,group"),
        ("person,group\n", "names nobody; a line is a person and a group"),
        ("person,group\na/1\n", "line 2: not a person and a group"),
        ("person,group\na/1,\n", "line 2: not a person and a group"),
        ("person,group\na/1,x\na/1,y\n", "line 3: a/1 is there a second time"),
        ('person,group\n"a/1,x\n', "line 2: unexpected end of data"),
        (
            "person,group\nzoe,x\na/1,x\nbob,x\n",
            r"zoe has no embedding \(2 people in all\); people are called as their folders; manifest",
        ),
    ],
)
def test_a_wrong_list_of_groups_takes_one_line(tmp_path, text, complaint):
    folder, groups = made_up(tmp_path / "one", A), written(tmp_path / "groups.csv", text)
    with pytest.raises(FacelineError, match=rf"groups\.csv: {complaint}") as caught:
        compare_groups(groups, [folder], output_dir=tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_list_of_groups_from_elsewhere(tmp_path):
    folder, groups = made_up(tmp_path / "one", A), tmp_path / "groups.csv"
    groups.write_bytes("\ufeffperson, group\r\na/1,x\r\na/2, x ".encode())
    (rates,) = compare_groups(groups, [folder], output_dir=tmp_path / "out").comparison.rates
    assert (rates.group, rates.people) == ("x", 2)


def test_embeddings_of_other_averages_do_not_compare(tmp_path):
    one, two = made_up(tmp_path / "one", A), made_up(tmp_path / "two", B, augmentation=Augmentation(passes=4))
    groups = groups_of(tmp_path / "groups.csv", A)
    with pytest.raises(FacelineError, match=r"two: made with other --passes or --jitters than .*one, which"):
        compare_groups(groups, [one, two], output_dir=tmp_path / "out")


def test_one_network_described_in_two_ways(tmp_path):
    folders = []
    for name, people, threshold in (("one", A, 0.5), ("two", B, 0.5), ("three", {"c": [0.0]}, 0.6)):
        (tmp_path / name).mkdir()
        record = described(tmp_path / name / "net.onnx", distance="cosine", threshold=threshold).record()
        folders.append(made_up(tmp_path / name / "embeddings", people, network="sface"))
        path = folders[-1] / "run.json"
        write_json(path, read_json(path) | {"options": record})
    assert read_embedded(folders[:2]).network.threshold == 0.5
    with pytest.raises(FacelineError, match="three/embeddings: embeddings of the network net, those of"):
        read_embedded(folders)


def test_folders_must_go_together(tmp_path):
    one, two = made_up(tmp_path / "one", A), made_up(tmp_path / "two", B, network="sface")
    groups = groups_of(tmp_path / "groups.csv", A)
    with pytest.raises(
        FacelineError, match=r"two: embeddings of the network sface, those of .*one are of plain; compare"
    ):
        compare_groups(groups, [one, two], output_dir=tmp_path / "out")
    with pytest.raises(FacelineError, match=r"one: a/1 is in .*one, too; name folders of different people"):
        compare_groups(groups, [one, one], output_dir=tmp_path / "out")
    with pytest.raises(
        FacelineError, match="none: No such file or directory; name the folder that batch_represent wrote"
    ):
        compare_groups(groups, [tmp_path / "none"], output_dir=tmp_path / "out")
    (one / "run.json").unlink()
    with pytest.raises(FacelineError, match=r"run\.json: .*; run batch_represent, which writes it, to its end"):
        compare_groups(groups, [one], output_dir=tmp_path / "out")


@pytest.mark.parametrize("threshold", [-0.1, float("nan"), float("inf"), 1e300])
def test_a_threshold_is_a_distance(tmp_path, threshold):
    with pytest.raises(FacelineError, match=r"is no distance; choose 0 to 1e\+09"):
        compare_groups(tmp_path / "groups.csv", [tmp_path], threshold=threshold, output_dir=tmp_path / "out")


@pytest.mark.parametrize("name", ["group-rates.csv", "x/../group-rates.csv"])
def test_results_do_not_replace_what_they_are_made_from(tmp_path, name):
    folder = made_up(tmp_path / "one", A)
    (tmp_path / "x").mkdir()
    groups = groups_of(tmp_path / name, A)
    with pytest.raises(
        FacelineError, match=r"group-rates\.csv: a result would replace it; name another folder with --"
    ):
        compare_groups(groups, [folder], output_dir=tmp_path)
    pairs = written(tmp_path / "pairs.csv", PAIRS)
    with pytest.raises(FacelineError, match=r"pairs\.csv: a result would replace it"):
        verify(pairs, folder, output_dir=tmp_path)


@pytest.mark.parametrize("metric", [Metric("euclidean"), Metric("half-normalized", 1.43), Metric("cosine")], ids=str)
@pytest.mark.parametrize("block", [1, 70, 8_000_000])
def test_distances_in_blocks(metric, block, monkeypatch):
    monkeypatch.setattr("faceline.evaluation.comparison.DISTANCES_AT_ONCE", block)
    embeddings = np.random.default_rng(0).normal(size=(23, 128)).astype(np.float32)
    labels = np.arange(23) // 4
    first, second = np.triu_indices(23, 1)
    expected = metric.pairs(embeddings[first], embeddings[second])
    same = labels[first] == labels[second]
    for found, chosen in zip(all_distances(embeddings, labels, metric), (same, ~same), strict=True):
        assert found.dtype == np.float32
        assert np.allclose(found, np.sort(expected[chosen]), atol=1e-6)


# Of 4 pairs of each kind, the distances: genuine 1/8, 3/8, 1/4, 3/8; impostors 4/8, 7/8, 3/8, 3/4.
PAIRS = (
    "4\n1 1 2\n2 1 2\nc 1 2\nd 1 2\n"  # 1/8, 3/8, 1/4, 3/8
    "1 1 2 1\n1 1 2 2\n1 2 2 1\n1 2 2 2\n"  # 4/8, 7/8, 3/8, 6/8
)
FOUR = A | {"c": [4.0, 4.25], "d": [5.0, 5.375]}


def test_pairs_are_judged_by_the_other_folds(tmp_path):
    folder = made_up(tmp_path / "one", FOUR, ["d/d_0002.jpg.png", "a/1/1_0001.jpg.png"])
    found = verify(written(tmp_path / "list.txt", PAIRS), folder, output_dir=tmp_path / "out")
    assert (found.pairs, found.same, found.pictures) == (8, 4, 8)
    assert (found.fallback_pairs, found.fallback_pictures) == (4, 2)
    # Folds: (1/8, 4/8), (3/8, 7/8), (1/4, 3/8), (3/8, 3/4). The best of the others: up to 3/8, with the next distance
    # 3/4, without the first; up to 3/8 with the next distance 4/8 without the third; without the second and the fourth
    # as good up to 1/4, where the next distance is 3/8.
    assert found.fold_thresholds == (9 / 16, 5 / 16, 7 / 16, 5 / 16)
    assert found.fold_accuracies == (0.5, 0.5, 0.5, 0.5)
    assert (found.accuracy, found.accuracy_error, found.threshold) == (0.5, 0, 13 / 32)
    assert (found.best_accuracy, found.best_threshold) == (7 / 8, 7 / 16)
    assert found.best_accuracy_error == pytest.approx(np.sqrt(7 / 8 / 8 / 8))
    assert found.area == (4 + 3.5 + 4 + 3.5) / 16
    assert found.true_accept_rates == ((0.01, 0, 0.5), (0.001, 0, 0.5))
    assert found.wrong == 4
    with (tmp_path / "out" / "pairs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["answer"] for row in rows] == ["wrong"] * 4 + ["right"] * 4
    assert rows[0] == {
        "first": "a/2/2_0001.jpg.png",
        "second": "a/2/2_0002.jpg.png",
        "people": "same",
        "answer": "wrong",
        "distance": "0.375000",
        "threshold": "0.312500",
        "fold": "2",
        "fallback": "no",
    }
    with (tmp_path / "out" / "roc.csv").open() as file:
        curve = [[float(cell) for cell in row.values()] for row in csv.DictReader(file)]
    assert curve[1:4] == [[3 / 16, 0, 0.25], [5 / 16, 0, 0.5], [7 / 16, 0.25, 1]]
    assert curve[0][1:] == [0, 0]
    assert tree(tmp_path / "out").keys() == {
        "pairs.csv",
        *(f"{name}.{ending}" for name in ("roc", "det") for ending in ("csv", "png", "pdf")),
    }
    report = str(found)
    assert "Accuracy             0.5000  +/- 0.0000     at 0.4062" in report
    assert "2 pictures, in 4 pairs." in report
    assert "4 pairs are judged wrongly: the first ones in pairs.csv." in report


def test_the_folds_of_the_file(tmp_path):
    folder = made_up(tmp_path / "one", FOUR)
    lines = PAIRS.split("\n")
    order = [2, 4, 6, 8, 1, 3, 5, 7]
    pairs = written(tmp_path / "list.txt", "\n".join(["2 2", *(lines[number] for number in order)]))
    found = verify(pairs, folder, output_dir=tmp_path / "out")
    assert found.has_folds
    # (3/8, 3/8 | 7/8, 6/8) and (1/8, 1/4 | 4/8, 3/8)
    assert found.fold_thresholds == pytest.approx((5 / 16, 9 / 16))
    assert found.fold_accuracies == (0.5, 0.5)


def test_every_picture_needs_an_embedding(tmp_path):
    folder = made_up(tmp_path / "one", {name: FOUR[name] for name in ("a/1", "a/2", "d")})
    with pytest.raises(FacelineError, match=r"line 4: c/c_0001 has no embedding \(2 pictures in all\); every pair"):
        verify(written(tmp_path / "list.txt", PAIRS), folder, output_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_pairs_and_groups_at_once(tmp_path):
    folder, groups = made_up(tmp_path / "one", FOUR), groups_of(tmp_path / "groups.csv", A)
    pairs = written(tmp_path / "list.txt", PAIRS)
    found = verify(pairs, folder, groups=groups, output_dir=tmp_path / "out")
    assert found.groups is not None
    assert found.groups.threshold == found.threshold == 13 / 32
    assert (
        found.groups.rates
        == compare_groups(groups, [folder], threshold=found.threshold, output_dir=tmp_path / "x").comparison.rates
    )
    assert tree(tmp_path / "out").keys() > tree(tmp_path / "x").keys()
    assert json.loads(found.to_json())["groups"]["without_group"] == 2


def lines_of(script, *arguments):
    done = run_script(EVALUATION / script, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def photographed(faces, tmp_path_factory):
    """30 people of LFW with four pictures each, as the stages make them, one of them replaced by a picture of dogs."""
    folder = tmp_path_factory.mktemp("photographed")
    names = (faces / "lfw-dev-known.txt").read_text().split()[::7]
    pictures = {name: sorted((faces / "lfw-dev" / name).glob("*.jpg"))[:4] for name in names}
    names = [name for name in names if len(pictures[name]) == 4][:30]
    embedded([path for name in names for path in pictures[name]], folder)
    return folder, names


def test_real_photographs(photographed, tmp_path):
    folder, names = photographed
    genuine = [f"{name}\t{first}\t{second}" for name in names for first, second in ((1, 2), (3, 4))]
    impostor = [f"{one}\t{number}\t{other}\t{number}" for one, other in itertools.pairwise(names) for number in (1, 2)]
    impostor += [f"{names[0]}\t3\t{names[-1]}\t{number}" for number in (1, 2)]
    pairs = written(tmp_path / "pairs.txt", "\n".join(["60", *genuine, *impostor]))
    groups = written(tmp_path / "groups.csv", "person,group\n" + "".join(f"{name},{name < 'H'}\n" for name in names))
    arguments = ("lfw.py", pairs, folder / "embeddings", "--output", tmp_path / "out", "--groups", groups)
    report = json.loads("".join(lines_of(*arguments, "--json")))
    assert (report["pairs"], report["same"], report["fallback_pictures"]) == (120, 60, 0)
    assert report["accuracy"] > 0.95
    assert 0.5 < report["threshold"] < 0.75
    people = read_embedded([folder / "embeddings"])
    rows = {crop: row for row, crop in enumerate(people.crops)}
    with (tmp_path / "out" / "pairs.csv").open() as file:
        listed = list(csv.DictReader(file))
    scaled = [1.43**0.5 * embedding / np.linalg.norm(embedding) ** 0.5 for embedding in people.embeddings]
    distances = [np.linalg.norm(scaled[rows[row["first"]]] - scaled[rows[row["second"]]]) for row in listed]
    assert np.allclose(distances, [float(row["distance"]) for row in listed], atol=2e-6)
    for name, value in (("area", report["area"]), ("equal_error_rate", report["equal_error_rate"])):
        low, high = report["intervals"][name]
        assert low - 0.002 < value < high + 0.002
    area = roc_auc_score([row["people"] == "same" for row in listed], -np.array(distances))
    assert report["area"] == pytest.approx(area, abs=1e-6)
    text = lines_of(*arguments)
    counts = f"120 pairs of {report['pictures']} pictures: 60 of one person, 60 of two."
    assert text[0] == f"{counts} Network dlib, half-normalized distance."
    assert f"Accuracy             {report['accuracy']:.4f}" in text[3]
    assert text[-1] == f"Written to {tmp_path / 'out'}"
    lines = lines_of(
        "groups.py", groups, folder / "embeddings", "--output", tmp_path / "x", "--threshold", report["threshold"]
    )
    assert lines[2:9] == [line for line in text if line in lines[2:9]]  # the same table
    found = json.loads(
        "".join(lines_of("groups.py", groups, folder / "embeddings", "--output", tmp_path / "x", "--json"))
    )
    for rates in found["comparison"]["rates"]:
        assert rates["area"] > 0.99
        assert 0 <= rates["false_match_low"] <= rates["false_match_rate"] <= rates["false_match_high"] < 0.1
        assert rates["genuine"] == 6 * rates["people"]


def test_two_folders_are_read_as_one(photographed, tmp_path):
    folder, names = photographed
    second = made_up(tmp_path / "second", {"zz/1": [0.0, 0.5], "zz/2": [0.25]}, network="dlib")
    groups = written(tmp_path / "groups.csv", f"person,group\n{names[0]},x\nzz/1,x\nzz/2,x\n")
    found = compare_groups(groups, [folder / "embeddings", second], output_dir=tmp_path / "out").comparison
    assert (found.rates[0].genuine, found.rates[0].impostors) == (6 + 1, 4 * 3 + 2)
    assert found.without_group == len(names) - 1


def test_damaged_embeddings_are_refused(tmp_path):
    folder, groups = made_up(tmp_path / "one", A), groups_of(tmp_path / "groups.csv", A)
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "reps.csv").write_text("1,2\n")
    with pytest.raises(
        FacelineError, match=r"reps\.csv: line 1 has 2 numbers .*; run batch_represent again with --over"
    ):
        compare_groups(groups, [copy], output_dir=tmp_path / "out")
    write_json(folder / "run.json", read_json(folder / "run.json") | {"options": {"network": "dlib"}})
    with pytest.raises(FacelineError, match="made with another network sha256 than dlib has now; run batch_represent"):
        compare_groups(groups, [folder], output_dir=tmp_path / "out")
