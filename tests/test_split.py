"""`split`: photographs in a part to train on and one to validate by."""

import io
import os
import shutil

import pytest
from conftest import ROOT, run_script, tree
from PIL import Image

from faceline import FacelineError, split
from faceline.disk.pictures.thumbprints import are_copies, thumbprint
from faceline.stages.split import chosen_from

SPLIT = ROOT / "util" / "create-train-val-split.py"


@pytest.fixture
def home(tmp_path, faces):
    """Twelve people of LFW in `photos é/`: one picture of two, and up to seven of the others."""
    people = [folder for folder in sorted((faces / "lfw-dev").iterdir()) if folder.is_dir()]
    several = [folder for folder in people if 3 <= len(list(folder.iterdir())) <= 7][:10]
    single = [folder for folder in people if len(list(folder.iterdir())) == 1][:2]
    for folder in several + single:
        shutil.copytree(folder, tmp_path / "photos é" / folder.name)
    return tmp_path


def saved_again(path, edge, quality):
    with Image.open(path) as image:
        image.thumbnail((edge, edge))
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def sides(place):
    """Person -> side -> names of the pictures there."""
    found: dict[str, dict[str, set[str]]] = {}
    for path in place.glob("*/*/*"):
        found.setdefault(path.parent.name, {"train": set(), "val": set()})[path.parent.parent.name].add(path.name)
    return found


def test_everybody_is_on_both_sides_and_nothing_is_lost(home):
    before = tree(home / "photos é")
    done = run_script(SPLIT, "photos é", "--valRatio", "0.3", cwd=home)
    assert (done.returncode, done.stderr) == (0, "")
    count, alone, written = done.stdout.splitlines()
    pictures = [name for name in before if name.endswith(".jpg")]
    assert count.startswith(f"{len(pictures)} photographs of 12 people: ")
    assert count.endswith(f"; {len(pictures)} new, 0 as before.")
    assert alone.startswith("In train only, for want of a second photograph: 2 people: ")
    assert written == "Written to photos é-split/train and val"
    assert tree(home / "photos é") == before
    place = home / "photos é-split"
    assert tree(place / "train") | tree(place / "val") == before
    for person, found in sides(place).items():
        assert not found["train"] & found["val"]
        total = len(found["train"]) + len(found["val"])
        assert len(found["val"]) == (0 if total == 1 else max(1, round(0.3 * total))), person


def test_the_seed_decides_and_names_do_not(home):
    split(home / "photos é", home / "a", val_ratio=0.4)
    split(home / "photos é", home / "b", val_ratio=0.4)
    split(home / "photos é", home / "c", val_ratio=0.4, seed=1)
    assert tree(home / "a") == tree(home / "b")
    assert tree(home / "a").keys() != tree(home / "c").keys()
    for number, path in enumerate(sorted((home / "photos é").glob("*/*"), reverse=True)):
        path.rename(path.with_name(f"IMG_{number}.jpg"))
    split(home / "photos é", home / "d", val_ratio=0.4)
    contents = [{data for name, data in tree(home / place / "val").items() if data} for place in "ad"]
    assert contents[0] == contents[1]


def test_copies_of_a_photograph_are_on_one_side(home):
    """The same bytes, and saved again smaller; whatever the seed."""
    for folder in (home / "photos é").iterdir():
        for path in sorted(folder.iterdir()):
            shutil.copy(path, path.with_name(f"copy of {path.name}"))
            path.with_name(f"small {path.stem}.jpg").write_bytes(saved_again(path, 120, 60))
    for seed in range(3):
        done = split(home / "photos é", home / f"s{seed}", val_ratio=0.3, seed=seed)
        assert len(done.train_only) == 2
        for person, found in sides(home / f"s{seed}").items():
            for names in found.values():
                originals = {name for name in names if name.startswith(person)}
                assert len(names) == 3 * len(originals), person
            assert found["train"]


def test_a_photograph_of_two_people_is_not_on_two_sides(home):
    anna, berta, *_ = sorted((home / "photos é").iterdir())
    for path in sorted(anna.iterdir()):
        shutil.copy(path, berta / f"both {path.name}")
    done = split(home / "photos é", home / "out", val_ratio=0.5)
    assert anna.name in done.train_only
    assert berta.name not in done.train_only
    assert not any(name.startswith("both") for name in sides(home / "out")[berta.name]["val"])


