"""Stages 1 and 2 in shards, and their merger: the bytes are those of one run, whatever happens on the way."""

import itertools
import json
import shutil
import subprocess
import sys
from collections import Counter
from typing import Any

import numpy as np
import pytest
from conftest import ALIGN, REPRESENT, ROOT, run_script, tree
from test_kill import killed_at

from faceline import align_folder, enrol, merge, represent_folder, train
from faceline.disk.folder_locks import locked
from faceline.disk.pictures.images import encode_png
from faceline.disk.writing import write_json
from faceline.errors import FacelineError, LockedError, UnfinishedError, UnmergedError
from faceline.host.locks import locking_file
from faceline.runs.shards import MOST_SHARDS, Shard, spans
from faceline.stages.crop_files import write_crop
from faceline.work_folder.forgetting import Done, forget
from faceline.work_folder.targets import person_targets

QUICKLY: dict[str, Any] = {"upsample": 0, "jobs": 1, "detector": "hog"}


@pytest.fixture(scope="module")
def people(small, tmp_path_factory, portrait):
    """Five people, some in folders within others', a picture without a face, some that are refused, and no pictures."""
    folder = tmp_path_factory.mktemp("shards") / "in"
    shutil.copytree(small.train, folder)
    one = sorted(folder.iterdir())[0].name
    shutil.copytree(folder / one, folder / "y" / "2018")
    shutil.copytree(folder / one, folder / "y" / "zoe" / "2018")
    (folder / "bare").mkdir()
    (folder / "faceless").mkdir()
    (folder / "faceless" / "1.png").write_bytes(encode_png(portrait * 0))
    (folder / "stray.png").write_bytes(encode_png(portrait))
    (folder / "y" / "notes.txt").write_text("no picture")
    (folder / "again").symlink_to(one)
    return folder


@pytest.fixture(scope="module")
def fresh(people, tmp_path_factory):
    """What one run makes of them: `aligned`, `embeddings`."""
    folder = tmp_path_factory.mktemp("fresh")
    summary = align_folder(people, folder / "aligned", **QUICKLY)
    represent_folder(folder / "aligned", folder / "embeddings", jobs=1)
    return folder, summary


def in_shards(count, stage, *arguments, **options):
    """What a stage's shards say, one after the other, and their merger; gives the latter's summary, too."""
    shards = [stage(*arguments, shard=f"{number}/{count}", **options) for number in range(count, 0, -1)]
    return merge(arguments[1]), shards


def test_a_shard_is_named_by_two_numbers():
    assert Shard.parse("2/8") == Shard(2, 8)
    assert Shard.parse(f"{MOST_SHARDS}/{MOST_SHARDS}").number == MOST_SHARDS
    for text in ("0/4", "5/4", "x", "", "1", "1/0", "-1/2", "1/2/3", "1.5/2", "1 / 2", "٢/٨", f"1/{MOST_SHARDS + 1}"):
        with pytest.raises(FacelineError, match="is none; say I/N, the I-th of N parts, such as 2/8"):
            Shard.parse(text)


def test_each_person_is_in_one_shard_and_all_shards_have_work():
    shards = [Shard(number, 7) for number in range(1, 8)]
    paths = [f"person {number}/{year}/{name}.jpg" for number in range(700) for year in (2018, 2019) for name in "ab"]
    holder = {path: [shard.number for shard in shards if shard.holds(path)] for path in paths}
    assert {len(found) for found in holder.values()} == {1}
    assert len({(path.split("/")[0], found[0]) for path, found in holder.items()}) == 700
    people = Counter(found[0] for path, found in holder.items() if path.endswith("2018/a.jpg"))
    assert all(60 < people[shard.number] < 140 for shard in shards)
    alone = Counter(shard.number for shard in shards for path in paths if shard.holds(path, alone=True))
    assert alone.total() == len(paths)
    assert len({shard.number for shard in shards for path in "abcdefghij" if shard.holds(path)}) > 1  # nobody's
    assert [shard.number for shard in shards if shard.holds("anna/1.jpg")] == [2]  # on all machines, in all versions


