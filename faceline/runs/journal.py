"""What makes a stage safe to kill: what became of an item is on disk as soon as it is known.

A folder is in one of three states. Finished: `run.json` is there, and it and the other files can be trusted. Under
way: no `run.json`, and the journal alone can be trusted, since a kill may have hit while the others were replaced.
Neither: nothing is known. The journal is started whole, with all that is known, before `run.json` disappears, and
removed after `run.json` is back; so a kill at any moment leaves one of the two, and what lies in a folder that has
neither is not ours.
"""

import contextlib
import itertools
import json
import os
from collections.abc import Callable, Iterable
from io import FileIO
from pathlib import Path
from reprlib import repr as short_repr
from typing import Generic

from faceline.disk.names import JOURNAL_FILE, RUN_FILE
from faceline.disk.reading import (
    parse_json,
    read_bytes,
    read_json,
)
from faceline.disk.rows import Row
from faceline.disk.run_records import check_record, read_record
from faceline.disk.writing import (
    remove,
    write_errors,
    write_json,
    write_lines,
)
from faceline.errors import FacelineError, cure
from faceline.wording import one_line

# What an option was where nothing is said of it: in folders of versions that did not have it, and by default.
UNSAID = {"precision": "float32"}

ADVICE = "--overwrite does all again"


class Journal(Generic[Row]):
    """The rows of a stage's output folder, kept on disk while the stage runs.

    Parameters
    ----------
    folder : Path
        The output folder; the caller holds its lock.
    stage : str
        Its name. Each stage has a folder of its own.
    options : dict
        Everything that the stage's results depend on beside the input.
    read_row : callable
        Gives the row that its `to_json` stood for; raises ValueError, TypeError or KeyError if it is none.
    read_finished : callable
        Gives the rows of a finished run in a folder, which has as many of each status as the second argument says; None
        for any number.
    outputs : iterable of str
        Where the stage is going to write below the folder.
    overwrite : bool
        Trust nothing that is there.
    earlier : callable
        Gives the rows to begin with where no run has written to the folder.

    Raises
    ------
    FacelineError
        If the folder belongs to another stage; or, where `overwrite` is not set, if it was made with other options, is
        damaged, or holds somebody else's files where the outputs go.
    """

    def __init__(
        self,
        folder: Path,
        stage: str,
        options: dict,
        *,
        read_row: Callable[[dict], Row],
        read_finished: Callable[[Path, dict | None], list[Row]],
        outputs: Iterable[str],
        overwrite: bool,
        earlier: Callable[[], list[Row]] = list,
    ) -> None:
        self.folder = folder
        self.rows: dict[str, Row] = {}
        self.finished = (folder / RUN_FILE).exists()
        self._header = {"stage": stage, "options": options}
        self._path = folder / JOURNAL_FILE
        self._file: FileIO | None = None
        record = None
        try:
            with cure(ADVICE):
                record = earlier_run(folder)
        except FacelineError:
            if not overwrite:
                raise
        if record is not None and record["stage"] != stage:
            found = one_line(record["stage"])
            raise FacelineError(f"{one_line(folder)}: belongs to the stage {found}, not {stage}; name another folder")
        if overwrite:
            rows = salvaged(folder, read_row, read_finished) or earlier()
            self.rows = {row.key: row.forgotten() for row in rows}
            self.finished = False
        elif record is None:
            refuse_foreign(folder, outputs)
            self.rows = {row.key: row for row in earlier()}
        elif record["options"] != options:
            raise FacelineError(f"{one_line(folder)}: {difference(record['options'], options)}")
        else:
            with cure(ADVICE):
                rows = read_finished(folder, record["counts"]) if self.finished else journal_rows(folder, read_row)
            self.rows = {row.key: row for row in rows}

    def add(self, row: Row) -> None:
        """Note what became of one item."""
        file = self.start()
        line = encode(row.to_json())
        with write_errors(self._path):
            while line:  # a full disk takes a part of it, then refuses
                line = line[file.write(line) :]
        self.rows[row.key] = row

    def start(self) -> FileIO:
        """Begin to change the folder, unless that has begun; gives the journal, open at its end."""
        if self._file is not None:
            return self._file
        write_journal(self.folder, self._header, self.rows.values())
        remove(self.folder / RUN_FILE)
        self.finished = False
        with write_errors(self._path):
            self._file = self._path.open("ab", buffering=0)
        return self._file

    def finish(
        self,
        rows: list[Row],
        write_outputs: Callable[[list[Row]], None],
        record: dict,
        vouch: Callable[[], dict] = dict,
    ) -> None:
        """Write the outputs from `rows`, then `run.json`, unless they are there already and nothing has changed.

        `run.json` gets `record` and what `vouch` says of the outputs that are there when it is called.
        """
        is_known = self.finished and {row.key: row for row in rows} == self.rows
        if not is_known or record_changed(self.folder, record | vouch()):
            self.start()
            write_outputs(rows)
            write_json(self.folder / RUN_FILE, record | vouch())
        self.close()
        remove(self._path)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def journal_rows(folder: Path, read_row: Callable[[dict], Row]) -> list[Row]:
    """The rows of the journal in a folder, of which the last one for a key counts; raises FacelineError."""
    path = folder / JOURNAL_FILE
    try:
        # A kill may have cut the last line, which then has no line feed behind it.
        return [read_row(json.loads(line)) for line in read_bytes(path).split(b"\n")[1:-1]]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise FacelineError(f"{one_line(path)}: damaged: {one_line(error)}") from None


