"""What makes a stage safe to kill: every finished item is on disk before the next one is looked at.

A folder is in one of three states. Finished: `run.json` is there, and it and the other files can be trusted. Under
way: no `run.json`, and the journal alone can be trusted, since a kill may have hit while the others were replaced.
Neither: nothing is known. The journal is started whole, with all that is known, before `run.json` disappears, and
removed after `run.json` is back; so a kill at any moment leaves one of the two.
"""

import json
from collections.abc import Callable
from pathlib import Path

from faceline.errors import FacelineError, cure
from faceline.files import (
    RUN_FILE,
    one_line,
    read_bytes,
    read_json,
    read_record,
    remove,
    write_bytes,
    write_errors,
    write_json,
)

JOURNAL_FILE = "journal.jsonl"


class Journal:
    """The rows of a stage's output folder, kept on disk while the stage runs.

    Parameters
    ----------
    folder : Path
        The output folder; the caller holds its lock.
    options : dict
        Everything that the stage's results depend on beside the input.
    row_type : type
        PictureRow or CropRow.
    read_finished : callable
        Gives the rows of a finished run.
    overwrite : bool
        Trust nothing that is there.

    Raises
    ------
    FacelineError
        If the folder was made with other options, or is damaged, and `overwrite` is not set.
    """

    def __init__(
        self, folder: Path, options: dict, row_type: type, read_finished: Callable[[], list], overwrite: bool
    ) -> None:
        self.folder = folder
        self.options = options
        self.rows = {}
        self._path = folder / JOURNAL_FILE
        self._file = None
        self.finished = False
        previous = None
        try:
            with cure("--overwrite does all again"):
                if (folder / RUN_FILE).exists():
                    previous = read_record(folder)["options"]
                    self.rows = {row.key: row for row in read_finished()}
                    self.finished = True
                elif self._path.exists():
                    previous, self.rows = self._read(row_type)
        except FacelineError:
            if not overwrite:
                raise
        if overwrite:
            self.rows = {key: row.forgotten() for key, row in self.rows.items()}
            self.finished = False
        elif previous is not None and previous != options:
            raise FacelineError(f"{one_line(folder)}: {difference(previous, options)}")

    def _read(self, row_type: type) -> tuple[dict, dict]:
        lines = read_bytes(self._path).split(b"\n")
        try:
            options = json.loads(lines[0])["options"]
            # A kill may have cut the last line, which then has no line feed behind it.
            rows = [row_type.from_json(json.loads(line)) for line in lines[1:-1]]
        except (ValueError, TypeError, KeyError):
            raise FacelineError(f"{one_line(self._path)}: damaged") from None
        return options, {row.key: row for row in rows}

    def add(self, row) -> None:
        """Note what became of one item."""
        self.start()
        line = encode(row.to_json())
        with write_errors(self._path):
            while line:  # a full disk takes a part of it, then refuses
                line = line[self._file.write(line) :]
        self.rows[row.key] = row

    def start(self) -> None:
        """Begin to change the folder, unless that has begun."""
        if self._file is not None:
            return
        lines = [{"options": self.options}, *(row.to_json() for row in self.rows.values())]
        write_bytes(self._path, b"".join(map(encode, lines)))
        remove(self.folder / RUN_FILE)
        self.finished = False
        with write_errors(self._path):
            self._file = self._path.open("ab", buffering=0)

    def finish(self, rows: list, write_outputs: Callable[[list], None], record: dict) -> None:
        """Write the outputs from `rows`, then `run.json`, unless they are there already and nothing has changed."""
        if not self.finished or {row.key: row for row in rows} != self.rows or record_changed(self.folder, record):
            self.start()
            write_outputs(rows)
            write_json(self.folder / RUN_FILE, record)
        self.close()
        remove(self._path)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def encode(value: dict) -> bytes:
    return json.dumps(value).encode() + b"\n"


def record_changed(folder: Path, record: dict) -> bool:
    """Whether `run.json` says something else than `record`, but for the time that the run took."""
    return read_json(folder / RUN_FILE) | {"seconds": None} != record | {"seconds": None}


def difference(previous: dict, options: dict) -> str:
    """One line on how the options of a folder differ from those that were asked for."""
    pairs = [
        f"{name} {one_line(previous.get(name))}, not {one_line(options.get(name))}"
        for name in sorted(previous.keys() | options.keys())
        if previous.get(name) != options.get(name)
    ]
    return f"made with {'; '.join(pairs)}; name another folder, or do all again with --overwrite"
