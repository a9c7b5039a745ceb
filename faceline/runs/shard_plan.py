"""What the shards of a folder have agreed on, and who may begin, do and end them.

`<folder>/.shards/plan.json` is there from the first shard's beginning to the merger's end. While it is, the folder is
under way, as `journal` has it: `journal.jsonl` holds what was known before the shards, and does not change; what a
shard has done lies in its own folder, `.shards/2-of-8`, which is finished or under way like any other. So there is:

    nothing, finished, or under way → journal.jsonl; no run.json; plan.json → the shards → run.json; no plan.json

A kill between any two of these leaves a state that has a name. `run.json` beside `plan.json` is a merger that was
killed after its work was done: the plan is to be removed, and counts for nothing.

Two locks: `.shards/lock` is held for a moment by whoever begins a shard, and by the merger; a shard's own by the shard.
Both are files: on a network file system, these keep other machines out, too, where a locked folder does not.
"""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from faceline.disk.folder_locks import locked
from faceline.disk.names import JOURNAL_FILE, PLAN_FILE, RUN_FILE, SHARDS_DIR
from faceline.disk.reading import read_json
from faceline.disk.run_records import check_record, read_record, unmerged
from faceline.disk.writing import remove, write_errors, write_json
from faceline.errors import FacelineError, LockedError, cure
from faceline.host.locks import locking_file
from faceline.runs.journal import ADVICE, difference
from faceline.runs.shards import MOST_SHARDS, Shard
from faceline.wording import counted, one_line

LOCK_FILE = "lock"


@dataclass(frozen=True)
class Plan:
    """What is the same for all shards of a folder.

    Attributes
    ----------
    stage, options
        As `run.json` has them.
    shards : int
        How many there are.
    settings : dict
        What the merger has to know beside that.
    before : dict or None
        The `run.json` of the finished run that they began with.
    """

    stage: str
    options: dict
    shards: int
    settings: dict
    before: dict | None = None

    def check(self, folder: Path, wanted: "Plan") -> None:
        """Raise FacelineError unless a shard may take part that wants another plan."""
        if self.stage != wanted.stage:
            found = f"belongs to the stage {one_line(self.stage)}, not {wanted.stage}; name another folder"
            raise FacelineError(f"{one_line(folder)}: {found}")
        for mine, others in ((self.options, wanted.options), (self.settings, wanted.settings)):
            if mine != others:
                raise FacelineError(f"{one_line(folder)}: {difference(mine, others)}")
        if self.shards != wanted.shards:
            raise FacelineError(
                f"{one_line(folder)}: was begun in {counted(self.shards, 'shard')}, not {wanted.shards}; say"
                f" --shard I/{self.shards}, or do all again with --overwrite"
            )


def plan_path(folder: Path) -> Path:
    return folder / SHARDS_DIR / PLAN_FILE


def read_plan(folder: Path) -> Plan | None:
    """The plan of the shards in a folder; None where there are none. Raises FacelineError if it is damaged."""
    path = plan_path(folder)
    if not path.exists():
        return None
    with cure(ADVICE):
        parts = {"stage": str, "options": dict, "shards": int, "settings": dict}
        record = check_record(read_json(path), path, parts)
        before = record.get("before")
        if before is not None:
            check_record(before, path, {"stage": str, "options": dict, "counts": dict})
        check_record(record["settings"], path, {"network_sha256": str, "dimensions": int})
        if not 1 <= record["shards"] <= MOST_SHARDS:
            raise FacelineError(f"{one_line(path)}: damaged: {record['shards']} shards")
        return Plan(record["stage"], record["options"], record["shards"], record["settings"], before)


@contextlib.contextmanager
def gate(folder: Path) -> Iterator[None]:
    """Keep others from beginning shards in a folder, and from merging them. What is there without a plan goes."""
    place = folder / SHARDS_DIR
    with contextlib.ExitStack() as stack:
        with write_errors(place):
            is_entered = False
            while not is_entered:
                place.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(FileNotFoundError):  # another has just removed the folder
                    stack.enter_context(locking_file(place / LOCK_FILE, wait=True))
                    is_entered = True
        try:
            yield
        finally:
            if not plan_path(folder).exists():
                discard_states(folder)
                with contextlib.suppress(OSError):  # another waits, and makes it anew
                    (place / LOCK_FILE).unlink()
                    place.rmdir()


