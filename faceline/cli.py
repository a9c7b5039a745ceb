"""Running a stage from the command line: its mistakes become one line, its bugs keep their traceback."""

import argparse
import inspect
import os
import sys
from collections.abc import Callable, Sequence

from faceline.errors import FacelineError
from faceline.files import one_line
from faceline.runtime import DEVICES, ENGINES

MISTAKE = 2
INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """An argument parser for a stage: its defaults are those of the stage's function, its errors take one line."""

    def __init__(self, **options: object) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options)

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


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """The options that stages 1 and 2 share."""
    parser.add_argument("--jobs", type=int, metavar="N", help="processes to use (default: one for each core)")
    parser.add_argument("--overwrite", action="store_true", help="compute everything again")


def run(stage: Callable, parser: argparse.ArgumentParser, argv: Sequence[str] | None = None) -> int:
    """Call `stage` with the parsed arguments, print what it returns, and give the exit status.

    A result that is an iterator is printed as it comes.
    """
    # File names may hold bytes that are no text; they are printed as they are.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="surrogateescape")
    try:
        result = stage(**vars(parser.parse_args(argv)))
        for part in result if inspect.isgenerator(result) else [result]:
            print(part, flush=True)
    except FacelineError as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return MISTAKE
    except KeyboardInterrupt:
        print(f"{parser.prog}: interrupted; run the same command again to go on", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of the output has gone (`| head`); keep Python from complaining when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
