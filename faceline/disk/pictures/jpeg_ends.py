"""JPEG files that were cut off: whether what is there is the whole picture."""

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

END = b"\xff\xd9"
START_OF_SCAN = 0xDA
FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
PROGRESSIVE = {0xC2, 0xCA}
COEFFICIENTS = 64  # of a block

# The part of the picture's height that may be missing at the bottom, beside the rest of a row of blocks that has begun;
# and the part that may lack the last bit of its finer coefficients only, which progressive files bring at the very end.
BOTTOM, UNREFINED = 1 / 50, 1 / 4


def ended(data: bytes, decode: "Callable[[bytes], Image.Image]") -> "Image.Image | None":
    """What `decode` makes of a JPEG file that lacks its end, if the picture is there but for its last row of blocks,
    which must have begun, or for its last 50th; or if a quarter of it at most is a little coarser. Else None.

    All scans must have begun. How far the last one reaches is seen by decoding the picture a second time without that
    scan's data: rows that stay as they are got nothing from it.
    """
    found = last_scan(data)
    if found is None:
        return None
    start, only_refines = found
    image = decode(data + END)
    without = decode(data[:start] + END)
    height = image.size[1]
    changed = np.asarray(image.convert("L")) != np.asarray(without.convert("L"))
    rows = np.flatnonzero(changed.any(axis=1))
    reached = rows[-1] + 1 if len(rows) else 0
    missing = (height - reached) / height
    return image if missing <= (UNREFINED if only_refines else BOTTOM) else None


def last_scan(data: bytes) -> tuple[int, bool] | None:
    """Where the data of a picture's last scan begin, and whether it only refines what others brought; None if not all
    scans have begun, or there are none."""
    missing, place, is_progressive = {}, 2, False
    while place + 4 <= len(data):
        marker, (length,) = data[place + 1], struct.unpack_from(">H", data, place + 2)
        content = place + 4
        if data[place] != 0xFF or content + length - 2 > len(data):
            return None
        if marker in FRAMES:
            is_progressive = marker in PROGRESSIVE
            # How many bits of each coefficient have not come yet; 1 where they come all at once.
            missing = {data[content + 6 + 3 * i]: [1] * COEFFICIENTS for i in range(data[content + 5])}
        place = content + length - 2
        if marker != START_OF_SCAN:
            continue
        only_refines = take_scan(data, content, missing, is_progressive)
        if not any(any(bits) for bits in missing.values()):
            return (place, only_refines) if missing else None
        place = next_marker(data, place)
    return None


def take_scan(data: bytes, content: int, missing: dict[int, list[int]], is_progressive: bool) -> bool:
    """Note in `missing` what the scan brings whose header's content begins there; whether it refines only."""
    count = data[content]
    first, last, shifts = data[content + 1 + 2 * count : content + 4 + 2 * count]
    low = shifts & 15 if is_progressive else 0
    if not is_progressive:
        first, last = 0, COEFFICIENTS - 1
    for i in range(count):
        bits = missing.get(data[content + 1 + 2 * i])
        if bits is not None:
            bits[first : last + 1] = [low] * (last + 1 - first)
    return is_progressive and shifts >> 4 > 0


def next_marker(data: bytes, place: int) -> int:
    """Where the next marker is that ends a scan's data, which may hold restart markers and escaped bytes."""
    while (place := data.find(b"\xff", place)) >= 0 and place + 1 < len(data):
        if data[place + 1] != 0 and not 0xD0 <= data[place + 1] <= 0xD7 and data[place + 1] != 0xFF:
            return place
        place += 1 if data[place + 1] == 0xFF else 2
    return len(data)
