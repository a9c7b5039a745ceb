"""`check`: mistakes that are put into folders of real photographs are found, told, and set aside."""

import csv
import os
import shutil
import sys

import numpy as np
import pytest
from conftest import ROOT, run_script, tree
from PIL import Image, ImageFilter

from faceline import FacelineError, align_folder, check, correct, represent_folder
from faceline.disk.folder_locks import locked
from faceline.people.copies import copied, patch, probabilities
from faceline.stages.setting_aside import Aside, move_back

OUTLIERS, DUPLICATES = (ROOT / "util" / f"detect-{name}.py" for name in ("outliers", "duplicates"))
HEADER = ["crop", "person", "kind", "likely", "probability"]


def stages(home):
    align_folder(home / "photos", home / "aligned", jobs=2)
    represent_folder(home / "aligned", home / "embeddings", jobs=2)


def smaller(source, target, share, quality):
    with Image.open(source) as image:
        image.resize([round(edge * share) for edge in image.size]).save(target, quality=quality)


def blurred(source, target):
    with Image.open(source) as image:
        image.resize((120, 120)).filter(ImageFilter.GaussianBlur(1.8)).resize((250, 250)).save(target, quality=30)


@pytest.fixture(scope="module")
def clean_home(faces, tmp_path_factory):
    """Twelve people of LFW with four to six pictures, three with one, and mistakes; `names` are the twelve."""
    home = tmp_path_factory.mktemp("check me, é")
    people = [folder for folder in sorted((faces / "lfw-dev").iterdir()) if folder.is_dir()]
    several = [folder for folder in people if 4 <= len(list(folder.iterdir())) <= 6][:12]
    single = [folder for folder in people if len(list(folder.iterdir())) == 1][:4]
    for folder in several + single[:3]:
        shutil.copytree(folder, home / "photos" / folder.name)
    photos = [sorted((home / "photos" / folder.name).iterdir()) for folder in several]
    # Somebody else's photograph, a stranger's, half of somebody in another folder, copies, and what is hardly a face.
    shutil.move(photos[1][0], photos[0][0].with_name("wrong one.jpg"))
    shutil.copy(next(single[3].iterdir()), photos[2][0].with_name("stranger.jpg"))
    (home / "photos" / "second folder").mkdir()
    for path in photos[3][:2]:
        shutil.move(path, home / "photos" / "second folder")
    shutil.copy(photos[4][0], photos[4][0].with_name("equal.jpg"))
    smaller(photos[5][0], photos[5][0].with_name("small.jpg"), 0.6, 60)
    blurred(photos[6][0], photos[6][0].with_name("blurred.jpg"))
    stages(home)
    return home, [folder.name for folder in several], [folder.name for folder in single]


@pytest.fixture
def home(clean_home, tmp_path):
    return shutil.copytree(clean_home[0], tmp_path / "home")


@pytest.fixture
def names(clean_home):
    return clean_home[1]


def rows(home):
    with (home / "embeddings" / "suspects.csv").open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        found = list(reader)
    assert reader.fieldnames == HEADER
    return found


def of(table, kind, least=0.5):
    return {
        row["crop"]: (row["person"], row["likely"])
        for row in table
        if row["kind"] == kind and float(row["probability"]) >= least
    }


def test_mistakes_are_found_by_the_command(home, names, clean_home):
    done = run_script("-m", "faceline", "check", home / "embeddings")
    assert (done.returncode, done.stderr) == (0, "")
    table = rows(home)
    chances = [float(row["probability"]) for row in table]
    assert chances == sorted(chances, reverse=True)
    assert of(table, "wrong-person") == {
        f"{names[0]}/wrong one.jpg.png": (names[0], names[1]),
        f"{names[2]}/stranger.jpg.png": (names[2], ""),
    }
    ((_, double),) = of(table, "double").items()
    assert set(double) == {names[3], "second folder"}
    copies = of(table, "copy", 0.9)
    first = [sorted((home / "photos" / name).iterdir()) for name in names]
    assert {frozenset((crop, likely)) for crop, (_, likely) in copies.items()} == {
        frozenset((f"{names[4]}/equal.jpg.png", f"{names[4]}/{min(p.name for p in first[4])}.png")),
        frozenset((f"{names[5]}/small.jpg.png", f"{names[5]}/{min(p.name for p in first[5])}.png")),
    }
    assert f"{names[5]}/small.jpg.png" in copies  # the smaller one goes
    assert set(of(table, "poor", 0.2)) == {f"{names[6]}/blurred.jpg.png"}
    few = of(table, "few", 0)
    assert {person for person, _ in few.values()} == {*clean_home[2][:3], "second folder"} | {
        name for name, own in zip(names, first, strict=True) if len(own) < 3
    }
    said = done.stdout.splitlines()
    assert said[0].startswith("Looked at ")
    assert any("wrong-person" in line and line.endswith(f"wrong one.jpg.png: likely {names[1]}") for line in said)
    assert said[-1] == f"All, the worst first, written to {home / 'embeddings' / 'suspects.csv'}"


