"""Which fonts there are, and which of them has a letter.

Faceline brings no font. Matplotlib, which it needs, brings DejaVu Sans; OpenCV has a font inside with the letters of
Chinese, Japanese and Korean (see `opencv_font`); everything else is up to the system.
"""

import functools
import importlib.util
import os
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from faceline.report.drawing.font_coverage import Coverage, read_coverage

ENDINGS = {".ttf", ".otf", ".ttc", ".otc"}
MAX_FONTS = 5000

# Letters look alike in the plain cut of a font, and are all there.
VARIANTS = ("bold", "italic", "oblique", "condensed", "light", "thin", "black", "medium", "display")
# They have a glyph for every letter, which shows none of them.
NO_LETTERS = ("lastresort", "adobeblank", "fallback", "unifont_sample", "unifont_csur")


def font_folders() -> list[Path]:
    """Where this system keeps its fonts; not all of the folders need to exist."""
    home, environment = os.path.expanduser("~"), os.environ
    if sys.platform == "win32":
        folders = [f"{environment.get('WINDIR', 'C:/Windows')}/Fonts"]
        folders += [f"{environment.get('LOCALAPPDATA', home)}/Microsoft/Windows/Fonts"]
    elif sys.platform == "darwin":
        folders = ["/System/Library/Fonts", "/Library/Fonts", f"{home}/Library/Fonts"]
    else:
        data = [environment.get("XDG_DATA_HOME") or f"{home}/.local/share"]
        data += (environment.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
        folders = [f"{folder}/fonts" for folder in data] + ["/usr/share/fonts", f"{home}/.fonts", "/system/fonts"]
        folders += ["/run/current-system/sw/share/X11/fonts"]
    return [Path(folder) for folder in dict.fromkeys(folders) if os.path.isabs(folder)]


def own_font() -> Path | None:
    """DejaVu Sans, which comes with Matplotlib."""
    package = importlib.util.find_spec("matplotlib")
    if package is None or package.origin is None:
        return None
    path = Path(package.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    return path if path.is_file() else None


@functools.lru_cache(maxsize=8)
def font_files(folders: tuple[Path, ...], first: Path | None) -> tuple[Path, ...]:
    """The font files below the folders, those that suit a caption best in front, `first` before all."""
    found: set[Path] = set()
    for folder in folders:
        for parent, _, names in os.walk(folder):
            found.update(Path(parent, name) for name in names if os.path.splitext(name)[1].lower() in ENDINGS)
            if len(found) > MAX_FONTS:
                break
    kept = [path for path in found if not any(word in path.name.lower() for word in NO_LETTERS)]
    return (() if first is None else (first,)) + tuple(sorted(kept, key=rank))


def rank(path: Path) -> tuple[int, str]:
    """The key to sort font files by: plain fonts without serifs first, made of pixels last."""
    name = path.name.lower()
    penalty = 0 if "sans" in name else 1
    penalty += 2 * any(word in name for word in ("serif", "mono"))
    penalty += 4 * any(word in name for word in VARIANTS)
    penalty += 8 * ("unifont" in name)
    return penalty, str(path)


@functools.lru_cache(maxsize=MAX_FONTS)
def coverage(path: Path) -> Coverage:
    """The letters of a font file, read once."""
    return read_coverage(path)


def has(path: Path, letters: str) -> bool:
    """Whether a font file has all of some letters."""
    return all(coverage(path).has(ord(letter)) for letter in letters)


def fonts_with(letters: str) -> Iterator[Path]:
    """The font files that have all of some letters, the best suited first."""
    files = font_files(tuple(font_folders()), own_font())
    # Fonts of one script are called after it: NotoSansThai. To look there first spares looking through all of them.
    script = unicodedata.name(letters[0], "latin").split(" ")[0].lower()
    named = [path for path in files[1:] if script in path.name.lower()] if script != "latin" else []
    return (path for path in dict.fromkeys([*files[:1], *named, *files]) if has(path, letters))