def test_numbers_as_batch_systems_take_them():
    assert [spans(numbers) for numbers in ([], [4], [1, 2, 3, 5, 7, 8])] == ["", "4", "1-3,5,7-8"]


def test_shards_at_once_make_what_one_run_makes(people, fresh, tmp_path):
    """As a batch system starts them: processes, all at once, one of them twice."""
    expected, _ = fresh
    aligned, embeddings = tmp_path / "aligned", tmp_path / "embeddings"
    stages = [
        [ALIGN, people, aligned, "--detector", "hog", "--upsample", "0", "--jobs", "1"],
        [REPRESENT, "-data", aligned, "-outDir", embeddings, "--jobs", "1"],
    ]
    for command, folder in zip(stages, (aligned, embeddings), strict=True):
        running = [
            subprocess.Popen(
                [sys.executable, *map(str, command), "--shard", f"{number}/3"],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number in (2, 3, 1, 2)
        ]
        done = [(process.communicate(), process.returncode) for process in running]
        for (said, complaint), status in done[:3]:
            assert status in (0, 2), complaint
            assert f" of {folder} is done; " in said or "another run is writing shard 2/3 here" in complaint
        assert 0 in (done[0][1], done[3][1])
        merged = run_script(ROOT / "util" / "merge-shards.py", folder)
        assert (merged.returncode, merged.stderr) == (0, "")
        assert "3 shards merged in " in merged.stdout
    assert tree(tmp_path) == tree(expected)


def test_the_merger_says_what_one_run_says(people, fresh, tmp_path):
    folder, alone = fresh
    merged, shards = in_shards(2, align_folder, people, tmp_path / "aligned", **QUICKLY)
    same = ("what", "people", "counts", "without", "notes", "ignored", "pictures")
    assert [getattr(merged, name) for name in same] == [getattr(alone, name) for name in same]
    assert alone.without == ["bare", "faceless"]
    assert sum((shard.counts for shard in shards), Counter()) == alone.counts
    assert sum(shard.done for shard in shards) == alone.done
    assert str(merged).replace("2 shards merged", f"{alone.done} computed, 0 as before, 2 left out, 0 removed,")
    assert str(shards[0]).splitlines()[-1] == f"Shard 2/2 of {tmp_path / 'aligned'} is done; these are not: 1"
    assert str(shards[1]).endswith(f"is done; so are all others: run faceline merge {tmp_path / 'aligned'}")
    assert tree(tmp_path / "aligned") == tree(folder / "aligned")
    again = merge(tmp_path / "aligned")
    assert again.counts == alone.counts
    assert str(again).endswith(f"Nothing is left to merge in {tmp_path / 'aligned'}")


def test_more_shards_than_people(people, fresh, tmp_path):
    merged, shards = in_shards(30, align_folder, people, tmp_path / "aligned", **QUICKLY)
    assert any(not shard.counts for shard in shards)
    assert merged.merged == 30
    in_shards(30, represent_folder, tmp_path / "aligned", tmp_path / "embeddings", jobs=1)
    assert tree(tmp_path) == tree(fresh[0])


def test_every_face(people, tmp_path):
    """By pictures, not by people."""
    options = QUICKLY | {"every": True}
    alone = align_folder(people, tmp_path / "alone" / "aligned", **options)
    merged, shards = in_shards(3, align_folder, people, tmp_path / "shards" / "aligned", **options)
    assert str(merged).splitlines()[0] == str(alone).splitlines()[0]
    assert all(shard.counts for shard in shards)
    represent_folder(tmp_path / "alone" / "aligned", tmp_path / "alone" / "embeddings", jobs=1)
    merged, _ = in_shards(3, represent_folder, tmp_path / "shards/aligned", tmp_path / "shards/embeddings", jobs=1)
    assert merged.without == ["faceless"]
    assert tree(tmp_path / "shards") == tree(tmp_path / "alone")


def changed(people, folder):
    """The same photographs after a while: one person is new, one gone, one has a picture more and one less."""
    shutil.copytree(people, folder, symlinks=True)
    names = [path.name for path in sorted(folder.iterdir()) if any(path.glob("*.jpg")) and not path.is_symlink()]
    shutil.copytree(folder / names[0], folder / "new")
    shutil.copy(sorted((folder / names[0]).glob("*.jpg"))[0], folder / "y" / "zoe" / "more.jpg")
    if len(names) > 1:
        shutil.rmtree(folder / names[-1])
    shutil.rmtree(folder / "faceless")
    shutil.rmtree(folder / "y" / "2018")
    return folder


def test_a_finished_folder_goes_on_in_shards(people, fresh, tmp_path):
    """What is as before is not computed, and the crops of those who are gone go."""
    newer = changed(people, tmp_path / "in")
    once = align_folder(newer, tmp_path / "fresh" / "aligned", **QUICKLY)
    represent_folder(tmp_path / "fresh" / "aligned", tmp_path / "fresh" / "embeddings", jobs=1)
    shutil.copytree(fresh[0], tmp_path / "out")
    aligned, embeddings = tmp_path / "out" / "aligned", tmp_path / "out" / "embeddings"
    merged, shards = in_shards(3, align_folder, newer, aligned, **QUICKLY)
    assert merged.counts == once.counts
    before = shutil.copytree(fresh[0] / "aligned", tmp_path / "before")
    alone = align_folder(newer, before, **QUICKLY)
    for count in ("done", "kept", "removed"):
        assert sum(getattr(shard, count) for shard in shards) == getattr(alone, count), count
    assert 0 < alone.done < once.done
    assert alone.removed > 1
    again = [align_folder(newer, aligned, shard=f"{number}/3", **QUICKLY).done for number in (1, 2, 3)]
    assert again == [0, 0, 0]
    merge(aligned)
    in_shards(2, represent_folder, aligned, embeddings, jobs=1)
    assert tree(tmp_path / "out") == tree(tmp_path / "fresh")


def test_a_shard_that_is_run_again_takes_what_has_changed(people, tmp_path):
    """Between its runs, photographs come and go."""
    aligned = tmp_path / "out"
    for number in (1, 2):
        align_folder(people, aligned, shard=f"{number}/2", **QUICKLY)
    newer = changed(people, tmp_path / "in")
    align_folder(newer, tmp_path / "fresh", **QUICKLY)
    kept = [align_folder(newer, aligned, shard=f"{number}/2", **QUICKLY).kept for number in (2, 1)]
    assert sum(kept) > 1
    merge(aligned)
    assert tree(aligned) == tree(tmp_path / "fresh")


def test_missing_and_unfinished_shards_are_named(people, tmp_path):
    out = tmp_path / "out"
    for number in (2, 5):
        align_folder(people, out, shard=f"{number}/7", **QUICKLY)
    step, options = 1, QUICKLY | {"shard": "1/7"}  # that of y/zoe
    while not (out / ".shards/1-of-7/journal.jsonl").exists():
        assert killed_at(step, out, align_folder, (people, out), options)
        step += 1
    with locking_file(out / ".shards" / "2-of-7" / "lock"):
        with pytest.raises(LockedError, match="out: another run is writing shard 2/7 here; wait for it to end"):
            align_folder(people, out, shard="2/7", **QUICKLY)
        before = tree(out)
        done = run_script("-m", "faceline", "merge", out)
    said = f"faceline: {out}: of 7 shards, missing: 3-4,6-7; at work: 2; unfinished: 1; run these, then merge again\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)
    assert tree(out) == before
    with pytest.raises(UnfinishedError):
        merge(out)


def test_unmerged_folders_are_refused_in_a_line(people, tmp_path):
    aligned, embeddings = tmp_path / "aligned", tmp_path / "embeddings"
    said = f"{aligned}: is being made in shards; when all shards are done, run faceline merge {aligned}"
    align_folder(people, aligned, shard="1/2", **QUICKLY)
    before = tree(tmp_path)
    for call in (
        lambda: align_folder(people, aligned, **QUICKLY),
        lambda: represent_folder(aligned, embeddings),
        lambda: represent_folder(aligned, embeddings, shard="1/2"),
        lambda: train(aligned),
    ):
        with pytest.raises(UnmergedError) as found:
            call()
        assert str(found.value) == said
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"shard": "1/3"}, "was begun in 2 shards, not 3; say --shard I/2, or do all again with --overwrite"),
        ({"size": 112}, "made with size 96, not 112; name another folder, or do all again with --overwrite"),
        ({"input": "other"}, "made with input 'in', not 'other'; name another folder"),
    ],
)
def test_shards_that_do_not_go_together(people, tmp_path, options, complaint):
    out = tmp_path / "out"
    align_folder(people, out, shard="1/2", **QUICKLY)
    before = tree(out)
    source = people
    if "input" in options:
        source = shutil.copytree(people, tmp_path / "other", symlinks=True)
    more = {name: value for name, value in options.items() if name != "input"}
    with pytest.raises(FacelineError, match=complaint):
        align_folder(source, out, **QUICKLY | {"shard": "2/2"} | more)
    assert tree(out) == before


