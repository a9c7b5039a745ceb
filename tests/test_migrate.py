"""`migrate`: a work folder for another network, with what people have done to it."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import drawn, names, run_script, tree
from test_kill import killed_at

from faceline import FacelineError, align_folder, enrol, export_tables, infer, migrate, represent_folder, train
from faceline.disk.folder_locks import locked
from faceline.disk.manifests import read_manifest
from faceline.disk.names import ALIGNED_DIR, EMBEDDINGS_DIR, MIGRATION_DIR, TRAINING_DIR
from faceline.disk.reading import read_json
from faceline.disk.rows import CropRow
from faceline.disk.run_records import read_record
from faceline.faces.reframing import shows_all, shows_most
from faceline.networks.frames import SHARED
from faceline.networks.table import name_of, network_named
from faceline.recognition.classifier_file import read_classifier
from faceline.report.changes import Embedded, changes
from faceline.work_folder.migration_folder import finish_migration

BOTH = "dlib+mobilefacenet"
QUICK: dict[str, Any] = {"upsample": 0, "jobs": 1}


@pytest.fixture(scope="module")
def known_people(faces):
    return faces / "known-people" / "train"


@pytest.fixture(scope="module")
def probe(faces):
    return faces / "known-people" / "test" / "obama1.jpg"


@pytest.fixture(scope="module")
def of_dlib(mobilefacenet, known_people, tmp_path_factory):
    folder = tmp_path_factory.mktemp("of dlib") / "work"
    enrol(known_people, folder, passes=2, fpir=0.02, **QUICK)
    return folder


@pytest.fixture(scope="module")
def migrated(of_dlib, tmp_path_factory):
    """A copy of that, migrated, and what was reported."""
    folder = tmp_path_factory.mktemp("of both") / "work"
    shutil.copytree(of_dlib, folder)
    return folder, migrate(folder, network=BOTH, jobs=1)


@pytest.fixture
def work(of_dlib, tmp_path):
    """A work folder of dlib's network, to be changed."""
    return shutil.copytree(of_dlib, tmp_path / "work")


@pytest.fixture
def work_of_both(migrated, tmp_path):
    folder = shutil.copytree(migrated[0], tmp_path / "both")
    shutil.rmtree(folder / "before-dlib")
    return folder


def who(probe, classifier):
    """Who the main face is, as `infer` says."""
    (answer,) = infer([probe], classifier)
    return names(answer)[0]


def pictures(work, status="ok"):
    rows = read_manifest(work / EMBEDDINGS_DIR / "manifest.csv", CropRow)
    return {row.crop.removesuffix(".png") for row in rows if row.status == status}


def test_from_photographs_as_if_enrolled_so(of_dlib, migrated, known_people, probe, tmp_path):
    folder, report = migrated
    enrol(known_people, tmp_path / "fresh", network=BOTH, passes=2, fpir=0.02, **QUICK)
    for name in (TRAINING_DIR, ALIGNED_DIR, EMBEDDINGS_DIR):
        assert tree(folder / name) == tree(tmp_path / "fresh" / name)
        if name != TRAINING_DIR:
            assert tree(folder / "before-dlib" / name) == tree(of_dlib / name)
    assert not (folder / MIGRATION_DIR).exists()
    assert who(probe, folder) == who(probe, folder / "before-dlib") == "obama"
    assert (report.network, report.before) == (BOTH, str(folder / "before-dlib"))
    said = str(report)
    assert "From dlib to dlib+mobilefacenet, from the photographs in training-images." in said
    assert "Expected before: 2 % of strangers named, " in said
    assert "Each picture held out with others and named by the rest: 0 of 9 pictures get another name; " in said
    assert "by their mean faces: 0 before, 0 now, none of them new." in said
    assert f"Written to {folder / ALIGNED_DIR}" in said
    assert f"Written to {folder / EMBEDDINGS_DIR / 'classifier.pkl'}" in said


