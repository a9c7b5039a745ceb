"""What `classifier.py infer` prints: the answers one by one, and what they come to; and its exit status."""

import time
from collections import Counter
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from faceline.cli.program import complain
from faceline.disk.names import CLASSIFIER_FILE
from faceline.disk.people_paths import UNKNOWN
from faceline.disk.rows import Status
from faceline.errors import FacelineError
from faceline.report.answers import Answer
from faceline.runs.progress import QUIET, Silent, bar
from faceline.runs.summary import ignored_text
from faceline.stages.classifier_paths import split_classifier
from faceline.stages.infer import infer
from faceline.stages.probes import list_probes, misfit
from faceline.wording import counted, one_line

# From this number of pictures on a count is printed, too; fewer are seen at a glance.
MANY = 10

NO_PICTURE = 1


@dataclass
class Tally:
    """What the answers come to, of the `total` that are to be given."""

    total: int = 0
    statuses: Counter = field(default_factory=Counter)
    faces: int = 0
    named: int = 0

    @property
    def given(self) -> int:
        return self.statuses.total()

    def add(self, answer: Answer) -> None:
        self.statuses[answer.status] += 1
        self.faces += len(answer.faces)
        self.named += sum(face.identity.name != UNKNOWN for face in answer.faces)

    def text(self, seconds: float) -> str:
        outcomes = ", ".join(f"{count} {status}" for status, count in sorted(self.statuses.items()))
        found = f"{counted(self.faces, 'face')}, {self.named} named"
        return f"{counted(self.total, 'picture')}: {outcomes}; {found}; in {seconds:.1f} s."


def answer_lines(
    pictures: list[str], as_json: bool, save_dir: str | Path | None = None, **options: Any
) -> Generator[str, None, int]:
    """What `infer` says of each picture, as text to print.

    Parameters
    ----------
    pictures : list of str
        What the user named: pictures, folders, patterns, and the classifier if it is not the default one.
    as_json : bool
        A JSON object for each picture, instead of text.
    save_dir, **options
        Of `infer`.

    Returns
    -------
    int
        The exit status: 0 if a picture was read, with or without a face, and 1 if none was.

    Raises
    ------
    FacelineError
        At once for a mistake that concerns all; in the end, when all others are answered, for what was named but is no
        photograph: a path where nothing is, a URL, a video.
    KeyboardInterrupt
        With words on how far it came.
    """
    begun, tally, failed = time.monotonic(), Tally(), []
    try:
        options["classifier_path"], named = chosen(pictures, options["classifier_path"])
        probes = list_probes(named, save_dir)
        tally.total = len(probes.paths)
        # tqdm takes as long to import as a face takes to be named.
        with bar("infer", tally.total, leave=False) if tally.total > 1 else Silent() as progress:
            for answer in infer(probes.paths, save_dir=save_dir, **options):
                tally.add(answer)
                if answer.status in (Status.MISSING, Status.UNREADABLE) and answer.image in named:
                    failed.append(answer)
                progress.clear()
                yield answer.to_json() if as_json else str(answer)
                progress.update()
                progress.refresh()
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{tally.given} of {counted(tally.total, 'picture')} answered") from None
    if not QUIET.get():
        if tally.total >= MANY or (probes.expanded and tally.total > 1):
            complain(tally.text(time.monotonic() - begun))
        if probes.ignored:
            complain(ignored_text(probes.ignored))
    refuse_misfits(failed)
    return 0 if tally.statuses[Status.OK] or tally.statuses[Status.NO_FACE] else NO_PICTURE


def chosen(pictures: list[str], default: str) -> tuple[str, list[str]]:
    """The classifier to ask, `default` where the user named none, and the photographs; raises FacelineError."""
    classifier, named = split_classifier(pictures)
    if not named:
        raise FacelineError(f"no picture named; classifier.py infer {CLASSIFIER_FILE} photo.jpg")
    return classifier or default, named


class Named(Protocol):
    """What became of a picture that a user named."""

    @property
    def image(self) -> str: ...
    @property
    def status(self) -> Status: ...


def refuse_misfits(failed: Iterable[Named]) -> None:
    """Raise FacelineError, if some of the paths that a user named cannot be photographs, which says what to do."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for answer in failed:
        kind = misfit(answer.image)
        if kind is not None:
            kinds.setdefault((kind.what, kind.cure), []).append(answer.image)
        elif answer.status == Status.MISSING:
            kinds.setdefault(("no such picture", "correct the path"), []).append(answer.image)
    texts = [f"{one_line(paths[0])}: {what} ({len(paths)} in all); {cure}" for (what, cure), paths in kinds.items()]
    if texts:
        raise FacelineError("; ".join(texts))
