"""The rows of all pictures in stage 1: which are of one picture, their order, and what they say together."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from faceline.disk.rows import PictureRow, Status
from faceline.disk.scan import Listing
from faceline.stages.settling import NOT_LIKE, OTHER_FACE
from faceline.wording import listed

# What the summary says of pictures, by the reason in their row.
NOTES = {
    OTHER_FACE: "Not the main face, but the one that the person's other pictures show",
    NOT_LIKE: "Not like the person's other pictures, look at these",
}


def in_order(rows: Iterable[PictureRow]) -> list[PictureRow]:
    """Rows as the manifest has them: by picture, and the faces of one by their number."""
    return sorted(rows, key=lambda row: (row.image, row.face))


def by_picture(rows: Iterable[PictureRow]) -> dict[str, tuple[PictureRow, ...]]:
    """The rows of each picture, the main face first."""
    found: dict[str, list[PictureRow]] = defaultdict(list)
    for row in in_order(rows):
        found[row.image].append(row)
    return {image: tuple(of_picture) for image, of_picture in found.items()}


def changed_people(rows: list[PictureRow], known: Mapping[str, PictureRow]) -> set[str]:
    """The people of whom a picture is new, changed or gone since a finished run."""
    found = {row.key: row for row in rows}
    keys = [key for key in found.keys() | known.keys() if found.get(key) != known.get(key)]
    return {rows_of[key].person for key in keys for rows_of in (found, known) if key in rows_of}


def notes_on(rows: list[PictureRow]) -> list[str]:
    """Lines on the pictures whose face is not the main one, or is in doubt."""
    lines = []
    for reason, said in NOTES.items():
        pictures = [row.image for row in rows if row.status == Status.OK and row.reason == reason]
        if pictures:
            lines.append(f"{said}: {listed(pictures)}.")
    people = defaultdict(set)
    for row in rows:
        if row.status == Status.OK:
            people[row.crop_sha256].add(row.person)
    shared = [row.image for row in rows if len(people.get(row.crop_sha256, ())) > 1]
    if shared:
        lines.append(f"The same face in several people's folders: {listed(shared)}.")
    return lines


def everybody(rows: list[PictureRow], listing: Listing, holds: Callable[[str], bool]) -> set[str]:
    """The people whose pictures or folders were found, usable or not, as far as `holds` is true of a folder's path."""
    folders = [row.image for row in rows if row.image.endswith("/") and row.image not in listing.closed]
    shown = {row.person for row in rows if row.person and row.image not in folders}
    return shown | {person for person in listing.without_pictures() if holds(f"{person}/")}