def test_other_peoples_files_and_folders_without_shards(people, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "manifest.csv").write_text("mine\n")
    with pytest.raises(FacelineError, match=r"manifest\.csv: is there already, but no run\.json says it is ours"):
        align_folder(people, out, shard="1/2", **QUICKLY)
    assert tree(out) == {"manifest.csv": b"mine\n"}
    with pytest.raises(FacelineError, match="out: no shard has been begun here; run a stage with --shard 1/N first"):
        merge(out)
    with pytest.raises(FacelineError, match="none: No such file or directory; name the folder that the shards wrote"):
        merge(tmp_path / "none")
    with pytest.raises(FacelineError, match="no pictures; put each person's pictures"):
        (tmp_path / "empty").mkdir()
        align_folder(tmp_path / "empty", tmp_path / "out2", shard="1/2", **QUICKLY)
    assert not (tmp_path / "out2").exists()


def test_a_run_that_is_none_of_a_shard_is_not_joined(people, tmp_path):
    out = tmp_path / "out"
    with locked(out):
        with pytest.raises(LockedError, match="out: another run is writing here; wait for it to end"):
            align_folder(people, out, shard="1/2", **QUICKLY)
        assert not list(out.iterdir())


def test_nobody_is_forgotten_where_shards_wait(small, tmp_path):
    """What they hold would come back with the merger."""
    work = tmp_path / "work"
    enrol(small.train, work, upsample=0, jobs=1)
    person = sorted((work / "training-images").iterdir())[0].name
    align_folder(work / "training-images", work / "aligned-images", upsample=0, shard="1/2", jobs=1)
    before = tree(work)
    found = person_targets(work, person)
    with pytest.raises(UnmergedError):
        forget(work, found, Done(), lambda targets: None)
    assert tree(work) == before


