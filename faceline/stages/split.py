"""Each person's photographs in two parts, to train on and to validate by."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from faceline.disk.folder_locks import locked
from faceline.disk.paths import inside, named_path, real_path
from faceline.disk.people_paths import person_of
from faceline.disk.pictures.images import read_picture
from faceline.disk.pictures.thumbprints import are_copies, thumbprint
from faceline.disk.placing import has_same_content, make_folder, put
from faceline.disk.reading import sha256
from faceline.disk.scan import list_pictures
from faceline.errors import FacelineError, UnreadableError
from faceline.runs.parallel import map_batches, process_count
from faceline.runs.progress import bar
from faceline.runs.summary import ignored_text
from faceline.stages.photograph_folders import photographs_in, place_outside
from faceline.wording import counted, listed, one_line

DEFAULT_RATIO = 0.1  # OpenFace's
TRAIN, VAL = "train", "val"

# Pictures that a process looks at at once.
BATCH = 16


@dataclass(frozen=True)
class Split:
    """What became of the photographs.

    Attributes
    ----------
    folder : str
        Where `train` and `val` are.
    train, val : int
        How many photographs are there.
    people : int
        Whose they are.
    new : int
        How many of them were not there before.
    train_only : sequence of str
        People of whom there is one photograph only, or copies of one, or such as others have, too.
    copies : sequence of str
        Photographs that are copies of another one of the same person, of which, and are on its side.
    failed : sequence of str
        What was not taken, and why.
    ignored : Counter
        How many files of each ending were no pictures by their names.
    """

    folder: str
    train: int
    val: int
    people: int
    new: int
    train_only: Sequence[str] = ()
    copies: Sequence[str] = ()
    failed: Sequence[str] = ()
    ignored: Counter = field(default_factory=Counter)

    def __str__(self) -> str:
        total = self.train + self.val
        share = f"{100 * self.val / max(total, 1):.0f} %"
        lines = [
            f"{counted(total, 'photograph')} of {counted(self.people, 'person')}: {self.train} in {TRAIN},"
            f" {self.val} in {VAL} ({share}); {self.new} new, {total - self.new} as before."
        ]
        if self.train_only:
            people = counted(len(self.train_only), "person")
            lines.append(f"In {TRAIN} only, for want of a second photograph: {people}: {listed(self.train_only)}.")
        if self.copies:
            lines.append(f"Copies, or nearly, on the side of the other one: {listed(self.copies)}.")
        if self.failed:
            lines.append(f"Not taken: {listed(self.failed)}.")
        if self.ignored:
            lines.append(ignored_text(self.ignored))
        lines.append(f"Written to {one_line(os.path.join(self.folder, TRAIN))} and {VAL}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Look:
    """What a photograph is known by: its SHA-256, and its thumbprint if it can be decoded; or why it cannot be read."""

    digest: str = ""
    thumbprint: np.ndarray | None = None
    reason: str = ""


def split(
    image_dir: str | Path,
    output_dir: str | Path | None = None,
    *,
    val_ratio: float = DEFAULT_RATIO,
    seed: int = 0,
    link: bool = False,
    jobs: int | None = None,
) -> Split:
    """Put each person's photographs into `<output_dir>/train` and `<output_dir>/val`, the originals left as they are.

    Everybody with two photographs or more has at least one in each. Copies of one photograph of a person, saved again
    or made smaller, are on one side; a file that several people have is in `train`. The sides follow from the contents
    of the files, not from their names.

    Parameters
    ----------
    image_dir : path
        Holds a folder of photographs for each person.
    output_dir : path or None
        None for a folder beside it, called as it with `-split` behind.
    val_ratio : float
        The part of each person's photographs that goes to `val`, between 0 and 1.
    seed : int
        What is drawn.
    link : bool
        Make hard links, which take no room, where both folders lie in one file system; else copies.
    jobs : int or None
        Processes; None for one on each core.

    Raises
    ------
    FacelineError
        If there are no photographs of people, `output_dir` holds another split or lies among them, or an option is out
        of range.

    Examples
    --------
    >>> from faceline import split
    >>> halves = split("training-images", val_ratio=0.5)
    >>> halves.folder, halves.train, halves.val, halves.train_only
    ('training-images-split', 2, 1, ['biden'])
    """
    if not 0 < val_ratio < 1:
        raise FacelineError(f"ratio {val_ratio} is out of range; choose one between 0 and 1, such as 0.1")
    jobs = process_count(jobs)
    folder = photographs_in(image_dir)
    place = place_outside(beside(folder) if output_dir is None else output_dir, folder)
    if real_path(folder).is_relative_to(real_path(place)):
        raise FacelineError(f"{one_line(folder)}: lies in {one_line(place)}; name another folder for the parts")
    listing = list_pictures(folder)
    looks = look_at(folder, listing.images, jobs)
    failed = [told(row.image, row.reason) for row in listing.refused]
    failed += [told(image, look.reason) for image, look in looks.items() if look.reason]
    usable = {image: look for image, look in looks.items() if not look.reason}
    sides, copies, train_only = sides_of(usable, val_ratio, seed)
    with locked(place):
        new = fill(place, folder, sides, link)
    counts = Counter(sides.values())
    people = len({person_of(image) for image in sides})
    where = str(place), counts[TRAIN], counts[VAL]
    return Split(*where, people, new, train_only, copies, failed, listing.ignored)


def beside(folder: Path) -> Path:
    """The folder for the parts where none is named."""
    named = folder if folder.name not in ("", "..") else Path(os.path.abspath(folder))
    return named.with_name(f"{named.name}-split")


def told(image: str, reason: str) -> str:
    return f"{one_line(image)} ({one_line(reason)})"


def look_at(folder: Path, images: Sequence[str], jobs: int) -> dict[str, Look]:
    """What each picture is known by."""
    paths = [os.fspath(folder / image) for image in images]
    return dict(zip(images, map_batches(looks_of, paths, jobs, "photographs", BATCH), strict=True))


def looks_of(paths: Sequence[str]) -> list[Look]:
    return [look_of(path) for path in paths]


def look_of(path: str) -> Look:
    try:
        data = read_picture(named_path(path))
    except UnreadableError as error:
        return Look(reason=error.reason)
    try:
        return Look(sha256(data), thumbprint(data))
    except UnreadableError:  # stage 1 will tell what is wrong with it
        return Look(sha256(data))


def sides_of(looks: Mapping[str, Look], ratio: float, seed: int) -> tuple[dict[str, str], list[str], list[str]]:
    """The side of each picture; which ones are copies of which of the same person; and who is on one side only.

    Groups of copies are put in an order that the seed and their contents draw, and go to `val` until it is full.
    """
    people: dict[str, list[str]] = {}
    for image in looks:
        people.setdefault(person_of(image), []).append(image)
    owners: Counter[str] = Counter()
    for images in people.values():
        owners.update({looks[image].digest for image in images})
    sides, copies, train_only = {}, [], []
    for person, images in people.items():
        groups = groups_of(images, looks)
        copies += [f"{image} of {group[0]}" for group in groups for image in group[1:]]
        own = [group for group in groups if all(owners[looks[image].digest] == 1 for image in group)]
        own.sort(key=lambda group: sha256(f"{seed} {min(looks[image].digest for image in group)}".encode()))
        chosen = {*chosen_from(own, len(groups), max(1, round(ratio * len(images))))}
        if not chosen:
            train_only.append(person)
        sides.update({image: VAL if image in chosen else TRAIN for image in images})
    return sides, copies, train_only


def groups_of(images: Sequence[str], looks: Mapping[str, Look]) -> list[list[str]]:
    """A person's pictures, those together that are copies of one photograph, or copies of copies."""
    printed = [image for image in images if looks[image].thumbprint is not None]
    prints = np.array([looks[image].thumbprint for image in printed])
    group = {image: number for number, image in enumerate(images)}
    first: dict[str, str] = {}

    def join(image: str, other: str) -> None:
        if group[image] != group[other]:
            into, gone = sorted((group[image], group[other]))
            group.update({name: into for name, number in group.items() if number == gone})

    for image in images:
        join(image, first.setdefault(looks[image].digest, image))
    for place, image in enumerate(printed):
        for other in np.flatnonzero(are_copies(prints[:place], prints[place])) if place else ():
            join(image, printed[other])
    groups: dict[int, list[str]] = {}
    for image, number in group.items():
        groups.setdefault(number, []).append(image)
    return list(groups.values())


