"""Very many texts, such as names: in arrays that may lie in a file."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self, overload

import numpy as np

from faceline.disk.stored import unsound


class StoredTexts(Sequence[str]):
    """Texts of which each is decoded when it is asked for: from arrays, or from a file.

    Parameters
    ----------
    ends : array of shape (n,), int64
        Where each text ends in `data`, and the next one begins.
    data : array of shape (b,), uint8
        All texts in UTF-8, one behind the other.
    """

    AT_ONCE = 10_000

    def __init__(self, ends: Any, data: Any) -> None:
        self.ends, self.data = ends, data

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """The texts in memory. A name that is no text keeps its bytes."""
        encoded = [text.encode("utf-8", "surrogateescape") for text in texts]
        ends = np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), dtype=np.int64)
        return cls(ends, np.frombuffer(b"".join(encoded), np.uint8))

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        index = int(index)
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        return self.between(index, index + 1)[0]

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), self.AT_ONCE):
            yield from self.between(start, min(start + self.AT_ONCE, len(self)))

    def between(self, start: int, stop: int) -> list[str]:
        """Some texts one after the other; raises FacelineError where a file says that they end where they do not."""
        ends = np.asarray(self.ends[max(start - 1, 0) : stop]).tolist()
        begins = ends if start else [0, *ends]
        if begins != sorted(begins) or begins[0] < 0 or begins[-1] > len(self.data):
            raise unsound()
        data = np.asarray(self.data[begins[0] : begins[-1]]).tobytes()
        return [
            data[a - begins[0] : b - begins[0]].decode("utf-8", "surrogateescape")
            for a, b in itertools.pairwise(begins)
        ]