def test_everybody_is_removed_in_shards(people, tmp_path):
    source = changed(people, tmp_path / "in")
    align_folder(source, tmp_path / "out", **QUICKLY)
    shutil.rmtree(source)
    source.mkdir()
    align_folder(source, shutil.copytree(tmp_path / "out", tmp_path / "alone"), **QUICKLY)
    merged, shards = in_shards(2, align_folder, source, tmp_path / "out", **QUICKLY)
    assert not merged.counts
    assert sum(shard.removed for shard in shards) > 3
    assert tree(tmp_path / "out") == tree(tmp_path / "alone")
    assert tree(tmp_path / "out").keys() == {"manifest.csv", "run.json"}


@pytest.mark.parametrize("then", [None, "1/3"])
def test_overwriting_shards(people, fresh, tmp_path, then):
    """With other shards, or none: what they left is known, so that no crop of theirs stays that has no picture."""
    source, out = changed(people, tmp_path / "in"), tmp_path / "aligned"
    for number in (1, 2):
        align_folder(source, out, size=64, shard=f"{number}/2", **QUICKLY)
    assert (out / "new").is_dir() and not (fresh[0] / "aligned" / "new").exists()
    with locking_file(out / ".shards" / "2-of-2" / "lock"), pytest.raises(LockedError, match="shard 2/2 here"):
        align_folder(people, out, overwrite=True, shard=then, **QUICKLY)
    shutil.copytree(people, tmp_path / "newer" / "in", symlinks=True)
    if then is None:
        align_folder(people, out, overwrite=True, **QUICKLY)
    else:
        in_shards(3, align_folder, people, out, overwrite=True, **QUICKLY)
    assert tree(out) == tree(fresh[0] / "aligned")


