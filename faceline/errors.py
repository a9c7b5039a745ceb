"""The exceptions that mean: the user can mend this."""

import contextlib
from collections.abc import Iterator


class FacelineError(Exception):
    """A mistake in the input or the surroundings. Its text is one line: what, where, what to do about it."""


class UnreadableError(FacelineError):
    """A file that cannot be used. `reason` says why, without naming the file."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.reason = reason


class MissingError(UnreadableError):
    """A file that is not there."""


class ShortOfMemoryError(UnreadableError):
    """A picture that could be read where more memory is free."""


@contextlib.contextmanager
def cure(advice: str) -> Iterator[None]:
    """Add to a FacelineError from the body what the user can do about it."""
    try:
        yield
    except FacelineError as error:
        raise FacelineError(f"{error}; {advice}") from error