def discard_states(folder: Path) -> None:
    """Remove what shards have kept; the caller holds the gate, and nobody is at work."""
    place = folder / SHARDS_DIR
    remove(place / PLAN_FILE)
    for path in sorted(place.iterdir()):
        if path.name != LOCK_FILE:
            with write_errors(path):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


@contextlib.contextmanager
def entered(
    folder: Path, shard: Shard, wanted: Plan, begin: Callable[[], dict | None], overwrite: Callable[[], None] | None
) -> Iterator[Plan]:
    """Hold a shard of a folder, after the first one has begun them all; gives their plan.

    Parameters
    ----------
    folder : Path
    shard : Shard
    wanted : Plan
    begin : callable
        Leaves the folder under way, and gives the `run.json` that it had; the folder is locked meanwhile.
    overwrite : callable or None
        Takes what other shards have done for what is known of the folder, where their plan is another one; None where
        they are not to be overwritten.

    Raises
    ------
    FacelineError
        If the shards have another plan, or, as LockedError, somebody is at work on the same shard, or on the folder.
    """
    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        with gate(folder):
            plan = agreed_plan(folder, wanted, begin, overwrite)
            with write_errors(shard.folder(folder)):
                shard.folder(folder).mkdir(exist_ok=True)
                try:
                    stack.enter_context(locking_file(shard.folder(folder) / LOCK_FILE))
                except BlockingIOError:
                    text = f"another run is writing shard {shard} here; wait for it to end"
                    raise LockedError(f"{one_line(folder)}: {text}") from None
        yield plan


def agreed_plan(
    folder: Path, wanted: Plan, begin: Callable[[], dict | None], overwrite: Callable[[], None] | None
) -> Plan:
    """The plan that the shards of a folder have, after this one has made it if need be; as `entered`."""
    finish_merger(folder)
    try:
        plan = read_plan(folder)
        if plan is not None:
            plan.check(folder, wanted)
            return plan
    except FacelineError:
        if overwrite is None:
            raise
    with locked(folder):
        if overwrite is not None and plan_path(folder).exists():
            refuse_busy(folder)
            overwrite()
        discard_states(folder)
        plan = Plan(wanted.stage, wanted.options, wanted.shards, wanted.settings, begin())
        write_json(plan_path(folder), asdict(plan))
    return plan


def finish_merger(folder: Path) -> None:
    """Do what is left where a merger was killed after its work was done; the caller holds the gate."""
    if (folder / RUN_FILE).exists() and plan_path(folder).exists():
        discard_states(folder)
        remove(folder / JOURNAL_FILE)


def leave_shards(folder: Path, overwrite: Callable[[], None] | None) -> None:
    """See to it that nothing is in a folder of shards, before a run that is none.

    Raises FacelineError: as UnmergedError where they are not merged, unless `overwrite` takes what they have done for
    what is known; as LockedError where somebody is at work on one.
    """
    if not (folder / SHARDS_DIR).is_dir():
        return
    with gate(folder):
        finish_merger(folder)
        if plan_path(folder).exists():
            if overwrite is None:
                raise unmerged(folder)
            refuse_busy(folder)
            overwrite()
            discard_states(folder)


def state_dirs(folder: Path) -> list[Path]:
    """The folders in which shards keep what they have done."""
    return sorted(path for path in (folder / SHARDS_DIR).glob("*-of-*") if path.is_dir())


def is_busy(state_dir: Path) -> bool:
    """Whether somebody is at work on a shard; the caller holds the gate, so that nobody begins."""
    try:
        with locking_file(state_dir / LOCK_FILE):
            return False
    except BlockingIOError:
        return True


def refuse_busy(folder: Path) -> None:
    """Raise LockedError where somebody is at work on a shard of a folder."""
    for state_dir in state_dirs(folder):
        if is_busy(state_dir):
            text = f"another run is writing shard {state_dir.name.replace('-of-', '/')} here; wait for it to end"
            raise LockedError(f"{one_line(folder)}: {text}")


def finished_record(folder: Path, plan: Plan, shard: Shard) -> dict | None:
    """The `run.json` of a shard that has come to its end; None of others. Raises FacelineError if it is damaged."""
    state_dir = shard.folder(folder)
    if not (state_dir / RUN_FILE).exists():
        return None
    record = read_record(state_dir, plan.stage)
    parts = {"record": dict, "without": list, "ignored": dict, "left_out": int, "versions": dict}
    check_record(record, state_dir / RUN_FILE, parts)
    if record["options"] != plan.options:
        raise FacelineError(f"{one_line(state_dir)}: {difference(record['options'], plan.options)}")
    return record
