"""Whose a picture is, by the path that it lies at below the folder of pictures."""

import re
import unicodedata

from faceline.wording import CONTROLS

# Folders in which servers, cameras and systems keep small copies and what was thrown away. Hidden ones (`.thumbnails`)
# are left aside like all that is hidden.
STORES = frozenset(
    {
        *("@eadir", "@__thumb", "@recycle", "@recently-snapshot", "@tmp", "#recycle", "#snapshot"),
        *("$recycle.bin", "__macosx", "lost+found", "system volume information"),
        *("thumbnails", "thumbnail", "thumbs", "_thumbnails", "_thumbs", "picasa originals", "picasaoriginals"),
    }
)

# What strangers are called in answers; so nobody may be called that.
UNKNOWN = "unknown"

MONTHS = (
    *("jan(uary)?", "feb(ruary)?", "mar(ch)?", "apr(il)?", "may", "june?", "july?", "aug(ust)?", "sept?(ember)?"),
    *("oct(ober)?", "nov(ember)?", "dec(ember)?"),
)
# Digits, with what stands between the parts of a date: `2018`, `2018-05-01`, `01.05.2018`, `2018_05`. The name of a
# month alone may be a person's (April, May, June): it counts beside digits only.
NUMBER = re.compile(r"[\d\s.,_()#-]*\d[\d\s.,_()#-]*")
MONTH = re.compile(rf"(?<![^\W\d_])({'|'.join(MONTHS)})(?![^\W\d_])", re.IGNORECASE)


def is_thumbnail_store(name: str) -> bool:
    """Whether a folder of this name holds copies that a server or a system made, no photographs of the user's."""
    return name.startswith(".") or name.casefold() in STORES


def is_date(name: str) -> bool:
    """Whether a folder's name is a year, a date or a number."""
    return NUMBER.fullmatch(MONTH.sub("", name)) is not None


def person_of(path: str) -> str:
    """The person whom the picture or crop at a path, relative to the folder of all people, belongs to.

    That is the whole path of its folder, so that `x/anna` is not `y/anna`; but folders at its end that are named by a
    year, a date or a number sort one person's pictures: those of `anna/2018` are Anna's. A folder that lies at the top
    is a person's whatever its name.
    """
    folder = folder_of(path)
    while "/" in folder and is_date(folder.rpartition("/")[2]):
        folder = folder_of(folder)
    return folder


def is_nobody(person: str) -> bool:
    """Whether a person is called what strangers are, in any case: a folder of faces of nobody in particular."""
    return any(part.strip().casefold() == UNKNOWN for part in person.split("/"))


def check_name(name: object) -> None:
    """Raise ValueError if nobody can be called that: a person's name is the path of a folder of pictures."""
    if not isinstance(name, str) or not name.strip() or len(name) > 500:
        raise ValueError(f"{name!r:.40} is no name")
    parts = name.split("/")
    if any(part in ("", ".", "..") or part != part.strip() for part in parts) or "\\" in name or CONTROLS.search(name):
        raise ValueError(f"{name!r:.40} is no name: it could not be that of a folder")
    if is_nobody(name):
        raise ValueError(f"nobody can be called {UNKNOWN}, which is what strangers are called")
    name.encode()  # raises UnicodeEncodeError, a ValueError, where the text is none


def folder_of(path: str) -> str:
    """The path of the folder that `path` lies in; empty at the top."""
    return path.rpartition("/")[0]


def spelling(person: str) -> str:
    """What is left of a name when it does not matter how it is written: `Obama` and `obama`, both forms of `Zoë`."""
    decomposed = unicodedata.normalize("NFKD", person.casefold())
    return "".join(character for character in decomposed if character.isalnum() or character == "/")
