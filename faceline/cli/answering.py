"""What `infer` and `blur` print: the answers one by one, and what they come to; and their exit status."""

import contextlib
import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

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
from faceline.stages.probes import Probes, list_probes, misfit
from faceline.wording import counted, one_line

# From this number of pictures on a count is printed, too; fewer are seen at a glance.
MANY = 10

NO_PICTURE = 1


class Named(Protocol):
    """What became of a picture that a user named."""

    @property
    def image(self) -> str: ...
    @property
    def status(self) -> Status: ...


class Answering(Named, Protocol):
    """What is said of it."""

    def to_json(self) -> str: ...


Said = TypeVar("Said", bound=Answering)


@dataclass
class Tally(Generic[Said]):
    """What the answers come to, of the `total` that are to be given."""

    total: int = 0
    statuses: Counter = field(default_factory=Counter)

    @property
    def given(self) -> int:
        return self.statuses.total()

    @property
    def exit_status(self) -> int:
        """0 if a picture was read, with or without a face, and 1 if none was."""
        return 0 if self.statuses[Status.OK] or self.statuses[Status.NO_FACE] else NO_PICTURE

    def add(self, answer: Said) -> None:
        self.statuses[answer.status] += 1

    def found(self) -> str:
        """What was found in all of them."""
        raise NotImplementedError

    def text(self, seconds: float) -> str:
        outcomes = ", ".join(f"{count} {status}" for status, count in sorted(self.statuses.items()))
        return f"{counted(self.total, 'picture')}: {outcomes}; {self.found()}; in {seconds:.1f} s."


@dataclass
class NameTally(Tally[Answer]):
    faces: int = 0
    named: int = 0

    def add(self, answer: Answer) -> None:
        super().add(answer)
        self.faces += len(answer.faces)
        self.named += sum(face.identity.name != UNKNOWN for face in answer.faces)

    def found(self) -> str:
        return f"{counted(self.faces, 'face')}, {self.named} named"


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
    tally = NameTally()
    with counting(tally):
        options["classifier_path"], named = chosen(pictures, options["classifier_path"])
        probes = list_probes(named, save_dir)
        answers = infer(probes.paths, save_dir=save_dir, **options)
        yield from said_of("infer", answers, probes, named, tally, as_json)
    return tally.exit_status


@contextlib.contextmanager
def counting(tally: Tally) -> Iterator[None]:
    """Within this block, an interruption says how far it came."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{tally.given} of {counted(tally.total, 'picture')} answered") from None


def said_of(
    title: str, answers: Iterable[Said], probes: Probes, named: Sequence[str], tally: Tally[Said], as_json: bool
) -> Iterator[str]:
    """The answers to all probes as text to print, with a bar, and on standard error what they come to; raises
    FacelineError in the end for what was `named` and is no photograph."""
    begun, failed = time.monotonic(), list[Said]()
    tally.total = len(probes.paths)
    # tqdm takes as long to import as a face takes to be named.
    with bar(title, tally.total, leave=False) if tally.total > 1 else Silent() as progress:
        for answer in answers:
            tally.add(answer)
            if answer.status in (Status.MISSING, Status.UNREADABLE) and answer.image in named:
                failed.append(answer)
            progress.clear()
            yield answer.to_json() if as_json else str(answer)
            progress.update()
            progress.refresh()
    if not QUIET.get():
        if tally.total >= MANY or (probes.expanded and tally.total > 1):
            complain(tally.text(time.monotonic() - begun))
        if probes.ignored:
            complain(ignored_text(probes.ignored))
    refuse_misfits(failed)


def chosen(pictures: list[str], default: str) -> tuple[str, list[str]]:
    """The classifier to ask, `default` where the user named none, and the photographs; raises FacelineError."""
    classifier, named = split_classifier(pictures)
    if not named:
        raise FacelineError(f"no picture named; classifier.py infer {CLASSIFIER_FILE} photo.jpg")
    return classifier or default, named


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