def chosen_from(groups: Sequence[list[str]], total: int, wanted: int) -> Iterator[str]:
    """The pictures for `val`, about as many as are wanted, where one of `total` groups at least stays in `train`."""
    left, taken, free = wanted, 0, min(len(groups), total - 1)
    for group in groups:
        if taken < free and len(group) <= left:
            yield from group
            left, taken = left - len(group), taken + 1
    if free > 0 and not taken:  # each group has more than are wanted
        yield from min(groups, key=len)


def fill(place: Path, folder: Path, sides: Mapping[str, str], link: bool) -> int:
    """Bring the pictures to their sides; how many were not there before."""
    planned = {f"{side}/{image}": image for image, side in sides.items()}
    strange = next((path for path in files_in(place) if path not in planned), None)
    if strange is None:
        there = [path for path in planned if os.path.lexists(inside(place, path))]
        strange = next((path for path in there if not has_same_content(folder / planned[path], place / path)), None)
    if strange is not None:
        raise FacelineError(f"{one_line(place)}: holds {one_line(strange)}, of another split; name another folder")
    new = planned.keys() - there
    with bar("split", len(new)) as progress:
        for path in sorted(new):
            make_folder((place / path).parent)
            put(folder / planned[path], place / path, link)
            progress.update()
    return len(new)


def files_in(place: Path) -> Iterator[str]:
    """The files in both sides, hidden ones left aside."""
    for side in (TRAIN, VAL):
        for parent, _, names in os.walk(place / side):
            for name in sorted(names):
                if not name.startswith("."):
                    yield f"{os.path.relpath(parent, place)}/{name}"