def test_names_corrections_and_removed_pictures_stay(work, probe):
    (work / TRAINING_DIR / "biden").rename(work / TRAINING_DIR / "joe")
    (work / TRAINING_DIR / "rose_leslie" / "img2.jpg").unlink()
    (work / ALIGNED_DIR / "obama" / "obama2.jpg.png").unlink()
    (work / TRAINING_DIR / "kit_harington").rename(work / TRAINING_DIR / "jon")
    (work / ALIGNED_DIR / "kit_harington" / "john2.jpeg.png").unlink()
    files = {"distinct.csv": b"joe,obama\n", "corrections.jsonl": b'{"picture": "a.jpg"}\n'}
    for name, content in files.items():
        (work / EMBEDDINGS_DIR / name).write_bytes(content)
    export_tables(work / EMBEDDINGS_DIR)  # of the old network
    said = str(migrate(work, network=BOTH, jobs=1))
    kept = {"alex_lacamoire/img1.jpg", "joe/biden.jpg", "joe/biden2.jpg", "jon/john1.jpeg", "obama/obama.jpg"}
    assert pictures(work) == kept | {"rose_leslie/img1.jpg"}
    assert pictures(work, "missing") == {"obama/obama2.jpg", "jon/john2.jpeg"}
    for name, content in files.items():
        assert (work / EMBEDDINGS_DIR / name).read_bytes() == content
    assert "Stay removed, as their crops were: jon/john2.jpeg, obama/obama2.jpg." in said
    assert "as 1 photograph of before cannot be used now: rose_leslie/img2.jpg." in said
    assert "Kept as they are: corrections.jsonl, distinct.csv." in said
    assert not list((work / EMBEDDINGS_DIR).glob("*.parquet"))
    assert " of 6 pictures get another name" in said  # those that have got other names are compared, too
    assert who(probe, work) == "obama"


def test_options_are_kept_unless_given_anew(work):
    train(work / EMBEDDINGS_DIR, fpir=0.05, classifier="Knn", lda_dim=3, jobs=1)
    migrate(work, network="mobilefacenet", jobs=1)
    model = read_classifier(work / EMBEDDINGS_DIR / "classifier.pkl")
    scorer = model.gallery.scorer
    assert (model.network.name, model.augmentation.passes, model.gallery.calibration.fpir) == ("mobilefacenet", 2, 0.05)
    assert (scorer.record()["classifier"], scorer.components.shape) == ("Knn", (128, 3))
    assert (model.alignment.upsample, model.alignment.frame, model.alignment.size) == (0, "arcface", 112)
    migrate(work, network="dlib", passes=1, fpir=0.1, classifier="LinearSvm", jobs=1)
    model = read_classifier(work / EMBEDDINGS_DIR / "classifier.pkl")
    assert (model.augmentation.passes, model.gallery.calibration.fpir) == (1, 0.1)
    assert model.gallery.scorer.record()["classifier"] == "LinearSvm"
    # Each result of before is a work folder of its own; --yes removes both.
    assert {path.name for path in work.glob("before-*")} == {"before-dlib", "before-mobilefacenet"}
    report = migrate(work, network="dlib", yes=True)
    assert sorted(report.removed) == ["before-dlib", "before-mobilefacenet"]
    assert not list(work.glob("before-*"))
    assert (work / TRAINING_DIR).is_dir()


def test_from_crops_which_go_on_with_enrol(work_of_both, probe, faces, tmp_path):
    work = work_of_both
    crops = {name: data for name, data in tree(work / ALIGNED_DIR).items() if name.endswith(".png")}
    (work / ALIGNED_DIR / "biden" / "biden2.jpg.png").unlink()
    (work / TRAINING_DIR / "obama").rename(work / TRAINING_DIR / "barack")
    said = str(migrate(work, network="mobilefacenet", yes=True, jobs=1))
    assert "from the crops in aligned-images." in said
    assert "Stay removed, as their crops were: biden/biden2.jpg." in said
    assert "Removed, as --yes says: before-dlib+mobilefacenet." in said
    assert (work / ALIGNED_DIR / "barack" / "obama.jpg.png").read_bytes() == crops["obama/obama.jpg.png"]
    assert who(probe, work) == "barack"
    assert read_record(work / EMBEDDINGS_DIR)["options"]["network"] == "mobilefacenet"
    (tmp_path / "more" / "carl").mkdir(parents=True)
    shutil.copy(faces / "photos" / "obama3.jpg", tmp_path / "more" / "carl")
    enrolled = enrol(tmp_path / "more", work, network="mobilefacenet", passes=2, **QUICK)
    assert enrolled.trained.people == 6
    assert read_record(work / ALIGNED_DIR)["options"]["frame"] == SHARED


def test_from_crops_without_photographs(work_of_both, probe):
    shutil.rmtree(work_of_both / TRAINING_DIR)
    before = tree(work_of_both / ALIGNED_DIR)
    report = migrate(work_of_both, network="dlib", jobs=1)
    assert report.aligned is None
    assert tree(work_of_both / ALIGNED_DIR) == before
    assert who(probe, work_of_both) == "obama"


