import random
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from PIL import Image, features

from faceline.report.drawing import fonts
from faceline.report.drawing.font_coverage import read_coverage
from faceline.report.drawing.lettering import Lettering, clusters

needs_raqm = pytest.mark.skipif(not features.check("raqm"), reason="needs FriBiDi, which raqm works with")


@pytest.fixture
def no_fonts(monkeypatch):
    """A system without fonts: what Matplotlib and OpenCV bring is left."""
    monkeypatch.setattr(fonts, "font_folders", list)


def own_font() -> Path:
    path = fonts.own_font()
    assert path is not None
    return path


def line(letters: Lettering, text: str, size: int) -> Image.Image:
    """A mask of text that can be drawn."""
    mask = letters.line(text, size)
    assert mask is not None, text
    return mask


def ink(mask: Image.Image) -> np.ndarray:
    """A mask without its empty columns."""
    pixels = np.asarray(mask)
    columns = np.flatnonzero(pixels.any(axis=0))
    return pixels[:, columns[0] : columns[-1] + 1]


def test_coverage_is_what_the_font_says():
    path = own_font()
    coverage, letters = read_coverage(path), TTFont(path).getBestCmap()
    codes = random.Random(0).sample(range(0x30000), 5000) + list(letters) + [code + 1 for code in letters]
    assert {code for code in codes if coverage.has(code)} == {code for code in codes if code in letters}


def test_damaged_fonts_have_no_letters(tmp_path):
    data = own_font().read_bytes()
    generator = random.Random(0)
    for number in range(60):
        damaged = bytearray(data[: generator.choice([0, 3, 20, 500, 5000, len(data)])])
        for _ in range(30 if damaged else 0):
            damaged[generator.randrange(min(len(damaged), 3000))] = generator.randrange(256)
        (tmp_path / "a.ttf").write_bytes(damaged)
        coverage = read_coverage(tmp_path / "a.ttf")
        assert isinstance(coverage.has(65 + number), bool | np.bool_)
    assert not read_coverage(tmp_path).has(65)
    assert not read_coverage(tmp_path / "none.ttf").has(65)


def test_a_font_that_cannot_be_drawn_gives_way_to_the_next(tmp_path, monkeypatch):
    """Its table of letters is whole, its outlines are not."""
    data = bytearray(own_font().read_bytes())
    head = data.index(b"head", 12, 600)
    start = int.from_bytes(data[head + 8 : head + 12], "big")
    data[start : start + 54] = bytes(54)
    (tmp_path / "AAASans.ttf").write_bytes(data)
    monkeypatch.setattr(fonts, "font_folders", lambda: [tmp_path])
    whole = own_font()
    monkeypatch.setattr(fonts, "own_font", lambda: None)
    assert fonts.has(tmp_path / "AAASans.ttf", "abc")
    assert Lettering().line("李 abc", 20) is not None
    (tmp_path / "BBBSans.ttf").write_bytes(whole.read_bytes())
    fonts.font_files.cache_clear()
    assert np.array_equal(np.asarray(line(Lettering(), "abc", 20)), drawn_with(whole, "abc", monkeypatch))


def drawn_with(path, text, monkeypatch):
    monkeypatch.setattr(fonts, "own_font", lambda: path)
    return np.asarray(line(Lettering(), text, 20))


def test_letters_without_a_font_are_not_drawn(no_fonts):
    letters = Lettering()
    for text in ("\U0010fffe", "abc \ue123", "\u200b\u200d", "", " ", "a" * 2000):
        assert letters.line(text, 20) is None, ascii(text)
    for text in ("สมชาย", "सचिन", "👍🏽"):
        assert letters.line(text, 20) is None, ascii(text)
    for text in ("Zoë", "Łukasz", "李", "김", "さくら", "Жuk", "Anna ❤️"):
        assert line(letters, text, 20).getbbox(), text


@needs_raqm
def test_hebrew_runs_from_right_to_left(no_fonts):
    letters = Lettering()
    first, second, word = (ink(line(letters, text, 40)) for text in ("א", "ב", "אב"))
    assert np.array_equal(word[:, -first.shape[1] :], first)
    assert np.array_equal(word[:, : second.shape[1]], second)


@needs_raqm
def test_arabic_letters_join(no_fonts):
    letters = Lettering()
    joined, apart = (ink(line(letters, text, 40)) for text in ("محمد", "م\u200cح\u200cم\u200cد"))
    assert joined.shape[1] < apart.shape[1]
    assert (joined.max(axis=0) > 0).mean() > (apart.max(axis=0) > 0).mean()


@needs_raqm
def test_composed_and_decomposed_names_look_the_same():
    letters = Lettering()
    for name in ("Zoë", "김정은", "Nguyễn"):
        composed, decomposed = (
            np.asarray(line(letters, unicodedata.normalize(form, name), 20)) for form in ("NFC", "NFD")
        )
        assert np.array_equal(composed, decomposed)


def test_without_raqm_only_what_needs_none_is_drawn(monkeypatch):
    monkeypatch.setattr(features, "check", lambda feature: False)
    letters = Lettering()
    for text in ("محمد", "אב", "सचिन"):
        assert letters.line(text, 20) is None
    for text in ("Zoe\u0308", "李小龙", "Ж"):
        assert letters.line(text, 20) is not None


def test_marks_stay_with_their_letters():
    assert clusters("e\u0301a") == ["e\u0301", "a"]
    assert clusters("👨\u200d👩 x") == ["👨\u200d👩", " ", "x"]
