"""`map`: faces as points, as a picture and as a page in a real browser."""

import csv
import json
import os
import shutil

import numpy as np
import pytest
from conftest import ROOT, run_script
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from faceline import align_folder, cluster, correct, draw_map, represent_folder
from faceline.disk.pictures.images import decode_image
from faceline.networks.table import network_named
from faceline.people import arrangement
from faceline.people.arrangement import arranged
from faceline.report.map_picture import COLOURS, FaceMap

MAP = ROOT / "util" / "tsne.py"
HOSTILE = '<script>alert(1)<|script> & "Zoë" $x$ $'


@pytest.fixture(scope="module")
def made(tmp_path_factory, faces):
    """A work folder of three people, of whom one is called as an attack."""
    folder = tmp_path_factory.mktemp("Zoë's work")
    for person, name in zip(sorted((faces / "johns").iterdir()), (HOSTILE, "anna", "berta"), strict=False):
        (folder / "training-images" / name).mkdir(parents=True)
        for file in sorted(person.iterdir())[:4]:
            shutil.copy(file, folder / "training-images" / name)
    align_folder(folder / "training-images", folder / "aligned-images", upsample=0)
    represent_folder(folder / "aligned-images", folder / "generated-embeddings")
    return folder


@pytest.fixture
def work(made, tmp_path):
    return shutil.copytree(made, tmp_path / "work")


def data_of(folder):
    page = (folder / "map.html").read_text()
    return json.loads(page.partition('id="data">')[2].partition("</script>")[0])


def stages(folder):
    for name in ("aligned-images", "generated-embeddings"):
        shutil.rmtree(folder / name)
    align_folder(folder / "training-images", folder / "aligned-images", upsample=0)
    represent_folder(folder / "aligned-images", folder / "generated-embeddings")


