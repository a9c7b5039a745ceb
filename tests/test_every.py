"""`align --every`: every face of a picture, and what the other stages make of such crops."""

import csv
import json
import shutil
from collections import Counter
from functools import partial
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from conftest import ALIGN, CLASSIFIER, REPRESENT, ROOT, drawn, run_script, tree
from PIL import Image
from test_kill import kill_everywhere

from faceline import FacelineError, align_folder, cluster, correct, migrate, represent_folder, train
from faceline.disk.manifests import read_manifest
from faceline.disk.pictures.images import decode_image, encode_png
from faceline.disk.reading import read_json
from faceline.disk.rows import PictureRow, crop_path, main_crop
from faceline.disk.scan import list_pictures
from faceline.evaluation.comparison import read_embedded
from faceline.faces.tiles import is_same
from faceline.networks.table import network_named
from faceline.people.clustering.clusters import find_clusters, scaled
from faceline.people.clustering.linkage import average_linkage
from faceline.people.clustering.neighbours import near_pairs
from faceline.people.clustering.photographs import PENALTY, pairs_of_photographs, without_collages

CLUSTER = ROOT / "util" / "cluster.py"
CORRECT = ROOT / "util" / "correct.py"
QUICK: dict[str, Any] = {"every": True, "upsample": 0, "jobs": 1}


def rows_of(folder):
    return read_manifest(folder / "manifest.csv", PictureRow)


def box_of(row):
    return row.left, row.top, row.right, row.bottom


def area(row):
    left, top, right, bottom = box_of(row)
    return (right - left) * (bottom - top)


@pytest.fixture(scope="module")
def heap(tmp_path_factory, faces):
    """Photographs without names, some of them in the folder itself, some by year; and what the first stages made."""
    home = tmp_path_factory.mktemp("heap")
    (home / "photos" / "2008").mkdir(parents=True)
    for path in sorted((faces / "groups").glob("*.jpg")):
        shutil.copy(path, home / "photos" / ("2008" if path.name.startswith("2008") else ""))
    shutil.copy(faces / "photos" / "longoria-cooper.jpg", home / "photos" / "Zoë & co.jpg")
    (home / "photos" / "broken.jpg").write_bytes(b"no picture")
    done = run_script(ALIGN, home / "photos", home / "aligned", "--every")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("70 faces in 14 pictures: 1 no-face, 70 ok, 1 unreadable.\n")
    assert run_script(REPRESENT, "-outDir", home / "embeddings", "-data", home / "aligned").returncode == 0
    return home


def test_every_face_has_a_row_and_a_crop(heap, faces):
    rows = rows_of(heap / "aligned")
    assert len({row.key for row in rows}) == len(rows)
    crops = {path.relative_to(heap / "aligned").as_posix() for path in (heap / "aligned").rglob("*.png")}
    assert crops == {row.crop for row in rows if row.crop}
    of_picture: dict[str, list[PictureRow]] = {}
    for row in rows:
        of_picture.setdefault(row.image, []).append(row)
    assert [row.status for row in of_picture["dogs.jpg"]] == ["no-face"]
    assert [row.reason for row in of_picture["broken.jpg"]] == ["not a picture"]
    for image, own in of_picture.items():
        assert [row.face for row in own] == list(range(1, len(own) + 1))
        if own[0].status == "ok":
            assert [row.crop for row in own] == [crop_path(image, face) for face in range(1, len(own) + 1)]
            assert {row.faces for row in own} == {len(own)}
            assert len({row.image_sha256 for row in own}) == 1
            assert len({row.crop_sha256 for row in own}) == len(own)
        areas = [area(row) for row in own[1:]]
        assert areas == sorted(areas, reverse=True)
    assert {row.person for row in rows} == {"", "2008"}
    assert of_picture["Zoë & co.jpg"][1].crop == "Zoë & co.jpg-2.png"
    annotated = 0
    for name in ("testing.xml", "training.xml"):
        for entry in ElementTree.parse(faces / "groups" / name).iter("image"):
            image = entry.attrib["file"]
            own = of_picture.get(image, of_picture.get(f"2008/{image}", []))
            assert len(own) == len(entry.findall("box")), image
            for box in entry.iter("box"):
                left, top, width, height = (int(box.attrib[key]) for key in ("left", "top", "width", "height"))
                place = left, top, left + width, top + height
                assert any(is_same(box_of(row), place) for row in own), (image, place)
                annotated += 1
    assert annotated == 43