def test_a_folder_made_by_hand_with_crops_that_nearly_do(mobilefacenet, known_people, probe, tmp_path):
    work = tmp_path / "work"
    for person in ("obama", "biden"):
        shutil.copytree(known_people / person, tmp_path / "photos" / person)
    align_folder(tmp_path / "photos", work / ALIGNED_DIR, size=192, **QUICK)
    represent_folder(work / ALIGNED_DIR, work / EMBEDDINGS_DIR, jobs=1)
    said = str(migrate(work, network="mobilefacenet", jobs=1))
    assert "There was no classifier, so options of training are the usual ones." in said
    assert "The crops are in the frame dlib: what the network wants beyond them, if any, is black." in said
    assert who(probe, work) == "obama"


def test_a_network_of_one_s_own_whose_file_is_gone(mobilefacenet, known_people, probe, tmp_path):
    shutil.copy(mobilefacenet, tmp_path / "net.onnx")
    (tmp_path / "net.toml").write_text(
        'input_size = 112\nframe = "arcface"\ndimensions = 128\n'
        'distance = "cosine"\nthreshold = 0.63\nlicence = "any"\n'
    )
    for person in ("obama", "biden"):
        shutil.copytree(known_people / person, tmp_path / "photos" / person)
    enrol(tmp_path / "photos", tmp_path / "work", network=str(tmp_path / "net.onnx"), **QUICK)
    assert name_of(network_named(str(tmp_path / "net.onnx")).record()) == str(tmp_path / "net.onnx")
    for ending in (".onnx", ".toml"):
        (tmp_path / "net").with_suffix(ending).unlink()
    said = str(migrate(tmp_path / "work", network="mobilefacenet", jobs=1))
    assert "The classifier of before cannot be read, so its options are not known: " in said
    assert "What changes is not known: " in said
    assert (tmp_path / "work" / "before-net").is_dir()
    assert who(probe, tmp_path / "work") == "obama"


def test_killed_while_the_new_one_is_built(of_dlib, migrated, probe, tmp_path):
    """The old one is as it was, and infer uses it; the next run ends with the same bytes."""
    old, expected = tree(of_dlib), tree(migrated[0])
    steps = (1, 2, 4, 9, 20, 35, 50, 60)
    for step in steps:
        work = tmp_path / f"work {step}"
        shutil.copytree(of_dlib, work)
        assert killed_at(step, work, migrate, (work,), {"network": BOTH, "jobs": 1})
        now = tree(work)
        assert {name: data for name, data in now.items() if not name.startswith(MIGRATION_DIR)} == old
        assert who(probe, work) == "obama"
        migrate(work, network=BOTH, jobs=1)
        assert tree(work) == expected, f"killed before change {step}"


def test_killed_while_the_new_one_takes_the_old_one_s_place(work, migrated, probe, tmp_path, monkeypatch):
    """Before every single change to the disk that is left then."""
    whole(work, monkeypatch)
    expected = tree(migrated[0])
    told = set()
    for step in range(1, 100):
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(work, out)
        was_killed = killed_at(step, out, finish_migration, (out,), {})
        assert who(probe, out) == "obama", f"killed before change {step}"
        if was_killed:
            report = migrate(out, network=BOTH, jobs=1)
            told.add(tuple(report.said[1:]))
        assert tree(out) == expected, f"killed before change {step}"
        if not was_killed:
            break
    assert step > 8
    assert tuple(migrated[1].said) in told


