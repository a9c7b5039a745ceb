"""Running a stage from the command line: its mistakes become one line, its bugs keep their traceback."""

import argparse
import codecs
import contextlib
import inspect
import logging
import os
import sys
from collections.abc import Callable, Sequence

from faceline.errors import FacelineError
from faceline.faces.test_time_augmentation import PASSES
from faceline.networks.runtime import DEVICES, ENGINES
from faceline.wording import one_line

MISTAKE = 2
INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """An argument parser for a stage: its defaults are those of the stage's function, its errors take one line."""

    def __init__(self, **options: object) -> None:
        self._rest, self._sort, self._commands = "", None, None
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options)

    def add_subparsers(self, **options: object) -> object:
        self._commands = super().add_subparsers(**options)
        return self._commands

    def take_rest(self, name: str, sort: Callable[[list[str]], dict] | None = None) -> None:
        """Let the list `name` of positional arguments go on behind options: `classifier.pkl --multi photo.jpg`.

        Its argument has to allow none, so that an unknown option is complained of first. `sort` gives what stands in
        its place: which of them is which; it raises ValueError for a mistake.
        """
        self._rest, self._sort = name, sort

    def parse_args(self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None) -> object:
        options, rest = self.parse_known_args(args, namespace)
        # A mistake is best explained by the help of the command that it was made in.
        command = self if self._commands is None else self._commands.choices[getattr(options, self._commands.dest)]
        names, literal = rest, []
        if "--" in rest:  # what stands behind it is no option, whatever it begins with
            names, literal = rest[: rest.index("--")], rest[rest.index("--") + 1 :]
        flags = [argument for argument in names if argument.startswith("-") and argument != "-"]
        if flags or (rest and not hasattr(options, self._rest)):
            file = next((f"; for the file write ./{flag}" for flag in flags if os.path.lexists(flag)), "")
            command.error(f"unrecognized arguments: {' '.join(rest)}{file}")
        if hasattr(options, self._rest):
            getattr(options, self._rest).extend([*names, *literal])
            if not getattr(options, self._rest):
                command.error("the following arguments are required: " + " ".join(command.positionals()))
        if self._sort is not None:
            try:
                vars(options).update(self._sort(vars(options).pop(self._rest)))
            except ValueError as error:
                command.error(str(error))
        return options

    def positionals(self) -> list[str]:
        """The arguments that are no options, as the help calls them."""
        return [action.metavar for action in self._get_positional_actions()]

    def take_defaults(self, stage: Callable) -> None:
        """Take the defaults from the parameters of `stage`; call it when all arguments are defined."""
        parameters = inspect.signature(stage).parameters.values()
        self.set_defaults(**{p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty})

    def error(self, message: str) -> None:
        self.exit(MISTAKE, f"{self.prog}: error: {one_line(message)}; see {self.prog} --help\n")


def add_runtime_options(parser: argparse.ArgumentParser) -> None:
    """What the networks run on."""
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        help="onnx: ONNX Runtime; dlib: dlib itself, slower but the reference (default: %(default)s)",
    )
    parser.add_argument("--device", choices=DEVICES, help="where ONNX Runtime runs (default: %(default)s)")


def add_detection_options(parser: argparse.ArgumentParser, default: str, closer: str) -> None:
    """How closely faces are looked for; `default` says what is taken otherwise, `closer` what else is looked at."""
    parser.add_argument(
        "--upsample",
        type=int,
        metavar="N",
        help=f"double the picture N times before detection, to find smaller faces (default: {default})",
    )
    parser.add_argument(
        "--detection-size",
        type=int,
        metavar="N",
        help=f"shrink larger pictures to N pixels for detection, {closer} (default: {default})",
    )


def add_averaging_options(parser: argparse.ArgumentParser, default: str) -> None:
    """How many copies of a face are embedded; `default` says what is taken otherwise."""
    parser.add_argument(
        "--passes",
        type=int,
        choices=PASSES,
        help=f"average over N copies of each crop, turned and mirrored: slower, more accurate (default: {default})",
    )
    parser.add_argument(
        "--jitters", type=int, metavar="N", help=f"average over N copies as dlib jitters them (default: {default})"
    )


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """The options that stages 1 and 2 share."""
    parser.add_argument("--jobs", type=int, metavar="N", help="processes to use (default: one for each core)")
    parser.add_argument("--overwrite", action="store_true", help="compute everything again")


def add_result_options(parser: argparse.ArgumentParser) -> None:
    """The options that the evaluations share."""
    parser.add_argument("--json", action="store_true", dest="as_json", help="print the report as one JSON object")
    parser.add_argument(
        "--output", dest="output_dir", metavar="DIR", help="folder for the plots and tables (default: %(default)s)"
    )


def as_text_or_json(stage: Callable) -> Callable:
    """`stage`, with the option of `add_result_options` that turns its result into JSON."""

    def run_stage(as_json: bool, **options: object) -> object:
        result = stage(**options)
        return result.to_json() if as_json else result

    return run_stage


def run(
    stage: Callable, parser: argparse.ArgumentParser, argv: Sequence[str] | None = None, resumes: bool = False
) -> int:
    """Call `stage` with the parsed arguments, print what it returns, and give the exit status.

    A result that is a generator is printed as it comes; what it returns in the end is the exit status. `resumes` says
    whether the stage goes on where it was interrupted.
    """
    open_streams()
    log = LogLines(parser.prog)
    logging.getLogger("faceline").addHandler(log)
    try:
        return show_all(stage(**vars(parser.parse_args(argv))))
    except FacelineError as error:
        complain(f"{parser.prog}: error: {error}")
        return MISTAKE
    except KeyboardInterrupt as interruption:
        advice = "run the same command again to go on" if resumes else "run the same command again to begin anew"
        complain(f"{parser.prog}: interrupted; {interruption if interruption.args else advice}")
        return INTERRUPTED
    except BrokenPipeError:
        return 0  # the reader of the output has gone (`| head`)
    finally:
        logging.getLogger("faceline").removeHandler(log)
        settle_streams()


class LogLines(logging.Handler):
    """Warnings of the library as lines on standard error."""

    def __init__(self, program: str) -> None:
        super().__init__(logging.WARNING)
        self._program = program

    def emit(self, record: logging.LogRecord) -> None:
        complain(f"{self._program}: {record.levelname.lower()}: {one_line(record.getMessage())}")


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
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
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
