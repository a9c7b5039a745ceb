"""The primitive types of dlib's serialization format: integers, floats, strings and tensors."""

from typing import TypeVar

import numpy as np

from faceline.errors import FacelineError
from faceline.wording import counted

Value = TypeVar("Value")


class Reader:
    """Takes dlib's primitive types off the front of `data`; raises FacelineError where it holds something else."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        part = self._data[self._at : self._at + count]
        if count < 0 or len(part) < count:
            raise FacelineError("cut off")
        self._at += count
        return part

    def expect(self, found: Value, *allowed: Value) -> Value:
        """Return `found` if it is one of the values that are allowed."""
        if found not in allowed:
            raise FacelineError(f"damaged before byte {self._at}: {found!r:.60} instead of {allowed[0]!r:.60}")
        return found

    def integer(self) -> int:
        # Control byte: the low four bits count the bytes that follow, the high one is the sign.
        (control,) = self.take(1)
        self.expect(control & 0x70, 0)
        size = self.expect(control & 0x0F, 1, 2, 3, 4, 5, 6, 7, 8)
        magnitude = int.from_bytes(self.take(size), "little")
        return -magnitude if control & 0x80 else magnitude

    def boolean(self) -> bool:
        return self.expect(self.take(1), b"0", b"1") == b"1"

    def string(self) -> str:
        return self.take(self.expect(self.integer(), *range(64))).decode("latin-1")

    def number(self) -> float:
        mantissa, exponent = self.integer(), self.integer()
        # 32000 and above stand for infinities and NaN, which nothing here is; and no float needs more than 900.
        if abs(exponent) > 900:
            raise FacelineError(f"damaged before byte {self._at}: {exponent} as an exponent")
        return mantissa * 2.0**exponent

    def numbers(self, count: int) -> list[float]:
        return [self.number() for _ in range(count)]

    def integers(self, *expected: int) -> None:
        for value in expected:
            self.expect(self.integer(), value)

    def tensor(self, *shape: int) -> np.ndarray:
        """A tensor of the given shape (samples, channels, rows, columns), float32."""
        self.integers(2, *shape)
        count = shape[0] * shape[1] * shape[2] * shape[3]
        values = np.frombuffer(self.take(4 * count), "<f4")
        if not np.isfinite(values).all():
            raise FacelineError(f"damaged before byte {self._at}: weights that are no numbers")
        return values.reshape(shape)

    def alias(self, *shape: int) -> tuple[int, ...]:
        self.integers(1, *shape)
        return shape

    def end(self) -> None:
        if self._at != len(self._data):
            raise FacelineError(f"{counted(len(self._data) - self._at, 'byte')} too many")

    def empty_tensors(self, count: int) -> None:
        for _ in range(count):
            self.integers(2, 0, 0, 0, 0)
