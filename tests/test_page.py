"""The page of the service, in a real browser with a camera that is played from a file."""

import io
import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_core_python.selenium import Axe
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from services import Served, serving

from faceline.disk.corrections import read_corrections

SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def camera(small, tmp_path_factory) -> Path:
    """A video as a camera of 640x480 shows it: of one person, three seconds over and over."""
    path = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    with Image.open(small.probes[0][0]) as picture:
        picture.thumbnail((640, 480))
        frame = Image.new("RGB", (640, 480), "grey")
        frame.paste(picture, ((640 - picture.width) // 2, (480 - picture.height) // 2))
    file = io.BytesIO()
    frame.save(file, "JPEG", quality=95)
    path.write_bytes(file.getvalue() * 90)
    return path


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("wörk & <b>")) as served:
        yield served


@pytest.fixture(scope="module")
def browser(chromium, camera, tmp_path_factory, service):
    flags = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    page = chromium(tmp_path_factory.mktemp("downloads"), more=(*flags, f"--use-file-for-fake-video-capture={camera}"))
    page.get(f"http://127.0.0.1:{service.port}/")
    return page


def until(page, condition, seconds=60):
    return WebDriverWait(page, seconds).until(lambda _: condition())


def by_id(page, name):
    return page.find_element(By.ID, name)


def open_tab(page, name):
    by_id(page, f"tab-{name}").click()
    until(page, lambda: by_id(page, name).is_displayed())


def send(page, name, paths):
    by_id(page, f"{name}-files").send_keys("\n".join(map(str, paths)))


def teach(page, name, paths):
    field = by_id(page, "teach-name")
    field.clear()
    field.send_keys(name, Keys.TAB)
    before = len(tiles(page))
    send(page, "teach", paths)
    until(page, lambda: len(tiles(page)) == before + len(paths) and "Looking" not in by_id(page, "teach-pictures").text)


def tiles(page):
    return page.find_elements(By.CSS_SELECTOR, "#teach-pictures li")


def trained(page):
    by_id(page, "train").click()
    until(page, lambda: by_id(page, "train").is_enabled() and by_id(page, "train-said").text != "Training …", 120)
    return by_id(page, "train-said").text


def axe_complains(page):
    found = Axe().run(page)
    return [
        (one["id"], [node["html"][:80] for node in one["nodes"]])
        for one in found["violations"]
        if one["impact"] in SERIOUS
    ]


def test_the_whole_way(browser, service, small):
    """From an empty work folder: two people are taught, one of them by camera; both are known, a third one is not."""
    page = browser
    people = sorted({path.parent.name for path in small.train.rglob("*.jpg")})
    by_camera = small.probes[0][1]
    other = next(name for name in people if name != by_camera)
    until(page, lambda: by_id(page, "name-empty").is_displayed())
    assert "wörk & <b>" in by_id(page, "name").find_element(By.XPATH, "//h1").text

    open_tab(page, "teach")
    by_id(page, "teach-camera").click()
    until(page, lambda: by_id(page, "teach-take").is_displayed())
    by_id(page, "teach-take").click()
    until(page, lambda: "name first" in by_id(page, "said").text)
    by_id(page, "teach-name").send_keys(by_camera, Keys.TAB)
    time.sleep(0.5)
    by_id(page, "teach-take").click()
    until(page, lambda: by_id(page, "teach-advice").text.startswith(f"{by_camera}: added,"))
    assert "✓ from the front" in by_id(page, "teach-views").text
    assert "missing: turned to the picture's left" in by_id(page, "teach-views").text
    teach(page, other, sorted((small.train / other).glob("*.jpg")))
    assert all(tile.text.startswith(f"{other}: added,") for tile in tiles(page)[:-1])
    assert axe_complains(page) == []
    assert trained(page).startswith("Learnt 2 people from ")
    folder = Path(service.work) / "training-images"
    assert sorted(path.name for path in folder.iterdir()) == sorted([by_camera, other])

    open_tab(page, "name")
    assert not by_id(page, "name-empty").is_displayed()
    known = next(path for path in sorted((small.train / other).glob("*.jpg")))
    send(page, "name", [known, small.stranger])
    until(page, lambda: len(page.find_elements(By.CSS_SELECTOR, "#name-pictures section .names button")) >= 2)
    stranger, first = page.find_elements(By.CSS_SELECTOR, "#name-pictures section")
    assert f"{other}, 9" in first.text
    assert "unknown, " in stranger.text
    boxes = first.find_elements(By.CSS_SELECTOR, ".box")
    assert [box.text.rpartition(" ")[0].rpartition(" ")[0] for box in boxes] == [other]
    boxes[0].click()
    evidence = by_id(page, "evidence")
    assert evidence.text.startswith(f"{other}, 9")
    until(
        page, lambda: page.execute_script("return arguments[0].naturalWidth", evidence.find_element(By.TAG_NAME, "img"))
    )
    assert axe_complains(page) == []

    page.execute_script("window.scrollTo(0, 0)")
    by_id(page, "name-camera").click()
    live = "#name-live .box.known"
    until(page, lambda: page.find_elements(By.CSS_SELECTOR, live))
    box = page.find_element(By.CSS_SELECTOR, live)
    assert box.text.startswith(by_camera)
    box.click()  # it stays the same one while the camera goes on
    until(page, lambda: by_id(page, "evidence").text.startswith(by_camera))
    page.execute_script("window.scrollTo(0, 0)")
    by_id(page, "name-camera").click()
    until(page, lambda: not by_id(page, "name-live").is_displayed())


def test_a_poor_picture_and_one_of_nobody_are_told(browser, small, tmp_path):
    with Image.open(small.probes[0][0]) as picture:
        picture.resize((60, 60)).save(tmp_path / "tiny.jpg")
        Image.new("RGB", (200, 200), "blue").save(tmp_path / "nobody.png")
    (tmp_path / "no.jpg").write_bytes(b"hello")
    open_tab(browser, "teach")
    teach(browser, "somebody", [tmp_path / "nobody.png", tmp_path / "no.jpg"])
    assert [tile.text for tile in tiles(browser)[:2]] == [
        "Not added: not a picture.",
        "Not added: no face was found; it would not help.",
    ]


def test_people_are_renamed_merged_and_forgotten(browser, service, small):
    page = browser
    person = sorted({path.parent.name for path in small.train.rglob("*.jpg")})[-1]
    open_tab(page, "teach")
    teach(page, "Zoë <b>", [sorted((small.train / person).glob("*.jpg"))[0]])
    assert trained(page).startswith("Learnt 3 people")
    open_tab(page, "people")
    row = until(page, lambda: row_of(page, "Zoë <b>"))
    assert "1 photograph, 1 face" in row.text
    button(row, "Pictures").click()
    until(page, lambda: "from the front" in row.text or "turned" in row.text)
    assert axe_complains(page) == []
    button(row, "Rename").click()
    answer(page, "Zoë", "yes")
    until(page, lambda: row_of(page, "Zoë") is not None and row_of(page, "Zoë <b>") is None)
    assert service.ask("/people")[1]["people"][-1]["name"] == "Zoë"
    button(row_of(page, "Zoë"), "Forget").click()
    answer(page, None, "no")
    button(row_of(page, "Zoë"), "Forget").click()
    by_id(page, "ask-check").click()
    answer(page, None, "yes")
    until(page, lambda: "Forgotten: Zoë" in by_id(page, "receipt").text)
    assert "files removed" in by_id(page, "receipt").text
    assert row_of(page, "Zoë") is None
    assert not (Path(service.work) / "training-images" / "Zoë").exists()


def row_of(page, name):
    rows = page.find_elements(By.CSS_SELECTOR, "#people-list > li")
    return next((row for row in rows if row.get_attribute("data-person") == name), None)


def button(element, text):
    return next(one for one in element.find_elements(By.TAG_NAME, "button") if one.text == text)


def answer(page, text, value):
    until(page, lambda: by_id(page, "ask").is_displayed())
    if text is not None:
        field = by_id(page, "ask-input")
        field.clear()
        field.send_keys(text)
    page.find_element(By.CSS_SELECTOR, f"#ask button[value={value}]").click()
    until(page, lambda: not by_id(page, "ask").is_displayed())


def test_decisions_of_the_review_are_written_at_once_and_undone(browser, service):
    page = browser
    path = Path(service.work) / "corrections.jsonl"
    before = len(read_corrections(path))
    open_tab(page, "people")
    frame = by_id(page, "review-frame")
    page.switch_to.frame(frame)
    try:
        until(page, lambda: page.find_elements(By.CSS_SELECTOR, "[role=tab]"))
        next(
            tab for tab in page.find_elements(By.CSS_SELECTOR, "[role=tab]") if tab.text.startswith("Clusters")
        ).click()
        card = page.find_elements(By.CSS_SELECTOR, ".card")[0]
        card.find_element(By.CSS_SELECTOR, "input:not([type=checkbox])").send_keys("Clara", Keys.ENTER)
        until(page, lambda: len(read_corrections(path)) > before)
        assert read_corrections(path)[-1].name == "Clara"
        page.find_element(By.ID, "undo").click()
        until(page, lambda: len(read_corrections(path)) == before)
        assert not page.find_element(By.ID, "download").is_displayed()
        assert axe_complains(page) == []
    finally:
        page.switch_to.default_content()


def test_map_and_quality(browser):
    page = browser
    open_tab(page, "map")
    page.switch_to.frame(by_id(page, "map-frame"))
    try:
        until(page, lambda: page.find_elements(By.TAG_NAME, "canvas") or page.find_elements(By.TAG_NAME, "svg"))
        assert axe_complains(page) == []
    finally:
        page.switch_to.default_content()
    open_tab(page, "quality")
    until(page, lambda: by_id(page, "quality-all").is_displayed())
    assert "Strangers who get a name\n1.0 %" in by_id(page, "rates").text
    assert len(page.find_elements(By.CSS_SELECTOR, "#curve path")) == 2
    assert axe_complains(page) == []


def test_keyboard(browser):
    page = browser
    by_id(page, "tab-name").click()
    by_id(page, "tab-name").send_keys(Keys.ARROW_RIGHT)
    assert by_id(page, "teach").is_displayed()
    assert page.switch_to.active_element == by_id(page, "tab-teach")
    page.switch_to.active_element.send_keys(Keys.ARROW_LEFT)
    assert by_id(page, "name").is_displayed()


def test_nothing_is_asked_of_anybody_else_and_nothing_complained_of(browser, service):
    page = browser
    sent = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    urls = [event["params"]["request"]["url"] for event in sent if event["method"] == "Network.requestWillBeSent"]
    assert len(urls) > 20
    assert all(url.startswith((f"http://127.0.0.1:{service.port}/", "blob:", "data:")) for url in urls)
    said = [entry["message"] for entry in page.get_log("browser") if "status of 4" not in entry["message"]]
    assert said == []


def test_on_a_phone_in_the_dark(chromium, service, tmp_path):
    page = chromium(tmp_path, size="360,740", more=("--force-dark-mode", "--blink-settings=preferredColorScheme=0"))
    page.get(f"http://127.0.0.1:{service.port}/#quality")
    until(page, lambda: by_id(page, "quality-all").is_displayed())
    for name in ("quality", "people", "teach", "name"):
        open_tab(page, name)
        width = page.execute_script(
            "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert width[0] <= width[1], name
        assert axe_complains(page) == []


def test_elsewhere_the_page_asks_for_a_key(chromium, small, tmp_path):
    (tmp_path / "work").mkdir()
    with serving(tmp_path / "work", "--host", "0.0.0.0") as served:
        secret = served.said[0].rpartition(" ")[2]
        page = chromium(tmp_path)
        page.get(f"http://127.0.0.1:{served.port}/")
        until(page, lambda: by_id(page, "ask").is_displayed())
        by_id(page, "ask-input").send_keys("wrong", Keys.ENTER)
        until(page, lambda: "none of the keys" in by_id(page, "ask-text").text)
        answer(page, secret, "yes")
        until(page, lambda: by_id(page, "name-empty").is_displayed())
        open_tab(page, "teach")
        teach(page, "anna", [small.probes[0][0]])
        assert tiles(page)[0].text.startswith("anna: added,")
        assert page.execute_script("return document.cookie") == ""
        with urllib.request.urlopen(f"http://127.0.0.1:{served.port}/static/page.js") as script:
            assert secret not in script.read().decode()
