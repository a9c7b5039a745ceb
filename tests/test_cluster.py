"""`cluster`: who is the same, without names."""

import csv
import os
import shutil
import sys
from collections import Counter

import numpy as np
import pytest
from conftest import ROOT, drawn, run_script

from faceline import FacelineError, align_folder, cluster, represent_folder
from faceline.disk.cluster_table import read_cluster_numbers
from faceline.disk.folder_locks import locked
from faceline.disk.people_paths import person_of
from faceline.networks.table import network_named
from faceline.people.clustering.clusters import find_clusters, scaled
from faceline.people.clustering.indexed_neighbours import indexed_pairs
from faceline.people.clustering.linkage import average_linkage
from faceline.people.clustering.neighbours import near_pairs
from faceline.people.clustering.numbers import numbered

CLUSTER, CORRECT = (ROOT / "util" / f"{name}.py" for name in ("cluster", "correct"))


def stages(home):
    align_folder(home / "photos", home / "aligned", upsample=0)
    represent_folder(home / "aligned", home / "embeddings")


@pytest.fixture(scope="module")
def johns_home(faces, tmp_path_factory):
    """Photographs of five people, and their embeddings; `photos/` holds ten of eleven of each."""
    home = tmp_path_factory.mktemp("johns")
    for path in sorted((faces / "johns").glob("*/*")):
        (home / "all" / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, home / "all" / path.parent.name)
    shutil.copytree(home / "all", home / "photos")
    for folder in (home / "photos").iterdir():
        max(folder.iterdir()).unlink()
    stages(home)
    return home


@pytest.fixture
def home(johns_home, tmp_path):
    return shutil.copytree(johns_home, tmp_path / "home")


