"""Identification on made-up embeddings whose rates follow from their places, and on real ones; the real script."""

import csv
import json

import numpy as np
import pytest
from conftest import EVALUATION, drawn, run_script, tree

from faceline.disk.embeddings import reps_digests, write_embeddings
from faceline.disk.manifests import write_manifest
from faceline.disk.pictures.images import decode_image
from faceline.disk.rows import CropRow
from faceline.disk.writing import write_json
from faceline.errors import FacelineError
from faceline.evaluation import identify
from faceline.networks.table import NETWORKS

IDENTIFY = EVALUATION / "identify.py"
FILES = {f"{stem}.{ending}" for stem in ("cmc", "open-set", "fnir", "reliability") for ending in ("png", "pdf", "csv")}

# Angles of pictures in a plane. Each person has two, one of which is enrolled: whichever it is, Adam's other picture is
# nearer to Bea's (0.065 at most) than to his own (0.1); Bea's own is at 0.03, Carl's at 0.01.
KNOWN = {"adam": (0.0, 0.1), "bea": (0.035, 0.065), "carl": (1.0, 1.01)}
# Nearest to Carl: at 0.012 to 0.022 and at 0.017 to 0.027. Eight others are at right angles to all.
NEAR = {"stranger 0": (1.022,), "stranger 1": (1.027,)}


def write_folder(folder, pictures):
    """A folder as stage 2 writes it; `pictures` maps people to embeddings."""
    folder.mkdir()
    rows = [
        CropRow(f"{person}/{number}.png", person, "ok", "", "0" * 64, embedding=np.asarray(embedding, np.float32))
        for person in sorted(pictures)
        for number, embedding in enumerate(pictures[person])
    ]
    write_manifest(folder / "manifest.csv", rows)
    write_embeddings(folder, rows)
    record = {"stage": "represent", "options": NETWORKS["dlib"].record(), "counts": {"ok": len(rows)}}
    write_json(folder / "run.json", record | {"sha256": reps_digests(folder)})
    return folder


@pytest.fixture
def embeddings(tmp_path):
    """Three people with two pictures each, and ten strangers with one."""
    axes = 1.43 * np.eye(128)
    pictures = {
        person: [np.cos(angle) * axes[0] + np.sin(angle) * axes[1] for angle in angles]
        for person, angles in (KNOWN | NEAR).items()
    }
    return write_folder(tmp_path / "embeddings", pictures | {f"stranger {n}": [axes[n]] for n in range(2, 10)})


def test_rates_that_follow_from_the_places(embeddings, tmp_path):
    found = identify(embeddings, enrolled=1, draws=3, output_dir=tmp_path / "out")
    assert found.rule == "Known are people with more than 1 picture, strangers all others"
    assert {str(span) for span in vars(found.counts).values()} == {"3", "10"}
    nearest = found.closed["nearest neighbour"]
    assert [(rate.mean, rate.deviation) for rate in nearest] == [(pytest.approx(2 / 3), 0), (1, 0), (1, 0)]
    # With one of ten strangers named, the limit lies at the second, 0.017 to 0.027: Carl is found, Bea is not.
    tenth, hundredth, thousandth = found.opened["nearest neighbour"]
    assert tenth is not None
    assert (tenth.mean, tenth.deviation) == (pytest.approx(1 / 3), 0)
    assert hundredth is None
    assert thousandth is None
    assert found.settings["classifier"] in found.closed
    assert 0 <= found.limit["known people found"].mean <= 1
    for bins in found.diagrams.values():
        assert sum(part.share for part in bins) == pytest.approx(1)
        assert sum(part.answers for part in bins) == 3 * 13


