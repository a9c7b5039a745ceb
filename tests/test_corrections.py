"""What the user says of faces and people, and what obeys it."""

import json
import multiprocessing
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import CLASSIFIER, ROOT, run_script

from faceline import align_folder, correct, represent_folder, train
from faceline.disk.corrections import FIELDS, Correction, FaceKey, add_corrections, read_corrections
from faceline.disk.manifests import read_manifest
from faceline.disk.rows import PictureRow
from faceline.errors import FacelineError
from faceline.people.decisions import FaceAt, decide

CORRECT = ROOT / "util" / "correct.py"
FACES = [FaceKey("ab" * 32, (10 * n, 20, 10 * n + 8, 28)) for n in range(4)]


def is_said(what, *faces, **fields):
    return Correction(what, tuple((face,) for face in faces), **fields)


@pytest.fixture(scope="module")
def made(tmp_path_factory, faces):
    """A work folder of four people with four pictures each, of whom one has a picture of another."""
    folder = tmp_path_factory.mktemp("Zoë's work")
    people = (faces / "lfw-dev-known.txt").read_text().split()[:4]
    for person in people:
        (folder / "training-images" / person).mkdir(parents=True)
        for picture in sorted((faces / "lfw-dev" / person).glob("*.jpg"))[:4]:
            shutil.copy(picture, folder / "training-images" / person)
    wrong = sorted((faces / "lfw-dev" / people[1]).glob("*.jpg"))[4]
    shutil.copy(wrong, folder / "training-images" / people[0] / "wrong.jpg")
    align_folder(folder / "training-images", folder / "aligned-images", upsample=0)
    represent_folder(folder / "aligned-images", folder / "generated-embeddings")
    return folder


@pytest.fixture
def work(made, tmp_path):
    shutil.copytree(made, tmp_path / "work")
    return tmp_path / "work"


def people_of(work):
    return sorted(path.name for path in (work / "training-images").iterdir())


def said(work, *arguments):
    done = run_script(CORRECT, *arguments, cwd=work)
    assert done.returncode == 0, done.stderr
    return done.stdout


# What stands in the file.


@pytest.mark.parametrize("what", FIELDS)
def test_what_is_said_is_read_as_it_was(what, tmp_path):
    values = {
        "face": FACES[0].to_json(),
        "name": "Zoë/1",
        "faces": [face.to_json() for face in FACES[:3]],
        "groups": [[FACES[0].to_json(), FACES[1].to_json()], [FACES[2].to_json()]],
        "people": ["anna", "berta"],
        "of": "1",
    }
    fields = {"what": what, "id": "2", "time": "2026-11-26T12:00:00+00:00"} | {n: values[n] for n in FIELDS[what]}
    correction = Correction.from_json(fields)
    assert correction.to_json() == fields
    path = tmp_path / "corrections.jsonl"
    add_corrections(path, [correction])
    assert json.loads(path.read_text()) == fields
    assert read_corrections(path) == ([] if what == "undo" else [correction])


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "{",
        '{"what": "was"}',
        '{"what": "is", "name": "x"}',
        '{"what": "is", "face": {"photo": "x", "box": [1, 2, 3, 4]}, "name": "x"}',
        '{"what": "is", "face": {"photo": "%s", "box": [1, 2, 1, 4]}, "name": "x"}' % ("a" * 64),
        '{"what": "is", "face": {"photo": "%s", "box": [1, 2, 1e400, 4]}, "name": "x"}' % ("a" * 64),
        '{"what": "is", "face": {"photo": "%s", "box": [1, 2, 3, 4]}, "name": "../x"}' % ("a" * 64),
        '{"what": "is", "face": {"photo": "%s", "box": [1, 2, 3, 4]}, "name": "a\\u0000b"}' % ("a" * 64),
        '{"what": "is", "face": {"photo": "%s", "box": [1, 2, 3, 4]}, "name": "\\ud800"}' % ("a" * 64),
        '{"what": "is", "face": {"photo": "%s", "box": [1, 2, 3, 4]}, "name": "Unknown"}' % ("a" * 64),
        '{"what": "is", "face": {"photo": "%s", "box": [1, 2, 3, 4]}, "name": 7}' % ("a" * 64),
        '{"what": "same", "faces": []}',
        '{"what": "same-people", "people": ["a", "a"]}',
    ],
)
def test_a_line_that_is_none_is_named(line, tmp_path):
    path = tmp_path / "corrections.jsonl"
    path.write_text('{"what": "same-people", "people": ["a", "b"]}\n' + line + "\n")
    with pytest.raises(FacelineError, match=r"corrections\.jsonl: line 2: .*correct or remove the line") as raised:
        read_corrections(path)
    assert "\n" not in str(raised.value)


