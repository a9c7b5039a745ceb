"""Running a command: its mistakes become one line, its bugs keep their traceback."""

import codecs
import contextlib
import inspect
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType

from faceline.cli.parser import MISTAKE, Parser
from faceline.errors import FacelineError
from faceline.runs.progress import QUIET, without_bars
from faceline.wording import one_line

INTERRUPTED = 130


def run_script(command: ModuleType, program: str) -> int:
    """Run a module of `cli` as the script `program`, and give the exit status."""
    parser = Parser(prog=program, description=command.DESCRIPTION)
    command.fill(parser)
    return run(parser)


def run(parser: Parser, argv: Sequence[str] | None = None, said: Callable[[str], str] = str) -> int:
    """Do what the arguments ask for, print what comes of it, and give the exit status.

    A result that is a generator is printed as it comes; what it returns in the end is the exit status. `said` gives the
    words for what the library says of mistakes.
    """
    open_streams()
    program, resumes = parser.prog, False
    try:
        asked = parser.parse(argv)
        resumes = asked.command.resumes
        with (
            logged(LogLines(program, said), asked.is_talkative),
            without_bars() if asked.quiet else contextlib.nullcontext(),
        ):
            result = asked.call()
            return show_summary(result) if asked.command.summarises else show_all(result)
    except FacelineError as error:
        kind = "error: " if error.exit_status == MISTAKE else ""
        complain(f"{program}: {kind}{said(str(error))}")
        return error.exit_status
    except KeyboardInterrupt as interruption:
        advice = "run the same command again to go on" if resumes else "run the same command again to begin anew"
        complain(f"{program}: interrupted; {interruption if interruption.args else advice}")
        return INTERRUPTED
    except BrokenPipeError:
        return 0  # the reader of the output has gone (`| head`)
    finally:
        settle_streams()


def as_text_or_json(stage: Callable) -> Callable:
    """`stage`, with the option of `add_result_options` that turns its result into JSON."""

    def run_stage(as_json: bool, **options: object) -> object:
        result = stage(**options)
        return result.to_json() if as_json else result

    return run_stage


class LogLines(logging.Handler):
    """What the library logs as lines on standard error."""

    def __init__(self, program: str, said: Callable[[str], str]) -> None:
        super().__init__()
        self._program, self._said = program, said

    def emit(self, record: logging.LogRecord) -> None:
        level = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        complain(f"{self._program}: {level}{one_line(self._said(record.getMessage()))}")


@contextlib.contextmanager
def logged(log: logging.Handler, is_talkative: bool) -> Iterator[None]:
    """Within this block, the library logs its warnings there, and how far it has come; or all that it says."""
    library, progress = logging.getLogger("faceline"), logging.getLogger("faceline.runs.progress")
    levels = library.level, progress.level
    library.addHandler(log)
    progress.setLevel(logging.INFO)
    if is_talkative:
        library.setLevel(logging.INFO)
    try:
        yield
    finally:
        library.removeHandler(log)
        library.setLevel(levels[0])
        progress.setLevel(levels[1])


def show_summary(result: object) -> int:
    """Print what a stage reports, unless it has done so itself or the user wants quiet; the exit status."""
    if result is not None and not QUIET.get():
        show(result)
    return 0


def show_all(result: object) -> int:
    """Print a result, part by part if it is a generator, and give the exit status."""
    if not inspect.isgenerator(result):
        show(result)
        return 0
    try:
        while True:
            try:
                part = next(result)
            except StopIteration as end:
                return end.value or 0
            show(part)
    except BaseException as error:
        if result.gi_frame is not None:
            result.throw(error)  # it knows how far it came
        raise


def open_streams() -> None:
    """Make both streams take any text: file names may hold bytes that are no text, or the encoding may be ASCII."""
    codecs.register_error("faceline", bytes_or_escapes)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the user; without this, the next file would take its number
            # Python warns of a file that it closes itself, but not of a descriptor that is not its own.
            setattr(sys, name, open(os.open(os.devnull, os.O_WRONLY), "w", closefd=False))  # noqa: SIM115
        getattr(sys, name).reconfigure(errors="faceline")


def bytes_or_escapes(error: UnicodeError) -> tuple[str | bytes, int]:
    """An error handler of `codecs`: bytes that are no text stay as they are, other characters become escapes."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.backslashreplace_errors(error)


def show(result: object) -> None:
    """Print a result; raises BrokenPipeError if nobody wants it, and FacelineError if it cannot be written."""
    try:
        print(result, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FacelineError(f"the results cannot be printed: {error.strerror}; make room where they go") from error


def complain(text: str) -> None:
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def settle_streams() -> None:
    """Keep Python from complaining, when it closes a stream, of what it could not write to it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
