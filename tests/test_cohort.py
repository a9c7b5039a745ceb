"""Cohorts: faces without names by which distances and scores are put right; on real photographs."""

import json
from collections import Counter

import numpy as np
import pytest
from conftest import EVALUATION, People, drawn, run_script

from faceline import train
from faceline.disk.rows import CropRow
from faceline.disk.run_records import run_record
from faceline.disk.writing import write_json
from faceline.errors import FacelineError
from faceline.evaluation import compare_embeddings, compare_groups, identify, verify
from faceline.evaluation.comparison import read_embedded
from faceline.faces.options import DEFAULT_LANDMARKS, AlignmentOptions
from faceline.faces.test_time_augmentation import Augmentation
from faceline.networks.table import NETWORKS
from faceline.people.cohort import Cohort, CohortMetric
from faceline.recognition.classifier_file import read_classifier
from faceline.stages.represented_tables import write_represented

ALIGNMENT = AlignmentOptions(DEFAULT_LANDMARKS, 96)
METRIC = NETWORKS["dlib"].metric


def represented(folder, *every, passes=1):
    """Write embeddings of real photographs as stage 2 does."""
    rows = [
        CropRow(crop, name, "ok", "", "0" * 64, embedding=embedding.astype(np.float32))
        for people in every
        for crop, name, embedding in zip(people.crops, people.names, people.embeddings, strict=True)
    ]
    folder.mkdir()
    write_represented(folder, sorted(rows, key=lambda row: row.crop))
    options = NETWORKS["dlib"].record() | Augmentation(passes).record()
    record = run_record("represent", options, Counter(row.status for row in rows), 1.0)
    write_json(folder / "run.json", record | {"alignment": ALIGNMENT.record()})
    return folder


def some(people, chosen):
    """Those of the people."""
    rows = np.flatnonzero(np.isin(people.names, list(chosen)))
    return People(people.embeddings[rows], people.names[rows], people.crops[rows])


@pytest.fixture
def halves(east_asian, lfw, tmp_path):
    """Embeddings of half of the East Asian people, and of the others with people of LFW who have one picture."""
    names = sorted(set(east_asian.names))
    strangers = [name for name, count in Counter(lfw.names.tolist()).items() if count == 1]
    compared = represented(tmp_path / "compared", some(east_asian, names[::2]))
    cohort = represented(tmp_path / "cohort", some(east_asian, names[1::2]), some(lfw, strangers))
    groups = tmp_path / "groups.csv"
    groups.write_text("person,group\n" + "".join(f"{name},east asian\n" for name in names[::2]))
    return compared, cohort, groups


def test_distances_are_divided_by_how_near_both_faces_lie_to_the_cohort():
    embeddings, _ = drawn(60, 1)
    faces, _ = drawn(5, 1, seed=1)
    weighed = Cohort.of(embeddings, METRIC).weighed(faces, 0.6)
    near = np.sort(METRIC.table(faces, embeddings), axis=1)[:, :20].mean(axis=1)
    own = np.sort(METRIC.table(embeddings, embeddings), axis=1)[:, 1:21].mean(axis=1)
    expected = METRIC.table(faces, faces) / np.sqrt(near[:, None] * near) * np.exp(np.log(own).mean())
    metric = CohortMetric(METRIC)
    assert np.allclose(metric.table(weighed, weighed), expected, atol=1e-4)
    assert np.allclose(metric.pairs(weighed[:1], weighed), metric.table(weighed[:1], weighed)[0], atol=1e-4)


def test_fewer_east_asian_people_pass_for_each_other(halves, tmp_path):
    """At dlib's 0.6, and with the equal error rate lower, too."""
    compared, cohort, groups = halves
    done = run_script(
        EVALUATION / "groups.py", groups, compared, "--cohort", cohort, "--json", "--output", tmp_path / "out"
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["distance"], report["cohort"]) == ("half-normalized", len(read_embedded([cohort]).people))
    (rates,) = report["comparison"]["rates"]
    (before,) = compare_groups(groups, [compared], output_dir=tmp_path / "out").comparison.rates
    assert before.false_match_rate is not None
    assert rates["false_match_rate"] < 0.67 * before.false_match_rate
    assert rates["equal_error_rate"] < before.equal_error_rate


