"""The review page, in a real browser."""

import json
import shutil
import time

import pytest
from conftest import ROOT, run_script
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from faceline import align_folder, cluster, correct, represent_folder, review, train
from faceline.disk.corrections import read_corrections
from faceline.disk.suspect_table import read_suspects
from faceline.stages.review import page_data

REVIEW = ROOT / "util" / "review.py"
HOSTILE = '<script>alert(1)</script> & "Zoë"'


@pytest.fixture(scope="module")
def made(tmp_path_factory, faces):
    """A work folder of people of whom one is called as an attack, one has two folders, and one a wrong picture; and a
    heap without names."""
    folder = tmp_path_factory.mktemp("Zoë's work")
    people = (faces / "lfw-dev-known.txt").read_text().split()[:6]
    pictures = {person: sorted((faces / "lfw-dev" / person).glob("*.jpg")) for person in people}
    folders = {
        HOSTILE.replace("/", "|"): pictures[people[0]][:4],
        "anna": pictures[people[1]][:3],
        "anna again": pictures[people[1]][3:5],
        "berta": [*pictures[people[2]][:4], pictures[people[0]][4]],
    }
    for person, files in folders.items():
        (folder / "training-images" / person).mkdir(parents=True)
        for file in files:
            shutil.copy(file, folder / "training-images" / person)
    shutil.copy(faces / "groups" / "dogs.jpg", folder / "training-images" / "anna")
    align_folder(folder / "training-images", folder / "aligned-images", upsample=0)
    represent_folder(folder / "aligned-images", folder / "generated-embeddings")
    done = run_script(REVIEW, folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return folder


@pytest.fixture
def page(made, chromium, tmp_path):
    browser = chromium(tmp_path)
    browser.get((made / "review.html").as_uri())
    return browser


def tab(page, name):
    found = next(one for one in page.find_elements(By.CSS_SELECTOR, "[role=tab]") if one.text.startswith(name))
    found.click()
    return found


def cards(page):
    return page.find_elements(By.CSS_SELECTOR, ".card")


def card_of(page, title):
    return next(card for card in cards(page) if card.find_element(By.TAG_NAME, "h2").text.startswith(title))


def button(card, text):
    return next(one for one in card.find_elements(By.TAG_NAME, "button") if one.text == text)


def downloaded(page, folder):
    page.find_element(By.ID, "download").click()
    path = folder / "corrections.jsonl"
    WebDriverWait(page, 20).until(lambda _: path.exists() and path.stat().st_size)
    return path


def test_page_is_one_file_that_loads_nothing_and_complains_of_nothing(page):
    assert page.get_log("browser") == []
    sent = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    urls = [event["params"]["request"]["url"] for event in sent if event["method"] == "Network.requestWillBeSent"]
    assert len(urls) >= 1
    assert all(url.startswith(("file:", "data:")) for url in urls)
    page.execute_script("window.scrollTo(0, document.body.scrollHeight)")
    pictures = page.find_elements(By.CSS_SELECTOR, ".face img")
    assert pictures
    WebDriverWait(page, 10).until(
        lambda _: all(page.execute_script("return arguments[0].naturalWidth", one) == 80 for one in pictures[:5])
    )


def test_people_with_hostile_names_do_no_harm(page):
    tab(page, "People")
    titles = [card.find_element(By.TAG_NAME, "h2").text for card in cards(page)]
    assert any(title.startswith(HOSTILE.replace("/", "|")) for title in titles)
    assert page.find_elements(By.CSS_SELECTOR, "main script") == []


def test_pictures_without_a_face_are_told_with_their_reason(page):
    tab(page, "No face")
    (row,) = page.find_elements(By.CSS_SELECTOR, "tbody tr")
    cells = [cell.text for cell in row.find_elements(By.TAG_NAME, "td")]
    assert cells[:2] == ["anna/dogs.jpg", "no-face"]


def test_name_merge_split_drop_and_undo_reach_the_stages(made, page, tmp_path):
    tab(page, "Clusters")
    first = cards(page)[0]
    faces = first.find_elements(By.CSS_SELECTOR, ".face")
    first.find_element(By.CSS_SELECTOR, "input:not([type=checkbox])").send_keys("Clara Müller", Keys.ENTER)
    assert cards(page)[0].find_element(By.TAG_NAME, "h2").text.startswith("Cluster 1: Clara Müller")
    tab(page, "People")
    assert len(card_of(page, "Clara Müller").find_elements(By.CSS_SELECTOR, ".face")) == len(faces)
    page.find_element(By.ID, "undo").click()
    assert not any(card.text.startswith("Clara") for card in cards(page))

    tab(page, "Clusters")
    before = len(cards(page))
    for card in cards(page)[:2]:
        card.find_element(By.CSS_SELECTOR, "input[type=checkbox]").click()
    page.find_element(By.ID, "merge").click()
    assert len(cards(page)) == before - 1
    page.find_element(By.ID, "undo").click()
    assert len(cards(page)) == before
    card = cards(page)[0]
    card.find_element(By.CSS_SELECTOR, ".face").click()
    button(card, "Split").click()
    assert len(cards(page)) == before + 1

    tab(page, "People")
    card = card_of(page, "berta")
    card.find_elements(By.CSS_SELECTOR, ".face")[-1].click()
    button(card, "Not this person").click()
    card = card_of(page, "berta")
    card.find_elements(By.CSS_SELECTOR, ".face")[-1].click()
    button(card, "Drop").click()

    path = downloaded(page, tmp_path)
    whats = [json.loads(line)["what"] for line in path.read_text().splitlines()]
    assert whats.count("undo") == len(faces) + 1
    assert [correction.what for correction in read_corrections(path)] == ["split", "is-not", "no-face"]
    work = tmp_path / "work"
    shutil.copytree(made, work)
    correct(embeddings_dir=work / "generated-embeddings", add=path)
    assert "Corrections: 2 left out" in str(train(work / "generated-embeddings"))


def test_suspects_are_answered_and_the_answers_last(made, page, tmp_path):
    tab(page, "Suspects")
    number = len(cards(page))
    card = card_of(page, "Are anna and anna again one person?")
    assert len(card.find_elements(By.CSS_SELECTOR, ".sides > div")) == 2
    button(card, "One person").click()
    assert len(cards(page)) == number - 1
    page.refresh()
    tab(page, "Suspects")
    assert len(cards(page)) == number - 1
    tab(page, "People")
    assert len(card_of(page, "anna").find_elements(By.CSS_SELECTOR, ".face")) == 5
    tab(page, "Suspects")
    wrong = card_of(page, "Is this berta?")
    wrong.find_element(By.CSS_SELECTOR, ".answers .main").click()
    said = [json.loads(line) for line in downloaded(page, tmp_path).read_text().splitlines()]
    assert [line["what"] for line in said] == ["same-people", "is"]
    assert said[0]["people"] == ["anna", "anna again"]
    assert said[1]["name"] == HOSTILE.replace("/", "|")


def test_by_keyboard_alone(made, page, tmp_path):
    body = page.find_element(By.TAG_NAME, "body")
    tab(page, "Clusters")
    body.send_keys("j", "j", "k", "1")
    card = page.find_element(By.CSS_SELECTOR, ".card.current")
    assert card.find_element(By.CSS_SELECTOR, ".face").get_attribute("aria-pressed") == "true"
    page.switch_to.active_element.send_keys("e")
    page.switch_to.active_element.send_keys("clara", Keys.ENTER)
    assert cards(page)[0].find_element(By.CSS_SELECTOR, ".flag").text == "clara"
    page.find_element(By.TAG_NAME, "body").send_keys("u")
    assert page.find_elements(By.CSS_SELECTOR, ".flag") == []
    page.find_element(By.TAG_NAME, "body").send_keys("?")
    assert page.find_element(By.ID, "keys").is_displayed()


def test_names_that_no_folder_could_have_are_refused(page):
    tab(page, "Clusters")
    for name in ("../x", "unknown", "a\\b", " "):
        field = cards(page)[0].find_element(By.CSS_SELECTOR, "input:not([type=checkbox])")
        field.clear()
        field.send_keys(name, Keys.ENTER)
    assert tab(page, "Decisions").text == "Decisions (0)"


def test_on_a_phone_nothing_is_wider_than_the_screen(made, chromium, tmp_path):
    browser = chromium(tmp_path, "400,800")
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    )
    browser.get((made / "review.html").as_uri())
    for name in ("Clusters", "People", "Suspects", "No face"):
        tab(browser, name)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 360, name


