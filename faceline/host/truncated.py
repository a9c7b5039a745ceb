"""Letting Pillow read truncated pictures as far as they go, in a program that may not want that elsewhere."""

import contextlib
from collections.abc import Iterator

from faceline.host.interruptions import insist
from faceline.host.sharing import Guard, in_forked_child


class Allowance:
    """Pillow has one switch for the whole process: it is set when the first block needs it, and put back when none does
    any more."""

    def __init__(self) -> None:
        self.guard, self.before = Guard(), False
        self.blocks: set[object] = set()
        in_forked_child(self.renew)

    def begin(self, block: object) -> None:
        from PIL import ImageFile

        with self.guard.lock:
            if not self.blocks:
                self.before = ImageFile.LOAD_TRUNCATED_IMAGES
            self.blocks.add(block)
            ImageFile.LOAD_TRUNCATED_IMAGES = True

    def end(self, block: object) -> None:
        """May be called again, and for a block that did not begin."""
        with self.guard.lock:
            if block in self.blocks:
                self.blocks.discard(block)
                if not self.blocks:
                    self.restore()

    def renew(self) -> None:
        if self.blocks:  # of threads that are not in this process
            self.blocks.clear()
            self.restore()

    def restore(self) -> None:
        from PIL import ImageFile

        ImageFile.LOAD_TRUNCATED_IMAGES = self.before


ALLOWANCE = Allowance()


@contextlib.contextmanager
def truncated_allowed() -> Iterator[None]:
    """Truncated pictures are read, in any thread."""
    block = object()
    try:
        ALLOWANCE.begin(block)
        yield
    finally:
        insist(lambda: ALLOWANCE.end(block))