def test_the_main_face_is_the_one_without_the_option(tmp_path, faces):
    (tmp_path / "in" / "them").mkdir(parents=True)
    for name in ("2008_002506", "2009_004587"):
        shutil.copy(faces / "groups" / f"{name}.jpg", tmp_path / "in" / "them")
    align_folder(tmp_path / "in", tmp_path / "every", every=True, jobs=1)
    align_folder(tmp_path / "in", tmp_path / "main", fallback="none", jobs=1)
    every = {row.crop: row.crop_sha256 for row in rows_of(tmp_path / "every")}
    assert len(every) == 5
    assert {row.crop: row.crop_sha256 for row in rows_of(tmp_path / "main")}.items() <= every.items()


@pytest.fixture
def together(tmp_path, portrait, encoded):
    """Pictures of three, two, one and no faces, small ones, in the folder itself and below it."""
    folder = tmp_path / "in"
    (folder / "x").mkdir(parents=True)
    (folder / "three.png").write_bytes(encode_png(side_by_side(portrait, 3)))
    (folder / "x" / "two.png").write_bytes(encode_png(side_by_side(portrait, 2)))
    (folder / "x" / "one.jpg").write_bytes(encoded("JPEG"))
    (folder / "blank.png").write_bytes(encode_png(np.full_like(portrait, 128)))
    return folder


def side_by_side(portrait, count):
    return np.concatenate([np.roll(portrait, shift, axis=2) for shift in range(count)], axis=1)


def test_any_number_of_processes_writes_the_same_bytes(together, tmp_path):
    outputs = [tmp_path / "one", tmp_path / "two"]
    for jobs, out in zip((1, 2), outputs, strict=True):
        summary = align_folder(together, out, **QUICK | {"jobs": jobs})
        assert dict(summary.counts) == {"ok": 6, "no-face": 1}
        assert str(summary).startswith("6 faces in 4 pictures: 1 no-face, 6 ok.\n7 computed, 0 as before, 0 removed")
    assert tree(outputs[0]) == tree(outputs[1])
    again = align_folder(together, outputs[0], **QUICK)
    assert (again.done, again.kept) == (0, 7)
    (outputs[0] / "three.png-3.png").unlink()
    assert align_folder(together, outputs[0], **QUICK).done == 3
    assert tree(outputs[0]) == tree(outputs[1])


def test_pictures_that_change_and_go(together, tmp_path, portrait):
    out = tmp_path / "out"
    align_folder(together, out, **QUICK)
    (together / "three.png").write_bytes(encode_png(side_by_side(portrait, 2)))
    (together / "x" / "two.png").unlink()
    summary = align_folder(together, out, **QUICK)
    assert summary.removed == 3
    assert sorted(path.name for path in out.rglob("*.png")) == ["one.jpg.png", "three.png-2.png", "three.png.png"]
    align_folder(together, tmp_path / "fresh", **QUICK)
    assert tree(out) == tree(tmp_path / "fresh")


def test_killed_at_any_moment(together, tmp_path, portrait):
    """One picture has more faces than before, one has fewer, one is gone."""
    older = tmp_path / "older"
    shutil.copytree(together, older)
    (older / "x" / "two.png").write_bytes(encode_png(side_by_side(portrait, 3)))
    (older / "three.png").write_bytes(encode_png(side_by_side(portrait, 2)))
    (older / "gone.png").write_bytes(encode_png(side_by_side(portrait, 2)))
    options: dict[str, Any] = QUICK | {"detector": "hog"}
    steps = kill_everywhere(tmp_path, align_folder, together, partial(align_folder, older, **options), options)
    assert steps > 20


