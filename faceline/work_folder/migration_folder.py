"""Where a work folder's new result is built, how it takes the old one's place, and what becomes of that.

The new crops and embeddings are built in `.migration`, beside the old ones. When they are whole, `migration.json` there
says so, and from then on there are but renames left: the old folders move to `before-<network>`, the new ones to their
places. Each rename is done or not, whatever was killed, so that the next run goes on with those that are left.
"""

import itertools
import os
import re
import shutil
from pathlib import Path

from faceline.disk.folder_locks import locked
from faceline.disk.names import ALIGNED_DIR, BEFORE_PREFIX, EMBEDDINGS_DIR, MIGRATION_DIR, MIGRATION_FILE
from faceline.disk.reading import read_json
from faceline.disk.writing import remove, write_errors, write_json
from faceline.errors import FacelineError
from faceline.wording import one_line

# What the name of a network may have that the name of a folder should not.
UNUSUAL = re.compile(r"[^\w.+-]+")

# The name of old results that are being removed.
REMOVING_DIR = f"{MIGRATION_DIR}-removing"


def read_state(work_dir: Path) -> dict:
    """What `migration.json` says of a migration that has not ended; empty where there is none, or it is damaged."""
    try:
        return read_json(work_dir / MIGRATION_DIR / MIGRATION_FILE)
    except FacelineError:
        return {}


def write_state(work_dir: Path, state: dict) -> None:
    write_json(work_dir / MIGRATION_DIR / MIGRATION_FILE, state)


def begin(work_dir: Path, plan: dict) -> Path:
    """The folder to build in: with what an earlier run has left there, if that had the same plan; else empty."""
    folder = work_dir / MIGRATION_DIR
    if read_state(work_dir).get("plan") != plan:
        discard(folder)
        with write_errors(folder):
            folder.mkdir()
        write_state(work_dir, {"plan": plan})
    return folder


def finish_migration(work_dir: Path) -> dict:
    """Do what is left to be done where the new result is whole; what `migration.json` says then, else nothing."""
    if not read_state(work_dir).get("is_whole"):
        return {}
    with locked(work_dir):
        state = read_state(work_dir)
        return swap(work_dir, state) if state.get("is_whole") else {}


def swap(work_dir: Path, state: dict) -> dict:
    """Put the new folders in the places of the old ones, as far as they are not there yet; gives `state`."""
    building, before = work_dir / MIGRATION_DIR, work_dir / Path(str(state["before"])).name
    with write_errors(work_dir):
        before.mkdir(exist_ok=True)
        for name in (ALIGNED_DIR, EMBEDDINGS_DIR):
            if not os.path.lexists(building / name):
                continue
            if os.path.lexists(work_dir / name):
                os.rename(work_dir / name, before / name)
            os.rename(building / name, work_dir / name)
    write_json(before / MIGRATION_FILE, state)
    remove(building / MIGRATION_FILE)
    discard(building)
    return state


def free_name(work_dir: Path, network: str) -> str:
    """A name for the folder of what a network's result was, which nothing has yet."""
    name = BEFORE_PREFIX + UNUSUAL.sub("-", network)[:100]
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(name for name in names if not os.path.lexists(work_dir / name))


def old_results(work_dir: Path) -> list[str]:
    """The folders to which migrations moved old results."""
    with write_errors(work_dir):
        names = sorted(os.listdir(work_dir))
    return [name for name in names if name.startswith(BEFORE_PREFIX) and (work_dir / name / MIGRATION_FILE).is_file()]


def remove_old_results(work_dir: Path) -> list[str]:
    """Remove them, each first out of sight, so that a killed run leaves none by half; gives their names."""
    names = old_results(work_dir)
    discard(work_dir / REMOVING_DIR)
    for name in names:
        with write_errors(work_dir / name):
            os.rename(work_dir / name, work_dir / REMOVING_DIR)
        discard(work_dir / REMOVING_DIR)
    return names


def discard(folder: Path) -> None:
    """Remove a folder of ours with all that is in it; it need not exist. Links in it are removed, not followed."""
    if os.path.lexists(folder):
        with write_errors(folder):
            shutil.rmtree(folder)


def refuse_links(work_dir: Path) -> None:
    """Raise FacelineError where a folder that is to be renamed is a link, which may not lead to the same place then."""
    for name in (ALIGNED_DIR, EMBEDDINGS_DIR):
        if os.path.islink(work_dir / name):
            raise FacelineError(
                f"{one_line(work_dir / name)}: is a link, and migrate moves folders; put the folder there"
            )