def test_questions_are_asked_of_faces_without_names_the_largest_cluster_first(made, chromium, tmp_path):
    work = tmp_path / "work"
    shutil.copytree(made, work)
    berta = [f"berta/{path.name}" for path in (work / "training-images" / "berta").iterdir()]
    correct(berta, work / "generated-embeddings", not_name="berta")
    cluster(work / "generated-embeddings")
    review(work)
    browser = chromium(tmp_path)
    browser.get((work / "review.html").as_uri())
    assert tab(browser, "Questions").text == "Questions (2)"
    first, second = (len(card.find_elements(By.CSS_SELECTOR, ".face")) for card in cards(browser))
    assert (first, second) == (4, 1)
    cards(browser)[0].find_element(By.CSS_SELECTOR, "input").send_keys("dora", Keys.ENTER)
    assert tab(browser, "Questions").text == "Questions (1)"
    path = downloaded(browser, tmp_path)
    correct(embeddings_dir=work / "generated-embeddings", add=path)
    train(work / "generated-embeddings")
    review(work)
    browser.get((work / "review.html").as_uri())
    assert tab(browser, "Questions").text == "Questions (0)"  # the other one is sure by now, by the classifier
    tab(browser, "People")
    assert len(card_of(browser, "dora").find_elements(By.CSS_SELECTOR, ".face")) == 4


