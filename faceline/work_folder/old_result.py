"""What a work folder holds before its network changes: how it was made, and what people have done to it since."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from faceline.disk.manifests import read_manifest
from faceline.disk.names import (
    ALIGNED_DIR,
    CLASSIFIER_FILE,
    CROP_EMBEDDINGS_FILE,
    EMBEDDINGS_DIR,
    EMBEDDINGS_TABLE_FILE,
    JOURNAL_FILE,
    LABELS_FILE,
    MANIFEST_FILE,
    MANIFEST_TABLE_FILE,
    REPS_COPY_FILE,
    REPS_FILE,
    RUN_FILE,
    TRAINING_DIR,
)
from faceline.disk.paths import check_folder, inside
from faceline.disk.reading import file_sha256, read_bytes
from faceline.disk.rows import USABLE, PictureRow
from faceline.disk.run_records import read_record
from faceline.disk.scan import list_pictures
from faceline.disk.stored import is_stored
from faceline.disk.writing import write_bytes, write_errors
from faceline.errors import FacelineError, cure
from faceline.faces.options import AlignmentOptions
from faceline.faces.reframing import shows_all, shows_most
from faceline.host.interruptions import ignoring
from faceline.networks.network import FLOAT32, Network, titled
from faceline.recognition.classifier_file import Model, read_classifier
from faceline.runs.journal import was_begun
from faceline.wording import one_line

# What the stages write beside the embeddings, and exports of these. All else there is the user's.
OURS = frozenset(
    [
        *(RUN_FILE, JOURNAL_FILE, MANIFEST_FILE, REPS_FILE, REPS_COPY_FILE, LABELS_FILE, CLASSIFIER_FILE),
        *(MANIFEST_TABLE_FILE, EMBEDDINGS_TABLE_FILE),
    ]
)


# What is known of the face in a crop: its photograph's SHA-256, and its box and turn where there are several.
Shown = tuple[str | int | None, ...]


@dataclass(frozen=True)
class OldResult:
    """A work folder's result.

    Attributes
    ----------
    work_dir : Path
    represented : dict
        The `run.json` of its embeddings.
    aligned : dict or None
        That of its crops; None where there are none.
    rows : list of PictureRow
        What their manifest says.
    has_photographs : bool
        Whether there are any in its `training-images`.
    """

    work_dir: Path
    represented: dict
    aligned: dict | None
    rows: list[PictureRow]
    has_photographs: bool

    @property
    def crops_dir(self) -> Path:
        return self.work_dir / ALIGNED_DIR

    @property
    def embeddings_dir(self) -> Path:
        return self.work_dir / EMBEDDINGS_DIR

    @property
    def network(self) -> str:
        return str(self.represented["options"].get("network"))

    @property
    def title(self) -> str:
        """What that network is called to people."""
        return titled(self.network, self.precision)

    @property
    def precision(self) -> str:
        return str(self.represented["options"].get("precision", FLOAT32))

    @property
    def alignment(self) -> AlignmentOptions:
        """How the crops were made; raises FacelineError if this version would make others."""
        record = self.represented.get("alignment") if self.aligned is None else self.aligned["options"]
        return AlignmentOptions.from_record(record)

    def removed(self) -> set[Shown]:
        """What the crops showed that the user has removed, each in all places."""
        there: dict[bool, set[Shown]] = {True: set(), False: set()}
        for row in self.usable():
            there[os.path.lexists(inside(self.crops_dir, row.crop))].add(self.shown(row))
        return there[False] - there[True]

    def shown(self, row: PictureRow) -> Shown:
        """What a crop shows, of these crops or of new ones of the same photographs: a face that has its place there,
        where every one is cropped; else the face of its photograph, whichever that is."""
        has_every = self.aligned is not None and self.aligned["options"].get("every")
        place = (row.left, row.top, row.right, row.bottom, row.turn) if has_every else ()
        return (row.image_sha256, *place)

    def usable(self) -> Iterator[PictureRow]:
        """The rows of pictures with a crop."""
        return (row for row in self.rows if row.status in USABLE)

    def model(self) -> Model | None:
        """Its classifier; None where there is none.

        Raises FacelineError if it cannot be read, or its network's file is gone.
        """
        path = self.embeddings_dir / CLASSIFIER_FILE
        return read_classifier(path) if path.exists() else None

    def fingerprint(self) -> dict[str, str]:
        """What changes where the result does."""
        paths = [folder / RUN_FILE for folder in (self.embeddings_dir, self.crops_dir)]
        return {path.parent.name: file_sha256(path) for path in paths if path.exists()}

    def crops_do(self, network: Network) -> bool:
        """Whether a network can take the crops as they are, so that nothing is lost or photographs would not help.

        Raises
        ------
        FacelineError
            If it takes photographs, and there are none.
        """
        training = self.work_dir / TRAINING_DIR
        if self.aligned is None:
            if not self.has_photographs:
                raise FacelineError(
                    f"{one_line(self.work_dir)}: has neither crops nor photographs; {cure_of(training)}"
                )
            return False
        options = self.alignment
        if shows_all(options.frame, options.size, network) and (self.is_current or not self.has_photographs):
            return True
        if self.has_photographs:
            return False
        if shows_most(options.frame, options.size, network):
            return True
        raise FacelineError(
            f"{one_line(training)}: holds no photographs, and crops of {options.size} pixels in the frame"
            f" {options.frame} do not do for {one_line(network.name)}; {cure_of(training)}"
        )

    @property
    def is_current(self) -> bool:
        """Whether this version would make the same crops, and so go on with them."""
        recorded = {} if self.aligned is None else self.aligned["options"]
        return all(recorded.get(name) == value for name, value in self.alignment.record().items())


def cure_of(training: Path) -> str:
    return f"bring them to {one_line(training)}"


def read_old_result(work_dir: Path) -> OldResult:
    """Look into a work folder; raises FacelineError if it is none, or a stage has not come to its end there."""
    check_folder(work_dir, "name the work folder that enrol made")
    embeddings_dir, crops_dir, training = (work_dir / name for name in (EMBEDDINGS_DIR, ALIGNED_DIR, TRAINING_DIR))
    if not was_begun(embeddings_dir):
        found = f"no work folder, as it has no embeddings in {EMBEDDINGS_DIR}"
        raise FacelineError(f"{one_line(work_dir)}: {found}; name one that enrol made")
    with cure("run enrol, or the stages, to their end first"):
        represented = read_record(embeddings_dir, "represent")
        aligned, rows = None, []
        if was_begun(crops_dir):
            aligned = read_record(crops_dir, "align")
            rows = read_manifest(crops_dir / MANIFEST_FILE, PictureRow, aligned["counts"])
    has_photographs = training.is_dir() and bool(list_pictures(training, may_be_empty=True).images)
    return OldResult(work_dir, represented, aligned, rows, has_photographs)


def link_crops(old: OldResult, folder: Path) -> None:
    """Bring the crops and their tables to a new folder, as links where the file system has them: nobody writes into a
    file that is there."""
    for name in (MANIFEST_FILE, CROP_EMBEDDINGS_FILE, RUN_FILE, *(row.crop for row in old.usable())):
        source = inside(old.crops_dir, name)
        if not source.is_file():
            continue
        target = inside(folder, name)
        with write_errors(target):
            os.makedirs(target.parent, exist_ok=True)
            with ignoring(OSError):
                os.link(source, target)
        if not target.exists():
            write_bytes(target, read_bytes(source))


def carry_files(old: OldResult, folder: Path) -> list[str]:
    """Copy what the user has beside the embeddings, such as `distinct.csv`, unchanged; gives the names."""
    with write_errors(old.embeddings_dir):
        names = sorted(os.listdir(old.embeddings_dir))
    found = [name for name in names if name not in OURS and not is_stored(name) and not name.startswith(".")]
    files = [name for name in found if (old.embeddings_dir / name).is_file()]
    for name in files:
        write_bytes(folder / name, read_bytes(old.embeddings_dir / name))
    return files


def drop_crops(folder: Path, rows: list[PictureRow], old: OldResult) -> list[str]:
    """Remove the crops of what the user has removed before; gives the names of the photographs, or of their faces."""
    names, removed = [], old.removed()
    for row in rows:
        if row.status in USABLE and old.shown(row) in removed:
            with write_errors(folder / row.crop), contextlib.suppress(FileNotFoundError):
                inside(folder, row.crop).unlink()
            names.append(row.key)
    return names