def test_run_again_it_brings_what_is_missing_and_replaces_nothing(home):
    split(home / "photos é", home / "out")
    before = tree(home / "out")
    gone = next(path for path in sorted((home / "out").glob("val/*/*")))
    gone.unlink()
    assert "1 new, " in str(split(home / "photos é", home / "out"))
    assert tree(home / "out") == before
    for change in ({"seed": 5}, {"val_ratio": 0.5}):
        with pytest.raises(FacelineError, match=r"out: holds .*\.jpg, of another split; name another folder"):
            split(home / "photos é", home / "out", **change)
    gone.write_bytes(b"mine")
    with pytest.raises(FacelineError, match=gone.name):
        split(home / "photos é", home / "out")
    assert tree(home / "out") == before | {gone.relative_to(home / "out").as_posix(): b"mine"}


def test_links_take_no_room(home):
    split(home / "photos é", home / "out", link=True)
    pictures = list((home / "out").rglob("*.jpg"))
    assert pictures
    assert all(
        os.path.samefile(path, home / "photos é" / path.relative_to(home / "out").parts[1] / path.name)
        for path in pictures
    )


def test_damaged_pictures_are_taken_and_stray_ones_named(home):
    anna = min((home / "photos é").iterdir())
    (anna / "broken.jpg").write_bytes(b"hello")
    (anna / "away.jpg").symlink_to("nowhere")
    (home / "photos é" / "stray.jpg").write_bytes(b"hello")
    done = str(split(home / "photos é", home / "out"))
    assert f"Not taken: stray.jpg (lies outside any person's folder), {anna.name}/away.jpg (No such file" in done
    assert len(list((home / "out").glob(f"*/{anna.name}/broken.jpg"))) == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "the following arguments are required: input"),
        (["none"], "none: No such file or directory; name the folder that holds a folder for each person"),
        (["empty"], "empty: no pictures; put each person's pictures in a folder of their own"),
        (["photos é", "--valRatio", "0"], "ratio 0.0 is out of range; choose one between 0 and 1, such as 0.1"),
        (["photos é", "--val-ratio", "nan"], "ratio nan is out of range"),
        (["photos é", "--seed", "x"], "invalid int value: 'x'"),
        (["photos é", "photos é/parts"], "photos é/parts: lies among the photographs; name a folder outside"),
        (["photos é", "."], "photos é: lies in .; name another folder for the parts"),
        (["photos é", "file"], "file: is no folder; name another place"),
        (["photos é", "--jobs", "0"], "jobs 0 is out of range"),
    ],
)
def test_a_mistake_takes_one_line(home, arguments, complaint):
    (home / "empty").mkdir()
    (home / "file").touch()
    before = tree(home)
    done = run_script(SPLIT, *arguments, cwd=home)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert complaint in done.stderr
    assert tree(home) == before


def test_groups_that_are_larger_than_wanted():
    assert list(chosen_from([["a", "b", "c"], ["d", "e"]], 2, 1)) == ["d", "e"]
    assert list(chosen_from([["a", "b"]], 1, 1)) == []
    assert list(chosen_from([["a", "b"]], 2, 1)) == ["a", "b"]
    assert list(chosen_from([["a"], ["b"], ["c"]], 3, 3)) == ["a", "b"]


def test_thumbprints_tell_copies_from_other_photographs(faces):
    people = [folder for folder in sorted((faces / "lfw-dev").iterdir()) if folder.is_dir()]
    pictures = [path for folder in people for path in sorted(folder.iterdir())][:200]
    prints = [thumbprint(path.read_bytes()) for path in pictures]
    for place, path in enumerate(pictures):
        copy = thumbprint(saved_again(path, 120, 60))
        assert are_copies(prints[place][None], copy).all()
        others = [mark for other, mark in enumerate(prints) if other != place]
        assert not any(are_copies(mark[None], copy).any() for mark in others), path


def test_the_command_says_the_same(home):
    words = ["split", "photos é", "out", "--valRatio", "0.3"]
    done = run_script("-m", "faceline", *words, cwd=home)
    assert done.stdout.endswith("Written to out/train and val\n")
