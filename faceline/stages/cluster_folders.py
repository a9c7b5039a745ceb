"""A folder for each cluster, to be renamed to people: made of links or copies, and never in the way of a user's own."""

import contextlib
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from faceline.disk.folder_locks import locked
from faceline.disk.names import CLUSTER_RECORD_FILE
from faceline.disk.paths import fitting, inside, real_path
from faceline.disk.photographs import aligned_folder, photographs_of
from faceline.disk.reading import file_sha256, read_json
from faceline.disk.run_records import check_record
from faceline.disk.writing import scratch_path, write_errors, write_json
from faceline.errors import FacelineError, UnreadableError, cure
from faceline.wording import listed, one_line


@dataclass(frozen=True)
class Folders:
    """What became of the folders of clusters: how many were made, were as before, and went; and which were left."""

    place: str
    made: int = 0
    kept: int = 0
    gone: int = 0
    left: Sequence[str] = field(default_factory=list)

    def __str__(self) -> str:
        parts = [f"{self.made} made", f"{self.kept} as before", f"{self.gone} removed"]
        text = f"Folders in {one_line(self.place)}: {', '.join(parts)}."
        if self.left:
            text += f"\nLeft as they are (--yes makes them again): {listed(self.left)}."
        return text


def sources_of(folder: Path, crops: Sequence[str]) -> list[Path]:
    """The photograph of each crop if it lies where stage 1 found it, beside the folder of crops; else the crop.

    The crop, too, of photographs with several: whose folder such a one lies in does not say which of its faces is
    meant, where the same people are together in all of them.

    Raises
    ------
    FacelineError
        If a crop is not there either.
    """
    with cure("run batch_represent again where the crops are"):
        aligned = aligned_folder(folder)
        photographs = photographs_of(aligned)
        found = []
        for crop in crops:
            photograph = photographs.get(crop)
            path = inside(aligned, crop)
            if photograph is not None and photograph.crops == 1 and photograph.path.is_file():
                path = photograph.path
            if not path.is_file():
                raise FacelineError(f"{one_line(path)}: the crop is not there")
            found.append(path)
    return found


def make_folders(place: Path, members: Mapping[int, Sequence[Path]], copy: bool, yes: bool) -> Folders:
    """Make `<place>/cluster-<number>` for each cluster, with its pictures, and remove those of before that are no more.

    A folder that was renamed, or in which something has changed, belongs to the user: neither it nor another one for
    the same cluster is made, unless `yes` says so. What a user put there stays in any case.
    """
    with locked(place):
        before = records_in(place)
        renamed = {record["number"]: name for name, record in before.items() if name != folder_name(record["number"])}
        made = kept = gone = 0
        left = []
        for number, sources in sorted(members.items()):
            name = folder_name(number)
            path = place / name
            record = record_of(number, sources, copy)
            if not yes and number in renamed:
                left.append(renamed[number])
            elif not os.path.lexists(path):
                make(path, sources, record)
                made += 1
            elif before.get(name) == record and is_untouched(path, record):
                kept += 1
            elif name in before and is_untouched(path, before[name]):
                empty(path, before[name])
                make(path, sources, record)
                made += 1
            elif yes:
                overwrite(path, before.get(name, {"files": {}}), sources, record)
                made += 1
            else:
                left.append(name)
        for name, record in before.items():
            path = place / name
            is_ours = name == folder_name(record["number"]) and record["number"] not in members
            if is_ours and is_untouched(path, record):
                empty(path, record)
                gone += 1
            elif is_ours:
                left.append(name)
    return Folders(str(place), made, kept, gone, left)


def folder_name(number: int) -> str:
    return f"cluster-{number:04}"


def records_in(place: Path) -> dict[str, dict]:
    """What was put into each folder that `cluster` made, whatever it is called now."""
    found = {}
    with write_errors(place):
        names = sorted(os.listdir(place))
    for name in names:
        path = place / name
        if name.startswith(".") or path.is_symlink() or not (path / CLUSTER_RECORD_FILE).is_file():
            continue
        with contextlib.suppress(FacelineError):  # one that is damaged is the user's
            record = read_json(path / CLUSTER_RECORD_FILE)
            found[name] = check_record(record, path, {"number": int, "files": dict})
    return found


def record_of(number: int, sources: Sequence[Path], copy: bool) -> dict:
    """What a folder is to hold: the name of each file, and where it links to or what it is a copy of."""
    files: dict[str, str] = {}
    for source in sources:
        stem, ending = os.path.splitext(source.name)
        name, again = fitting(stem, ending), 1
        while name in files:
            again += 1
            name = fitting(stem, f"-{again}{ending}")
        files[name] = file_sha256(source) if copy else os.fspath(real_path(source))
    return {"number": number, "copies": copy, "files": files}


def is_untouched(path: Path, record: dict) -> bool:
    """Whether a folder holds what was put there and nothing else."""
    if path.is_symlink() or not path.is_dir():
        return False
    names = set(os.listdir(path)) - {CLUSTER_RECORD_FILE}
    return names == record["files"].keys() and all(
        is_ours(path / name, value) for name, value in record["files"].items()
    )


def is_ours(path: Path, value: object) -> bool:
    """Whether a file is the link or the copy that was put there."""
    if path.is_symlink():
        return os.readlink(path) == value
    try:
        return file_sha256(path) == value
    except UnreadableError:
        return False


def empty(path: Path, record: dict) -> None:
    """Remove an untouched folder."""
    with write_errors(path):
        for name in [*record["files"], CLUSTER_RECORD_FILE]:
            (path / name).unlink()
        path.rmdir()


def make(path: Path, sources: Sequence[Path], record: dict) -> None:
    """Make a folder, whole or not at all."""
    scratch = scratch_path(path)
    with write_errors(path):
        if scratch.is_symlink() or scratch.is_file():
            scratch.unlink()
        shutil.rmtree(scratch, ignore_errors=True)  # the leftover of a killed run
        scratch.mkdir()
        fill(scratch, sources, record)
        os.rename(scratch, path)


def overwrite(path: Path, before: dict, sources: Sequence[Path], record: dict) -> None:
    """Put the pictures into a folder that the user has changed; what is not of before stays, beside what is new."""
    with write_errors(path):
        for name, value in before["files"].items():
            if os.path.lexists(inside(path, name)) and is_ours(path / name, value):
                (path / name).unlink()
        fill(path, sources, record)


def fill(path: Path, sources: Sequence[Path], record: dict) -> None:
    for (name, value), source in zip(record["files"].items(), sources, strict=True):
        target = path / name
        if os.path.lexists(target):
            target.unlink()
        if record["copies"]:
            shutil.copy2(source, target)
        else:
            target.symlink_to(value)
    write_json(path / CLUSTER_RECORD_FILE, record)