def salvaged(
    folder: Path, read_row: Callable[[dict], Row], read_finished: Callable[[Path, dict | None], list[Row]]
) -> list[Row]:
    """The rows that can be read in whatever is in a folder: they tell which files are ours."""
    rows: list[Row] = []
    for read in (lambda: read_finished(folder, None), lambda: journal_rows(folder, read_row)):
        with contextlib.suppress(FacelineError):
            rows += read()
    return rows


def write_journal(folder: Path, header: dict, rows: Iterable[Row]) -> None:
    """Write a whole journal, which begins with the `stage` and the `options` of its header."""
    lines = itertools.chain([header], (row.to_json() for row in rows))
    write_lines(folder / JOURNAL_FILE, map(encode, lines))


def was_begun(folder: Path) -> bool:
    """Whether a run has written to a folder before, to its end or not."""
    return any(os.path.exists(folder / name) for name in (RUN_FILE, JOURNAL_FILE))


def earlier_run(folder: Path) -> dict | None:
    """What `run.json` or else the journal says of a run, at least its `stage` and `options`; None where there was none.

    Raises FacelineError if it is damaged.
    """
    if os.path.exists(folder / RUN_FILE):
        return read_record(folder)
    path = folder / JOURNAL_FILE
    if not os.path.exists(path):
        return None
    header = parse_json(read_bytes(path).split(b"\n")[0], path)
    return check_record(header, path, {"stage": str, "options": dict})


def encode(value: dict) -> bytes:
    return json.dumps(value).encode() + b"\n"


def record_changed(folder: Path, record: dict) -> bool:
    """Whether `run.json` says something else than `record`, but for the time that the run took."""
    return read_json(folder / RUN_FILE) | {"seconds": None} != record | {"seconds": None}


def refuse_foreign(folder: Path, outputs: Iterable[str]) -> None:
    """Raise FacelineError if there is a file where an output goes, in a folder that no run of ours has written to."""
    for name in outputs:
        if os.path.lexists(folder / name):
            advice = "name an empty folder, or let --overwrite replace it"
            raise FacelineError(
                f"{one_line(folder / name)}: is there already, but no {RUN_FILE} says it is ours; {advice}"
            )


def difference(previous: dict, options: dict) -> str:
    """One line on how the options of a folder differ from those that were asked for."""
    names = [name for name in sorted(previous.keys() | options.keys()) if previous.get(name) != options.get(name)]
    # Other weights follow from another network or detector, which says it better.
    names = [name for name in names if name != "weights" and not name.startswith("network_")] or names
    pairs = [
        f"{one_line(name)} {shown(name, previous, options)}, not {shown(name, options, previous)}" for name in names
    ]
    return f"made with {'; '.join(pairs)}; name another folder, or do all again with --overwrite"


def shown(name: str, options: dict, others: dict) -> str:
    """An option's value in one line; one that is not there is off where `others` have it on."""
    value = options.get(name, UNSAID.get(name, False if others.get(name) is True else None))
    return one_line(short_repr(value))