def test_both_scripts_write_the_same_table_and_tell_of_their_own_kinds(home):
    tables, said = [], []
    for script in (OUTLIERS, DUPLICATES):
        done = run_script(script, "embeddings", cwd=home)
        assert (done.returncode, done.stderr) == (0, "")
        tables.append((home / "embeddings" / "suspects.csv").read_bytes())
        said.append([line.split()[1] for line in done.stdout.splitlines() if line.startswith("  ")])
    assert tables[0] == tables[1]
    assert set(said[0]) == {"wrong-person", "poor"}
    assert set(said[1]) == {"double", "copy"}


def test_nothing_to_find_ends_with_0_too(photographs, tmp_path):
    shutil.copytree(photographs.train, tmp_path / "photos")
    stages(tmp_path)
    done = run_script(OUTLIERS, "embeddings", "--few", 0, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].endswith(": no fault.")
    assert rows(tmp_path) == []


def test_a_summary_is_as_long_as_was_asked_for(home):
    found = check(home / "embeddings", worst=1)
    assert sum(line.startswith("  ") for line in str(found).splitlines()) == 1
    assert "The worst 1 of " in str(found)
    assert "The worst" not in str(check(home / "embeddings", worst=0))
    done = run_script("-m", "faceline", "check", home / "embeddings", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_distinct_people_are_no_double(home, names):
    (home / "embeddings" / "distinct.csv").write_text(f"{names[3]},second folder\n")
    assert not of(check_rows(home), "double", 0)


def aside_of(found) -> Aside:
    assert found.aside is not None
    return found.aside


def check_rows(home, **options):
    check(home / "embeddings", **options)
    return rows(home)


def test_pictures_are_set_aside_and_moved_back(home, names):
    """The photographs, at the same paths; the stages then do without them, and `undo` makes all as it was."""
    before = tree(home / "photos")
    wanted = {f"{names[0]}/wrong one.jpg", f"{names[4]}/equal.jpg", f"{names[5]}/small.jpg"}
    done = run_script("-m", "faceline", "check", "embeddings", "--move", "set aside/here", "--sure", "0.8", cwd=home)
    assert (done.returncode, done.stderr) == (0, "")
    place = home / "set aside" / "here"
    moved = {str(path.relative_to(place)) for path in place.rglob("*.jpg")}
    assert wanted <= moved
    assert moved <= wanted | {f"{names[2]}/stranger.jpg", f"{names[6]}/blurred.jpg"}
    assert f"Moved to set aside/here, as of a probability of 0.8: {len(moved)} photographs: " in done.stdout
    assert {name for name in before if name not in tree(home / "photos")} == moved
    assert all((place / name).read_bytes() == before[name] for name in moved)
    # Before the stages have run, they are still in the table, and there is nothing to move.
    again = str(check(home / "embeddings", move=place, sure=0.8))
    assert "of a probability of 0.8: nothing." in again
    assert f"Not there any more: {len(moved)}." in again
    stages(home)
    table = check_rows(home)
    assert not {row["crop"] for row in table} & {f"{name}.png" for name in moved}
    done = run_script("-m", "faceline", "check", "embeddings", "--move", "set aside/here", "--undo", cwd=home)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Moved back from set aside/here: {len(moved)} pictures.\n")
    assert tree(home / "photos") == before
    assert os.listdir(place) == []


def test_what_is_unlikely_and_what_concerns_people_stays(home):
    before = tree(home / "photos")
    found = check(home / "embeddings", move=home / "aside", sure=0.95, few=100)
    table = [row for row in rows(home) if row["kind"] in ("wrong-person", "copy", "poor")]
    moved = {f"{moved.picture}.png" for moved in aside_of(found).moved}
    assert moved == {row["crop"] for row in table if float(row["probability"]) >= 0.95}
    assert set(tree(home / "photos")) == set(before) - {crop.removesuffix(".png") for crop in moved}


def test_nothing_is_overwritten(home, names):
    """Neither there nor, when all is moved back, here."""
    place = home / "aside"
    (place / names[4]).mkdir(parents=True)
    (place / names[4] / "equal.jpg").write_bytes(b"mine")
    found = check(home / "embeddings", move=place)
    assert f"{names[4]}/equal-2.jpg" in [moved.picture for moved in aside_of(found).moved]
    assert (place / names[4] / "equal.jpg").read_bytes() == b"mine"
    (home / "photos" / names[4] / "equal.jpg").write_bytes(b"another")
    back = move_back(home / "embeddings", place)
    assert back.left == [f"{names[4]}/equal-2.jpg"]
    assert (home / "photos" / names[4] / "equal.jpg").read_bytes() == b"another"
    (home / "photos" / names[4] / "equal.jpg").unlink()
    assert move_back(home / "embeddings", place).back == 1


def test_a_photograph_that_has_changed_stays(home, names):
    (home / "photos" / names[4] / "equal.jpg").write_bytes(b"another")
    found = check(home / "embeddings", move=home / "aside")
    assert aside_of(found).changed == [f"{names[4]}/equal.jpg"]
    assert (home / "photos" / names[4] / "equal.jpg").read_bytes() == b"another"
    assert "Left, as they have changed since (run align-dlib.py first): " in str(found)


def test_crops_are_moved_where_the_photographs_are_elsewhere(home, names):
    shutil.move(home / "photos", home / "somewhere else")
    before = tree(home / "aligned")
    found = check(home / "embeddings", move=home / "aside")
    moved = {moved.picture for moved in aside_of(found).moved}
    assert f"{names[0]}/wrong one.jpg.png" in moved
    assert "They are crops, as the photographs are not beside them" in str(found)
    represent_folder(home / "aligned", home / "embeddings")
    assert not {row["crop"] for row in check_rows(home)} & moved
    move_back(home / "embeddings", home / "aside")
    assert tree(home / "aligned") == before


def test_copies_are_told_without_crops(home, names):
    """By their embeddings, and equal ones by their SHA-256."""
    shutil.rmtree(home / "aligned")
    assert {f"{names[4]}/equal.jpg.png"} <= set(of(check_rows(home), "copy", 0.9))


def test_one_photograph_of_two_people_is_told_of_both_and_stays(home, names):
    source = next((home / "photos" / names[8]).iterdir())
    shutil.copy(source, home / "photos" / names[9] / "the same.jpg")
    stages(home)
    found = check(home / "embeddings", move=home / "aside")
    copies = of(rows(home), "copy", 0.9)
    one, other = f"{names[8]}/{source.name}.png", f"{names[9]}/the same.jpg.png"
    assert copies[one] == (names[8], other)
    assert copies[other] == (names[9], one)
    assert f"{names[8]}/{source.name}" not in [moved.picture for moved in aside_of(found).moved]
    # It is a wrong picture of the second one, and that is why it goes.
    assert of(rows(home), "wrong-person", 0.9)[other] == (names[9], names[8])


def test_pictures_without_a_face(home, names, clean_home):
    """Crops of the middle are poor; whoever has no other one has no picture."""
    shutil.rmtree(home / "aligned")
    shutil.rmtree(home / "embeddings")
    (home / "photos" / "nobody").mkdir()
    Image.new("RGB", (200, 200), (90, 120, 90)).save(home / "photos" / "nobody" / "green.jpg")
    align_folder(home / "photos", home / "aligned", fallback="centre")
    represent_folder(home / "aligned", home / "embeddings")
    table = check_rows(home)
    assert of(table, "poor", 1)["nobody/green.jpg.png"] == ("nobody", "")
    assert ("nobody", "") in [(row["person"], row["crop"]) for row in table if row["kind"] == "few"]


def test_a_single_person_and_nobody(home, names):
    for folder in (home / "photos").iterdir():
        if folder.name != names[4]:
            shutil.rmtree(folder)
    stages(home)
    assert {row["kind"] for row in check_rows(home)} <= {"copy", "few", "poor"}
    shutil.rmtree(home / "photos" / names[4])
    stages(home)
    with pytest.raises(FacelineError, match="embeddings: holds no embedding; run batch_represent"):
        check(home / "embeddings")


@pytest.mark.parametrize(
    ("prepare", "arguments", "complaint"),
    [
        (lambda e: shutil.rmtree(e), [], "embeddings: No such file or directory; run batch_represent first"),
        (
            lambda e: (e / "run.json").unlink(),
            [],
            "run.json: No such file or directory; run batch_represent, which writes it, to its end",
        ),
        (
            lambda e: (e / "labels.csv").write_text((e / "labels.csv").read_text().partition("\n")[2]),
            [],
            "labels; run batch_represent again with --overwrite (edited by hand?",
        ),
        (lambda e: (e / "reps.csv").write_text("1,2\n"), [], "reps.csv: line 1 has 2 numbers instead of 128"),
        (lambda e: (e / "distinct.csv").write_text("anna\n"), [], "distinct.csv: line 1: "),
        (lambda e: None, ["--worst", "-1"], "worst -1 is out of range; choose 0 or more"),
        (lambda e: None, ["--few", "-1"], "few -1 is out of range; choose 0 or more"),
        (lambda e: None, ["--sure", "0"], "sure 0.0 is no probability to move pictures by"),
        (lambda e: None, ["--sure", "nan"], "sure nan is no probability to move pictures by"),
        (lambda e: None, ["--jobs", "0"], "jobs 0 is out of range"),
        (lambda e: None, ["--undo"], "--undo moves back what --move has moved; name that folder with --move"),
        (lambda e: None, ["--move", "nowhere", "--undo"], "nowhere: nothing was moved here; name the folder that"),
        (lambda e: None, ["--move", ""], "an empty path names nothing"),
        (lambda e: None, ["--move", "file"], "file: is no folder; name another place"),
        (lambda e: None, ["--move", "photos/aside"], "photos/aside: lies in the folder of photographs; name"),
        (lambda e: None, ["--move", "aligned/aside"], "aligned/aside: lies in the folder of crops; name a folder"),
        (lambda e: None, ["--move", "embeddings"], "embeddings: lies in the folder of embeddings; name a folder"),
        (
            lambda e: shutil.rmtree(e.parent / "aligned"),
            ["--move", "aside"],
            "run batch_represent again where the crops are",
        ),
        (lambda e: broken_table(e.parent), ["--move", "aside"], "moved.csv: line 1: the columns are not picture, was"),
    ],
)
def test_a_mistake_takes_one_line(home, prepare, arguments, complaint, run_here):
    (home / "file").write_bytes(b"")
    before = tree(home / "photos")
    prepare(home / "embeddings")
    done = run_here(OUTLIERS, "embeddings", *arguments, cwd=home)
    assert done.returncode == 2
    assert done.stdout == ""
    errors = [line for line in done.stderr.splitlines() if "warning" not in line]
    assert len(errors) == 1 and errors[0].startswith("detect-outliers.py: error: ")
    assert complaint in errors[0]
    assert tree(home / "photos") == before


def broken_table(home):
    (home / "aside").mkdir()
    (home / "aside" / "moved.csv").write_text("a\n")


def test_a_forged_table_leads_nowhere(home):
    (home / "aside").mkdir()
    (home / "aside" / "a.jpg").write_bytes(b"a")
    (home / "aside" / "moved.csv").write_text("picture,was,folder\na.jpg,../out.jpg,photographs\n")
    with pytest.raises(FacelineError, match="leads out of this folder"):
        move_back(home / "embeddings", home / "aside")
    assert not (home / "out.jpg").exists()


def test_one_run_at_a_time(home):
    with locked(home / "embeddings"), pytest.raises(FacelineError, match="another run is writing here; wait for it"):
        check(home / "embeddings")


def test_a_killed_move_is_gone_on_with(home, names, monkeypatch):
    """What was noted and not moved is moved by the next run, under its own name."""
    module = sys.modules["faceline.stages.setting_aside"]
    real, count = module.move, iter(range(100))

    def killed(source, target):
        if next(count) == 1:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(module, "move", killed)
    with pytest.raises(KeyboardInterrupt):
        check(home / "embeddings", move=home / "aside")
    monkeypatch.setattr(module, "move", real)
    before = {path.name for path in (home / "aside").rglob("*.jpg")}
    assert len(before) == 1
    check(home / "embeddings", move=home / "aside")
    after = {path.name for path in (home / "aside").rglob("*.jpg")}
    assert len(after) > 1
    assert not any(name.endswith("-2.jpg") for name in after)


def test_of_one_person_s_copies_the_best_stays():
    pairs, chances = np.array([[0, 1], [1, 2], [3, 4]]), np.array([0.9, 0.8, 1.0])
    found = copied(pairs, chances, np.array([0, 0, 0, 0, 1]), np.array([0, 2, 1, 3, 4]))
    assert found == {0: (1, 0.9), 2: (1, 0.8), 3: (4, 1.0), 4: (3, 1.0)}


def test_pixels_tell_a_copy_from_another_photograph(clean_home):
    home, names, _ = clean_home
    one, other = (
        patch(np.array(Image.open(path)))
        for path in sorted((home / "aligned" / names[7]).iterdir())[:2]
    )  # fmt: skip
    likeness = np.array([-0.2, -0.2, -0.01, -0.2])
    same, different, by_embedding, unlike = probabilities(
        likeness, np.array([one @ one, one @ other, np.nan, np.nan])
    ).tolist()
    assert same > 0.99
    assert different < 0.01
    assert by_embedding > 0.9
    assert unlike < 0.01


def test_corrections_are_obeyed(home, names):
    """Who a face is said to be is no wrong person; and what is nobody's face is not looked at."""
    faces = [f"{names[0]}/wrong one.jpg.png", f"{names[2]}/stranger.jpg.png"]
    correct([faces[0]], home / "embeddings", name=names[1])
    correct([faces[1]], home / "embeddings", no_face=True)
    assert not of(check_rows(home), "wrong-person", 0.3)
    correct([], home / "embeddings", undo="last")
    correct([faces[1]], home / "embeddings", name=names[2])
    assert not of(check_rows(home), "wrong-person", 0.3)
    assert "Corrections: 2 faces named." in str(check(home / "embeddings"))


def test_faces_without_a_name_are_not_looked_at(faces, tmp_path):
    """And a photograph that shows others, too, stays, whatever is wrong with one of its faces."""
    shutil.copytree(faces / "johns" / "John_Simm", tmp_path / "photos")
    for name in ("party.jpg", "party again.jpg"):
        shutil.copy(faces / "photos" / "longoria-cooper.jpg", tmp_path / "photos" / name)
    align_folder(tmp_path / "photos", tmp_path / "aligned", every=True)
    represent_folder(tmp_path / "aligned", tmp_path / "embeddings")
    with pytest.raises(FacelineError, match="embeddings: no face is said to be anybody's; put each person's"):
        check(tmp_path / "embeddings")
    johns = [f"{path.name}.png" for path in (faces / "johns" / "John_Simm").iterdir()]
    correct(johns, tmp_path / "embeddings", name="john")
    correct(["party.jpg.png", "party again.jpg.png"], tmp_path / "embeddings", name="eva")
    found = check(tmp_path / "embeddings", move=tmp_path / "aside", sure=0.5)
    assert "Not looked at: 2 faces of nobody's folder; faceline cluster finds whose." in str(found)
    (shared,) = (crop for crop in of(rows(tmp_path), "copy") if crop.startswith("party"))
    assert list(aside_of(found).shared) == [shared]
    assert (tmp_path / "photos" / "party.jpg").is_file() and (tmp_path / "photos" / "party again.jpg").is_file()