def test_overwriting_a_finished_folder_in_shards_computes_all(people, fresh, tmp_path):
    out = shutil.copytree(fresh[0] / "aligned", tmp_path / "aligned")
    _, shards = in_shards(2, align_folder, people, out, overwrite=True, **QUICKLY)
    assert sum(shard.done for shard in shards) == fresh[1].done
    assert sum(shard.kept for shard in shards) == 0
    assert tree(out) == tree(fresh[0] / "aligned")
    in_shards(2, represent_folder, out, tmp_path / "embeddings", overwrite=True, jobs=1)
    assert tree(tmp_path) == tree(fresh[0])


def test_crops_that_change_between_shards(people, fresh, tmp_path):
    """Those shards are named that embedded the older ones."""
    aligned, out = tmp_path / "aligned", tmp_path / "embeddings"
    align_folder(people, aligned, **QUICKLY)
    represent_folder(aligned, out, shard="1/2", jobs=1)
    newer = changed(people, tmp_path / "newer" / "in")
    align_folder(newer, aligned, **QUICKLY)
    represent_folder(aligned, out, shard="2/2", jobs=1)
    with pytest.raises(UnfinishedError, match="of 2 shards, of other input than the others: 1; run these, then merge"):
        merge(out)
    represent_folder(aligned, out, shard="1/2", jobs=1)
    merge(out)
    represent_folder(aligned, tmp_path / "fresh", jobs=1)
    assert tree(out) == tree(tmp_path / "fresh")