def test_curves_and_plots_are_written(embeddings, tmp_path):
    found = identify(embeddings, enrolled=1, draws=2, output_dir=tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    for stem in ("cmc", "open-set", "fnir", "reliability"):
        picture = decode_image((tmp_path / "out" / f"{stem}.png").read_bytes())
        assert picture.shape == (750, 900, 3)
        assert picture.std() > 10
        assert (tmp_path / "out" / f"{stem}.pdf").read_bytes().startswith(b"%PDF")
    with (tmp_path / "out" / "cmc.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["scores"] == "nearest neighbour"]
    assert [(row["rank"], row["rate"], row["deviation"]) for row in rows] == [
        ("1", "0.666667", "0"),
        ("2", "1", "0"),
        ("3", "1", "0"),
    ]
    with (tmp_path / "out" / "open-set.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["scores"] == "nearest neighbour"]
    assert [row["fpir"] for row in rows] == ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1"]
    # With two named, the limit lies at the eight others, and Bea is found; Adam, who is taken for her, never is.
    assert [row["tpir"] for row in rows] == ["0.333333"] + ["0.666667"] * 9
    with (tmp_path / "out" / "fnir.csv").open() as file:
        missed = [row for row in csv.DictReader(file) if row["scores"] == "nearest neighbour"]
    assert [row["fpir"] for row in missed] == [row["fpir"] for row in rows]
    assert [row["fnir"] for row in missed] == ["0.666667"] + ["0.333333"] * 9
    with (tmp_path / "out" / "reliability.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["alike"] for row in rows] == [name for name, bins in found.diagrams.items() for _ in bins]


def test_half_of_the_people_are_strangers_where_all_have_many_pictures(tmp_path):
    points, labels = drawn(9, 3)
    folder = write_folder(tmp_path / "embeddings", {f"p{label}": points[labels == label] for label in range(9)})
    found = identify(folder, enrolled=2, draws=2, output_dir=tmp_path / "out")
    assert found.rule.startswith(
        "Everybody has more than 2 pictures: half of the people, drawn anew each time, are known"
    )
    assert [str(span) for span in vars(found.counts).values()] == ["4", "8", "4", "4", "5", "15"]


def test_lists_decide_who_is_known_and_who_a_stranger(embeddings, tmp_path):
    (tmp_path / "known").write_bytes(b"\xef\xbb\xbfcarl\r\n\r\nstranger 4\r\nbea\n")
    (tmp_path / "strangers").write_text("adam\nstranger 7")
    options = {"enrolled": 1, "draws": 1, "output_dir": tmp_path / "out"}
    both = identify(embeddings, known_path=tmp_path / "known", strangers_path=tmp_path / "strangers", **options)
    assert both.rule == f"Known people and strangers by the lists {tmp_path / 'known'} and {tmp_path / 'strangers'}"
    # Stranger 4 is enrolled, and has no other picture.
    assert [span.most for span in vars(both.counts).values()] == [3, 3, 2, 2, 2, 3]
    assert both.closed["nearest neighbour"][0].deviation is None
    known = identify(embeddings, known_path=tmp_path / "known", **options)
    assert [span.most for span in vars(known.counts).values()] == [3, 3, 2, 2, 10, 11]
    strangers = identify(embeddings, strangers_path=tmp_path / "strangers", **options)
    assert [span.most for span in vars(strangers.counts).values()] == [2, 2, 2, 2, 2, 3]


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    points, labels = drawn(16, 3)
    folder = write_folder(tmp_path / "embeddings", {f"p{label}": points[labels == label] for label in range(16)})
    printed, written = {}, {}
    for name, options in {"one": ["--jobs", 1], "two": ["--jobs", 2], "other": ["--seed", 1]}.items():
        (tmp_path / name).mkdir()
        arguments = [folder, "--enrolled", 2, "--draws", 2, "--classifier", "RadialSvm", *options]
        done = run_script(IDENTIFY, *arguments, cwd=tmp_path / name)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        printed[name], written[name] = done.stdout, tree(tmp_path / name / "evaluation-results")
    assert printed["one"] == printed["two"]
    assert written["one"] == written["two"]
    assert printed["one"].replace("seed 0", "seed 1") != printed["other"]


def test_real_photographs(faces, pipeline, tmp_path):
    folder = pipeline / "embeddings"
    done = run_script(IDENTIFY, folder, "--enrolled", 1, "--draws", 2, "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == "Known are people with more than 1 picture, strangers all others."
    assert lines[-1] == f"Written to {tmp_path / 'out'}"
    first = next(line.split() for line in lines if line.startswith("  1 "))
    assert first == ["1", "1.0000", "(0.0000)", "1.0000", "(0.0000)"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    again = run_script(IDENTIFY, folder, "--enrolled", 1, "--draws", 2, "--output", tmp_path / "out", "--json")
    found = json.loads(again.stdout)
    assert again.stdout.count("\n") == 1
    assert found["settings"]["seed"] == 0
    assert found["closed_set"]["LinearSvm"][0] == {"rank": 1, "mean": 1.0, "deviation": 0.0}
    assert found["open_set"]["LinearSvm"][2] == {"fpir": 0.001, "mean": None, "deviation": None}
    assert [*found["limit"]] == [
        "strangers named",
        "known people found",
        "known people found, as expected",
        "known people misnamed",
    ]
    assert found["calibration"].keys() == {"each person alike", "each face alike"}


def test_one_known_person(embeddings, tmp_path):
    (tmp_path / "known").write_text("carl\n")
    found = identify(
        embeddings, known_path=tmp_path / "known", enrolled=1, draws=1, classifier="Knn", output_dir=tmp_path / "out"
    )
    assert [rate.mean for rate in found.closed["Knn"]] == [1]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["{0}", "--known", "typos"], "typos: 'Nobody' has no embedding in {0} (2 in all); correct the list"),
        (["{0}", "--strangers", "typos"], "typos: 'Nobody' has no embedding in {0} (2 in all); correct the list"),
        (["{0}", "--known", "blank"], "blank: lists nobody; name a file with a person on each line"),
        (["{0}", "--known", "none"], "none: No such file or directory; name a file with a person on each line"),
        (["{0}", "--known", "."], ".: Is a directory; name a file with a person on each line"),
        (["{0}", "--known", ""], "an empty path names nothing"),
        (["{0}", "--known", "bea", "--strangers", "bea"], "'bea' is on both lists (1 in all); take them off one"),
        (["{0}", "--known", "all", "--enrolled", "1"], "nobody is left to be a stranger; add pictures of other people"),
        (["{0}"], "nobody who is known has more than 4 pictures; choose a smaller --enrolled"),
        (["{0}", "--known", "bea"], "nobody who is known has more than 4 pictures; choose a smaller --enrolled"),
        (["{0}", "--enrolled", "0"], "enrolled 0 is out of range; choose 1 or more"),
        (["{0}", "--draws", "0"], "draws 0 is out of range; choose 1 or more"),
        (["{0}", "--draws", "9" * 25], "draws 9999999999999999999999999 are out of range; choose 1 to 10000"),
        (["{0}", "--draws", "x"], "argument --draws: invalid int value: 'x'"),
        (["{0}", "--seed", "-1"], "seed -1 is out of range; choose 0 or more"),
        (["{0}", "--fpir", "0"], "fpir 0.0 is no rate; choose one between 0 and 1"),
        (["{0}", "--jobs", "0"], "jobs 0 is out of range; choose 1 or more"),
        (["{0}", "--lda-dim", "0"], "lda_dim 0 is out of range; choose 1 or more"),
        (["{0}", "--classifier", "Foo"], "invalid choice: 'Foo' (choose from"),
        (["{0}", "--output", "", "--enrolled", "1"], "an empty path names nothing"),
        (["{0}", "--output", "bea", "--enrolled", "1"], "bea: cannot be written: File exists"),
        ([], "generated-embeddings: No such file or directory; name the folder that batch_represent wrote"),
        (["."], "run.json: No such file or directory; run batch_represent, which writes it, to its end"),
    ],
)
def test_a_mistake_takes_one_line_and_status_2(embeddings, tmp_path, arguments, complaint, run_here):
    lists = {"typos": "bea\nNobody\nNobody else\n", "blank": "\n\n", "bea": "bea\n"}
    lists["all"] = "\n".join([*KNOWN, *(f"stranger {number}" for number in range(10))])
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
    done = run_here(IDENTIFY, *(argument.format(embeddings) for argument in arguments), cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert complaint.format(embeddings) in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "evaluation-results").exists()


def test_nobody_known_may_be_named_as_strangers_are(tmp_path):
    folder = write_folder(tmp_path / "embeddings", {"unknown": np.eye(128)[:2], "zoe": np.eye(128)[2:3]})
    with pytest.raises(FacelineError, match="a person is named unknown, as strangers are; rename that folder"):
        identify(folder, enrolled=1, output_dir=tmp_path / "out")
