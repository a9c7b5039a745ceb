"""A shard's run of a stage, and the merger's: `FolderRun` with the tables in the shard's own folder, and the other way
about."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from faceline.disk.names import RUN_FILE
from faceline.disk.rows import Row
from faceline.disk.run_records import read_record
from faceline.disk.writing import remove
from faceline.errors import UnfinishedError
from faceline.runs.folder_run import FolderRun
from faceline.runs.journal import Journal, journal_rows
from faceline.runs.shard_plan import Plan, entered, finished_record, is_busy, plan_path
from faceline.runs.shards import Shard, spans
from faceline.runs.summary import Summary
from faceline.wording import counted, listed, one_line


def folder_run(
    folder: Path, shard: Shard | None, settings: dict, holds: Callable[[Any], bool], **more: Any
) -> FolderRun:
    """The run of a stage over its output folder, or of one of its shards.

    Parameters
    ----------
    folder : Path
    shard : Shard or None
    settings : dict
        What all shards must have the same beside the options, and the merger has to know.
    holds : callable
        Whether a row is in the shard.
    more
        What `FolderRun` takes beside the folder, by name.
    """
    if shard is None:
        return FolderRun(folder, **more)
    return ShardRun(folder, shard=shard, settings=settings, holds=holds, **more)


class ShardRun(FolderRun[Row]):
    """A run over the part of a stage's work that is in a shard.

    Its tables and its journal lie in the shard's folder; crops go where they are to stay.
    """

    def __init__(
        self, folder: Path, *, shard: Shard, settings: dict, holds: Callable[[Row], bool], **more: Any
    ) -> None:
        super().__init__(folder, **more)
        self.tables_dir = shard.folder(folder)
        self._shard = shard
        self._wanted = Plan(self.stage, self.options, shard.count, settings)
        self._holds: Callable[[Row], bool] = holds

    def _begin(self, stack: contextlib.ExitStack) -> Journal[Row]:
        absorb = self._absorb if self._overwrite else None
        plan = stack.enter_context(entered(self.folder, self._shard, self._wanted, self._begin_all, absorb))
        is_new = False

        def known_before() -> list[Row]:
            nonlocal is_new
            is_new = True
            return [row for row in journal_rows(self.folder, self._read_row) if self._holds(row)]

        journal = self._journal_in(self.tables_dir, earlier=known_before)
        if journal.finished:
            self.earlier_dir, self.earlier_record = self.tables_dir, read_record(self.tables_dir)
        elif is_new and not self._overwrite:
            self.earlier_record = plan.before or {}
        return journal

    def _begin_all(self) -> dict | None:
        """Leave the folder under way, with all that is known of it; gives the `run.json` that it had."""
        journal = self._journal_in(self.folder, self._outputs)
        before = read_record(self.folder) if journal.finished else None
        journal.start()
        journal.close()
        return before

    def _recorded(self, record: dict, summary: Summary) -> dict:
        said = {"without": list(summary.without), "ignored": dict(summary.ignored), "left_out": summary.left_out}
        return {"shard": str(self._shard), "record": record, **said}

    def _closed(self, summary: Summary) -> Summary:
        shards = (Shard(number, self._shard.count) for number in range(1, self._shard.count + 1))
        left = spans(shard.number for shard in shards if not (shard.folder(self.folder) / RUN_FILE).exists())
        then = f"these are not: {left}" if left else f"so are all others: run faceline merge {one_line(self.folder)}"
        return replace(summary, closing=f"Shard {self._shard} of {one_line(self.folder)} is done; {then}")


@dataclass(frozen=True)
class Part:
    """What a shard has done, to its end: the folder of its tables, and its `run.json`."""

    shard: Shard
    folder: Path
    record: dict


def finished_parts(folder: Path, plan: Plan, stale: Callable[[list[Part]], list[Part]]) -> list[Part]:
    """What all shards of a folder have done; the caller holds the gate.

    Parameters
    ----------
    folder : Path
    plan : Plan
    stale : callable
        Gives those that do not go together with the others.

    Raises
    ------
    UnfinishedError
        If shards are missing, not at their end, or do not go together.
    """
    parts: list[Part] = []
    left: dict[str, list[int]] = {"missing": [], "at work": [], "unfinished": []}
    for number in range(1, plan.shards + 1):
        shard = Shard(number, plan.shards)
        state_dir = shard.folder(folder)
        if not state_dir.is_dir():
            left["missing"].append(number)
        elif is_busy(state_dir):
            left["at work"].append(number)
        elif (record := finished_record(folder, plan, shard)) is None:
            left["unfinished"].append(number)
        else:
            parts.append(Part(shard, state_dir, record))
    left["of other input than the others"] = [part.shard.number for part in stale(parts)]
    said = "; ".join(f"{what}: {spans(numbers)}" for what, numbers in left.items() if numbers)
    if said:
        total = counted(plan.shards, "shard")
        raise UnfinishedError(f"{one_line(folder)}: of {total}, {said}; run these, then merge again")
    return parts


class MergerRun(FolderRun[Row]):
    """A run that writes what all shards have done, and is the only one in the folder; the caller holds its locks.

    Parameters
    ----------
    folder : Path
    plan : Plan
    parts : list of Part
    read_row, begun
        As those of `FolderRun`.
    """

    def __init__(
        self, folder: Path, plan: Plan, parts: list[Part], read_row: Callable[[dict], Any], begun: float
    ) -> None:
        super().__init__(
            *(folder, plan.stage, plan.options),
            read_row=read_row,
            read_finished=lambda folder, counts: [],  # it is under way
            outputs=(),
            overwrite=False,
            jobs=1,
            begun=begun,
        )
        self._parts = parts

    def _begin(self, stack: contextlib.ExitStack) -> Journal[Row]:
        return self._journal_in(self.folder)

    def without(self) -> set[str]:
        """The people of whom a shard has no usable item."""
        return {person for part in self._parts for person in part.record["without"]}

    def _recorded(self, record: dict, summary: Summary) -> dict:
        return record | {"versions": self._parts[0].record["versions"]}

    def _closed(self, summary: Summary) -> Summary:
        remove(plan_path(self.folder))
        notes = [*summary.notes, *unlike_versions(self._parts)]
        return replace(summary, notes=notes, merged=len(self._parts))


def unlike_versions(parts: list[Part]) -> list[str]:
    """A line where shards were made by different versions, which need not give the same results."""
    first = parts[0].record["versions"]
    others = [part for part in parts if part.record["versions"] != first]
    if not others:
        return []
    found = [part.record["versions"] for part in others]
    names = sorted({name for own in found for name in own.keys() | first.keys() if own.get(name) != first.get(name)})
    shards = spans(part.shard.number for part in others)
    return [f"Shard 1 and shards {shards} were made by different versions of {listed(names)}."]
