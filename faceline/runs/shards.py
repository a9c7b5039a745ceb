"""`--shard 2/8`: which part of a stage's work that is."""

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from faceline.disk.names import SHARDS_DIR
from faceline.disk.people_paths import person_of
from faceline.errors import FacelineError
from faceline.wording import one_line

SHARD = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")

# Each is a folder, and is looked for when they are merged.
MOST_SHARDS = 100_000


@dataclass(frozen=True)
class Shard:
    """A part of a stage's work: the `number`-th of `count`, from 1."""

    number: int
    count: int

    @staticmethod
    def parse(text: str) -> "Shard":
        """What `2/8` says; raises FacelineError."""
        found = SHARD.fullmatch(text)
        shard = Shard(int(found[1]), int(found[2])) if found else None
        if shard is None or not 1 <= shard.number <= shard.count <= MOST_SHARDS:
            raise FacelineError(
                f"shard {one_line(text)!r} is none; say I/N, the I-th of N parts, such as 2/8: I from 1 to N,"
                f" N up to {MOST_SHARDS:,}"
            )
        return shard

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def folder(self, output_dir: Path) -> Path:
        """Where it keeps what it has done, until all are merged."""
        return output_dir / SHARDS_DIR / f"{self.number}-of-{self.count}"

    def holds(self, path: str, alone: bool = False) -> bool:
        """Whether a picture or crop is in this part.

        That follows from its person, as a person's pictures are compared with each other; where it is nobody's, or
        each is to stand `alone`, from its own path.
        """
        key = path if alone else person_of(path) or path
        digest = hashlib.sha256(os.fsencode(key)).digest()
        return int.from_bytes(digest[:8]) % self.count == self.number - 1


def spans(numbers: Iterable[int]) -> str:
    """Numbers in ascending order, as batch systems take them: 3-5,9."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][-1] == number - 1:
            found[-1][1:] = [number]
        else:
            found.append([number])
    return ",".join("-".join(map(str, span)) for span in found)
