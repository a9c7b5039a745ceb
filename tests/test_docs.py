"""The pages: of every command and of every field, what commands print, links, and examples in docstrings."""

import doctest
import importlib.util
import json
import pkgutil
import re
import shutil
import sys

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import CLASSIFIER, ROOT, run_script

import faceline
import faceline.evaluation
from faceline.disk.pictures.images import decode_image
from faceline.disk.rows import CropRow, PictureRow

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def make_docs():
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "util" / "make-docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def demonstration(make_docs, samples, tmp_path_factory):
    """A folder as demo.sh leaves it, with the people enrolled."""
    folder = tmp_path_factory.mktemp("demonstration")
    shutil.copytree(samples, folder, dirs_exist_ok=True)
    make_docs.demonstrate(folder)
    return folder


@pytest.fixture(scope="module")
def examples_folder(demonstration):
    """The demonstration's folder, with the embeddings of five photographs that are called as those of LFW."""
    for place, path in {
        "obama/obama_0001.jpg": "training-images/obama/obama.jpg",
        "obama/obama_0002.jpg": "training-images/obama/obama2.jpg",
        "obama/obama_0003.jpg": "demo-photos/obama3.jpg",
        "biden/biden_0001.jpg": "training-images/biden/biden.jpg",
        "collins/collins_0001.png": "demo-photos/astronaut.png",
    }.items():
        (demonstration / "lfw" / place).parent.mkdir(parents=True, exist_ok=True)
        (demonstration / "lfw" / place).symlink_to(demonstration / path)
    faceline.align_folder(demonstration / "lfw", demonstration / "lfw-aligned", jobs=1)
    faceline.represent_folder(demonstration / "lfw-aligned", demonstration / "lfw-embeddings", jobs=1)
    return demonstration


def test_the_page_of_commands_is_what_the_commands_say(make_docs):
    assert (DOCS / "commands.md").read_text() == make_docs.page(), "run util/make-docs.py"


def test_what_the_commands_of_the_readme_print(make_docs, demonstration):
    page = make_docs.README.read_text()
    assert make_docs.with_outputs(page, demonstration) == page, "run util/make-docs.py"


@pytest.mark.parametrize(("picture", "make"), [("PICTURE", "mark_example"), ("LANDMARKS", "annotate_example")])
def test_the_marked_photographs_are_what_commands_draw(make_docs, demonstration, picture, make):
    made = decode_image(getattr(make_docs, make)(demonstration).read_bytes())
    shown = decode_image(getattr(make_docs, picture).read_bytes())
    assert shown.shape == made.shape
    assert np.abs(shown.astype(int) - made).mean() < 1, "run util/make-docs.py"


def test_the_grid_of_faces_is_what_the_command_draws(make_docs, demonstration):
    made = decode_image(make_docs.draw_grid(demonstration).read_bytes())
    shown = decode_image(make_docs.GRID.read_bytes())
    assert shown.shape == made.shape
    assert np.abs(shown.astype(int) - made).mean() < 1, "run util/make-docs.py"


def test_the_covered_photographs_are_what_the_command_makes(make_docs, demonstration):
    made = decode_image(make_docs.blur_example(demonstration).read_bytes())
    shown = decode_image(make_docs.BLURRED.read_bytes())
    assert shown.shape == made.shape
    assert np.abs(shown.astype(int) - made).mean() < 1, "run util/make-docs.py"


def test_the_frames_with_names_are_what_the_command_draws(make_docs, demonstration):
    made = decode_image(make_docs.watch_example(demonstration).read_bytes())
    shown = decode_image(make_docs.FRAMES.read_bytes())
    assert shown.shape == made.shape
    assert np.abs(shown.astype(int) - made).mean() < 1, "run util/make-docs.py"


def named_in(section):
    """The fields that a section of the page of fields has rows for."""
    (text,) = re.findall(rf"^## {section}$(.*?)(?=^## )", (DOCS / "fields.md").read_text(), re.MULTILINE | re.DOTALL)
    first_cells = re.findall(r"^\|([^|]*)\|", text, re.MULTILINE)
    return {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}