def test_a_heap_without_names_is_asked_for_cluster_by_cluster(made, chromium, tmp_path):
    work = tmp_path / "heap"
    (work / "photos").mkdir(parents=True)
    for number, path in enumerate(sorted((made / "training-images").glob("*/*.jpg"))):
        shutil.copy(path, work / "photos" / f"{number}.jpg")
    align_folder(work / "photos", work / "aligned-images", upsample=0, every=True)
    represent_folder(work / "aligned-images", work / "generated-embeddings")
    done = run_script(REVIEW, work)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (work / "generated-embeddings" / "suspects.csv").exists()
    browser = chromium(tmp_path)
    browser.get((work / "review.html").as_uri())
    assert tab(browser, "People").text == "People (0)"
    assert tab(browser, "Questions").text != "Questions (0)"
    sizes = [len(card.find_elements(By.CSS_SELECTOR, ".face")) for card in cards(browser)]
    assert sizes == sorted(sizes, reverse=True)
    cards(browser)[0].find_element(By.CSS_SELECTOR, "input").send_keys("anna", Keys.ENTER)
    cards(browser)[0].find_element(By.CSS_SELECTOR, "input").send_keys("berta", Keys.ENTER)
    correct(embeddings_dir=work / "generated-embeddings", add=downloaded(browser, tmp_path))
    assert train(work / "generated-embeddings").people == 2
    assert "2 people" in str(review(work))


def test_suspects_that_corrections_settle_are_not_asked_again(made, tmp_path):
    """By whom and when ever it was said; the table of suspects may be older."""
    work = shutil.copytree(made, tmp_path / "work")
    suspects = page_data(work)[0].suspects
    assert {suspect["kind"] for suspect in suspects} >= {"double", "wrong-person"}
    wrong = next(found for found in read_suspects(work / "generated-embeddings" / "suspects.csv") if found.likely)
    for found in read_suspects(work / "generated-embeddings" / "suspects.csv"):
        if found.kind == "double":
            correct(different_people=[found.person, found.likely], embeddings_dir=work / "generated-embeddings")
        elif found.kind == "wrong-person":
            wrong = found
            correct([found.crop], work / "generated-embeddings", name=found.person)
    left = page_data(work)[0].suspects
    assert len(left) < len(suspects)
    assert not {suspect["kind"] for suspect in left} & {"double", "wrong-person"}
    correct([wrong.crop], work / "generated-embeddings", no_face=True)
    assert review(work).faces == len(page_data(work)[0].faces)


def test_nothing_else_is_replaced(made, tmp_path):
    photograph = next((made / "training-images").rglob("*.jpg"))
    content = photograph.read_bytes()
    for place, complaint in ((photograph, "holds something else than a review page"), (tmp_path, "is a folder")):
        done = run_script(REVIEW, made, "--save", place)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert complaint in done.stderr
    assert photograph.read_bytes() == content


def test_same_bytes_again(made, tmp_path):
    before = (made / "review.html").read_bytes()
    time.sleep(1.1)
    review(made, save=tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere"], "name the folder that holds generated-embeddings"),
        (["."], "run align-dlib.py and batch_represent first"),
    ],
)
def test_mistakes_take_one_line(tmp_path, arguments, complaint, run_here):
    done = run_here(REVIEW, *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert complaint in done.stderr