def test_what_is_undone_does_not_hold_and_what_is_undone_twice_does(tmp_path):
    path = tmp_path / "corrections.jsonl"
    (one,) = add_corrections(path, [is_said("is", FACES[0], name="anna")])
    (undo,) = add_corrections(path, [Correction("undo", of=one.id)])
    assert read_corrections(path) == []
    add_corrections(path, [Correction("undo", of=undo.id)])
    assert read_corrections(path) == [one]
    before = path.read_bytes()
    assert add_corrections(path, [one]) == []
    assert path.read_bytes() == before


def test_a_line_that_a_kill_cut_off_was_never_said(tmp_path):
    path = tmp_path / "corrections.jsonl"
    (one,) = add_corrections(path, [is_said("is", FACES[0], name="anna")])
    whole = path.read_bytes()
    for length in range(1, len(whole)):
        path.write_bytes(whole + whole[:length])
        assert read_corrections(path) == [one]
    path.write_bytes(whole + whole[:30])
    (other,) = add_corrections(path, [is_said("is", FACES[1], name="anna")])
    assert read_corrections(path) == [one, other]
    path.write_bytes(whole[:-1])
    add_corrections(path, [other])
    assert read_corrections(path) == [one, other]


def add_forever(path):
    while True:
        add_corrections(path, [is_said("is", FACES[0], name="anna")])


def test_killed_at_any_moment_nothing_that_was_said_is_lost(tmp_path):
    path = tmp_path / "corrections.jsonl"
    held: list[Correction] = []
    for _ in range(5):
        process = multiprocessing.get_context("fork").Process(target=add_forever, args=(path,))
        process.start()
        process.join(0.3)
        process.kill()
        process.join()
        found = read_corrections(path)
        assert found[: len(held)] == held
        assert len(found) > len(held)
        held = found


# What it means.


def decided(*corrections, faces=FACES):
    return decide(corrections, [FaceAt("a.jpg", face.photo, face.box_ltrb) for face in faces])


def test_the_last_word_holds():
    one, other = FACES[:2]
    assert decided(is_said("is", one, name="anna"), is_said("is", one, name="berta")).names == {0: "berta"}
    assert decided(is_said("is", one, name="anna"), is_said("is-not", one, name="anna")).names == {}
    assert decided(is_said("no-face", one), is_said("is", one, name="anna")).no_face == set()
    apart = decided(is_said("same", one, other), is_said("different", one, other))
    assert (apart.together, apart.apart) == ([], [({0}, {1})])
    together = decided(is_said("different", one, other), is_said("same", one, other))
    assert (together.together, together.apart) == ([{0, 1}], [])


def test_one_name_is_that_of_all_who_are_one_person():
    one, two, three, four = FACES
    found = decided(is_said("same", one, two), is_said("same", two, three), is_said("is", three, name="anna"))
    assert found.names == {0: "anna", 1: "anna", 2: "anna"}
    assert found.together == [{0, 1, 2}]
    split = decided(Correction("merge", ((one, two), (three, four))), Correction("split", ((one,), (two, three, four))))
    assert split.together == [{1, 2, 3}]
    assert split.apart == [({0}, {1, 2, 3})]
    two_names = decided(is_said("same", one, two), is_said("is", one, name="anna"), is_said("is", two, name="berta"))
    assert two_names.names == {0: "anna", 1: "berta"}
    assert two_names.together == []


