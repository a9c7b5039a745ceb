"""A program's time limits, which raise an exception wherever the main thread happens to be."""

import functools
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from faceline.disk.pictures.openers import damage
from faceline.disk.reading import opened
from faceline.disk.writing import write_errors
from faceline.errors import FacelineError
from faceline.host.interruptions import ignoring


class Limit:
    """A time limit as programs write them; TimeoutError is what the operating system raises, too."""

    def __call__(self, *_: object) -> None:
        raise TimeoutError("out of time")

    def method(self, *_: object) -> None:
        self()


HANDLERS: dict[str, Callable] = {
    "function": lambda *_: Limit()(),
    "method": Limit().method,
    "partial": functools.partial(Limit().method, "anything"),
    "object": Limit(),
}


@pytest.fixture(params=HANDLERS)
def run_out_of_time(request):
    before = signal.signal(signal.SIGTERM, HANDLERS[request.param])
    yield lambda: signal.raise_signal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    "body", [damage, lambda: opened(Path(__file__)), lambda: write_errors(Path("x")), lambda: ignoring(OSError)]
)
def test_the_program_s_time_limit_says_nothing_about_the_file(body, run_out_of_time):
    with pytest.raises(TimeoutError, match="out of time"), body():
        run_out_of_time()


def test_other_errors_are_explained(run_out_of_time):
    with pytest.raises(FacelineError, match="damaged picture: out of time"), damage():
        raise TimeoutError("out of time")
    with ignoring(OSError):
        raise TimeoutError("out of time")
