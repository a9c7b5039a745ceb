"""The pages that tell of every command and of every field."""

import importlib.util
import json
import re

from conftest import CLASSIFIER, ROOT, run_script

from faceline.disk.rows import CropRow, PictureRow

DOCS = ROOT / "docs"


def test_the_page_of_commands_is_what_the_commands_say():
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "util" / "make-docs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (DOCS / "commands.md").read_text() == module.page(), "run util/make-docs.py"


def named_in(section):
    """The fields that a section of the page of fields has rows for."""
    (text,) = re.findall(rf"^## {section}$(.*?)(?=^## )", (DOCS / "fields.md").read_text(), re.MULTILINE | re.DOTALL)
    first_cells = re.findall(r"^\|([^|]*)\|", text, re.MULTILINE)
    return {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}


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
