"""`corrections.jsonl`: what the user says of faces and people, which nothing else overrides.

A line is a JSON object; lines are only ever added. A face is named by its photograph (SHA-256 of the file) and its box
there, so that a correction holds when the photograph is renamed, aligned again, or embedded by another network.
"""

import datetime
import json
import os
import re
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from faceline.disk.names import CORRECTIONS_FILE, MIGRATION_DIR
from faceline.disk.people_paths import check_name
from faceline.disk.reading import read_bytes
from faceline.disk.writing import write_errors, write_lines
from faceline.errors import FacelineError
from faceline.wording import one_line

# What is said, and which of the fields `face`, `name`, `faces`, `groups`, `people` and `of` it takes.
FIELDS = {
    "is": ("face", "name"),
    "is-not": ("face", "name"),
    "no-face": ("face",),
    "same": ("faces",),
    "different": ("faces",),
    "same-people": ("people",),
    "different-people": ("people",),
    "merge": ("groups",),
    "split": ("groups",),
    "undo": ("of",),
}

# A larger file is none of ours: 5,000,000 faces take less.
LARGEST = 500_000_000

DIGEST = re.compile(r"[0-9a-f]{64}")
MOST_PIXELS = 1_000_000


def corrections_path(folder: Path) -> Path:
    """Where the corrections lie that hold for a folder of embeddings: beside it, in the work folder."""
    parent = Path(os.path.abspath(folder)).parent
    return (parent.parent if parent.name == MIGRATION_DIR else parent) / CORRECTIONS_FILE


@dataclass(frozen=True)
class FaceKey:
    """A face: the SHA-256 of its photograph, and the box in pixels of the picture as a viewer shows it."""

    photo: str
    box_ltrb: tuple[int, int, int, int]

    def to_json(self) -> dict:
        return {"photo": self.photo, "box": list(self.box_ltrb)}

    @classmethod
    def from_json(cls, value: object) -> "FaceKey":
        """Raises ValueError with what is wrong."""
        fields = value if isinstance(value, dict) else {}
        photo, box = fields.get("photo"), fields.get("box")
        problem = 'a face is {"photo": its SHA-256, "box": [left, top, right, bottom]}'
        if not isinstance(photo, str) or DIGEST.fullmatch(photo) is None:
            raise ValueError(problem)
        if not isinstance(box, list) or len(box) != 4 or not all(is_place(edge) for edge in box):
            raise ValueError(problem)
        left, top, right, bottom = map(round, box)
        if left >= right or top >= bottom:
            raise ValueError(f"the box {box} is empty")
        return cls(photo, (left, top, right, bottom))


@dataclass(frozen=True)
class Correction:
    """What the user says.

    Attributes
    ----------
    what : str
        A key of FIELDS: these faces are (`is`) or are not (`is-not`) the person `name`; is no face that shall count
        (`no-face`); these are one person (`same`, `same-people`), each of these is another one (`different`,
        `different-people`); these groups of faces are one person together (`merge`), or a person each (`split`).
    groups : tuple of tuples of FaceKey
        The faces: of `merge` and `split` group by group, of the others each a group of its own.
    name : str
    people : tuple of str
    id : str
    time : str
        When that was said, in ISO 8601; empty if unknown.
    of : str
        Of `undo`: the id of what does not hold any more.
    """

    what: str
    groups: tuple[tuple[FaceKey, ...], ...] = ()
    name: str = ""
    people: tuple[str, ...] = ()
    id: str = ""
    time: str = ""
    of: str = ""

    def to_json(self) -> dict:
        fields: dict[str, object] = {"what": self.what}
        singles = [face.to_json() for group in self.groups for face in group]
        values = {
            "face": singles[0] if singles else None,
            "faces": singles,
            "groups": [[face.to_json() for face in group] for group in self.groups],
            "name": self.name,
            "people": list(self.people),
            "of": self.of,
        }
        fields |= {name: values[name] for name in FIELDS[self.what]}
        return fields | {"id": self.id, "time": self.time}

    @classmethod
    def from_json(cls, value: object) -> "Correction":
        """Raises ValueError with what is wrong."""
        if not isinstance(value, dict):
            raise ValueError("not a JSON object")
        what = value.get("what")
        if not isinstance(what, str) or what not in FIELDS:
            raise ValueError(f"what is {what!r:.40}; it can be {', '.join(FIELDS)}")
        missing = [name for name in FIELDS[what] if name not in value]
        if missing:
            raise ValueError(f"{what} takes {' and '.join(FIELDS[what])}; {missing[0]} is missing")
        texts = {name: value.get(name, "") for name in ("id", "time", "name", "of")}
        for name, text in texts.items():
            if not isinstance(text, str) or len(text) > 1000:
                raise ValueError(f"{name} is no text")
        if "name" in FIELDS[what]:
            check_name(texts["name"])
        groups: list[tuple[FaceKey, ...]] = []
        if "face" in FIELDS[what]:
            groups = [(FaceKey.from_json(value["face"]),)]
        elif "faces" in FIELDS[what]:
            groups = [(FaceKey.from_json(face),) for face in several(value["faces"], "faces", 2)]
        elif "groups" in FIELDS[what]:
            groups = [
                tuple(FaceKey.from_json(face) for face in several(group, "a group", 1))
                for group in several(value["groups"], "groups", 2)
            ]
        people: tuple[str, ...] = ()
        if "people" in FIELDS[what]:
            people = tuple(several(value["people"], "people", 2))
            for person in people:
                check_name(person)
            if len(set(people)) < len(people):
                raise ValueError("a person stands there twice")
        return cls(what, tuple(groups), people=people, **texts)