def whole(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Migrate a work folder up to the moment when nothing but renames is left."""

    class ReachedError(Exception):
        pass

    def stop(*arguments):
        raise ReachedError

    with monkeypatch.context() as patch:
        patch.setattr("faceline.work_folder.migrate.swap", stop)
        with pytest.raises(ReachedError):
            migrate(work, network=BOTH, jobs=1)


def test_enrol_finishes_what_a_killed_migration_left(work, migrated, monkeypatch):
    whole(work, monkeypatch)
    (work / "before-dlib").mkdir()
    (work / EMBEDDINGS_DIR).rename(work / "before-dlib" / EMBEDDINGS_DIR)
    enrol(work / TRAINING_DIR, work, network=BOTH, passes=2, fpir=0.02, **QUICK)
    assert tree(work) == tree(migrated[0])


def test_another_network_is_taken_up_after_a_killed_run(work, probe):
    assert killed_at(40, work, migrate, (work,), {"network": BOTH, "jobs": 1})
    migrate(work, network="mobilefacenet", jobs=1)
    assert read_record(work / EMBEDDINGS_DIR)["options"]["network"] == "mobilefacenet"
    assert not (work / MIGRATION_DIR).exists()
    assert who(probe, work) == "obama"


@pytest.mark.parametrize(
    ("prepare", "arguments", "complaint"),
    [
        ("", ["none", "--network", BOTH], "none: No such file or directory; name the work folder"),
        (
            "",
            [".", "--network", BOTH],
            ".: no work folder, as it has no embeddings in generated-embeddings; name one that enrol made",
        ),
        ("", ["", "--network", BOTH], "an empty path names nothing"),
        ("", ["work"], "the following arguments are required: --network"),
        ("", ["work", "--network", "dlib"], "work: is made for dlib already; name another network"),
        ("", ["work", "--network", "vgg"], "unknown network 'vgg'; choose"),
        ("", ["work", "--network", "taguchi"], "taguchi_face_recognition_resnet_model_v1.dat"),
        ("", ["work", "--network", BOTH, "--fpir", "2"], "fpir 2.0 is no rate"),
        ("", ["work", "--network", BOTH, "--passes", "2", "--jitters", "9"], "passes and jitters do not go together"),
        ("", ["work", "--network", BOTH, "--engine", "dlib"], "the engine dlib does not run the network mobilefacenet"),
        ("rm -r work/training-images", ["work", "--network", BOTH], "training-images: holds no photographs, and crops"),
        ("rm -r work/*-images", ["work", "--network", BOTH], "work: has neither crops nor photographs; bring them to"),
        ("rm work/generated-embeddings/run.json", ["work", "--network", BOTH], "work: no work folder, as it has no"),
        ("mv work/aligned-images a; ln -s ../a work/aligned-images", ["work", "--network", BOTH], "is a link, and"),
    ],
)
def test_a_mistake_takes_one_line_and_status_2_and_changes_nothing(
    work, tmp_path, prepare, arguments, complaint, run_here
):
    if prepare:
        run_script("-c", f"import os; os.system({prepare!r})", cwd=tmp_path)
    before = tree(tmp_path)
    done = run_here("-m", "faceline", "migrate", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["", ALIGNED_DIR, EMBEDDINGS_DIR])
def test_another_run_is_waited_for(work, name):
    with locked(work / name), pytest.raises(FacelineError, match="another run is writing here; wait for it to end"):
        migrate(work, network="mobilefacenet")


def test_a_file_that_is_no_state_is_no_migration(work):
    (work / MIGRATION_DIR).mkdir()
    (work / MIGRATION_DIR / "migration.json").write_text("[]")
    assert finish_migration(work) == {}
    assert (work / EMBEDDINGS_DIR).is_dir()


def test_which_crops_do(mobilefacenet):
    dlib, mobile, both = map(network_named, ("dlib", "mobilefacenet", BOTH))
    assert [shows_all(SHARED, 192, network) for network in (dlib, mobile, both)] == [True, True, True]
    assert [shows_all(SHARED, 96, network) for network in (dlib, mobile, both)] == [False, False, False]
    assert [shows_all("dlib", 192, network) for network in (dlib, mobile, both)] == [True, False, False]
    assert [shows_most("dlib", 192, network) for network in (dlib, mobile, both)] == [True, True, True]
    assert [shows_most("dlib", 96, network) for network in (dlib, mobile, both)] == [True, False, False]
    assert [shows_most("arcface", 192, network) for network in (dlib, mobile, both)] == [False, True, False]


def test_what_changes_is_counted():
    """The new network takes person 1 for person 0."""
    embeddings, labels = drawn(8, 4)
    names = [f"p{label}" for label in labels]
    pictures = [f"p{label}/{row}.jpg" for row, label in enumerate(labels)]
    worse = embeddings.copy()
    worse[labels == 1] = embeddings[labels == 0] + 0.05 * np.random.default_rng(0).normal(size=(4, 128))
    options = {"fpir": 0.01, "classifier": "LinearSvm", "lda_dim": None, "jobs": 1}
    good, bad = (Embedded(own.astype(np.float32), network_named("dlib"), options) for own in (embeddings, worse))
    assert changes(names, pictures, good, good, [])[0].startswith(
        "Each picture held out with others and named by the rest: 0 of 32 pictures get another name; "
    )
    lines = changes(names, pictures, good, bad, [("p0", "p1")])
    assert "Named otherwise: " in lines[1]
    assert "p1/" in lines[1]
    assert "now; new, in thresholds: p0 and p1 (" in lines[-1]
    few = Embedded(good.embeddings[::4][:3], good.network, options | {"lda_dim": 3})
    (*_, line) = changes(["a", "b", "c"], ["a/1", "b/1", "c/1"], few, few, [])
    assert line.startswith("Whether pictures get another name is not known: --ldaDim needs people with more")


def test_the_state_is_kept_beside_the_old_result(migrated):
    folder, report = migrated
    state = read_json(folder / "before-dlib" / "migration.json")
    assert (state["said"], state["before"]) == (list(report.said), "before-dlib")
