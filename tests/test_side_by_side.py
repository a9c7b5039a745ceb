"""Several folders of embeddings of the same pictures: `compare_embeddings`."""

import csv
import json
from collections import Counter

import numpy as np
import pytest
from conftest import EVALUATION, run_script, tree
from test_verification import A, described, groups_of, made_up

from faceline.disk.rows import CropRow
from faceline.disk.run_records import run_record
from faceline.disk.writing import write_json
from faceline.errors import FacelineError
from faceline.evaluation import compare_embeddings, compare_groups
from faceline.faces.test_time_augmentation import Augmentation
from faceline.networks.table import NETWORKS
from faceline.stages.represented_tables import write_represented

FILES = {"comparison.csv", "comparison-det.csv", "comparison-det.png", "comparison-det.pdf"}


def represented(folder, people, embeddings, passes=1):
    """Write embeddings of real photographs as stage 2 does."""
    rows = [
        CropRow(crop, name, "ok", "", "0" * 64, embedding=embedding.astype(np.float32))
        for crop, name, embedding in zip(people.crops, people.names, embeddings, strict=True)
    ]
    folder.mkdir()
    write_represented(folder, rows)
    options = NETWORKS["dlib"].record() | Augmentation(passes).record()
    write_json(folder / "run.json", run_record("represent", options, Counter(row.status for row in rows), 1.0))
    return folder


def said(estimate):
    """A rate and its ends, which are known."""
    assert estimate is not None
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.value, estimate.low, estimate.high


def test_rates_are_those_of_compare_groups(tmp_path):
    """Of a/1 and a/2; the second folder lacks a picture of b, the first everybody of c."""
    first = made_up(tmp_path / "one", A | {"b/1": [3.0, 3.5]}, ["a/1/1_0001.jpg.png"])
    second = made_up(tmp_path / "two", {"a/1": [0.0, 0.25], "a/2": [1.5, 2.0], "b/1": [9.0], "c/1": [1.0]})
    groups = groups_of(tmp_path / "groups.csv", A)
    found = compare_embeddings([first, second], groups=groups, output_dir=tmp_path / "out")
    assert (found.left_aside, found.without_group, found.fallbacks) == (2, 1, 1)
    for rates, folder in zip(found.rates, (first, second), strict=True):
        (expected,) = compare_groups(groups, [folder], output_dir=tmp_path / "x").comparison.rates
        assert (rates.folder, rates.network, rates.passes, rates.group) == (folder.name, "plain", "1", "a")
        assert (rates.people, rates.pictures, rates.genuine, rates.impostors) == (2, 4, 2, 4)
        assert said(rates.area)[0] == expected.area
        assert said(rates.equal_error_rate)[0] == expected.equal_error_rate
        assert rates.true_accept_rates == (None, None, None)  # of four pairs, none may be accepted
        assert rates.false_match_rate_at_limit is None
    assert tree(tmp_path / "out").keys() == FILES
    text = str(found)
    assert "Group a: 4 pictures of 2 people, 2 pairs of one person, 4 of two." in text
    assert "Pictures that not all folders have, left aside: 2." in text
    assert "People without a group, left aside: 1." in text
    with (tmp_path / "out" / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["folder"] for row in rows] == ["one", "two"]
    assert float(rows[1]["area"]) == said(found.rates[1].area)[0]
    assert rows[0]["true_accept_rate_at_0.01"] == rows[0]["limit"] == ""