def test_what_duckdb_says_of_exported_tables(demonstration, monkeypatch):
    monkeypatch.chdir(demonstration)
    exported = faceline.export_tables("generated-embeddings", save_dir="tables")
    page = (DOCS / "tables.md").read_text()
    ((query, shown),) = re.findall(r"```sql\n(.*?)```\n```\n(.*?)```", page, re.DOTALL)
    assert query.count("'generated-embeddings/embeddings.parquet'") == 2
    found = duckdb.sql(query.replace("generated-embeddings/", "tables/"))
    assert str(found).strip() == shown.strip()
    columns = {name for path, _ in exported.files for name in pq.read_schema(path).names}
    assert columns == named_in("`manifest.csv` of stage 2") | {"class", "embedding"}


def test_every_column_has_a_row():
    assert named_in("`manifest.csv` of stage 1") == set(PictureRow.__dataclass_fields__)
    assert named_in("`manifest.csv` of stage 2") == set(CropRow.__dataclass_fields__) - {"embedding"}


def test_every_field_of_an_answer_has_a_row(classifier, photographs):
    named = named_in("`infer --json`")
    done = run_script(CLASSIFIER, "infer", classifier, photographs.probes[0][0], "--json", "--top", "2")
    answer = json.loads(done.stdout)
    fields = answer.keys() | answer["faces"][0].keys() | answer["faces"][0]["candidates"][0].keys()
    assert fields - named == set()
    assert named - fields == {"reason", "marked", "unclear"}


def test_every_field_of_a_followed_face_has_a_row(make_docs, demonstration):
    make_docs.watch_example(demonstration)
    done = run_script(ROOT / "demos/video.py", "turning.avi", "--json", "--table", "faces.csv", cwd=demonstration)
    face = json.loads(done.stdout.splitlines()[0])
    assert named_in("`watch --json`") == face.keys()
    assert face["best"].keys() == {"time", "box"}
    header, row = (demonstration / "faces.csv").read_text().splitlines()[:2]
    assert header.count(",") == row.count(",")
    assert header == "track,name,confidence,start,end,frames,best_time,left,top,right,bottom"


def test_every_field_of_a_comparison_has_a_row(demonstration):
    named = named_in("`compare --json`")
    pictures = demonstration / "training-images", demonstration / "demo-photos"
    done = run_script(ROOT / "demos" / "compare.py", *pictures, "--json", "--save", demonstration / "grid.png")
    report = json.loads(done.stdout)
    picture = report["pictures"][0]
    fields = report.keys() | picture.keys() | picture["faces"][0].keys() | report["pairs"][0].keys()
    assert fields - named == set()
    assert named - fields == {"reason"}


def test_every_field_of_a_covered_picture_has_a_row(classifier, small, tmp_path):
    named = named_in("`blur --json`")
    path, keep = small.probes[0]
    done = run_script(ROOT / "demos/blur.py", classifier, path, "--json", "--save", tmp_path, "--keep", keep)
    picture = json.loads(done.stdout)
    fields = picture.keys() | picture["faces"][0].keys()
    assert fields - named == set()
    assert named - fields == {"reason", "doubtful"}


@pytest.mark.parametrize(
    "name",
    [f"{package.__name__}.{name}" for package in (faceline, faceline.evaluation) for name in package.__all__],
)
def test_examples_in_docstrings(name, examples_folder, monkeypatch):
    monkeypatch.chdir(examples_folder)
    package, _, short = name.rpartition(".")
    public = getattr(sys.modules[package], short)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    said: list[str] = []
    for example in doctest.DocTestFinder().find(public, name, module=False, globs={}):
        runner.run(example, out=said.append)
    assert not runner.failures, "".join(said)
    assert runner.tries or public is faceline.FacelineError


PAGES = sorted(path for path in ROOT.rglob("*.md") if ".venv" not in path.parts)


def prose(page):
    """The lines of a page that stand in no block of code."""
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page):
    """The ends of links to a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_pages_name_is_there(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        path, _, anchor = link.partition("#")
        if not link.startswith("http"):
            target = page.parent / path if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link
    for name in re.findall(r"`((?:\w[\w-]*/)+[\w-]+\.(?:py|sh|txt|md))`", prose(page)):
        assert (ROOT / name).exists() or (ROOT / "faceline" / name).exists(), name
    for name in re.findall(r"`(?:with )?(faceline(?:\.\w+)+)", prose(page)):
        pkgutil.resolve_name(name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_lines_are_not_long(page):
    """Those of tables may be, as a cell is one line, and those of a page that a benchmark writes."""
    lines = [] if page.name == "measurements.md" else prose(page).splitlines()
    assert not [line for line in lines if len(line) > 125 and not line.startswith("|")]