def test_each_network_has_its_cohort_when_folders_are_compared(halves, east_asian, tmp_path):
    compared, cohort, _ = halves
    names = sorted(set(east_asian.names))
    twice = represented(tmp_path / "two-passes", some(east_asian, names[::2]), passes=2)
    out = {"output_dir": tmp_path / "out"}
    plain = compare_embeddings([compared], **out).rates[0]
    found = compare_embeddings([compared], cohort=[cohort], **out).rates[0]
    assert (found.distance, found.cohort) == ("half-normalized", len(read_embedded([cohort]).people))
    assert found.equal_error_rate is not None
    assert plain.equal_error_rate is not None
    assert found.equal_error_rate.value < plain.equal_error_rate.value
    with pytest.raises(FacelineError, match=r"two-passes: no cohort was made with its network and passes; name one"):
        compare_embeddings([compared, twice], cohort=[cohort], **out)
    other = represented(tmp_path / "other", some(east_asian, names[1::2]), passes=2)
    done = run_script(
        *(EVALUATION / "compare.py", compared, twice, "--cohort", cohort, "--cohort", other, "--json"),
        *("--output", tmp_path / "out"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    done_as_text = run_script(
        *(EVALUATION / "compare.py", compared, "--cohort", cohort, "--output", tmp_path / "out"),
    )
    assert "Distances are normalised by cohorts, which have so many faces: " in done_as_text.stdout
    assert [rates["passes"] for rates in json.loads(done.stdout)["rates"]] == ["1", "2"]
    assert len(compare_embeddings([compared, twice], cohort=[cohort, other], **out).rates) == 2
    with pytest.raises(FacelineError, match=r"other: made like none of the folders; leave it out"):
        compare_embeddings([compared], cohort=[cohort, other], **out)
    with pytest.raises(FacelineError, match=r"compared: more than one cohort was made with its network and passes"):
        compare_embeddings([compared], cohort=[cohort, cohort], **out)


def test_mistakes_take_one_line(halves, east_asian, tmp_path):
    compared, _, groups = halves
    names = sorted(set(east_asian.names))
    few = represented(tmp_path / "few", some(east_asian, names[1:2]))
    mixed = represented(tmp_path / "mixed", east_asian)
    passes = represented(tmp_path / "passes", some(east_asian, names[1::2]), passes=4)
    for cohort, complaint in (
        (compared, "is compared itself; name embeddings of others as --cohort"),
        (few, "are too few for a cohort, which takes 40 at least, better a few hundred; look at .*few"),
        (mixed, "a picture of the cohort is among those compared; name other people as cohort; look at .*mixed"),
        (passes, "passes: made with another network or other passes than what is compared"),
        (tmp_path / "none", "none: No such file or directory; name the folder that batch_represent wrote"),
    ):
        with pytest.raises(FacelineError, match=complaint):
            compare_groups(groups, [compared], cohort=cohort, output_dir=tmp_path / "out")
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("1\n")
    with pytest.raises(FacelineError, match=r"pairs\.txt"):
        verify(pairs, compared, cohort=few, output_dir=tmp_path / "out")
    for cohort, complaint in ((few, "too few for a cohort"), (passes, "passes: made with another network or other")):
        with pytest.raises(FacelineError, match=complaint):
            train(compared, cohort=cohort)
        with pytest.raises(FacelineError, match=complaint):
            identify(compared, cohort=cohort, output_dir=tmp_path / "out")
    done = run_script("demos/classifier.py", "train", compared, "--cohort", compared)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("is the gallery itself; name another folder with --cohort\n")


def test_training_counts_a_cohort_as_people_nearby(lfw, tmp_path):
    """Fewer strangers get names, and no fewer known people theirs; strangers serve as cohort where there is none."""
    counts = Counter(lfw.names.tolist())
    single = sorted(name for name, count in counts.items() if count == 1)
    known = sorted(name for name, count in counts.items() if count > 3)
    rows = np.concatenate([lfw.rows(name)[:3] for name in known])
    probes = np.concatenate([lfw.rows(name)[3:] for name in known])
    gallery = represented(tmp_path / "gallery", People(lfw.embeddings[rows], lfw.names[rows], lfw.crops[rows]))
    # A heap: others, and more pictures of those in the gallery, who do not crowd themselves.
    more = People(lfw.embeddings[probes], lfw.names[probes], lfw.crops[probes])
    heap = represented(tmp_path / "heap", some(lfw, single[::2]), more)
    others = represented(tmp_path / "others", some(lfw, single[::2]))
    found = {}
    for name, options in (("none", {}), ("heap", {"cohort": heap}), ("others", {"cohort": others})):
        trained = train(gallery, fpir=0.02, jobs=1, **options)
        model = read_classifier(gallery / "classifier.pkl").gallery
        named = [who.name for who in model.identify(lfw.embeddings[probes])]
        strange = [who.name for who in model.identify(some(lfw, single[1::2]).embeddings)]
        right = np.mean([name == person for name, person in zip(named, lfw.names[probes], strict=True)])
        found[name] = trained, right, np.mean([who != "unknown" for who in strange]), model.scorer.crowding
    assert "Cohort: 39 of 40 faces, without copies and those that look like somebody here.\n" in str(found["others"][0])
    assert "Cohort: " not in str(found["none"][0])
    heaped = int(str(found["heap"][0]).split("Cohort: ")[1].split()[0])
    own = len(probes)
    assert 39 <= heaped <= 39 + own / 5, "few pictures of the gallery's own people count"
    for name in ("heap", "others"):
        assert (found[name][3] >= found["none"][3]).all()
        assert found[name][1] >= found["none"][1]
        assert found[name][2] <= found["none"][2]
        assert found[name][0].calibration.tpir >= found["none"][0].calibration.tpir
    trained = train(gallery, strangers=others, jobs=1)
    assert "Cohort: 39 of 40 faces, without copies and those that look like somebody here.\n" in str(trained)
    assert np.array_equal(read_classifier(gallery / "classifier.pkl").gallery.scorer.crowding, found["others"][3])