def rows(home):
    with (home / "embeddings" / "clusters.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def partition(pairs):
    """Sets of crops, by (number, crop)."""
    sets: dict[object, set[str]] = {}
    for number, crop in pairs:
        sets.setdefault(number, set()).add(crop)
    return {frozenset(crops) for crops in sets.values()}


def test_five_people_are_five_clusters_without_a_mistake(home):
    stages_all = home / "all"
    shutil.rmtree(home / "photos")
    stages_all.rename(home / "photos")
    stages(home)
    done = run_script(CLUSTER, home / "embeddings")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Found 5 clusters of 55 faces: 5 of two or more, 0 of one.\n")
    assert done.stdout.endswith(f"Written to {home / 'embeddings' / 'clusters.csv'}\n")
    table = rows(home)
    labels = [line.partition(",")[2] for line in (home / "embeddings" / "labels.csv").read_text().splitlines()]
    assert [row["crop"] for row in table] == labels
    assert partition((row["cluster"], row["crop"]) for row in table) == partition((person_of(c), c) for c in labels)
    assert {row["cluster"] for row in table} == set("12345")
    assert all(0.5 < float(row["certainty"]) <= 1 for row in table)


def test_names_of_folders_play_no_part_and_bytes_are_the_same(home):
    cluster(home / "embeddings")
    table = home / "embeddings" / "clusters.csv"
    written = table.read_bytes()
    found = partition((row["cluster"], os.path.basename(row["crop"])) for row in rows(home))
    for jobs in (1, 2):
        table.unlink()
        cluster(home / "embeddings", jobs=jobs)
        assert table.read_bytes() == written
    heap = home / "heap"
    for path in sorted((home / "photos").glob("*/*")):
        (heap / "photos" / "all").mkdir(parents=True, exist_ok=True)
        shutil.copy(path, heap / "photos" / "all")
    stages(heap)
    cluster(heap / "embeddings")
    assert partition((row["cluster"], os.path.basename(row["crop"])) for row in rows(heap)) == found


def test_numbers_stay_when_photographs_are_added(home):
    cluster(home / "embeddings")
    before = {row["crop"]: int(row["cluster"]) for row in rows(home)}
    # The last of five clusters, all of one size, becomes the largest.
    person = person_of(next(crop for crop, number in before.items() if number == 5))
    for path in (home / "all" / person).iterdir():
        shutil.copy(path, home / "photos" / person)
    stages(home)
    cluster(home / "embeddings")
    after = {row["crop"]: int(row["cluster"]) for row in rows(home)}
    assert len(after) == len(before) + 1
    assert before.items() <= after.items()


def test_numbers_of_clusters_that_divide_join_and_go():
    crops = ["a", "b", "c", "d", "e", "f", "g"]
    before = {"a": 1, "b": 1, "c": 1, "d": 2, "e": 2, "z": 9}
    assert numbered(np.array([0, 0, 1, 2, 2, 3, 3]), crops, before).tolist() == [1, 1, 11, 2, 2, 10, 10]
    assert numbered(np.array([0, 0, 0, 0, 0, 1, 1]), crops, before).tolist() == [1, 1, 1, 1, 1, 10, 10]
    # Whichever of two shares as many, the first crop decides.
    assert numbered(np.array([1, 0]), ["a", "b"], {"a": 1, "b": 1}).tolist() == [1, 2]
    assert numbered(np.array([0, 1, 1]), ["a", "b", "c"], {}).tolist() == [2, 1, 1]


def test_average_linkage_is_scipys():
    """Where all pairs are near ones, it is the usual one."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist

    embeddings, _ = drawn(60, 4)
    points = scaled(embeddings, network_named("dlib"))
    tree = average_linkage(points, near_pairs(points, 9, len(points)), 9)
    assert tree.clusters(9) == 1
    usual = linkage(pdist(points.astype(float), "sqeuclidean"), "average")
    assert np.allclose(np.sort(tree.heights), usual[:, 2], atol=1e-5)
    for limit in (0.4, 0.7, 1.0):
        both = fcluster(usual, limit, "distance"), tree.cut(limit)
        assert len(set(zip(*both, strict=True))) == len(set(both[0])) == len(set(both[1]))


def test_near_pairs_are_exact_in_blocks():
    embeddings, _ = drawn(500, 5)
    points = scaled(embeddings, network_named("dlib"))
    squares = ((points[:, None, :8] - points[:, :8]) ** 2).sum(axis=2)
    few = np.ascontiguousarray(points[:, :8])
    assert near_pairs(few, 0.1, len(few)).tolist() == np.argwhere(np.triu(squares < 0.1, 1)).tolist()
    np.fill_diagonal(squares, np.inf)
    of_each = np.argsort(squares, axis=1)[:, :3]
    wanted = {tuple(sorted((i, j))) for i in range(len(few)) for j in of_each[i].tolist()}
    assert set(map(tuple, near_pairs(few, 100, 3).tolist())) == wanted


def test_an_index_finds_nearly_all_near_pairs_and_no_others():
    embeddings, _ = drawn(2000, 3)
    points = scaled(embeddings, network_named("dlib"))
    exact = near_pairs(points, 0.9, 8)
    found = indexed_pairs(points, 0.9, 8, 2)
    assert np.array_equal(found, indexed_pairs(points, 0.9, 8, 1))
    assert found.dtype == exact.dtype and np.array_equal(found, np.unique(found, axis=0))
    assert (found[:, 0] < found[:, 1]).all()
    both = set(map(tuple, found.tolist())) & set(map(tuple, exact.tolist()))
    assert len(both) >= 0.98 * max(len(exact), len(found)) > 2000


def test_an_index_of_more_copies_than_neighbours():
    points = np.repeat(np.eye(40, 8, dtype=np.float32), 5, axis=0)
    found = indexed_pairs(points, 0.5, 3, 1)
    assert len(np.unique(found)) == len(points)
    assert max(Counter(np.concatenate([found[:, 0], found[:, 1]]).tolist()).values()) < 200


def test_many_faces_of_a_person_and_copies_of_one():
    embeddings, people = drawn(2, 300)
    found = find_clusters(embeddings, network_named("dlib")).numbers
    sizes = Counter(zip(found.tolist(), people.tolist(), strict=True))
    assert len(sizes) == found.max() + 1, "a cluster of two people"
    # The others lie as far from their own person as strangers do.
    assert all(size > 270 for _, size in sizes.most_common(2))
    same = np.repeat(embeddings[:1], 50, axis=0)
    assert set(find_clusters(same, network_named("dlib")).numbers) == {0}
    alone = find_clusters(embeddings[:1], network_named("dlib"))
    assert alone.numbers.tolist() == [0]
    assert alone.certainty.tolist() == [1]


def test_crops_without_a_face_are_on_their_own(home):
    picture = np.random.default_rng(0).integers(0, 255, (80, 80, 3)).astype(np.uint8)
    from PIL import Image

    for name in ("1.png", "2.png"):
        (home / "photos" / "wall").mkdir(exist_ok=True)
        Image.fromarray(picture).save(home / "photos" / "wall" / name)
    shutil.rmtree(home / "aligned")
    shutil.rmtree(home / "embeddings")
    align_folder(home / "photos", home / "aligned", upsample=0, fallback="centre")
    represent_folder(home / "aligned", home / "embeddings")
    said = str(cluster(home / "embeddings"))
    assert "Found 7 clusters of 52 faces: 5 of two or more, 2 of one." in said
    assert "On their own: 2 of pictures without a face (fallback)." in said
    assert [row["certainty"] for row in rows(home) if row["crop"].startswith("wall/")] == ["0.000", "0.000"]


def clusters_in(place):
    return {path.name: sorted(os.listdir(path)) for path in sorted(place.iterdir())}


def test_folders_can_be_renamed_and_enrolled(home):
    who = home / "who"
    done = run_script(CLUSTER, home / "embeddings", "--folders", who)
    assert done.returncode == 0, done.stderr
    assert f"Folders in {who}: 5 made, 0 as before, 0 removed.\n" in done.stdout
    numbers = Counter(row["cluster"] for row in rows(home))
    assert sorted(clusters_in(who)) == [f"cluster-000{number}" for number in sorted(numbers)]
    for row in rows(home):
        link = who / f"cluster-000{row['cluster']}" / os.path.basename(row["crop"]).removesuffix(".png")
        assert link.is_symlink()
        assert link.resolve() == (home / "photos" / row["crop"].removesuffix(".png")).resolve()
    (who / "cluster-0002").rename(who / "anna")
    aligned = align_folder(who, home / "aligned-again", upsample=0)
    assert aligned.people == 5
    assert aligned.counts == {"ok": 50}


def test_folders_of_a_user_are_left_until_yes(home):
    who = home / "who"
    cluster(home / "embeddings", folders=who)
    (who / "cluster-0002").rename(who / "anna")
    removed = min(path for path in (who / "cluster-0003").iterdir() if not path.name.startswith("."))
    removed.unlink()
    (who / "cluster-0004" / "mine.jpg").write_bytes(b"mine")
    (who / "cluster-0005").rename(home / "elsewhere")
    (who / "cluster-0005").mkdir()
    (who / "cluster-0005" / "own.jpg").write_bytes(b"own")
    before = clusters_in(who)
    done = run_script(CLUSTER, home / "embeddings", "--folders", who, "--copy")
    assert "Folders in" in done.stdout and ": 1 made, 0 as before, 0 removed.\n" in done.stdout
    left = "Left as they are (--yes makes them again): anna, cluster-0003, cluster-0004, cluster-0005.\n"
    assert left in done.stdout
    assert clusters_in(who) == before
    assert not any(path.is_symlink() for path in (who / "cluster-0001").iterdir())
    done = run_script(CLUSTER, home / "embeddings", "--folders", who, "--yes")
    assert ": 5 made, 0 as before, 0 removed.\n" in done.stdout
    assert removed.is_symlink()
    assert clusters_in(who)["anna"] == before["anna"]
    assert (who / "cluster-0004" / "mine.jpg").read_bytes() == b"mine"
    assert (who / "cluster-0005" / "own.jpg").read_bytes() == b"own"
    assert len(clusters_in(who)["cluster-0005"]) == 12


def test_folders_follow_the_clusters(home):
    who = home / "who"
    cluster(home / "embeddings", folders=who, copy=True)
    assert "0 made, 5 as before, 0 removed" in str(cluster(home / "embeddings", folders=who, copy=True))
    person = person_of(next(row["crop"] for row in rows(home) if row["cluster"] == "5"))
    shutil.rmtree(home / "photos" / person)
    other = person_of(next(row["crop"] for row in rows(home) if row["cluster"] == "4"))
    min((home / "photos" / other).iterdir()).unlink()
    stages(home)
    # A killed run's leftover is in nobody's way.
    (who / ".cluster-0004.part").mkdir()
    (who / ".cluster-0004.part" / "half").write_bytes(b"")
    assert "1 made, 3 as before, 1 removed" in str(cluster(home / "embeddings", folders=who, copy=True))
    assert sorted(os.listdir(who)) == [f"cluster-000{number}" for number in (1, 2, 3, 4)]
    assert len(os.listdir(who / "cluster-0004")) == 10


def test_crops_are_linked_where_the_photographs_are_not_there(home):
    (home / "photos").rename(home / "moved")
    cluster(home / "embeddings", folders=home / "who")
    links = [path for path in (home / "who").glob("*/*") if path.name != ".cluster.json"]
    assert len(links) == 50
    assert all(link.resolve().is_relative_to((home / "aligned").resolve()) for link in links)


def test_clusters_of_a_killed_run(home):
    """The table is written before the folders: what is there is whole."""
    cluster(home / "embeddings")
    written = (home / "embeddings" / "clusters.csv").read_bytes()
    (home / "embeddings" / ".clusters.csv.part").write_bytes(b"half")
    cluster(home / "embeddings")
    assert (home / "embeddings" / "clusters.csv").read_bytes() == written
    assert not (home / "embeddings" / ".clusters.csv.part").exists()


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
            "embeddings: 50 embeddings but 49 labels; run batch_represent again with --overwrite (edited by hand?",
        ),
        (lambda e: (e / "reps.csv").write_text("1,2\n"), [], "reps.csv: line 1 has 2 numbers instead of 128"),
        (
            lambda e: (e / "clusters.csv").write_text("cluster,crop,certainty\nx,a,1\n"),
            [],
            "clusters.csv: line 2: invalid literal for int() with base 10: 'x'; correct or remove the file;",
        ),
        (
            lambda e: (e / "clusters.csv").write_text("crop\n"),
            [],
            "clusters.csv: line 1: the columns are not cluster, crop, certainty; correct or remove the file;",
        ),
        (lambda e: None, ["--copy"], "--copy says what --folders makes; name a folder with --folders"),
        (lambda e: None, ["--jobs", "0"], "jobs 0 is out of range"),
        (lambda e: None, ["--folders", "embeddings/who"], "lies in the folder of embeddings; name a folder of its own"),
        (lambda e: None, ["--folders", "embeddings/run.json"], "run.json: is no folder; name another place"),
        (lambda e: None, ["--folders", "aligned/who"], "aligned/who: lies in the folder of crops; name a folder"),
        (lambda e: None, ["--folders", "file"], "file: is no folder; name another place"),
        (
            lambda e: shutil.rmtree(e.parent / "aligned"),
            ["--folders", "who"],
            "run batch_represent again where the crops",
        ),
    ],
)
def test_a_mistake_takes_one_line(home, prepare, arguments, complaint, run_here):
    (home / "file").write_bytes(b"")
    prepare(home / "embeddings")
    done = run_here(CLUSTER, "embeddings", *arguments, cwd=home)
    assert done.returncode == 2
    assert done.stdout == ""
    errors = [line for line in done.stderr.splitlines() if "warning" not in line]
    assert len(errors) == 1 and errors[0].startswith("cluster.py: error: ")
    assert complaint in errors[0]


def test_everybody_removed(home):
    shutil.rmtree(home / "photos")
    (home / "photos").mkdir()
    stages(home)
    with pytest.raises(FacelineError, match="embeddings: holds no embedding; run batch_represent"):
        cluster(home / "embeddings")


def compare_by_index_beyond(number, monkeypatch):
    for module in ("faceline.stages.cluster", "faceline.people.clustering.clusters"):
        monkeypatch.setattr(sys.modules[module], "MOST_COMPARED", number)


def test_very_many_faces_are_compared_by_an_index(home, monkeypatch):
    cluster(home / "embeddings")
    table = home / "embeddings" / "clusters.csv"
    exact = table.read_bytes()
    compare_by_index_beyond(49, monkeypatch)
    for jobs in (1, 2):
        table.unlink()
        cluster(home / "embeddings", jobs=jobs)
        assert table.read_bytes() == exact


def test_very_many_faces_without_faiss_are_refused_before_they_are_read(home, monkeypatch):
    compare_by_index_beyond(49, monkeypatch)
    monkeypatch.setitem(sys.modules, "faiss", None)
    (home / "embeddings" / "labels.csv").write_text("damaged")
    with pytest.raises(FacelineError, match=r"^faiss is missing, .*; pip install 'faceline\[cluster\]'$"):
        cluster(home / "embeddings")


def test_one_run_at_a_time(home):
    with locked(home / "embeddings"), pytest.raises(FacelineError, match="another run is writing here; wait for it"):
        cluster(home / "embeddings")


def test_a_table_that_names_a_crop_twice(tmp_path):
    (tmp_path / "clusters.csv").write_text("cluster,crop,certainty\n1,a,1\n2,a,1\n")
    with pytest.raises(FacelineError, match=r"line 3: a stands there twice"):
        read_cluster_numbers(tmp_path / "clusters.csv")


def test_faces_of_lfw(faces, tmp_path):
    """People with two to four pictures, and strangers with one: pictures go together that are one person's."""
    people = [folder for folder in sorted((faces / "lfw-dev").iterdir()) if folder.is_dir()]
    several = [folder for folder in people if 2 <= len(list(folder.iterdir())) <= 4][:40]
    single = [folder for folder in people if len(list(folder.iterdir())) == 1][:60]
    for folder in several + single:
        shutil.copytree(folder, tmp_path / "photos" / folder.name)
    stages(tmp_path)
    cluster(tmp_path / "embeddings")
    table = rows(tmp_path)
    sames = {person: {(a, b) for a in crops for b in crops if a < b} for person, crops in by(table, person_of).items()}
    found = {(a, b) for crops in by(table, None).values() for a in crops for b in crops if a < b}
    right = set().union(*sames.values())
    precision, recall = len(found & right) / len(found), len(found & right) / len(right)
    assert precision > 0.93
    assert recall > 0.85


def by(table, key):
    groups: dict[str, list[str]] = {}
    for row in table:
        groups.setdefault(key(row["crop"]) if key else row["cluster"], []).append(row["crop"])
    return groups


def test_the_command_says_the_same(home):
    done = run_script("-m", "faceline", "cluster", home / "embeddings", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(rows(home)) == 50


def crops_of(home):
    """The crops of each of the five people, as the clusters have them, which make no mistake."""
    found: dict[str, list[str]] = {}
    for row in rows(home):
        found.setdefault(row["crop"].split("/")[0], []).append(row["crop"])
    return [crops for _, crops in sorted(found.items())]


def clusters_after(home, *said):
    """The sets of crops that the command finds when these corrections have been noted."""
    for arguments in said:
        done = run_script(CORRECT, "--embeddings", home / "embeddings", *arguments)
        assert done.returncode == 0, done.stderr
    done = run_script(CLUSTER, home / "embeddings")
    assert done.returncode == 0, done.stderr
    return partition((row["cluster"], row["crop"]) for row in rows(home))


def test_what_the_user_says_holds(home):
    before = clusters_after(home)
    first, second, third, *_ = map(frozenset, crops_of(home))
    assert before >= {first, second, third}
    one, two, *rest = sorted(first)
    named = clusters_after(home, [one, two, "--is", "anna"], [min(second), "--is", "anna"])
    (annas,) = (crops for crops in named if one in crops)
    assert {one, two, min(second)} <= annas
    sure = {row["crop"]: row["certainty"] for row in rows(home)}
    assert sure[one] == sure[two] == sure[min(second)] == "1.000"
    undone = clusters_after(home, *[["--undo", "last"]] * 3)
    assert undone == before
    split = clusters_after(home, [one, two, "--split"])
    assert any({one, two} <= crops and not crops & {rest[0], rest[-1]} for crops in split)


def test_two_names_are_two_clusters_and_one_face_is_none(home):
    cluster(home / "embeddings")
    first, second, *_ = crops_of(home)
    half = len(first) // 2
    found = clusters_after(
        home, [*first[:half], "--is", "anna"], [*first[half:], "--is", "berta"], [second[0], "--no-face"]
    )
    assert {frozenset(first[:half]), frozenset(first[half:]), frozenset(second[1:]), frozenset(second[:1])} <= found
    assert {row["crop"]: row["certainty"] for row in rows(home)}[second[0]] == "0.000"


def test_what_was_said_of_clusters_holds_for_them(home):
    cluster(home / "embeddings")
    numbers = read_cluster_numbers(home / "embeddings" / "clusters.csv")
    first, second, third, *_ = crops_of(home)
    merged = clusters_after(home, ["--cluster", numbers[first[0]], "--cluster", numbers[second[0]], "--same"])
    assert frozenset([*first, *second]) in merged
    apart = clusters_after(home, ["--undo", "last"], [third[0], third[1], "--different"])
    assert not any({third[0], third[1]} <= crops for crops in apart)
    not_anna = clusters_after(home, ["--undo", "last"], [*third[1:], "--is", "anna"], [third[0], "--is-not", "anna"])
    assert frozenset(third[1:]) in not_anna


def test_better_pictures_say_more_of_where_a_cluster_lies():
    """A poor picture that lies near strangers does not draw its cluster to them."""
    embeddings, labels = drawn(people=3, pictures=6, seed=2)
    network = network_named("dlib")
    everybody = find_clusters(embeddings, network, qualities=np.ones(len(labels)))
    assert np.array_equal(everybody.numbers, find_clusters(embeddings, network).numbers)
    points = scaled(embeddings[:3], network)
    tree = average_linkage(points, np.array([[0, 1], [0, 2], [1, 2]]), 99, weights=np.array([1.0, 1.0, 1e-9]))
    squares = ((points[:, None] - points) ** 2).sum(axis=2)
    nearest = min((squares[a, b], a, b) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert tree.heights[0] == pytest.approx(nearest[0], rel=1e-5)