def test_a_face_is_known_by_its_photograph_and_about_its_box():
    crowd = [FaceKey("cd" * 32, (0, 0, 100, 100)), FaceKey("cd" * 32, (110, 0, 210, 100))]
    near = FaceKey("cd" * 32, (105, -12, 195, 88))
    assert decided(is_said("is", near, name="anna"), faces=crowd).names == {1: "anna"}
    far = FaceKey("cd" * 32, (400, 0, 500, 100))
    assert decided(is_said("is", far, name="anna"), faces=crowd).unknown == 1
    assert decided(is_said("is", FaceKey("ef" * 32, (0, 0, 100, 100)), name="anna"), faces=crowd).names == {}
    copies = [FaceAt("a.jpg", "cd" * 32, (0, 0, 100, 100)), FaceAt("b.jpg", "cd" * 32, (0, 0, 100, 100)), None]
    assert decide([is_said("is", crowd[0], name="anna")], copies).names == {0: "anna", 1: "anna"}


# What obeys it.


def test_train_obeys_names(work):
    one, other, *_ = people_of(work)
    first = train(work / "generated-embeddings")
    assert any("wrong.jpg.png" in finding for finding in first.findings)
    said(work, f"{one}/wrong.jpg.png", "--is", other)
    second = train(work / "generated-embeddings")
    assert (second.people, second.embeddings) == (4, 17)
    assert not any("wrong.jpg" in finding for finding in second.findings)
    assert "Corrections: 1 face named." in str(second)
    said(work, f"{one}/wrong.jpg", "--is", "somebody/new")
    assert train(work / "generated-embeddings").people == 5


def test_train_keeps_what_the_user_is_sure_of(work):
    one = people_of(work)[0]
    said(work, f"{one}/wrong.jpg.png", "--is", one)
    assert not any("wrong.jpg.png" in finding for finding in train(work / "generated-embeddings").findings)
    said(work, "--undo", "last")
    assert any("wrong.jpg.png" in finding for finding in train(work / "generated-embeddings").findings)


@pytest.mark.parametrize("how", [["--no-face"], ["--is-not", "{0}"]])
def test_train_leaves_out_what_is_nobody_s(work, how):
    one = people_of(work)[0]
    said(work, f"{one}/wrong.jpg.png", *[word.format(one) for word in how])
    trained = train(work / "generated-embeddings")
    assert trained.embeddings == 16
    assert "Corrections: 1 left out." in str(trained)


def test_train_obeys_who_is_one_person_and_who_is_not(work):
    one, other, third, _ = people_of(work)
    assert "Nobody is called" not in said(work, "--same-people", other, third)
    assert "Nobody is called nobdy yet." in said(work, "--different-people", one, "nobdy")
    said(work, "--undo", "last")
    said(work, "--different-people", one, other)
    trained = train(work / "generated-embeddings")
    assert trained.people == 3
    probe = next((work / "training-images" / third).iterdir())
    done = run_script(CLASSIFIER, "infer", work / "generated-embeddings", probe)
    assert f"Predict {other} with" in done.stdout


def test_contradictions_are_told_and_change_nothing(work):
    one, other, *_ = people_of(work)
    crops = [f"{person}/{sorted((work / 'training-images' / person).iterdir())[0].name}.png" for person in (one, other)]
    said(work, *crops, "--same")
    trained = train(work / "generated-embeddings")
    assert (trained.people, trained.embeddings) == (4, 17)
    assert "they lie in two folders: say whose one of them is" in str(trained)


