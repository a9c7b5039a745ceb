"""Bringing a user's photographs into a work folder: none of theirs is changed, and none that is there is replaced."""

import hashlib
import itertools
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from faceline.disk.folder_locks import locked
from faceline.disk.names import ALIGNED_DIR, EMBEDDINGS_DIR, TRAINING_DIR
from faceline.disk.paths import fitting, inside, real_path
from faceline.disk.people_paths import person_of
from faceline.disk.reading import opened
from faceline.disk.scan import list_pictures
from faceline.disk.writing import replacing, write_errors
from faceline.errors import FacelineError, UnreadableError
from faceline.host.interruptions import ignoring, pass_on
from faceline.runs.progress import bar
from faceline.runs.summary import ignored_text
from faceline.wording import counted, listed, one_line

CHUNK_BYTES = 1 << 20


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


def make_folder(folder: Path) -> None:
    """Make a folder and those that it lies in, the outermost first."""
    with write_errors(folder):
        os.makedirs(folder, exist_ok=True)


def has_same_content(source: Path, path: Path) -> bool:
    """Whether two files have the same content; raises UnreadableError if `source` cannot be read."""
    with opened(source) as file:
        try:
            with opened(path) as other:
                if os.path.sameopenfile(file.fileno(), other.fileno()):
                    return True
                if os.fstat(file.fileno()).st_size != os.fstat(other.fileno()).st_size:
                    return False
                content = hashlib.file_digest(other, "sha256").digest()
        except UnreadableError:
            return False
        return hashlib.file_digest(file, "sha256").digest() == content


def put(source: Path, path: Path, link: bool) -> None:
    """Link or copy a file to a place where nothing is, whole or not at all."""
    with opened(source) as file, replacing(path) as scratch:
        if link:
            with ignoring(OSError):  # another file system, or one without links, or somebody else's file
                os.link(os.path.realpath(source), scratch)
                return
        with scratch.open("xb") as copy:
            copy.writelines(chunks(file, source))
        status = os.fstat(file.fileno())
        os.utime(scratch, ns=(status.st_atime_ns, status.st_mtime_ns))


def chunks(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """The content of a file; raises UnreadableError, so that it is not taken for a mistake of what is written."""
    try:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
    except OSError as error:
        pass_on(error)
        raise UnreadableError(error.strerror or str(error), one_line(path)) from error