def test_damaged_states_take_one_line(people, tmp_path):
    out = tmp_path / "out"
    for number in (1, 2):
        align_folder(people, out, shard=f"{number}/2", **QUICKLY)
    state = out / ".shards"
    files = [
        state / "plan.json",
        state / "1-of-2/run.json",
        state / "1-of-2/manifest.csv",
        state / "2-of-2/embeddings.npz",
    ]
    for path in files:
        whole = path.read_bytes()
        for data in (b"", b"{}", b"[1]", whole[: len(whole) // 2]):
            path.write_bytes(data)
            with pytest.raises(FacelineError) as found:
                merge(out)
            assert str(found.value).count("\n") == 0
            assert path.name.split(".")[0] in str(found.value) or "shard" in str(found.value)
        path.write_bytes(whole)
    plan = json.loads((state / "plan.json").read_bytes())
    write_json(state / "plan.json", plan | {"stage": "train"})
    with pytest.raises(FacelineError, match="of the stage train, which has no shards"):
        merge(out)
    write_json(state / "plan.json", plan)
    merge(out)
    align_folder(people, tmp_path / "fresh", **QUICKLY)
    assert tree(out) == tree(tmp_path / "fresh")


def test_other_versions_are_told(people, tmp_path):
    out = tmp_path / "out"
    for number in (1, 2, 3):
        align_folder(people, out, shard=f"{number}/3", **QUICKLY)
    path = out / ".shards" / "3-of-3" / "run.json"
    record = json.loads(path.read_bytes())
    write_json(path, record | {"versions": record["versions"] | {"numpy": "1.0"}})
    assert "Shard 1 and shards 3 were made by different versions of numpy." in merge(out).notes


def test_a_folder_that_others_empty_is_made_again(tmp_path):
    """Another shard removes it once it is empty, as `remove_crop` does: here at the worst moments."""
    left = [5]

    def hook(event, values):
        if event == "os.mkdir" and str(values[0]) == str(tmp_path / "x" / "anna") and left[0]:
            left[0] -= 1
            (tmp_path / "x").rmdir()

    sys.addaudithook(hook)
    write_crop(tmp_path, "x/anna/1.png", b"crop")
    assert left == [0]
    assert tree(tmp_path) == {"x/": b"", "x/anna/": b"", "x/anna/1.png": b"crop"}


def make_small(folder, portrait, people):
    """Pictures of a few people that are quickly looked through, by name and seed."""
    picture = portrait // 2
    for person, seeds in people.items():
        (folder / person).mkdir(parents=True)
        for seed in seeds:
            noise = np.random.default_rng(seed).integers(0, 9, picture.shape, np.uint8)
            (folder / person / f"{seed}.png").write_bytes(encode_png(picture + noise))
    return folder


def all_shards(stage, source, out, options):
    for number in (2, 1):
        stage(source, out, shard=f"{number}/2", **options)
    merge(out)


def kill_at(steps, tmp_path, stage, source, prepared, options):
    """Kill two shards and their merger before changes to the disk, and run them again; the number of the last one."""
    expected = tree(tmp_path / "fresh")
    step = 0
    for step in steps:
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        if prepared is not None:
            shutil.copytree(prepared, out)
        was_killed = killed_at(step, out, all_shards, (stage, source, out, options), {})
        all_shards(stage, source, out, options)
        assert tree(out) == expected, f"killed before change {step}"
        if not was_killed:
            break
    return step


OLDER = {"anna": [1, 2], "gone/bert": [4]}
NEWER = {"anna": [1, 5], "x/dora": [6]}


@pytest.fixture(scope="module")
def older_and_newer(tmp_path_factory, portrait):
    folder = tmp_path_factory.mktemp("older and newer")
    held = [{Shard(1, 2).holds(f"{person}/1.png") for person in people} for people in (OLDER, NEWER)]
    assert held == [{True, False}] * 2
    for name, people in (("older", OLDER), ("newer", NEWER)):
        make_small(folder / name / "in", portrait, people)
        done = align_folder(folder / name / "in", folder / name / "aligned", **QUICKLY)
        assert done.counts == {"ok": 3}
        represent_folder(folder / name / "aligned", folder / name / "embeddings", jobs=1)
    return folder


def test_align_killed_at_every_change(tmp_path, older_and_newer):
    shutil.copytree(older_and_newer / "newer" / "aligned", tmp_path / "fresh")
    source, prepared = older_and_newer / "newer" / "in", older_and_newer / "older" / "aligned"
    assert kill_at(itertools.count(1), tmp_path, align_folder, source, prepared, QUICKLY) > 40


def test_represent_killed_at_changes(tmp_path, older_and_newer):
    """At every seventh of them: most are those of stage 1."""
    for name in ("aligned", "embeddings"):
        shutil.copytree(older_and_newer / "newer" / name, tmp_path / name)
    (tmp_path / "embeddings").rename(tmp_path / "fresh")
    source = tmp_path / "aligned"
    assert kill_at(itertools.count(3, 7), tmp_path, represent_folder, source, None, {"jobs": 1}) > 30


def test_overwriting_killed_as_it_begins(tmp_path, older_and_newer):
    """Other shards have left their crops, and their plan."""
    shutil.copytree(older_and_newer / "newer" / "aligned", tmp_path / "fresh")
    source, prepared = older_and_newer / "older" / "in", tmp_path / "prepared"
    for shard in ("1/3", "3/3"):
        align_folder(source, prepared, shard=shard, size=64, **QUICKLY)
    options = QUICKLY | {"overwrite": True}
    newer = older_and_newer / "newer" / "in"
    assert kill_at(range(1, 24), tmp_path, align_folder, newer, prepared, options) == 23