def test_real_photographs(lfw, tmp_path):
    """Noise makes embeddings worse."""
    noise = np.random.default_rng(0).normal(size=lfw.embeddings.shape) * 0.06
    folders = [
        represented(tmp_path / "clean", lfw, lfw.embeddings),
        represented(tmp_path / "noisy", lfw, lfw.embeddings + noise, passes=4),
    ]
    done = run_script(EVALUATION / "compare.py", *folders, "--json", "--output", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    clean, noisy = json.loads(done.stdout)["rates"]
    assert (clean["passes"], noisy["passes"], clean["group"]) == ("1", "4", "")
    count = len(lfw.names)
    assert clean["genuine"] + clean["impostors"] == noisy["genuine"] + noisy["impostors"] == count * (count - 1) // 2
    accepts = [[rate["true_accept_rate"] for rate in found["true_accept_rates"]] for found in (clean, noisy)]
    assert accepts[0][1]["value"] > accepts[1][1]["value"] + 0.05
    for found in (*accepts[0], *accepts[1], clean["equal_error_rate"], clean["area"]):
        assert found is None or found["low"] <= found["value"] <= found["high"]
    assert accepts[0][1]["high"] - accepts[0][1]["low"] > 0.01
    with (tmp_path / "out" / "comparison-det.csv").open() as file:
        points = list(csv.DictReader(file))
    assert {point["folder"] for point in points} == {"clean", "noisy"}
    rates = np.array(
        [[float(point[name]) for name in ("false_match_rate", "false_non_match_rate")] for point in points]
    )
    assert ((rates >= 0) & (rates <= 1)).all()


def test_groups_at_the_limit_of_the_first(lfw, east_asian, tmp_path):
    everybody = type(lfw)(*(np.concatenate([getattr(lfw, name), getattr(east_asian, name)]) for name in vars(lfw)))
    folder = represented(tmp_path / "one", everybody, everybody.embeddings)
    groups = tmp_path / "groups.csv"
    lines = [f"{name},lfw\n" for name in sorted({*lfw.names})] + [
        f"{name},ea\n" for name in sorted({*east_asian.names})
    ]
    groups.write_text("person,group\n" + "".join(lines))
    found = compare_embeddings([folder], groups=groups, output_dir=tmp_path / "out")
    ours, theirs = found.rates
    assert ours.limit == theirs.limit
    own, rate = ours.false_match_rate_at_limit, said(theirs.false_match_rate_at_limit)
    assert own is not None
    assert (own.low, own.high) == (None, None)  # it is so in every draw
    assert own.value <= 0.001
    assert rate[0] > 20 * own.value
    assert rate[1] < rate[0] < rate[2]
    common = compare_groups(groups, [folder], threshold=ours.limit, output_dir=tmp_path / "x").comparison.rates
    assert rate[0] == common[1].false_match_rate
    assert "FMR at limit: at the threshold that gives the group lfw the false match rate 0.001." in str(found)


def test_folders_that_are_called_alike(tmp_path):
    folders = []
    for name in "xy":
        (tmp_path / name).mkdir()
        folders.append(made_up(tmp_path / name / "embeddings", A, network="sface"))
    found = compare_embeddings(folders, output_dir=tmp_path / "out")
    assert [rates.folder for rates in found.rates] == ["x/embeddings", "y/embeddings"]
    with pytest.raises(FacelineError, match="x/embeddings: named twice"):
        compare_embeddings([folders[0], tmp_path / "y" / ".." / "x" / "embeddings"], output_dir=tmp_path / "out")


def test_any_networks_compare(tmp_path):
    described(tmp_path / "plain.onnx")
    folders = [made_up(tmp_path / "one", A), made_up(tmp_path / "two", A, network="sface")]
    found = compare_embeddings(folders, output_dir=tmp_path / "out")
    assert [(rates.network, rates.distance) for rates in found.rates] == [("plain", "euclidean"), ("sface", "cosine")]


def test_other_pictures_are_refused_in_a_line(tmp_path):
    folders = [made_up(tmp_path / "one", A), made_up(tmp_path / "two", {"x": [0.0, 1.0]})]
    with pytest.raises(FacelineError, match=r"two: holds other pictures than .*one; name folders of embeddings of the"):
        compare_embeddings(folders, output_dir=tmp_path / "out")
    thirds = [
        made_up(tmp_path / "three", {"a": [0.0], "b": [1.0]}),
        made_up(tmp_path / "four", {"a": [0.0], "c": [1.0]}),
        made_up(tmp_path / "five", {"b": [0.0], "c": [1.0]}),
    ]
    with pytest.raises(FacelineError, match="no picture is in all 3 folders; name folders"):
        compare_embeddings([thirds[0], *thirds[1:]], output_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("people", [{"x": [0.0, 1.0]}, {"x": [0.0], "y": [1.0]}])
def test_pairs_of_one_kind_only(tmp_path, people):
    with pytest.raises(FacelineError, match="no pairs of both kinds: name embeddings of several pictures of several"):
        compare_embeddings([made_up(tmp_path / "one", people)], output_dir=tmp_path / "out")


def test_results_do_not_replace_the_groups(tmp_path):
    groups = groups_of(tmp_path / "comparison.csv", A)
    with pytest.raises(FacelineError, match=r"comparison\.csv: a result would replace it; name another folder with --"):
        compare_embeddings([made_up(tmp_path / "one", A)], groups=groups, output_dir=tmp_path)


def test_the_same_folders_give_the_same_files(tmp_path):
    folder = made_up(tmp_path / "one", A)
    for name in "xy":
        compare_embeddings([folder], output_dir=tmp_path / name)
    assert tree(tmp_path / "x") == tree(tmp_path / "y")