def test_people_lie_apart_and_files_are_the_same_again(work):
    done = run_script(MAP, work / "generated-embeddings")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("t-SNE of 12 faces of 3 people.\nNamed: 3 of the 3 largest, as")
    data = data_of(work / "generated-embeddings")
    places, group = np.array(data["places"]), np.array(data["group"])
    assert ((places >= 0) & (places <= 1)).all()
    apart = np.linalg.norm(places[:, None] - places, axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (group[apart.argmin(axis=1)] == group).all()
    assert all(data["thumbs"])
    done = run_script("-m", "faceline", "map", work / "generated-embeddings", "--save", work / "again", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for name in ("map.png", "map.html"):
        assert (work / "again" / name).read_bytes() == (work / "generated-embeddings" / name).read_bytes()


def test_crops_are_points(work):
    made = draw_map(work / "generated-embeddings", save_dir=work / "points", method="pca")
    assert made.title == "PCA of 12 faces of 3 people"
    (work / "aligned-images").rename(work / "moved")
    broken = min((work / "moved" / "anna").iterdir())
    broken.write_bytes(b"none")
    done = run_script(MAP, work / "generated-embeddings", "--method", "pca", "--save", work, "--crops", work / "moved")
    assert "Points without a face: 1 crop could not be read." in done.stdout
    points, faces = (decode_image((folder / "map.png").read_bytes()).astype(int) for folder in (work / "points", work))
    drawn = (np.abs(points - faces).max(axis=2) > 30).sum()
    assert drawn > 11 * 40**2
    assert data_of(work)["thumbs"].count("") == 1
    done = run_script(MAP, work / "generated-embeddings")
    assert "The page shows no faces" in done.stdout


@pytest.mark.parametrize("number", [2, 3, 4])
def test_few_faces_of_one_person(work, number):
    for person in ("berta", HOSTILE):
        shutil.rmtree(work / "training-images" / person)
    for path in sorted((work / "training-images" / "anna").iterdir())[number:]:
        path.unlink()
    stages(work)
    for method in ("tsne", "pca"):
        made = draw_map(work / "generated-embeddings", method=method)
        assert made.title.endswith(f" of {number} faces of 1 person")
        assert np.isfinite(data_of(work / "generated-embeddings")["places"]).all()


def test_one_face_is_no_map(work):
    for person in ("berta", HOSTILE):
        shutil.rmtree(work / "training-images" / person)
    for path in sorted((work / "training-images" / "anna").iterdir())[1:]:
        path.unlink()
    stages(work)
    done = run_script(MAP, work / "generated-embeddings")
    assert (done.returncode, done.stdout) == (2, "")
    assert "holds 1 face; a map takes two or more" in done.stderr


def test_clusters_and_corrections(work):
    embeddings = work / "generated-embeddings"
    cluster(embeddings)
    assert draw_map(embeddings, by="cluster", labels=2).asked == 2
    assert data_of(embeddings)["groups"] == ["cluster 1", "cluster 2", "cluster 3"]
    first, second = sorted((work / "training-images" / "anna").iterdir())[:2]
    correct([f"anna/{first.name}"], embeddings, name="clara")
    correct([f"anna/{second.name}"], embeddings, no_face=True)
    assert draw_map(embeddings).title == "t-SNE of 11 faces of 4 people"
    assert "clara" in data_of(embeddings)["people"]


def test_faces_of_nobody(work):
    shutil.rmtree(work / "aligned-images")
    shutil.rmtree(work / "generated-embeddings")
    align_folder(work / "training-images", work / "aligned-images", upsample=0, every=True)
    represent_folder(work / "aligned-images", work / "generated-embeddings")
    said = str(draw_map(work / "generated-embeddings", crops=True))
    assert said.startswith("t-SNE of ") and "people" not in said.partition("\n")[0]
    assert "Named" not in said
    assert set(data_of(work / "generated-embeddings")["group"]) == {-1}


def test_the_same_face_many_times_and_large_maps(monkeypatch):
    metric = network_named("dlib").metric
    drawn = np.random.default_rng(0).normal(size=(60, 128)).astype(np.float32)
    assert (arranged(np.repeat(drawn[:1], 9, axis=0), metric, "tsne") == 0.5).all()
    monkeypatch.setattr(arrangement, "MOST_EXACT", 50)
    places = arranged(drawn, metric, "tsne")
    assert places.shape == (60, 2)
    assert np.array_equal(places, arranged(drawn, metric, "tsne"))


def test_names_after_openface(work):
    done = run_script(MAP, work / "generated-embeddings", "--names", "Clara", "Dora")
    assert done.returncode == 0, done.stderr
    data = data_of(work / "generated-embeddings")
    with (work / "generated-embeddings" / "labels.csv").open(newline="") as file:
        wanted = {crop: {"1": "Clara", "2": "Dora"}.get(number) for number, crop in csv.reader(file)}
    assert dict(zip(data["crops"], data["people"], strict=True)) == {c: name for c, name in wanted.items() if name}


def test_names_in_any_script_and_no_text(work):
    """Those of folders keep their bytes, whether these are text or not."""
    for old, new in (("anna", b"Jos\xe9"), ("berta", "李小龙".encode())):
        os.rename(os.fsencode(work / "training-images" / old), os.fsencode(work / "training-images") + b"/" + new)
    stages(work)
    made = draw_map(work / "generated-embeddings")
    assert made.named == 3
    assert set(data_of(work / "generated-embeddings")["people"]) == {HOSTILE, "Jos\udce9", "李小龙"}


def test_neighbours_differ_in_colour():
    places = np.repeat(np.random.default_rng(0).random((40, 2)), 2, axis=0)
    faces = FaceMap(places, [str(group) for group in range(40)], np.repeat(np.arange(40), 2), "")
    colours = np.array(faces.colours())
    assert set(colours) == set(COLOURS)
    apart = np.linalg.norm(places[::2, None] - places[::2], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (colours[apart.argmin(axis=1)] != colours).mean() > 0.9


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere"], "nowhere: No such file or directory; run batch_represent first"),
        (["."], "run batch_represent, which writes it, to its end"),
        (["generated-embeddings", "--by", "cluster"], "clusters.csv: No such file or directory; run faceline cluster"),
        (["generated-embeddings", "--labels", "-1"], "labels -1 is out of range"),
        (["generated-embeddings", "--names", *"abcd"], "4 names for 3 people; name them in the order of their classes"),
        (["generated-embeddings", "--names", " "], "an empty name for 3 people"),
        (
            ["generated-embeddings", "--crops", "nowhere"],
            "nowhere: No such file or directory; name the folder of crops",
        ),
        (["generated-embeddings", "--crops", "training-images"], "holds no crop of these embeddings"),
    ],
)
def test_a_mistake_takes_one_line(made, arguments, complaint, run_here):
    done = run_here(MAP, *arguments, cwd=made)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert complaint in done.stderr


def test_without_its_extra():
    code = "import sys; sys.modules['jinja2'] = None; from faceline import draw_map; draw_map('a')"
    assert "jinja2 is missing, which makes the page; pip install 'faceline[map]'" in run_script("-c", code).stderr


def test_page_loads_nothing_and_is_used_by_keys_and_pointer(work, chromium, tmp_path):
    draw_map(work / "generated-embeddings", crops=True)
    browser = chromium(tmp_path)
    browser.get((work / "generated-embeddings" / "map.html").as_uri())
    assert browser.get_log("browser") == []
    sent = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [event["params"]["request"]["url"] for event in sent if event["method"] == "Network.requestWillBeSent"]
    assert urls and all(url.startswith(("file:", "data:")) for url in urls)

    def said():
        return browser.find_element(By.ID, "said").text.splitlines()

    body = browser.find_element(By.TAG_NAME, "body")
    body.send_keys("/")
    browser.switch_to.active_element.send_keys("<script>", Keys.ENTER)
    assert said()[0] == HOSTILE
    assert browser.find_element(By.ID, "face").is_displayed()
    assert browser.execute_script("return document.scripts.length") == 2
    seen = set()
    for _ in range(4):
        browser.find_element(By.ID, "map").send_keys("n")
        assert said()[0] == HOSTILE
        seen.add(said()[1])
    assert len(seen) == 4
    before = said()[1]
    for key in (Keys.ARROW_LEFT, Keys.ARROW_RIGHT, Keys.ARROW_UP, Keys.ARROW_DOWN):
        browser.find_element(By.ID, "map").send_keys(key)
        before = {before, said()[1]} if isinstance(before, str) else before | {said()[1]}
    assert len(before) > 1
    x, y = browser.execute_script(
        "const i = DATA.people.indexOf('berta'), box = canvas.getBoundingClientRect(), [x, y] = at(DATA.places[i]);"
        "return [Math.round(x + box.left), Math.round(y + box.top)]"
    )
    browser.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x, "y": y})
    assert said()[0] == "berta"


def test_two_fingers_come_closer(work, chromium, tmp_path):
    draw_map(work / "generated-embeddings")
    browser = chromium(tmp_path)
    browser.get((work / "generated-embeddings" / "map.html").as_uri())
    metrics = {"width": 390, "height": 760, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})
    box = browser.find_element(By.ID, "map").rect
    y = box["y"] + box["height"] / 2
    fingers = [[(150, y), (240, y)], [(100, y), (290, y)], []]
    for kind, places in zip(("touchStart", "touchMove", "touchEnd"), fingers, strict=True):
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
    assert 1.8 < browser.execute_script("return zoom") < 2.4
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
