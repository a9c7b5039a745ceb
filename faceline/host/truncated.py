"""Letting Pillow read truncated pictures as far as they go, in a program that may not want that elsewhere."""

import contextlib
from collections.abc import Iterator

from faceline.host.switches import Switch


def is_allowed() -> bool:
    from PIL import ImageFile

    return ImageFile.LOAD_TRUNCATED_IMAGES


def allow(is_allowed: bool) -> None:
    from PIL import ImageFile

    ImageFile.LOAD_TRUNCATED_IMAGES = is_allowed


ALLOWANCE = Switch(is_allowed, allow, True)


@contextlib.contextmanager
def truncated_allowed() -> Iterator[None]:
    """Truncated pictures are read, in any thread."""
    with ALLOWANCE.held():
        yield