def test_corrections_hold_after_another_detector_and_renamed_photographs(work):
    one, other, *_ = people_of(work)
    said(work, f"{one}/wrong.jpg.png", "--is", other)
    (work / "training-images" / one / "wrong.jpg").rename(work / "training-images" / one / "renamed.jpg")
    shutil.rmtree(work / "aligned-images")
    shutil.rmtree(work / "generated-embeddings")
    align_folder(work / "training-images", work / "aligned-images", detector="cnn", upsample=0)
    represent_folder(work / "aligned-images", work / "generated-embeddings")
    trained = train(work / "generated-embeddings")
    assert "Corrections: 1 face named." in str(trained)
    assert not any("renamed.jpg" in finding for finding in trained.findings)


def test_corrections_without_the_crops_manifest_are_not_passed_over(work):
    one = people_of(work)[0]
    said(work, f"{one}/wrong.jpg.png", "--no-face")
    shutil.rmtree(work / "aligned-images")
    done = run_script(CLASSIFIER, "train", work / "generated-embeddings")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "corrections.jsonl" in done.stderr


def test_everybody_left_out_is_one_line(work):
    rows = read_manifest(work / "aligned-images" / "manifest.csv", PictureRow)
    said(work, *[row.crop for row in rows], "--no-face")
    done = run_script(CLASSIFIER, "train", work / "generated-embeddings")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "nobody is left to learn" in done.stderr


# The command.


def test_what_has_been_said_is_listed_and_added_from_another_file(work, tmp_path):
    one, other, *_ = people_of(work)
    assert "Nothing has been said" in said(work)
    said(work, f"{one}/wrong.jpg.png", "--is", other)
    said(work, "--different-people", one, other)
    lines = said(work).splitlines()
    assert [line.split("  ", 2)[2] for line in lines] == [
        f"{one}/wrong.jpg.png is {other}",
        f"{one}, {other} are different people",
    ]
    shutil.move(work / "corrections.jsonl", tmp_path / "downloaded file.jsonl")
    said(work, "--add", tmp_path / "downloaded file.jsonl")
    assert said(work, "--add", tmp_path / "downloaded file.jsonl") == "All of that has been noted before.\n"
    assert said(work).splitlines() == lines
    said(work, "--undo", lines[0].split()[0])
    assert said(work).splitlines() == lines[1:]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["{0}/wrong.jpg.png"], "say what is right of these faces"),
        (["--is", "x"], "name the faces"),
        (["{0}/wrong.jpg.png", "--is", "x", "--no-face"], "say one thing at a time"),
        (["{0}/nothing.jpg.png", "--no-face"], "no such face"),
        (["{0}/wrong.jpg.png", "--is", "../x"], "is no name"),
        (["{0}/wrong.jpg.png", "--same"], "name two faces"),
        (["--cluster", "1", "--is", "x"], "run cluster first"),
        (["--same-people", "x"], "people is no list of 2 or more"),
        (["--undo", "abc"], "abc is not there"),
        (["--add", "nothing.jsonl"], "no such file"),
        (["--embeddings", "nowhere", "--undo", "last"], "run batch_represent first"),
        (["--nothing"], "unrecognized arguments"),
    ],
)
def test_mistakes_take_one_line(work, arguments, complaint, run_here):
    one = people_of(work)[0]
    done = run_here(CORRECT, *[argument.format(one) for argument in arguments], cwd=work)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (work / "corrections.jsonl").exists()


def test_several_who_correct_at_once_lose_nothing(work):
    one = people_of(work)[0]

    def name(number):
        return run_script(CORRECT, f"{one}/wrong.jpg.png", "--is", f"person {number}", cwd=work)

    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(name, range(3)))
    codes = [one.returncode for one in done]
    noted = read_corrections(work / "corrections.jsonl")
    assert len(noted) == codes.count(0) >= 1
    assert all("another run is writing here" in one.stderr for one in done if one.returncode)


def test_from_python(work):
    one, other, *_ = people_of(work)
    noted = correct([f"{one}/wrong.jpg.png"], work / "generated-embeddings", name=other)
    assert len(noted.added) == 1
    assert noted.path == str(work / "corrections.jsonl")
