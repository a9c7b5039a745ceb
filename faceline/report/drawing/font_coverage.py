"""Which letters a font file has, read from its table `cmap` without loading the font.

A system may have a thousand fonts, and a caption needs one of them: FreeType would take seconds to open them all.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from faceline.disk.reading import opened
from faceline.errors import UnreadableError

MAX_CMAP_BYTES = 16 * 1024 * 1024
MAX_TABLES = 4096

# Fonts of pictures alone, such as colour emoji, cannot be drawn at every size.
OUTLINES = {b"glyf", b"CFF ", b"CFF2"}

# (platform, encoding) of the subtables that Unicode has, those with every plane first.
UNICODE = ((3, 10), (0, 6), (0, 4), (3, 1), (0, 3), (0, 2), (0, 1), (0, 0))


@dataclass(frozen=True)
class Coverage:
    """Sorted ranges of code points, (n,) each, ends inclusive, and where a range is mapped one by one.

    Attributes
    ----------
    starts, ends : ndarray of shape (n,), int64
    glyphs : ndarray of shape (n,), int64
        Glyph of a range's first code point; the next ones follow.
    listed : ndarray of shape (n,), int64
        Where in `table` the glyphs of a range are listed instead, -1 for ranges that have no list.
    table : ndarray of shape (m,), int64
    bits : int
        Glyph numbers wrap around at this number of bits.
    """

    starts: np.ndarray
    ends: np.ndarray
    glyphs: np.ndarray
    listed: np.ndarray
    table: np.ndarray
    bits: int

    def has(self, code: int) -> bool:
        """Whether a code point has a glyph, other than the one that stands for all that are missing."""
        place = int(np.searchsorted(self.ends, code))
        if place == len(self.ends) or self.starts[place] > code:
            return False
        offset = code - int(self.starts[place])
        if self.listed[place] < 0:
            return (int(self.glyphs[place]) + offset) % (1 << self.bits) != 0
        offset += int(self.listed[place])
        return offset < len(self.table) and self.table[offset] != 0


NONE = np.empty(0, np.int64)
NOTHING = Coverage(NONE, NONE, NONE, NONE, NONE, 16)


def read_coverage(path: Path) -> Coverage:
    """The letters of the first font in a TrueType or OpenType file; none if it is damaged or has no outlines."""
    try:
        with opened(path) as file:
            return parse_cmap(read_cmap(file))
    except (UnreadableError, OSError, ValueError, struct.error):
        return NOTHING


def read_cmap(file: BinaryIO) -> bytes:
    """The table `cmap` of an open font file; raises ValueError or struct.error."""
    start = 0
    if file.read(4) == b"ttcf":
        file.seek(12)
        (start,) = struct.unpack(">I", file.read(4))
    file.seek(start + 4)
    (count,) = struct.unpack(">H", file.read(2))
    file.seek(start + 12)
    entries = file.read(16 * min(count, MAX_TABLES))
    tables = {tag: (offset, length) for tag, _, offset, length in struct.iter_unpack(">4s3I", entries)}
    if b"cmap" not in tables or not OUTLINES & tables.keys():
        raise ValueError("no letters that can be drawn")
    offset, length = tables[b"cmap"]
    file.seek(offset)
    return file.read(min(length, MAX_CMAP_BYTES))


def parse_cmap(table: bytes) -> Coverage:
    """The best Unicode subtable of a table `cmap`; raises ValueError or struct.error."""
    (count,) = struct.unpack_from(">H", table, 2)
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for place in range(count):
        platform, encoding, offset = struct.unpack_from(">HHI", table, 4 + 8 * place)
        (kind,) = struct.unpack_from(">H", table, offset)
        if kind in (4, 12):
            found.setdefault((platform, encoding), (kind, offset))
    for key in UNICODE:
        if key in found:
            kind, offset = found[key]
            return (segments if kind == 4 else groups)(table[offset:])
    raise ValueError("no Unicode")


def groups(table: bytes) -> Coverage:
    """Format 12: ranges of all planes."""
    (count,) = struct.unpack_from(">I", table, 12)
    rows = np.frombuffer(table, ">u4", 3 * count, 16).reshape(-1, 3).astype(np.int64)
    return ordered(rows[:, 0], rows[:, 1], rows[:, 2], np.full(count, -1), NOTHING.table, 32)


def segments(table: bytes) -> Coverage:
    """Format 4: ranges of the first plane, some with a list of their glyphs behind the last array."""
    count = struct.unpack_from(">H", table, 6)[0] // 2
    ends, starts, deltas, offsets = (
        np.frombuffer(table, ">u2", count, start).astype(np.int64)
        for start in (14, 16 + 2 * count, 16 + 4 * count, 16 + 6 * count)
    )
    rest = table[16 + 8 * count :]
    listed = np.where(offsets > 0, offsets // 2 - count + np.arange(count), -1)
    values = np.frombuffer(rest, ">u2", len(rest) // 2).astype(np.int64)
    return ordered(starts, ends, starts + deltas, listed, values, 16)


def ordered(
    starts: np.ndarray, ends: np.ndarray, glyphs: np.ndarray, listed: np.ndarray, table: np.ndarray, bits: int
) -> Coverage:
    """A Coverage of ranges in any order."""
    order = np.argsort(ends, kind="stable")
    return Coverage(starts[order], ends[order], glyphs[order], listed[order], table, bits)