def test_a_kill_between_the_faces_of_a_picture_that_goes_back(together, tmp_path, portrait):
    """Of a picture that had changed when the run was killed, and is now as before, no face is missing."""
    before = {path: path.read_bytes() for path in together.rglob("*.png")}
    fresh, out = tmp_path / "fresh", tmp_path / "out"
    align_folder(together, fresh, **QUICK)
    shutil.copytree(fresh, out)
    rows = [row for row in rows_of(fresh) if row.image == "three.png"]
    # What a run leaves that was killed after two of three faces of another picture.
    record = read_json(out / "run.json")
    others = [row.to_json() | {"image_sha256": "0" * 64} for row in rows[1:]]
    lines = [{"stage": "align", "options": record["options"]}, *(row.to_json() for row in rows_of(fresh)), *others]
    (out / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (out / "run.json").unlink()
    align_folder(together, out, **QUICK)
    assert tree(out) == tree(fresh)
    assert {path: path.read_bytes() for path in together.rglob("*.png")} == before


def test_the_option_changes_nothing_unseen(together, tmp_path):
    out = tmp_path / "out"
    align_folder(together, out, **QUICK)
    for arguments, complaint in (
        ((together, out, "--upsample", "0"), "out: made with every True, not False; name another folder, or do all"),
        (
            (together, out, "--every", "--skipMulti"),
            "--skipMulti leaves out pictures with several faces, --every",
        ),
    ):
        done = run_script(ALIGN, *arguments)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert complaint in done.stderr
    align_folder(together, tmp_path / "main", upsample=0, jobs=1)
    with pytest.raises(FacelineError, match="main: made with every False, not True; name another folder"):
        align_folder(together, tmp_path / "main", **QUICK)
    assert "every" not in (tmp_path / "main" / "run.json").read_text(), "folders of earlier versions stay good"
    summary = align_folder(together, out, upsample=0, jobs=1, overwrite=True)
    assert dict(summary.counts) == {"ok": 2, "no-person": 2}
    assert tree(out) == tree(tmp_path / "main")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["none", "out", "--every"], "none: No such file or directory; name the folder that holds the pictures"),
        (["empty", "out", "--every"], "empty: no pictures; put them there, or in folders below it"),
        (["flat", "out"], "flat/<person>/<picture>; align --every takes photographs without names"),
        (["flat", "flat/out", "--every"], "flat/out: lies in the input folder; name a folder outside it"),
        (["flat", "own", "--every"], "own/a.png-3.png: is there already, but no run.json says it is ours"),
    ],
)
def test_a_mistake_takes_one_line(tmp_path, portrait, arguments, complaint):
    for name in ("empty", "flat", "own"):
        (tmp_path / name).mkdir()
    (tmp_path / "flat" / "a.png").write_bytes(encode_png(portrait))
    (tmp_path / "own" / "a.png-3.png").write_bytes(b"the user's own")
    done = run_script(ALIGN, *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert complaint in done.stderr
    assert (tmp_path / "own" / "a.png-3.png").read_bytes() == b"the user's own"


def test_names_of_crops_clash_with_nothing(tmp_path, portrait):
    """A picture that is called as a crop, a folder that is, and a name that is too long for its ending."""
    folder = tmp_path / "in"
    long = "x" * 250 + ".png"
    two = encode_png(side_by_side(portrait, 2))
    for name in ("a.png", "a.png-2.png", "b.png", "b.png-2.png/c.png", long):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(two)
    align_folder(folder, tmp_path / "out", **QUICK)
    rows = rows_of(tmp_path / "out")
    crops = [row.crop for row in rows if row.crop]
    assert len(set(crops)) == len(crops) == 8
    assert {"a.png.png", "a.png-2.png", "a.png-2.png.png", "a.png-2.png-2.png"} <= set(crops)
    refused = next(row for row in rows if row.image == "b.png")
    assert refused.reason == "its crop would lie where the crops of the folder b.png-2.png go; rename it"
    assert all(decode_image((tmp_path / "out" / crop).read_bytes()).shape == (96, 96, 3) for crop in crops)
    before = tree(tmp_path / "out")
    assert align_folder(folder, tmp_path / "out", **QUICK).done == 0
    assert tree(tmp_path / "out") == before


def test_which_face_a_row_tells_of():
    for image in ("a.jpg", "x/a.jpg", f"x/{'ü' * 120}.jpg"):
        for face in (1, 2, 10, 123):
            row = PictureRow(image, "x", "ok", crop=crop_path(image, face))
            assert row.face == face
            assert row.key == (image if face == 1 else f"{image}-{face}")
    for crop in ("", "x/b.jpg-2.png", "x/a.jpg-1.png", "x/a.jpg-02.png", "../x/a.jpg-2.png", "x/a.jpg-2.png\n"):
        assert PictureRow("x/a.jpg", "x", "ok", crop=crop).face == 1
    assert main_crop("x/a.jpg-2.png") == main_crop("x/a.jpg.png") == "x/a.jpg.png"
    assert main_crop("x/a-2.png.png") == "x/a-2.png.png"


def test_pictures_in_the_folder_itself_and_thumbnails(tmp_path):
    for name in ("a.jpg", "2018/b.jpg", "@eaDir/a.jpg", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    listing = list_pictures(tmp_path, every=True)
    assert listing.images == ["2018/b.jpg", "a.jpg"]
    assert listing.refused == []
    assert listing.ignored == {"@eaDir/": 1, ".txt": 1}


def test_faces_of_a_collage_go_together_and_have_folders(heap):
    """24 faces of four men in one picture; folders hold the crops, as the picture would not say who is meant."""
    home = heap / "collage"
    (home / "photos").mkdir(parents=True)
    shutil.copy(heap / "photos" / "bald_guys.jpg", home / "photos")
    align_folder(home / "photos", home / "aligned", every=True, jobs=1)
    represent_folder(home / "aligned", home / "embeddings", jobs=1)
    done = run_script(CLUSTER, home / "embeddings", "--folders", home / "who")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Found 4 clusters of 24 faces: 4 of two or more, 0 of one.\n")
    names = {path.name: path.resolve() for path in (home / "who").glob("*/bald*")}
    assert names == {row.crop: (home / "aligned" / row.crop).resolve() for row in rows_of(home / "aligned")}
    aligned = align_folder(home / "who", home / "again", jobs=1)
    assert aligned.people == 4
    assert dict(aligned.counts) == {"ok": 24}
    for number, name in (("1", "anna"), ("2", "bert")):
        done = run_script(CORRECT, "--embeddings", home / "embeddings", "--cluster", number, "--is", name)
        assert done.returncode == 0, done.stderr
    done = run_script(CLASSIFIER, "train", home / "embeddings")
    assert done.stdout.startswith("Learned 2 people from 12 embeddings.\n")
    assert "Left out: 12 faces without a name.\n" in done.stdout
    done = run_script(CLASSIFIER, "infer", home / "embeddings", home / "photos", "--multi")
    assert Counter(line.split()[1] for line in done.stdout.splitlines() if line.startswith("Predict")) == {
        "anna": 6,
        "bert": 6,
        "unknown": 12,
    }


def test_who_lies_in_no_folder_is_learnt_by_nobody(heap, tmp_path):
    embeddings = shutil.copytree(heap / "embeddings", tmp_path / "embeddings")
    shutil.copytree(heap / "aligned", tmp_path / "aligned")
    done = run_script(CLASSIFIER, "train", embeddings)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "no face has a name; find out who is the same with cluster" in done.stderr
    cluster(embeddings)
    correct(embeddings_dir=embeddings, clusters=[1], name="bald")
    done = run_script(CLASSIFIER, "train", embeddings)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Learned 1 person from ")
    assert " without a name.\n" in done.stdout
    assert set(read_embedded([embeddings]).people) == {"2008"}
    with (embeddings / "labels.csv").open(newline="") as file:
        assert len(list(csv.reader(file))) == 70
    (tmp_path / "flat").mkdir()
    shutil.copy(heap / "photos" / "2009_004587.jpg", tmp_path / "flat")
    align_folder(tmp_path / "flat", tmp_path / "flat-aligned", every=True, jobs=1)
    summary = represent_folder(tmp_path / "flat-aligned", tmp_path / "flat-embeddings", jobs=1)
    assert str(summary).startswith("2 crops: 2 ok.\n")
    with pytest.raises(FacelineError, match="no face has a name; find out who is the same"):
        train(tmp_path / "flat-embeddings")
    with pytest.raises(FacelineError, match="none of the photographs lies in a person's folder; sort them by person"):
        read_embedded([tmp_path / "flat-embeddings"])


def test_another_network_takes_every_face_and_brings_none_back(tmp_path, faces, mobilefacenet):
    work = tmp_path / "work"
    for person, path in (("them", "groups/2008_002506.jpg"), ("they", "groups/2009_004587.jpg")):
        (work / "training-images" / person).mkdir(parents=True)
        shutil.copy(faces / path, work / "training-images" / person)
    align_folder(work / "training-images", work / "aligned-images", every=True, jobs=1)
    (work / "aligned-images" / "them" / "2008_002506.jpg-2.png").unlink()
    represent_folder(work / "aligned-images", work / "generated-embeddings", jobs=1)
    named = ["them/2008_002506.jpg.png", "they/2009_004587.jpg-2.png"]
    correct(named, work / "generated-embeddings", name="Zoë")
    train(work / "generated-embeddings", jobs=1)
    migrated = migrate(work, network="mobilefacenet", jobs=1)
    assert "Stay removed, as their crops were: them/2008_002506.jpg-2." in str(migrated)
    labels = (work / "generated-embeddings" / "labels.csv").read_text().splitlines()
    assert [line.partition(",")[2] for line in labels] == [
        *("them/2008_002506.jpg-3.png", "them/2008_002506.jpg.png"),
        *("they/2009_004587.jpg-2.png", "they/2009_004587.jpg.png"),
    ]
    assert "Not taken over" not in str(migrated)


def test_photographs_with_their_mirrored_copy_are_one_person(tmp_path, faces):
    """And two people who are only alike stay two, where they are in photographs together."""
    folder = tmp_path / "photos"
    folder.mkdir()
    pictures = sorted((faces / "johns").glob("*/*"))[::5]
    for path in pictures:
        picture = decode_image(path.read_bytes())
        Image.fromarray(np.concatenate([picture, picture[:, ::-1]], axis=1)).save(folder / f"{path.stem}.png")
    align_folder(folder, tmp_path / "aligned", every=True, jobs=1)
    represent_folder(tmp_path / "aligned", tmp_path / "embeddings", jobs=1)
    cluster(tmp_path / "embeddings", jobs=1)
    with (tmp_path / "embeddings" / "clusters.csv").open(newline="") as file:
        numbers = {row["crop"]: row["cluster"] for row in csv.DictReader(file)}
    assert len(numbers) == 2 * len(pictures) >= 10
    assert all(numbers[crop] == numbers[main_crop(crop)] for crop in numbers)


def test_people_who_are_alike_stay_two_where_they_are_together():
    """Pairs of twins, half as far apart as others are, in photographs with each other."""
    embeddings, people = drawn(80, 6)
    twins = people // 2
    halves = np.stack([embeddings[twins == twin].mean(axis=0) for twin in range(40)])[twins]
    alike = (0.5 * embeddings + 0.5 * halves).astype(np.float32)
    alike *= 1.43 / np.linalg.norm(alike, axis=1, keepdims=True)
    network = network_named("dlib")
    photographs = twins * 6 + np.arange(len(people)) % 6
    apart = find_clusters(alike, network)
    together = find_clusters(alike, network, photographs, apart.limit)

    def mixed(numbers):
        return sum(len(set(people[numbers == number])) > 1 for number in set(numbers.tolist()))

    assert mixed(apart.numbers) > 30
    assert mixed(together.numbers) < 0.7 * mixed(apart.numbers)


def test_photographs_without_two_near_faces_change_nothing():
    embeddings, people = drawn(60, 5)
    network = network_named("dlib")
    found = find_clusters(embeddings, network)
    photographs = np.arange(len(people)) % 5 * 60 + people  # one of each
    same = find_clusters(embeddings, network, photographs)
    assert same.numbers.tolist() == found.numbers.tolist()
    assert same.certainty.tolist() == found.certainty.tolist()


def test_linkage_with_photographs_is_one_merge_at_a_time():
    """As a plain program does it that compares all clusters before every merge."""
    embeddings, _ = drawn(12, 4, seed=3)
    points = scaled(embeddings, network_named("dlib"))
    photographs = np.random.default_rng(0).integers(0, 16, len(points))
    pairs = near_pairs(points, 9, len(points))
    tree = average_linkage(points, pairs, 9, pairs_of_photographs(photographs))
    squares = ((points[:, None].astype(float) - points) ** 2).sum(axis=2)
    clusters = [[face] for face in range(len(points))]
    heights = []
    while len(clusters) > 1:
        ranked = []
        for i, one in enumerate(clusters):
            for j, other in enumerate(clusters[:i]):
                shared = set(photographs[one]) & set(photographs[other])
                ranked.append((squares[np.ix_(one, other)].mean() + PENALTY * bool(shared), i, j))
        height, i, j = min(ranked)
        heights.append(height)
        clusters[j] += clusters.pop(i)
    assert np.allclose(np.sort(tree.heights), np.maximum.accumulate(heights), atol=1e-4)


def test_what_a_collage_is():
    photographs = np.array([7, 7, 7, 7, 3, 3, 5, 9, 9, 9, 9])
    clusters = np.array([0, 0, 0, 1, 2, 2, 0, 4, 4, 5, 6])
    # Of 7, two of four faces are further ones of the same people: not more than half. Of 3, one of two.
    found = without_collages(photographs, clusters)
    assert Counter(Counter(found.tolist()).values()) == {4: 2, 2: 1, 1: 1}
    clusters[3] = 0
    found = without_collages(photographs, clusters)
    assert Counter(Counter(found.tolist()).values()) == {4: 1, 2: 1, 1: 5}
    pairs = pairs_of_photographs(found)
    assert sorted(map(tuple, np.sort(pairs, axis=1).tolist())) == [
        *((4, 5), (7, 8), (7, 9), (7, 10), (8, 9), (8, 10), (9, 10))
    ]