def is_place(value: object) -> bool:
    """Whether that can be an edge of a box in a picture, in pixels."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MOST_PIXELS


def several(value: object, name: str, least: int) -> list:
    if not isinstance(value, list) or len(value) < least:
        raise ValueError(f"{name} is no list of {least} or more")
    return value


def read_corrections(path: Path) -> list[Correction]:
    """What has been said and not been undone, in order; nothing where there is no such file.

    A last line that was cut off, as a kill while it was written leaves it, was never said.

    Raises
    ------
    FacelineError
        If the file cannot be read, or a line is no correction.
    """
    found = parsed(path)
    undone: set[str] = set()
    held: list[Correction] = []
    seen: set[str] = set()
    for correction in reversed(found):  # an undo can be undone, too
        if correction.id and correction.id in undone:
            continue
        if correction.what == "undo":
            undone.add(correction.of)
        else:
            held.append(correction)
    result = []
    for correction in reversed(held):
        if correction.id and correction.id in seen:
            continue  # the same lines were added twice
        seen.add(correction.id)
        result.append(correction)
    return result


def parsed(path: Path) -> list[Correction]:
    """All lines of the file."""
    if not os.path.lexists(path):
        return []
    whole, _ = whole_lines(read_bytes(path, LARGEST))
    found = []
    for number, line in enumerate(whole.split(b"\n"), start=1):
        if line.strip():
            try:
                found.append(Correction.from_json(json.loads(line)))
            except (ValueError, RecursionError) as error:
                advice = "correct or remove the line"
                raise FacelineError(f"{one_line(path)}: line {number}: {one_line(error)}; {advice}") from None
    return found


def whole_lines(content: bytes) -> tuple[bytes, bytes]:
    """What of the file is whole lines, and the rest; a last line without a line feed that is whole counts."""
    lines, feed, last = content.rpartition(b"\n")
    try:
        json.loads(last)
    except (ValueError, RecursionError):
        return lines + feed, last
    return content, b""


def add_corrections(path: Path, corrections: Iterable[Correction]) -> list[Correction]:
    """Add what is said to the file, on disk when this returns; gives it as it stands there, with ids and times.

    What stands there already, by its id, is not added again. The caller holds the lock of the file's folder.

    Raises
    ------
    FacelineError
        If the file is damaged or cannot be written.
    """
    known = {correction.id for correction in parsed(path)}
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    added = []
    for correction in corrections:
        if not correction.id or correction.id not in known:
            added.append(stamped(correction, now))
            known.add(added[-1].id)
    if added:
        append_lines(path, [json.dumps(correction.to_json()).encode() + b"\n" for correction in added])
    return added


def forget_corrections(path: Path, photos: Collection[str], name: str | None) -> int:
    """Rewrite the file without what was said of some photographs, by their SHA-256, and of a person; gives how many
    lines are gone or shorter. The caller holds the lock of the file's folder; raises what `add_corrections` does."""
    known = parsed(path)
    kept: list[Correction] = []
    gone: set[str] = set()
    changed = 0
    for correction in known:
        rest = without(correction, photos, name)
        if rest is not None and rest.what == "undo" and rest.of in gone:
            rest = None
        if rest is not None:
            kept.append(rest)
        elif correction.id:
            gone.add(correction.id)
        changed += rest != correction
    if changed:
        write_lines(path, [json.dumps(correction.to_json()).encode() + b"\n" for correction in kept])
    return changed


def without(correction: Correction, photos: Collection[str], name: str | None) -> Correction | None:
    """What a correction says of others; None where that is nothing."""
    if name is not None and correction.name == name:
        return None
    groups = tuple(tuple(face for face in group if face.photo not in photos) for group in correction.groups)
    groups = tuple(group for group in groups if group)
    people = tuple(person for person in correction.people if person != name)
    least = 2 if len(correction.groups) > 1 else 1
    if (correction.groups and len(groups) < least) or (correction.people and len(people) < 2):
        return None
    return replace(correction, groups=groups, people=people)


def stamped(correction: Correction, now: str) -> Correction:
    fields = vars(correction) | {"id": correction.id or uuid.uuid4().hex, "time": correction.time or now}
    return Correction(**fields)


def append_lines(path: Path, lines: Sequence[bytes]) -> None:
    """Put whole lines at the end of a file, each there for good or not at all, behind what lines there are."""
    content = read_bytes(path, LARGEST) if os.path.lexists(path) else b""
    whole, torn = whole_lines(content)
    with write_errors(path), open(path, "ab") as file:
        if torn:  # never said, as its writer was killed
            file.truncate(len(whole))
        file.write((b"\n" if whole and not whole.endswith(b"\n") else b"") + b"".join(lines))
        file.flush()
        os.fsync(file.fileno())
