"""Bringing a user's photographs into a work folder: none of theirs is changed, and none that is there is replaced."""

import itertools
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from faceline.disk.folder_locks import locked
from faceline.disk.names import ALIGNED_DIR, EMBEDDINGS_DIR, TRAINING_DIR
from faceline.disk.paths import fitting, inside, real_path
from faceline.disk.people_paths import person_of
from faceline.disk.placing import has_same_content, make_folder, put
from faceline.disk.scan import list_pictures
from faceline.errors import FacelineError, UnreadableError
from faceline.runs.progress import bar
from faceline.runs.summary import ignored_text
from faceline.wording import counted, listed, one_line


@dataclass(frozen=True)
class Gathered:
    """What became of a user's photographs.

    Attributes
    ----------
    folder : str
        Where they are now.
    people : int
        How many people they are of.
    new, kept : int
        How many of them were brought there, and how many were there already.
    renamed : sequence of str
        Those whose name another photograph has already, or which is too long; and how they are called instead.
    failed : sequence of str
        What was not taken, and why.
    ignored : Counter
        How many files of each ending were no pictures by their names.
    """

    folder: str
    people: int
    new: int
    kept: int
    renamed: Sequence[str] = ()
    failed: Sequence[str] = ()
    ignored: Counter = field(default_factory=Counter)

    def __str__(self) -> str:
        total = counted(self.new + self.kept, "photograph")
        lines = [f"{total} of {counted(self.people, 'person')}: {self.new} new, {self.kept} as before."]
        if self.renamed:
            lines.append(f"Under another name: {listed(self.renamed)}.")
        if self.failed:
            lines.append(f"Not taken: {listed(self.failed)}.")
        if self.ignored:
            lines.append(ignored_text(self.ignored))
        lines.append(f"Gathered in {one_line(self.folder)}")
        return "\n".join(lines)


def gather(photos: Path, work_dir: Path, link: bool) -> Gathered | None:
    """Bring the photographs `<photos>/<person>/…` to the same places below `<work_dir>/training-images`.

    One that is there already, by its content, stays. Where another one has its name, it gets a number: `a-2.jpg`.

    Parameters
    ----------
    photos : Path
    work_dir : Path
    link : bool
        Make hard links, which take no room, where both folders lie in one file system; else copies, in which nothing
        that is done to one file does anything to the other.

    Returns
    -------
    Gathered or None
        None where `photos` is the folder that they would be brought to.

    Raises
    ------
    FacelineError
        If there are no photographs of people, or one folder lies in the other; or if nothing can be written there.
    """
    training = work_dir / TRAINING_DIR
    if real_path(photos) == real_path(training):
        return None
    refuse_nested(photos, work_dir)
    listing = list_pictures(photos)
    failed = [told(row.image, row.reason) for row in listing.refused]
    renamed: list[str] = []
    people: set[str] = set()
    counts: Counter[bool] = Counter()  # by whether they are new
    with locked(training), bar("photographs", len(listing.images)) as progress:
        for image in listing.images:
            try:
                name, is_new = bring(photos / image, training, image, link)
            except UnreadableError as error:
                failed.append(told(image, error.reason))
            else:
                counts[is_new] += 1
                people.add(person_of(image))
                if name != image:
                    renamed.append(f"{one_line(image)} is {one_line(name)}")
            progress.update()
    return Gathered(str(training), len(people), counts[True], counts[False], renamed, failed, listing.ignored)


def told(image: str, reason: str) -> str:
    return f"{one_line(image)} ({one_line(reason)})"


def refuse_nested(photos: Path, work_dir: Path) -> None:
    """Raise FacelineError if a run would find what it wrote itself among the photographs."""
    pictures, work = real_path(photos), real_path(work_dir)
    if work.is_relative_to(pictures):
        raise FacelineError(f"{one_line(work_dir)}: lies among the photographs; name a work folder outside {photos}")
    for name in (TRAINING_DIR, ALIGNED_DIR, EMBEDDINGS_DIR):
        if pictures.is_relative_to(real_path(work_dir / name)):
            advice = f"name the folder of your photographs, or {one_line(work_dir / TRAINING_DIR)} itself"
            raise FacelineError(f"{one_line(photos)}: lies in the work folder; {advice}")


def bring(source: Path, training: Path, image: str, link: bool) -> tuple[str, bool]:
    """Under what name a photograph is in the folder now, and whether that is new; raises UnreadableError."""
    stem, ending = os.path.splitext(image)
    folder, slash, stem = stem.rpartition("/")
    for number in itertools.count(1):
        name = folder + slash + fitting(stem, ending if number == 1 else f"-{number}{ending}")
        path = inside(training, name)
        if not os.path.lexists(path):
            make_folder(path.parent)
            put(source, path, link)
            return name, True
        if has_same_content(source, path):
            return name, False
    raise AssertionError("numbers end")
