"""The exceptions that mean: the user can mend this."""

import contextlib
from collections.abc import Iterator


class FacelineError(Exception):
    """A mistake in the input or the surroundings. Its text is one line: what, where, what to do about it.

    `exit_status` is that of a command which it ends.
    """

    exit_status = 2


class UnreadableError(FacelineError):
    """A file that cannot be used. `reason` says why, without naming the file."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.reason = reason


class MissingError(UnreadableError):
    """A file that is not there."""


class ShortOfMemoryError(UnreadableError):
    """A picture that could be read where more memory is free."""


class LockedError(FacelineError):
    """Another run is writing to the folder: in a moment, it may be free."""


class UnmergedError(FacelineError):
    """A folder whose shards have not been merged. Its text says all that there is to do."""


class UnfinishedError(FacelineError):
    """Shards that have to come to their end before they are merged: nothing is wrong yet."""

    exit_status = 1


class EditedError(FacelineError):
    """A table that does not fit its fellows any more, as after it was edited by hand."""

    def __str__(self) -> str:
        advice = "edited by hand? rename or remove people by their folders of pictures, and run all stages again"
        return f"{self.args[0]} ({advice})"


@contextlib.contextmanager
def cure(advice: str) -> Iterator[None]:
    """Add to a FacelineError from the body what the user can do about it."""
    try:
        yield
    except UnmergedError:
        raise
    except EditedError as error:
        raise EditedError(f"{error.args[0]}; {advice}") from error
    except FacelineError as error:
        raise FacelineError(f"{error}; {advice}") from error
